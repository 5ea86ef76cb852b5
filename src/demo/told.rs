//! Warnings as the watcher read them: what a screen may show of them, and nothing else.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};
use serde::Deserialize;

use crate::core::matched::Programme;
use crate::core::rules::{Bilingual, Level};
use crate::core::warning::{Cause, mask_name};

/// How many warnings are kept to be shown.
const SHOWN: usize = 200;

/// How many latencies are kept; beyond that the oldest are forgotten.
const SAMPLES: usize = 100_000;

/// The latencies that a face draws.
const RECENT: usize = 120;

/// The fields of a Warning (contract 7) that the watcher wants.
#[derive(Deserialize)]
struct Wire {
    warning_id: String,
    case_id: String,
    cause: Cause,
    programme: Programme,
    level: Level,
    score: u32,
    reasons: Vec<WireReason>,
    fraud_type: Option<String>,
    subject: WireSubject,
    area: Option<WireArea>,
    event_time: Option<DateTime<FixedOffset>>,
    retroactive: bool,
}

#[derive(Deserialize)]
struct WireReason {
    points: i32,
    text: Bilingual,
}

#[derive(Deserialize)]
struct WireSubject {
    subject_id: String,
    name: Option<String>,
    phone_masked: Option<String>,
}

#[derive(Deserialize)]
struct WireArea {
    name: Bilingual,
}

/// A warning to be shown. It holds no full name and no full number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which one it is, from 1.
    pub number: u64,
    /// When it was read.
    pub at: DateTime<Utc>,
    /// Its level.
    pub level: Level,
    /// Why it went out.
    pub cause: Cause,
    /// Registered or not.
    pub programme: Programme,
    /// Who is at risk, masked.
    pub subject: String,
    /// Where.
    pub area: Option<Bilingual>,
    /// The score of the case.
    pub score: u32,
    /// What kind of fraud it looks like, by its code.
    pub fraud_type: Option<String>,
    /// Texts of the rules that held, the weightiest first.
    pub reasons: Vec<Bilingual>,
    /// How long after the event it was read; `None` where no event caused it or the registration came later.
    pub latency: Option<Duration>,
}

/// What officers need to know of a warning to do something about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The case.
    pub case_id: String,
    /// Whose case it is.
    pub subject_id: String,
    /// Why the warning went out.
    pub cause: Cause,
}

/// All that was read from the topic `warnings`.
#[derive(Debug, Default)]
pub struct Told {
    rows: VecDeque<Arc<Row>>,
    ids: HashSet<String>,
    /// Records read.
    pub read: u64,
    /// Records whose warning id had been read before.
    pub repeated: u64,
    /// Records that are no warnings.
    pub unreadable: u64,
    latencies: VecDeque<Duration>,
    /// Those that officers have not heard of yet.
    alarms: Vec<Alarm>,
}

impl Told {
    /// Takes in the value of a record read at `now`.
    pub fn take(&mut self, value: &[u8], now: DateTime<Utc>) {
        self.read += 1;
        let Ok(wire) = serde_json::from_slice::<Wire>(value) else {
            self.unreadable += 1;
            return;
        };
        if !self.ids.insert(wire.warning_id.clone()) {
            self.repeated += 1;
            return;
        }
        let (case_id, subject_id) = (wire.case_id.clone(), wire.subject.subject_id.clone());
        self.alarms.push(Alarm { case_id, subject_id, cause: wire.cause });
        let row = row(wire, self.ids.len() as u64, now);
        if let Some(latency) = row.latency {
            if self.latencies.len() >= SAMPLES {
                self.latencies.pop_front();
            }
            self.latencies.push_back(latency);
        }
        if self.rows.len() >= SHOWN {
            self.rows.pop_back();
        }
        self.rows.push_front(Arc::new(row));
    }

    /// What came since this was last asked.
    pub fn take_alarms(&mut self) -> Vec<Alarm> {
        std::mem::take(&mut self.alarms)
    }

    /// The last ones, the newest first.
    pub fn rows(&self) -> Vec<Arc<Row>> {
        self.rows.iter().cloned().collect()
    }

    /// How long they took.
    pub fn latency(&self) -> Latency {
        let recent = self.latencies.iter().rev().take(RECENT).rev().copied().collect();
        let mut sorted: Vec<Duration> = self.latencies.iter().copied().collect();
        sorted.sort_unstable();
        Latency { median: quantile(&sorted, 50), p99: quantile(&sorted, 99), recent }
    }
}

/// How long it took from an event to the warning it caused, seen by a reader of the topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Half of all took no longer.
    pub median: Option<Duration>,
    /// 99 of 100 took no longer.
    pub p99: Option<Duration>,
    /// The last ones, the newest last.
    pub recent: Vec<Duration>,
}

/// The smallest value that `percent` of all do not exceed.
fn quantile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn row(wire: Wire, number: u64, now: DateTime<Utc>) -> Row {
    let mut reasons = wire.reasons;
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points));
    let latency = wire.event_time.filter(|_| !wire.retroactive).map(|time| now - time.with_timezone(&Utc));
    Row {
        number,
        at: now,
        level: wire.level,
        cause: wire.cause,
        programme: wire.programme,
        subject: subject(&wire.subject),
        area: wire.area.map(|area| area.name),
        score: wire.score,
        fraud_type: wire.fraud_type,
        reasons: reasons.into_iter().map(|reason| reason.text).collect(),
        latency: latency.map(|span| span.to_std().unwrap_or_default()),
    }
}

/// `张*·131****6789`.
fn subject(subject: &WireSubject) -> String {
    let name = subject.name.as_deref().map_or_else(|| "*".to_owned(), mask_name);
    format!("{name}·{}", subject.phone_masked.as_deref().unwrap_or("****"))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;

    fn warning(id: &str, event_time: DateTime<Utc>) -> Vec<u8> {
        json!({
            "warning_id": id, "case_id": "c-1", "sequence": 1, "cause": "opened", "programme": "golden_bell",
            "level": "high", "score": 60, "rules_version": "", "directory_version": "",
            "reasons": [
                {"rule": "a", "points": 10, "text": {"zh": "甲", "en": "first"}},
                {"rule": "b", "points": 50, "text": {"zh": "乙", "en": "second"}},
            ],
            "subject": {"subject_id": "r-1", "name": "张三", "phone": "+8614523456789", "phone_masked": "145****6789"},
            "area": {"code": "kfq/a", "name": {"zh": "黄城里村", "en": "Huangchengli Village"}},
            "event_time": event_time.to_rfc3339(), "retroactive": false,
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn a_row_is_masked_and_its_reasons_are_by_weight() {
        let (mut told, now) = (Told::default(), Utc::now());
        told.take(&warning("w-1", now - TimeDelta::milliseconds(40)), now);
        let rows = told.rows();
        assert_eq!(rows[0].subject, "张*·145****6789");
        assert_eq!(rows[0].reasons.iter().map(|r| r.en.as_str()).collect::<Vec<_>>(), ["second", "first"]);
        assert_eq!(rows[0].latency, Some(Duration::from_millis(40)));
        let shown = format!("{:?}", rows[0]);
        assert!(!shown.contains("张三") && !shown.contains("14523456789"), "{shown}");
    }

    #[test]
    fn a_warning_read_twice_is_shown_once_and_counted() {
        let (mut told, now) = (Told::default(), Utc::now());
        for id in ["w-1", "w-2", "w-1"] {
            told.take(&warning(id, now), now);
        }
        told.take(b"{}", now);
        assert_eq!((told.read, told.ids.len(), told.repeated, told.unreadable), (4, 2, 1, 1));
        assert_eq!(told.rows().iter().map(|row| row.number).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn quantiles_are_of_those_that_were_measured() {
        let spans: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile(&spans, 50), Some(Duration::from_millis(100)));
        assert_eq!(quantile(&spans, 99), Some(Duration::from_millis(198)));
        assert_eq!(quantile(&spans[..1], 99), Some(Duration::from_millis(1)));
        assert_eq!(quantile(&[], 50), None);
    }
}
