//! `dead-letters`: every bad record, byte for byte, with its reason, at least once; and no other.

use std::collections::BTreeSet;

use chrono::DateTime;

use super::Findings;
use super::fields::at;
use crate::support::model::{DeadLetter, Expected, Header, Record, Settings};

pub fn check(settings: &Settings, expected: &Expected, records: &[Record], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for record in records {
        let number = |name| record.header_text(name).and_then(|text| text.parse::<i64>().ok());
        let topic = record.header_text("dlq_topic").and_then(|t| t.strip_prefix(settings.topic_prefix.as_str()));
        let (Some(topic), Some(partition), Some(offset)) = (topic, number("dlq_partition"), number("dlq_offset"))
        else {
            findings.add("dead_letter_origin", at(record));
            continue;
        };
        let origin = (topic.to_owned(), partition as i32, offset);
        let Some(wanted) = expected.dead_letters.get(&origin) else {
            let reason = record.header_text("dlq_reason");
            findings.add("dead_letter_unexpected", format!("{} of {origin:?}, {reason:?}", at(record)));
            continue;
        };
        for fault in faults(wanted, record) {
            findings.add("dead_letter_content", format!("{} of {origin:?}: {fault}", at(record)));
        }
        seen.insert(origin);
    }
    for (origin, wanted) in &expected.dead_letters {
        findings.check(seen.contains(origin), "dead_letter_missing", || {
            let value = wanted.value.as_deref().unwrap_or_default();
            let start = String::from_utf8_lossy(&value[..value.len().min(300)]);
            format!("{origin:?}, {}: {start}", wanted.reason.as_str())
        });
    }
}

fn faults(wanted: &DeadLetter, record: &Record) -> Vec<String> {
    let mut faults = Vec::new();
    let reason = record.header_text("dlq_reason");
    if reason != Some(wanted.reason.as_str()) {
        let detail = record.header_text("dlq_detail");
        let value = wanted.value.as_deref().unwrap_or_default();
        let start = String::from_utf8_lossy(&value[..value.len().min(600)]);
        faults.push(format!("reason {reason:?} ({detail:?}), expected {}: {start}", wanted.reason.as_str()));
    }
    if record.key != wanted.key {
        faults.push(format!("key {:?}, was {:?}", record.key, wanted.key));
    }
    if record.value != wanted.value {
        let length = |value: &Option<Vec<u8>>| value.as_ref().map(Vec::len);
        faults.push(format!("value altered, {:?} bytes of {:?}", length(&record.value), length(&wanted.value)));
    }
    let (own, original): (Vec<&Header>, Vec<&Header>) =
        record.headers.iter().partition(|(name, _)| name.starts_with("dlq_"));
    if !original.iter().copied().eq(&wanted.headers) {
        faults.push(format!("headers {original:?}, were {:?}", wanted.headers));
    }
    for name in ["dlq_reason", "dlq_detail", "dlq_topic", "dlq_partition", "dlq_offset", "dlq_timestamp"] {
        let count = own.iter().filter(|(n, v)| n == name && v.is_some()).count();
        if count != 1 {
            faults.push(format!("{count} headers {name}"));
        }
    }
    let truncated = record.header_text("dlq_truncated").map(str::to_owned);
    if truncated != wanted.truncated.map(|length| length.to_string()) {
        faults.push(format!("dlq_truncated is {truncated:?}, expected {:?}", wanted.truncated));
    }
    let time = record.header_text("dlq_timestamp").unwrap_or_default();
    let millis = time.parse().ok().or_else(|| DateTime::parse_from_rfc3339(time).ok().map(|t| t.timestamp_millis()));
    if millis != Some(wanted.timestamp_ms) {
        faults.push(format!("dlq_timestamp is {time}, the record had {}", wanted.timestamp_ms));
    }
    faults
}
