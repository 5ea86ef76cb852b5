//! `[cases]`: stage 2, deadlines and how long cases live (contract 7).

use std::time::Duration;

use serde::Deserialize;

use super::error::Problems;
use super::value;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long `case-inputs` keeps a record (contract 1): the least time a closed case must be remembered.
const LONGEST_INPUT_RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);

/// Times that rule the life of a case.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CasesConfig {
    /// From the start of a round until it must be acknowledged. Default 2 min, 10 min, 1 h, 24 h.
    pub acknowledge_within: LevelDurations,
    /// From the start of a round until the person must be reached. Default 30 min, 24 h, 48 h, 7 d.
    pub reach_within: LevelDurations,
    /// How long an acknowledgement holds without a contact. Default 10 min, 2 h, 24 h, 72 h.
    pub acknowledge_expires: LevelDurations,
    /// After the last warning, from when new evidence is told again. Default 10 min, 1 h, 6 h, 24 h.
    pub repeat_after: LevelDurations,
    /// After closing, until when new evidence reopens the case. Default 72 h.
    #[serde(deserialize_with = "value::duration")]
    pub reopen_within: Duration,
    /// How long a closed case is kept. Default 31 d, at least 30 d.
    #[serde(deserialize_with = "value::duration")]
    pub keep_closed: Duration,
    /// The score from which an event opens a case. Default 0.
    pub open_at: i64,
    /// How long inputs are gathered into one transaction. Default 20 ms.
    #[serde(deserialize_with = "value::duration")]
    pub commit_interval: Duration,
}

/// One time for each level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelDurations {
    /// Level `urgent`.
    #[serde(deserialize_with = "value::duration")]
    pub urgent: Duration,
    /// Level `high`.
    #[serde(deserialize_with = "value::duration")]
    pub high: Duration,
    /// Level `medium`.
    #[serde(deserialize_with = "value::duration")]
    pub medium: Duration,
    /// Level `low`.
    #[serde(deserialize_with = "value::duration")]
    pub low: Duration,
}

impl LevelDurations {
    fn named(&self) -> [(&'static str, Duration); 4] {
        [("urgent", self.urgent), ("high", self.high), ("medium", self.medium), ("low", self.low)]
    }
}

impl CasesConfig {
    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        // Timers are kept in milliseconds; a year is beyond any sensible deadline and far from overflow.
        let deadline = Duration::from_millis(1)..=365 * DAY;
        for (table, durations) in [
            ("acknowledge_within", &self.acknowledge_within),
            ("reach_within", &self.reach_within),
            ("acknowledge_expires", &self.acknowledge_expires),
            ("repeat_after", &self.repeat_after),
        ] {
            for (level, duration) in durations.named() {
                problems.duration(&format!("cases.{table}.{level}"), duration, deadline.clone());
            }
        }
        problems.duration("cases.keep_closed", self.keep_closed, LONGEST_INPUT_RETENTION..=3650 * DAY);
        let longest_reopening = self.keep_closed.max(LONGEST_INPUT_RETENTION);
        problems.duration("cases.reopen_within", self.reopen_within, Duration::from_secs(1)..=longest_reopening);
        problems.range("cases.open_at", self.open_at, 0..=1_000_000);
        problems.duration("cases.commit_interval", self.commit_interval, Duration::ZERO..=Duration::from_secs(1));
    }
}
