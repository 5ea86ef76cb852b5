//! `case-inputs`: every expected match and no other. Stage 1 may write one more than once, but never two that differ.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Findings;
use super::fields::{at, envelope_faults, is_time, json, list, same_contacts, same_fields, text, tidy};
use crate::support::model::{Expected, ExpectedMatch, Record, Settings};

/// Where the case inputs of each subject lie, and where those of each partition end.
#[derive(Default)]
pub struct Homes {
    /// The partition of each subject.
    pub partitions: BTreeMap<String, i32>,
    /// The last offset of each partition.
    pub ends: BTreeMap<i32, i64>,
    /// When the first record of each match was written, Unix milliseconds: the time by which it is handled.
    pub handled: BTreeMap<String, i64>,
}

pub fn check(settings: &Settings, expected: &Expected, records: &[Record], findings: &mut Findings) -> Homes {
    let mut seen = BTreeSet::new();
    let mut homes = Homes::default();
    for record in records {
        let end = homes.ends.entry(record.partition).or_insert(record.offset);
        *end = record.offset.max(*end);
        match record.header_text("ce_type") {
            Some("golden-bell.match.v1") => {}
            Some("golden-bell.follow-up.v1" | "golden-bell.delivery.v1" | "golden-bell.erasure.v1") => continue,
            _ => {
                findings.add("case_input_type", at(record));
                continue;
            }
        }
        let Some(found) = json(record) else {
            findings.add("match_json", at(record));
            continue;
        };
        let Some(wanted) = expected.matches.get(text(&found, "match_id")) else {
            findings.add("match_unexpected", format!("{} {found}", at(record)));
            continue;
        };
        seen.insert(&wanted.match_id);
        homes.handled.entry(wanted.match_id.clone()).or_insert(record.timestamp_ms);
        let home = *homes.partitions.entry(wanted.subject_id.clone()).or_insert(record.partition);
        findings.check(home == record.partition, "match_partition", || at(record));
        for fault in faults(settings, wanted, record, &found) {
            findings.add("match_content", format!("{}: {fault}; expected {}, got {found}", at(record), wanted.json));
        }
    }
    for (id, wanted) in &expected.matches {
        findings.check(seen.contains(id), "match_missing", || wanted.json.to_string());
    }
    homes
}

fn faults(settings: &Settings, wanted: &ExpectedMatch, record: &Record, found: &Value) -> Vec<String> {
    let mut faults = envelope_faults(settings, record, "golden-bell.match.v1", &wanted.match_id);
    let mut check = |good: bool, what: &str| {
        if !good {
            faults.push(what.to_owned());
        }
    };
    let json = &wanted.json;
    check(record.key.as_deref() == Some(wanted.subject_id.as_bytes()), "key");
    check(record.header_text("traceparent") == wanted.traceparent.as_deref(), "traceparent");
    for name in ["subject_id", "programme", "matched_by", "identifier", "retroactive"] {
        check(same_fields(json, found, &[name]), name);
    }
    let subject = [
        "registrant_id",
        "member_id",
        "name",
        "phone",
        "language",
        "groups",
        "area",
        "workplace",
        "minor",
        "consented",
    ];
    for name in subject {
        let found = found.get("subject").unwrap_or(&Value::Null);
        check(same_fields(&json["subject"], found, &[name]), &format!("subject.{name}"));
    }
    let contacts = (list(json, "trusted_contacts"), list(found, "trusted_contacts"));
    check(same_contacts(contacts.0, &wanted.other_contacts, contacts.1), "trusted_contacts");
    check(tidy(&json["event"]) == tidy(&found["event"]), "event");
    check(is_time(found, "matched_at"), "matched_at");
    let offset = found["registrant_offset"].as_i64();
    let right = match offset {
        Some(offset) => wanted.registrant_offsets.contains(&offset),
        None => wanted.registrant_offsets.is_empty(),
    };
    check(right, &format!("registrant_offset, expected one of {:?}", wanted.registrant_offsets));
    faults
}
