//! Time by the clock on the wall: days, periods of days, and the moments a local time stands for.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// The time zone of a directory that names none.
pub const HOME_ZONE: Tz = Tz::Asia__Shanghai;

/// Longer than any jump of a clock: the longest known left out a whole day.
const LONGEST_JUMP: TimeDelta = TimeDelta::hours(26);

/// The first moment at which the clocks of a zone show this time or a later one.
///
/// A time that comes twice, as when the clocks go back, is the earlier one; one that never comes, as when they go
/// forward, is the moment of the jump. So of two local times the later never stands for the earlier moment, and shifts
/// that join on the clock join in truth.
pub fn first_moment(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    if let Some(moment) = zone.from_local_datetime(&local).earliest() {
        return moment.to_utc();
    }
    let reached = |moment: DateTime<Utc>| moment.with_timezone(&zone).naive_local() >= local;
    let (mut before, mut after) = (local.and_utc() - LONGEST_JUMP, local.and_utc() + LONGEST_JUMP);
    while after - before > TimeDelta::seconds(1) {
        let middle = before + (after - before) / 2;
        // Whole seconds only: clocks jump on one.
        let middle = DateTime::from_timestamp(middle.timestamp(), 0).unwrap_or(middle);
        if middle <= before {
            break;
        }
        if reached(middle) { after = middle } else { before = middle }
    }
    after
}

/// Whole days, the last one included; open where an end is not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub to: Option<NaiveDate>,
}

impl Period {
    /// Whether a day lies in it.
    pub fn contains(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }

    /// Whether it has a day at all.
    pub fn is_possible(&self) -> bool {
        match (self.from, self.to) {
            (Some(from), Some(to)) => from <= to,
            _ => true,
        }
    }
}
