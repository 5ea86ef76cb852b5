//! The people of a directory: who they are, which areas they answer for and when, and how they are reached.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use toml::Spanned;

use super::areas::Areas;
use super::clock::{HOME_ZONE, Period};
use super::fault::{Fault, Place, Source};
use crate::core::text::wire_enum;

wire_enum! {
    /// What somebody is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum PersonRole {
        /// A police officer: the police grid.
        Officer = "officer",
        /// A grid worker: the community grid.
        GridWorker = "grid_worker",
        /// A village worker: stands in where an area has no grid worker.
        VillageWorker = "village_worker",
        /// A member of the joint-defence team.
        DefenceTeam = "defence_team",
        /// A chief of station.
        Chief = "chief",
        /// The anti-fraud centre.
        Centre = "centre",
    }
}

/// The languages officers are told in, the first where a person has none.
const LANGUAGES: [&str; 2] = ["zh", "en"];

/// An area somebody answers for, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// Code of the area; everything below it is meant too, as far as nobody nearer answers for it.
    pub area: String,
    /// When, in days of the directory's time zone.
    pub period: Period,
}

/// Somebody of the directory. Name and contacts are not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// What they are.
    pub role: PersonRole,
    /// The areas they answer for.
    pub areas: Vec<Duty>,
    /// When they are there at all.
    pub period: Period,
    /// The language they are told in, `zh` or `en`.
    pub language: String,
    /// The destinations by which they are told, the names of the configuration; none for the default ones.
    pub channels: Vec<String>,
    /// Where they are reached, by channel or kind, such as `phone`. Never to be logged.
    pub contact: BTreeMap<String, String>,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("id", &self.id)
            .field("role", &self.role)
            .field("areas", &self.areas)
            .field("period", &self.period)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

/// Everybody, by id and by area.
#[derive(Clone, Debug)]
pub struct People {
    people: Vec<Person>,
    by_id: HashMap<String, usize>,
    by_area: HashMap<String, Vec<(usize, Period)>>,
    zone: Tz,
}

impl Default for People {
    fn default() -> Self {
        People { people: Vec::new(), by_id: HashMap::new(), by_area: HashMap::new(), zone: HOME_ZONE }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    time_zone: Option<String>,
    #[serde(default)]
    people: Vec<Spanned<toml::Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPerson {
    id: String,
    name: String,
    role: String,
    #[serde(default)]
    areas: Vec<toml::Value>,
    from: Option<toml::Value>,
    to: Option<toml::Value>,
    language: Option<String>,
    #[serde(default)]
    channels: Vec<String>,
    #[serde(default)]
    contact: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPeriod {
    area: String,
    from: Option<toml::Value>,
    to: Option<toml::Value>,
}

impl People {
    /// Reads the people; the areas they answer for must be there.
    pub(super) fn load(text: &str, file: &str, areas: &Areas) -> (People, Vec<Fault>) {
        let mut source = Source::new(file, text);
        let mut people = People::default();
        let raw: Option<RawFile> = source.parse();
        if let Some(raw) = raw {
            people.zone = zone(&mut source, &Place::default(), raw.time_zone.as_deref(), HOME_ZONE);
            for person in raw.people {
                people.person(&mut source, person, areas);
            }
        }
        (people, source.faults)
    }

    fn person(&mut self, source: &mut Source<'_>, person: Spanned<toml::Table>, areas: &Areas) {
        let (place, raw) = source.entry::<RawPerson>("person", "id", person);
        let Some(raw) = raw else { return };
        if !is_id(&raw.id) {
            source.fault(&place, Some("id"), "an id is letters, digits, `-`, `_` and `.`");
        }
        if raw.name.trim().is_empty() {
            source.fault(&place, Some("name"), "it is empty");
        }
        let role = PersonRole::from_name(&raw.role);
        if role.is_none() {
            let known = PersonRole::NAMES.join(", ");
            source.fault(&place, Some("role"), format!("unknown role `{}` (known: {known})", raw.role));
        }
        if raw.language.as_deref().is_some_and(|language| !LANGUAGES.contains(&language)) {
            source.fault(&place, Some("language"), format!("it must be one of {}", LANGUAGES.join(", ")));
        }
        if raw.channels.iter().any(|channel| channel.trim().is_empty()) {
            source.fault(&place, Some("channels"), "one of them is empty");
        }
        let period = period(source, &place, raw.from.as_ref(), raw.to.as_ref());
        let duties = raw.areas.into_iter().filter_map(|raw| duty(source, &place, raw, areas)).collect();
        let index = self.people.len();
        // Somebody with a fault is kept, so that rosters that name them are not said to be wrong too.
        let person = Person {
            id: raw.id,
            name: raw.name,
            role: role.unwrap_or(PersonRole::Officer),
            areas: duties,
            period,
            language: raw.language.unwrap_or_else(|| LANGUAGES[0].to_owned()),
            channels: raw.channels,
            contact: raw.contact,
        };
        if self.by_id.insert(person.id.clone(), index).is_some() {
            source.fault(&place, Some("id"), "somebody else has the same id");
        }
        for duty in &person.areas {
            self.by_area.entry(duty.area.clone()).or_default().push((index, duty.period));
        }
        self.people.push(person);
    }

    /// Everybody, in the order of the file.
    pub fn all(&self) -> &[Person] {
        &self.people
    }

    /// Somebody by id.
    pub fn get(&self, id: &str) -> Option<&Person> {
        self.people.get(self.place(id)?)
    }

    /// The time zone whose days periods are made of.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The day a moment belongs to.
    pub fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub(super) fn at(&self, place: usize) -> Option<&Person> {
        self.people.get(place)
    }

    /// Those who answer for exactly this area on a day.
    pub fn answering<'p>(&'p self, area: &str, day: NaiveDate) -> impl Iterator<Item = &'p Person> + use<'p> {
        let here = self.by_area.get(area).map_or(&[][..], Vec::as_slice);
        here.iter()
            .filter(move |(_, period)| period.contains(day))
            .filter_map(move |(place, _)| self.people.get(*place).filter(|person| person.period.contains(day)))
    }
}

/// An area, alone or in a table with first and last day.
fn duty(source: &mut Source<'_>, place: &Place, raw: toml::Value, areas: &Areas) -> Option<Duty> {
    let (area, period) = match raw {
        toml::Value::String(area) => (area, Period::default()),
        other => match other.try_into::<RawPeriod>() {
            Ok(raw) => {
                let period = period(source, place, raw.from.as_ref(), raw.to.as_ref());
                (raw.area, period)
            }
            Err(error) => {
                source.fault(place, Some("areas"), error.message());
                return None;
            }
        },
    };
    if areas.get(&area).is_none() {
        source.fault(place, Some("areas"), format!("there is no area `{area}`"));
        return None;
    }
    Some(Duty { area, period })
}

/// First and last day of an entry.
pub(super) fn period(
    source: &mut Source<'_>,
    place: &Place,
    from: Option<&toml::Value>,
    to: Option<&toml::Value>,
) -> Period {
    let period = Period { from: source.day(place, "from", from), to: source.day(place, "to", to) };
    if !period.is_possible() {
        source.fault(place, Some("to"), "it is before from");
    }
    period
}

/// The time zone of this name, or `otherwise` where none is given.
pub(super) fn zone(source: &mut Source<'_>, place: &Place, name: Option<&str>, otherwise: Tz) -> Tz {
    match name.map(str::parse) {
        None => otherwise,
        Some(Ok(zone)) => zone,
        Some(Err(_)) => {
            let name = name.unwrap_or_default();
            source.fault(place, Some("time_zone"), format!("`{name}` is no time zone such as Asia/Shanghai"));
            otherwise
        }
    }
}

/// Whether this can be the id of a person or roster.
pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(is_id_char)
}

pub(super) fn is_id_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}
