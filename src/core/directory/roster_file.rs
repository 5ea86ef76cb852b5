//! Reads `rosters.toml`: shifts, calendars by name, overrides and swaps.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc, Weekday};
use chrono_tz::Tz;
use serde::Deserialize;
use toml::Spanned;

use super::areas::Areas;
use super::clock::{HOME_ZONE, Period, first_moment};
use super::fault::{Fault, Given, Place, Source};
use super::ical;
use super::people::{People, is_id, zone};
use super::roster::{Change, Days, Exception, Roster, Rosters, Rotation, Shift};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    time_zone: Option<String>,
    #[serde(default)]
    rosters: Vec<Spanned<toml::Table>>,
    #[serde(default, rename = "override")]
    overrides: Vec<Spanned<toml::Table>>,
    #[serde(default, rename = "swap")]
    swaps: Vec<Spanned<toml::Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRoster {
    id: String,
    areas: Vec<String>,
    time_zone: Option<String>,
    #[serde(default)]
    shifts: Vec<RawShift>,
    calendar: Option<String>,
    days: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShift {
    days: Option<toml::Value>,
    from: toml::Value,
    to: toml::Value,
    people: Vec<String>,
    rotate: Option<String>,
    since: Option<toml::Value>,
    first_day: Option<toml::Value>,
    last_day: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOverride {
    roster: String,
    from: toml::Value,
    to: toml::Value,
    people: Vec<String>,
    instead_of: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSwap {
    roster: Option<String>,
    from: toml::Value,
    to: toml::Value,
    between: [String; 2],
}

/// Reads the rosters. `calendars` are the texts of the calendars by file name, `folder` what stands before the name of
/// a file in errors.
pub(super) fn load(
    text: &str,
    file: &str,
    calendars: &BTreeMap<&str, (&str, &str)>,
    areas: &Areas,
    people: &People,
) -> (Rosters, Vec<Fault>) {
    let mut source = Source::new(file, text);
    let raw: Option<RawFile> = source.parse();
    let mut loader = Loader { areas, people, calendars, used: BTreeSet::new(), zone: HOME_ZONE, others: Vec::new() };
    let mut rosters = Rosters::default();
    if let Some(raw) = raw {
        loader.zone = zone(&mut source, &Place::default(), raw.time_zone.as_deref(), HOME_ZONE);
        for roster in raw.rosters {
            loader.roster(&mut source, roster, &mut rosters.rosters);
        }
        // Whoever has swapped is then the one an override is instead of.
        for swap in raw.swaps {
            rosters.exceptions.extend(loader.swap(&mut source, swap, &rosters.rosters));
        }
        for entry in raw.overrides {
            rosters.exceptions.extend(loader.replace(&mut source, entry, &rosters.rosters));
        }
    }
    let mut faults = source.faults;
    faults.append(&mut loader.others);
    for (file, _) in calendars.iter().filter(|(name, _)| !loader.used.contains(**name)).map(|(_, file)| file) {
        let reason = "no roster of rosters.toml names it as its calendar".to_owned();
        faults.push(Fault { file: (*file).to_owned(), line: None, entry: None, key: None, reason });
    }
    (rosters, faults)
}

struct Loader<'a> {
    areas: &'a Areas,
    people: &'a People,
    calendars: &'a BTreeMap<&'a str, (&'a str, &'a str)>,
    used: BTreeSet<String>,
    zone: Tz,
    others: Vec<Fault>,
}

impl Loader<'_> {
    fn roster(&mut self, source: &mut Source<'_>, roster: Spanned<toml::Table>, rosters: &mut Vec<Roster>) {
        let (place, raw) = source.entry::<RawRoster>("roster", "id", roster);
        let Some(raw) = raw else { return };
        if !is_id(&raw.id) {
            source.fault(&place, Some("id"), "an id is letters, digits, `-`, `_` and `.`");
        }
        if rosters.iter().any(|other| other.id == raw.id) {
            source.fault(&place, Some("id"), "another roster has the same id");
        }
        if raw.areas.is_empty() {
            source.fault(&place, Some("areas"), "it is on call for no area");
        }
        for area in raw.areas.iter().filter(|area| self.areas.get(area).is_none()) {
            source.fault(&place, Some("areas"), format!("there is no area `{area}`"));
        }
        let zone = zone(source, &place, raw.time_zone.as_deref(), self.zone);
        if raw.shifts.is_empty() && raw.calendar.is_none() {
            source.fault(&place, None, "it has neither shifts nor a calendar");
        }
        if raw.days.is_some() && raw.calendar.is_none() {
            source.fault(&place, Some("days"), "it is for a calendar; each shift has its own");
        }
        let shifts = raw.shifts.into_iter().filter_map(|raw| self.shift(source, &place, raw)).collect();
        let days = days(source, &place, raw.days.as_ref());
        let calendar = raw.calendar.and_then(|name| self.calendar(source, &place, &name, zone));
        let calendar = calendar.map(|calendar| (calendar, days));
        rosters.push(Roster { id: raw.id, areas: raw.areas, zone, shifts, calendar });
    }

    fn calendar(
        &mut self,
        source: &mut Source<'_>,
        place: &Place,
        name: &str,
        zone: Tz,
    ) -> Option<super::calendar::Calendar> {
        let Some((file, text)) = self.calendars.get(name) else {
            source.fault(place, Some("calendar"), format!("there is no file `{name}` beside this one"));
            return None;
        };
        self.used.insert(name.to_owned());
        let mut own = Source::new(file, text);
        let read = ical::read(&mut own, text, self.people, zone);
        self.others.append(&mut own.faults);
        read
    }

    fn shift(&self, source: &mut Source<'_>, place: &Place, raw: RawShift) -> Option<Shift> {
        let days = days(source, place, raw.days.as_ref());
        let from = source.time(place, "from", &raw.from);
        // The end of the day may be written as such.
        let to = match raw.to.as_str() {
            Some("24:00" | "24:00:00") => Some(chrono::NaiveTime::MIN),
            _ => source.time(place, "to", &raw.to),
        };
        let people = self.everybody(source, place, &raw.people);
        let since = source.day(place, "since", raw.since.as_ref());
        let rotation = match (raw.rotate.as_deref(), since) {
            (None, None) => Some(Rotation::Together),
            (None, Some(_)) => {
                source.fault(place, Some("since"), "it says when a rotation begins, and `rotate` is missing");
                None
            }
            (Some("day"), Some(since)) => Some(Rotation::Daily(since)),
            (Some("week"), Some(since)) => Some(Rotation::Weekly(since)),
            (Some("day" | "week"), None) => {
                if raw.since.is_none() {
                    source.fault(place, Some("since"), "a rotation needs the day of the first one's turn");
                }
                None
            }
            (Some(other), _) => {
                source.fault(place, Some("rotate"), format!("`{other}` is neither day nor week"));
                None
            }
        };
        let period = Period {
            from: source.day(place, "first_day", raw.first_day.as_ref()),
            to: source.day(place, "last_day", raw.last_day.as_ref()),
        };
        if !period.is_possible() {
            source.fault(place, Some("last_day"), "it is before first_day");
        }
        Some(Shift { days, from: from?, to: to?, people: people?, rotation: rotation?, period })
    }

    fn everybody(&self, source: &mut Source<'_>, place: &Place, ids: &[String]) -> Option<Vec<usize>> {
        if ids.is_empty() {
            source.fault(place, Some("people"), "it names nobody");
            return None;
        }
        let found: Vec<usize> = ids.iter().filter_map(|id| self.somebody(source, place, "people", id)).collect();
        (found.len() == ids.len()).then_some(found)
    }

    fn somebody(&self, source: &mut Source<'_>, place: &Place, key: &'static str, id: &str) -> Option<usize> {
        let found = self.people.place(id);
        if found.is_none() {
            source.fault(place, Some(key), format!("there is no person `{id}`"));
        }
        found
    }

    fn replace(&self, source: &mut Source<'_>, entry: Spanned<toml::Table>, rosters: &[Roster]) -> Option<Exception> {
        let (place, raw) = source.entry::<RawOverride>("override of roster", "roster", entry);
        let raw = raw?;
        let roster = self.named(source, &place, &raw.roster, rosters);
        let (from, to) = self.span(source, &place, [&raw.from, &raw.to], roster, rosters)?;
        let people = self.everybody(source, &place, &raw.people)?;
        let change = match &raw.instead_of {
            None => Change::Replace(people),
            Some(id) => Change::Instead(self.somebody(source, &place, "instead_of", id)?, people),
        };
        Some(Exception { roster: Some(roster?), from, to, change })
    }

    fn swap(&self, source: &mut Source<'_>, entry: Spanned<toml::Table>, rosters: &[Roster]) -> Option<Exception> {
        let (place, raw) = source.entry::<RawSwap>("swap", "roster", entry);
        let raw = raw?;
        let roster = match &raw.roster {
            None => None,
            Some(id) => Some(self.named(source, &place, id, rosters)?),
        };
        let (from, to) = self.span(source, &place, [&raw.from, &raw.to], roster, rosters)?;
        let [one, other] = raw.between.map(|id| self.somebody(source, &place, "between", &id));
        Some(Exception { roster, from, to, change: Change::Swap(one?, other?) })
    }

    fn named(&self, source: &mut Source<'_>, place: &Place, id: &str, rosters: &[Roster]) -> Option<usize> {
        let found = rosters.iter().position(|roster| roster.id == id);
        if found.is_none() {
            source.fault(place, Some("roster"), format!("there is no roster `{id}`"));
        }
        found
    }

    /// From when to when; times without an offset are those of the roster.
    fn span(
        &self,
        source: &mut Source<'_>,
        place: &Place,
        [from, to]: [&toml::Value; 2],
        roster: Option<usize>,
        rosters: &[Roster],
    ) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let zone = roster.and_then(|index| rosters.get(index)).map_or(self.zone, |roster| roster.zone);
        let exact = |given| match given {
            Given::Exact(moment) => moment,
            Given::Local(local) => first_moment(zone, local),
        };
        let from = source.moment(place, "from", from).map(exact);
        let to = source.moment(place, "to", to).map(exact);
        let (from, to) = (from?, to?);
        if from >= to {
            source.fault(place, Some("to"), "it is not after from");
            return None;
        }
        Some((from, to))
    }
}

/// `"all"` if nothing is said, `"workday"`, `"rest_day"`, or days of the week.
fn days(source: &mut Source<'_>, place: &Place, value: Option<&toml::Value>) -> Days {
    let read = match value {
        None => Some(Days::All),
        Some(toml::Value::String(word)) => match word.as_str() {
            "all" => Some(Days::All),
            "workday" => Some(Days::Workday),
            "rest_day" => Some(Days::RestDay),
            _ => None,
        },
        Some(toml::Value::Array(days)) => {
            let days: Option<Vec<Weekday>> = days.iter().map(|day| weekday(day.as_str()?)).collect();
            days.filter(|days| !days.is_empty()).map(Days::Week)
        }
        Some(_) => None,
    };
    if read.is_none() {
        let reason = "it is none of \"all\", \"workday\", \"rest_day\", and no list of \"mon\", \"tue\" … \"sun\"";
        source.fault(place, Some("days"), reason);
    }
    read.unwrap_or(Days::All)
}

fn weekday(name: &str) -> Option<Weekday> {
    match name {
        "mon" => Some(Weekday::Mon),
        "tue" => Some(Weekday::Tue),
        "wed" => Some(Weekday::Wed),
        "thu" => Some(Weekday::Thu),
        "fri" => Some(Weekday::Fri),
        "sat" => Some(Weekday::Sat),
        "sun" => Some(Weekday::Sun),
        _ => None,
    }
}
