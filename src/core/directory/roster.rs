//! On-call rosters: who is on call at a moment, by shifts and calendars, after swaps and overrides.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;

use super::calendar::Calendar;
use super::clock::{Period, first_moment};
use super::holidays::Holidays;

/// The days a shift begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Days {
    /// Every day.
    All,
    /// Workdays by the table of holidays.
    Workday,
    /// Weekends and holidays by that table.
    RestDay,
    /// These days of the week, holiday or not.
    Week(Vec<Weekday>),
}

impl Days {
    fn contains(&self, day: NaiveDate, holidays: &Holidays) -> bool {
        match self {
            Days::All => true,
            Days::Workday => holidays.kind(day).is_workday(),
            Days::RestDay => !holidays.kind(day).is_workday(),
            Days::Week(days) => days.contains(&day.weekday()),
        }
    }
}

/// Who of the people of a shift has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// All of them together.
    Together,
    /// One a day, the first one on this day.
    Daily(NaiveDate),
    /// One a week, the first one in the seven days from this day on.
    Weekly(NaiveDate),
}

/// A shift that comes again every day it is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The days it begins on.
    pub days: Days,
    /// When it begins, by the clock of the roster.
    pub from: NaiveTime,
    /// When it ends; at or before `from` it ends on the next day.
    pub to: NaiveTime,
    /// Who has it.
    pub(super) people: Vec<usize>,
    /// In which turn.
    pub rotation: Rotation,
    /// The first and the last day it begins on.
    pub period: Period,
}

/// A roster.
#[derive(Debug)]
pub struct Roster {
    /// Id.
    pub id: String,
    /// The areas it is on call for, with everything below them.
    pub areas: Vec<String>,
    /// Its time zone.
    pub zone: Tz,
    /// Its shifts.
    pub shifts: Vec<Shift>,
    /// Its calendar, and the days on which what stands there holds.
    pub(super) calendar: Option<(Calendar, Days)>,
}

/// A time in which others are on call than the roster says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exception {
    /// The roster; `None` for all.
    pub roster: Option<usize>,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Two people change places.
    Swap(usize, usize),
    /// These are on call, and nobody else.
    Replace(Vec<usize>),
    /// These are on call where somebody would be.
    Instead(usize, Vec<usize>),
}

/// How somebody came to be on call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCallBy {
    /// By a shift or calendar.
    Roster,
    /// By a swap.
    Swap,
    /// By an override.
    Override,
}

/// Somebody who is on call at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OnCall {
    pub person: usize,
    pub until: DateTime<Utc>,
    pub by: OnCallBy,
}

/// All rosters, and the exceptions from them.
#[derive(Debug, Default)]
pub struct Rosters {
    pub(super) rosters: Vec<Roster>,
    /// In the order in which they take effect: swaps, then overrides, each in the order of the file.
    pub(super) exceptions: Vec<Exception>,
}

impl Rosters {
    /// The rosters, in the order of the file.
    pub fn all(&self) -> &[Roster] {
        &self.rosters
    }

    /// Who is on call at a moment by the roster at this place.
    pub(super) fn on_call(&self, place: usize, at: DateTime<Utc>, holidays: &Holidays) -> Vec<OnCall> {
        let mut found = Vec::new();
        if let Some(roster) = self.rosters.get(place) {
            roster.scheduled(at, holidays, &mut found);
        }
        let here = |exception: &&Exception| {
            exception.roster.is_none_or(|roster| roster == place) && exception.from <= at && at < exception.to
        };
        for exception in self.exceptions.iter().filter(here) {
            exception.apply(&mut found);
        }
        let mut seen = Vec::new();
        found.retain(|on_call| {
            let first = !seen.contains(&on_call.person);
            seen.push(on_call.person);
            first
        });
        found
    }
}

impl Exception {
    fn apply(&self, found: &mut Vec<OnCall>) {
        match &self.change {
            Change::Swap(one, other) => {
                for on_call in found.iter_mut() {
                    let takes_over = match on_call.person {
                        person if person == *one => *other,
                        person if person == *other => *one,
                        _ => continue,
                    };
                    *on_call = OnCall { person: takes_over, until: on_call.until.min(self.to), by: OnCallBy::Swap };
                }
            }
            Change::Replace(people) => {
                let put = |person: &usize| OnCall { person: *person, until: self.to, by: OnCallBy::Override };
                *found = people.iter().map(put).collect();
            }
            Change::Instead(person, people) => {
                let Some(index) = found.iter().position(|on_call| on_call.person == *person) else { return };
                let until = found.remove(index).until.min(self.to);
                let put = |person: &usize| OnCall { person: *person, until, by: OnCallBy::Override };
                found.splice(index..index, people.iter().map(put));
            }
        }
    }
}

impl Roster {
    fn scheduled(&self, at: DateTime<Utc>, holidays: &Holidays, found: &mut Vec<OnCall>) {
        let today = at.with_timezone(&self.zone).date_naive();
        // A shift lasts a day at most, so it began yesterday at the earliest; where clocks go back over midnight one
        // of tomorrow may have begun.
        for day in [-1, 0, 1].into_iter().filter_map(|days| today.checked_add_signed(TimeDelta::days(days))) {
            for shift in &self.shifts {
                if let Some(until) = shift.until(day, at, self.zone, holidays) {
                    let put = |person| OnCall { person, until, by: OnCallBy::Roster };
                    found.extend(shift.whose_turn(day).iter().copied().map(put));
                }
            }
        }
        if let Some((calendar, days)) = &self.calendar {
            calendar.at(at, |day| days.contains(day, holidays), found);
        }
    }
}

impl Shift {
    /// When it ends, if it began on this day and is on at this moment.
    fn until(&self, day: NaiveDate, at: DateTime<Utc>, zone: Tz, holidays: &Holidays) -> Option<DateTime<Utc>> {
        if !self.period.contains(day) || !self.days.contains(day, holidays) {
            return None;
        }
        if first_moment(zone, day.and_time(self.from)) > at {
            return None;
        }
        let last = if self.to > self.from { day } else { day.succ_opt()? };
        let until = first_moment(zone, last.and_time(self.to));
        (at < until).then_some(until)
    }

    fn whose_turn(&self, day: NaiveDate) -> &[usize] {
        let (since, length) = match self.rotation {
            Rotation::Together => return &self.people,
            Rotation::Daily(since) => (since, 1),
            Rotation::Weekly(since) => (since, 7),
        };
        let turn = (day - since).num_days().div_euclid(length);
        let Ok(people) = i64::try_from(self.people.len()) else { return &[] };
        let index = turn.checked_rem_euclid(people).and_then(|index| usize::try_from(index).ok()).unwrap_or_default();
        self.people.get(index..=index).unwrap_or_default()
    }
}
