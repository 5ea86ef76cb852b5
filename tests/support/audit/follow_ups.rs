//! Follow-ups: each is either part of its case, once, or in the dead letters, and steps go up one at a time.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{at, json, list, text};
use super::{Findings, Outputs};
use crate::support::model::{Record, Settings};

/// Whether a dead letter was an input of stage 2.
pub fn is_of_case_inputs(settings: &Settings, letter: &Record) -> bool {
    let topic = letter.header_text("dlq_topic").and_then(|topic| topic.strip_prefix(settings.topic_prefix.as_str()));
    topic == Some("case-inputs")
}

/// `refused` are the dead letters of stage 2.
pub fn check(outputs: &Outputs, refused: &[Record], findings: &mut Findings) {
    let mut letters: BTreeSet<(i64, i64)> = BTreeSet::new();
    for letter in refused {
        let number = |name| letter.header_text(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or(-1);
        let origin = (number("dlq_partition"), number("dlq_offset"));
        findings.check(letters.insert(origin), "refused_twice", || format!("{} of {origin:?}", at(letter)));
    }
    let held = held(outputs, findings);
    let mut sent: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in &outputs.case_inputs {
        if record.header_text("ce_type") == Some("golden-bell.follow-up.v1") {
            sent.entry(record.header_text("ce_id").unwrap_or_default()).or_default().push(record);
        }
    }
    for (id, records) in sent {
        let all_refused = records.iter().all(|r| letters.contains(&(i64::from(r.partition), r.offset)));
        findings.check(held.contains(id) != all_refused, "follow_up", || {
            let held = held.contains(id);
            format!("{id}, sent {} times from {}: held {held}, refused {all_refused}", records.len(), at(records[0]))
        });
    }
}

/// The follow-ups that stand in some version of a case. None may stand twice in one, and no step is left out.
fn held(outputs: &Outputs, findings: &mut Findings) -> BTreeSet<String> {
    let mut held = BTreeSet::new();
    for record in &outputs.cases {
        let Some(case) = json(record) else { continue };
        let mut ids = BTreeSet::new();
        for done in list(&case, "follow_ups") {
            let id = text(done, "follow_up_id");
            findings.check(ids.insert(id), "follow_up_twice", || format!("{} {id}", at(record)));
            held.insert(id.to_owned());
        }
        let step = case["step"].as_u64().unwrap_or(0);
        findings.check((1..=3).contains(&step), "step", || format!("{} step {step}", at(record)));
        let mut before: Option<(u64, u64)> = None;
        for entry in list(&case, "history") {
            let (round, step) = (entry["round"].as_u64().unwrap_or(0), entry["step"].as_u64().unwrap_or(0));
            let right = before.is_none_or(|(r, s)| r != round || (s..=s + 1).contains(&step));
            findings.check(right, "step_left_out", || format!("{} {entry}", at(record)));
            before = Some((round, step));
        }
    }
    held
}
