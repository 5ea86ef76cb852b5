//! How long things may take (contract 7 and 12, `cases.…`).

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::core::rules::Level;

/// One value for each level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerLevel<T> {
    /// For `urgent`.
    pub urgent: T,
    /// For `high`.
    pub high: T,
    /// For `medium`.
    pub medium: T,
    /// For `low`.
    pub low: T,
}

impl<T: Copy> PerLevel<T> {
    /// The value for this level.
    pub const fn of(&self, level: Level) -> T {
        match level {
            Level::Urgent => self.urgent,
            Level::High => self.high,
            Level::Medium => self.medium,
            Level::Low => self.low,
        }
    }
}

/// How cases are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseSettings {
    /// `cases.acknowledge_within`: by when somebody must have taken a case on, from the start of the round.
    pub acknowledge_within: PerLevel<TimeDelta>,
    /// `cases.reach_within`: by when the person must have been reached, and then an outcome reported.
    pub reach_within: PerLevel<TimeDelta>,
    /// `cases.acknowledge_expires`: how long an acknowledgement holds without a contact.
    pub acknowledge_expires: PerLevel<TimeDelta>,
    /// `cases.repeat_after`: how long after the last warning new evidence gives another.
    pub repeat_after: PerLevel<TimeDelta>,
    /// `cases.reopen_within`: how long after closing new evidence reopens a case.
    pub reopen_within: TimeDelta,
    /// `cases.keep_closed`: how long a closed case is kept.
    pub keep_closed: TimeDelta,
    /// `cases.open_at`: the score below which nothing is opened or reopened.
    pub open_at: u32,
    /// Calling code of the home country, see `matching.default_region`: a suspect's number from elsewhere is overseas.
    pub calling_code: u16,
}

impl Default for CaseSettings {
    fn default() -> Self {
        let (minutes, hours, days) = (TimeDelta::minutes, TimeDelta::hours, TimeDelta::days);
        CaseSettings {
            acknowledge_within: PerLevel { urgent: minutes(2), high: minutes(10), medium: hours(1), low: hours(24) },
            reach_within: PerLevel { urgent: minutes(30), high: hours(24), medium: hours(48), low: days(7) },
            acknowledge_expires: PerLevel { urgent: minutes(10), high: hours(2), medium: hours(24), low: hours(72) },
            repeat_after: PerLevel { urgent: minutes(10), high: hours(1), medium: hours(6), low: hours(24) },
            reopen_within: hours(72),
            keep_closed: days(31),
            open_at: 0,
            calling_code: 86,
        }
    }
}

/// The last moment a deadline can have: everything later is as good as never, and could not be written.
const END_OF_TIME: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(date) => date,
    None => NaiveDate::MAX,
};

/// A moment this much later, by a second at least: a deadline of no time at all would fire without end.
pub(crate) fn later(moment: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    let end = END_OF_TIME.and_time(chrono::NaiveTime::MIN).and_utc();
    moment.checked_add_signed(by.max(TimeDelta::seconds(1))).map_or(end, |later| later.min(end))
}
