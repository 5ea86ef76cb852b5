//! Which days are workdays: public holidays and the workdays that make up for them, from a table.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use serde::Deserialize;
use toml::Spanned;

use super::clock::Period;
use super::fault::{Fault, Place, Source};
use crate::core::rules::Bilingual;

/// The longest holiday there can be, in days: a longer one is a slip of the pen.
const LONGEST_HOLIDAY: i64 = 31;

/// What kind of day a day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayKind {
    /// Monday to Friday, no holiday.
    Workday,
    /// A Saturday or Sunday that is worked to make up for a holiday.
    MakeUpWorkday,
    /// A Saturday or Sunday.
    Weekend,
    /// A public holiday, or a day moved next to one.
    Holiday,
}

impl DayKind {
    /// Whether people work on it.
    pub const fn is_workday(self) -> bool {
        matches!(self, DayKind::Workday | DayKind::MakeUpWorkday)
    }

    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            DayKind::Workday => "workday",
            DayKind::MakeUpWorkday => "make-up workday",
            DayKind::Weekend => "weekend",
            DayKind::Holiday => "holiday",
        }
    }
}

/// The table of holidays. A year that is not in it has weekends only.
#[derive(Clone, Debug, Default)]
pub struct Holidays {
    years: BTreeMap<i32, String>,
    holidays: BTreeMap<NaiveDate, usize>,
    names: Vec<Bilingual>,
    workdays: BTreeSet<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    years: Vec<Spanned<toml::Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawYear {
    year: i32,
    source: String,
    #[serde(default)]
    holidays: Vec<RawHoliday>,
    #[serde(default)]
    workdays: Vec<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHoliday {
    name: RawName,
    from: toml::Value,
    to: toml::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawName {
    zh: String,
    en: String,
}

impl Holidays {
    /// Reads the table.
    pub(super) fn load(text: &str, file: &str) -> (Holidays, Vec<Fault>) {
        let mut source = Source::new(file, text);
        let mut table = Holidays::default();
        let raw: Option<RawFile> = source.parse();
        for year in raw.map(|raw| raw.years).unwrap_or_default() {
            table.year(&mut source, year);
        }
        (table, source.faults)
    }

    fn year(&mut self, source: &mut Source<'_>, year: Spanned<toml::Table>) {
        let (place, raw) = source.entry::<RawYear>("year", "year", year);
        let Some(raw) = raw else { return };
        if raw.source.trim().is_empty() {
            source.fault(&place, Some("source"), "it must be said where the days come from");
        }
        if self.years.insert(raw.year, raw.source).is_some() {
            source.fault(&place, Some("year"), "it is there twice");
        }
        for holiday in raw.holidays {
            self.holiday(source, &place, raw.year, holiday);
        }
        for day in &raw.workdays {
            let Some(day) = source.day(&place, "workdays", Some(day)) else { continue };
            if !is_weekend(day) {
                source.fault(&place, Some("workdays"), format!("{day} is no Saturday or Sunday"));
            } else if self.holidays.contains_key(&day) {
                source.fault(&place, Some("workdays"), format!("{day} is a holiday too"));
            } else if !belongs(day, raw.year) || !self.workdays.insert(day) {
                source.fault(&place, Some("workdays"), format!("{day} is not of this year, or there twice"));
            }
        }
    }

    fn holiday(&mut self, source: &mut Source<'_>, place: &Place, year: i32, raw: RawHoliday) {
        let from = source.day(place, "holidays", Some(&raw.from));
        let to = source.day(place, "holidays", Some(&raw.to));
        let (Some(from), Some(to)) = (from, to) else { return };
        let period = Period { from: Some(from), to: Some(to) };
        if !period.is_possible() || (to - from).num_days() >= LONGEST_HOLIDAY {
            return source.fault(place, Some("holidays"), format!("{from} to {to} is no holiday of 1 to 31 days"));
        }
        if !belongs(from, year) || !belongs(to, year) {
            return source.fault(place, Some("holidays"), format!("{from} to {to} is not of this year"));
        }
        let name = self.names.len();
        self.names.push(Bilingual { zh: raw.name.zh, en: raw.name.en });
        let mut day = from;
        while day <= to {
            if self.holidays.insert(day, name).is_some() || self.workdays.contains(&day) {
                source.fault(place, Some("holidays"), format!("{day} is there twice"));
            }
            day += TimeDelta::days(1);
        }
    }

    /// What kind of day this is.
    pub fn kind(&self, day: NaiveDate) -> DayKind {
        if self.holidays.contains_key(&day) {
            DayKind::Holiday
        } else if self.workdays.contains(&day) {
            DayKind::MakeUpWorkday
        } else if is_weekend(day) {
            DayKind::Weekend
        } else {
            DayKind::Workday
        }
    }

    /// The name of the holiday a day belongs to.
    pub fn name(&self, day: NaiveDate) -> Option<&Bilingual> {
        self.names.get(*self.holidays.get(&day)?)
    }

    /// The years of the table, and where each comes from.
    pub fn years(&self) -> impl Iterator<Item = (i32, &str)> {
        self.years.iter().map(|(year, source)| (*year, source.as_str()))
    }

    /// Whether the table has this year.
    pub fn knows(&self, year: i32) -> bool {
        self.years.contains_key(&year)
    }
}

/// A table of a year may begin on the last days of the one before, as New Year does.
fn belongs(day: NaiveDate, year: i32) -> bool {
    day.year() == year || (day.year() + 1 == year && day.month() == 12)
}

fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}
