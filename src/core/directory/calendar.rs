//! A calendar of on-call times: what came out of an iCalendar file, and who it names at a moment.
//!
//! Rules are worked out on local time, as they are meant: a shift that begins at ten in the evening begins at ten in
//! summer and winter, and ends at its time of day too, also in the night in which the clocks are changed.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parking_lot::RwLock;
use rrule::RRuleSet;

use super::clock::first_moment;
use super::roster::{OnCall, OnCallBy};

/// The most times one entry may come in a year; more is no roster.
pub(super) const MOST_TIMES_A_YEAR: usize = 4_000;

/// The most times of a rule that are counted through to come to a year.
const MOST_TIMES: usize = 400_000;

/// How many years are kept worked out. Those at hand are two; others are asked for by people who plan.
const YEARS_KEPT: usize = 8;

/// The years in which times are looked for.
pub(super) const YEARS: std::ops::RangeInclusive<i32> = 1970..=2200;

/// An entry of a calendar: one time, or one that comes again.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub people: Vec<usize>,
    pub zone: Tz,
    /// When it begins for the first time, by the clock of its zone.
    pub start: NaiveDateTime,
    /// How long it lasts on that clock.
    pub lasts: TimeDelta,
    /// How it comes again, worked out on that clock as if it were UTC; boxed, being large.
    pub rule: Option<Box<RRuleSet>>,
    /// Further times.
    pub also: Vec<NaiveDateTime>,
    /// Times left out, and whole days.
    pub not: HashSet<NaiveDateTime>,
    pub not_on: HashSet<NaiveDate>,
}

/// A time somebody is on call.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// The local day it begins on.
    day: NaiveDate,
    entry: usize,
}

/// The entries of a calendar. Years are worked out when they are first asked for, and kept.
pub(super) struct Calendar {
    entries: Vec<Entry>,
    longest: TimeDelta,
    years: RwLock<BTreeMap<i32, Arc<[Span]>>>,
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calendar").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Entry {
    /// Adds the times that begin in a period, by its own clock; false where there are too many to be a roster's.
    pub fn starts(&self, from: NaiveDateTime, to: NaiveDateTime, found: &mut Vec<NaiveDateTime>) -> bool {
        let before = found.len();
        let wanted = |start: &NaiveDateTime| from <= *start && *start <= to && !self.leaves_out(*start);
        match &self.rule {
            None => found.extend(Some(self.start).filter(wanted)),
            Some(rule) => {
                let times = rule.as_ref();
                for (n, time) in times.into_iter().map(|time| time.naive_utc()).enumerate() {
                    if time > to {
                        break;
                    }
                    if wanted(&time) {
                        found.push(time);
                    }
                    if n > MOST_TIMES || found.len() - before > MOST_TIMES_A_YEAR {
                        return false;
                    }
                }
            }
        }
        found.extend(self.also.iter().copied().filter(wanted));
        true
    }

    fn leaves_out(&self, start: NaiveDateTime) -> bool {
        self.not.contains(&start) || self.not_on.contains(&start.date())
    }
}

impl Calendar {
    pub fn new(entries: Vec<Entry>) -> Self {
        let longest = entries.iter().map(|entry| entry.lasts).max().unwrap_or_default();
        Calendar { entries, longest, years: RwLock::default() }
    }

    /// Adds who is on call at a moment, of the times that begin on a day that is wanted.
    pub fn at(&self, at: DateTime<Utc>, wanted: impl Fn(NaiveDate) -> bool, found: &mut Vec<OnCall>) {
        let spans = self.year(at.year());
        let begun = spans.partition_point(|span| span.from <= at);
        // Sorted by beginning: none that began before this can go on still. A day more, for clocks that are changed.
        let oldest = at.checked_sub_signed(self.longest + TimeDelta::days(1)).unwrap_or(at);
        let begun = spans.get(..begun).unwrap_or_default().iter().rev().take_while(|span| span.from >= oldest);
        let mut on: Vec<&Span> = begun.filter(|span| at < span.to && wanted(span.day)).collect();
        on.reverse();
        for span in on {
            let people = self.entries.get(span.entry).map_or(&[][..], |entry| entry.people.as_slice());
            found.extend(people.iter().map(|&person| OnCall { person, until: span.to, by: OnCallBy::Roster }));
        }
    }

    /// The times that may be on in a year of UTC, sorted by their beginning.
    fn year(&self, year: i32) -> Arc<[Span]> {
        if let Some(known) = self.years.read().get(&year) {
            return Arc::clone(known);
        }
        let worked_out = self.work_out(year);
        let mut years = self.years.write();
        if years.len() >= YEARS_KEPT {
            years.clear();
        }
        years.insert(year, Arc::clone(&worked_out));
        worked_out
    }

    fn work_out(&self, year: i32) -> Arc<[Span]> {
        let Some((from, to)) = bounds(year) else { return Arc::from([]) };
        let mut spans = Vec::new();
        let mut starts = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            starts.clear();
            entry.starts(from - entry.lasts, to, &mut starts);
            for start in &starts {
                let Some(end) = start.checked_add_signed(entry.lasts) else { continue };
                let (from, to) = (first_moment(entry.zone, *start), first_moment(entry.zone, end));
                spans.push(Span { from, to, day: start.date(), entry: index });
            }
        }
        spans.sort_by_key(|span| (span.from, span.entry));
        spans.into()
    }
}

/// What begins in a year anywhere on earth, on a local clock.
pub(super) fn bounds(year: i32) -> Option<(NaiveDateTime, NaiveDateTime)> {
    if !YEARS.contains(&year) {
        return None;
    }
    let first = NaiveDate::from_ymd_opt(year, 1, 1)?.and_time(chrono::NaiveTime::MIN);
    let last = NaiveDate::from_ymd_opt(year + 1, 1, 1)?.and_time(chrono::NaiveTime::MIN);
    Some((first - TimeDelta::days(2), last + TimeDelta::days(2)))
}
