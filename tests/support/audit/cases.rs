//! `cases`: the latest value of each key is the state of a case, and it goes with what was told.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{at, json, list, same_contacts, same_fields, shows, text};
use super::matches::Homes;
use super::warnings::rank;
use super::{Beside, Findings, Told};
use crate::support::model::{Expected, ExpectedSubject, Record};

/// How many pieces of evidence a case holds.
const MOST_EVIDENCE: usize = 50;

pub fn check(
    expected: &Expected,
    records: &[Record],
    told: &BTreeMap<&str, Told>,
    homes: &Homes,
    beside: Beside,
    findings: &mut Findings,
) {
    let latest = versions(records, homes, findings);
    let mut by_subject: BTreeMap<&str, Vec<&(Value, &Record)>> = BTreeMap::new();
    for case in latest.values() {
        by_subject.entry(text(&case.0, "subject_id")).or_default().push(case);
    }
    for (subject_id, cases) in &by_subject {
        match expected.subjects.get(*subject_id) {
            Some(subject) if subject.opened => {}
            _ => findings.add("case_unexpected", format!("{subject_id}: {}", cases[0].0)),
        }
    }
    for (subject_id, subject) in expected.subjects.iter().filter(|(_, s)| s.opened) {
        let cases = by_subject.get(subject_id.as_str()).map_or(&[][..], Vec::as_slice);
        let [(case, record)] = cases else {
            findings.add("one_case", format!("{subject_id} has {} cases", cases.len()));
            continue;
        };
        let home = homes.partitions.get(subject_id);
        findings.check(home == Some(&record.partition), "case_partition", || {
            format!("{}, case inputs of {subject_id} lie in {home:?}", at(record))
        });
        let mut faults = Vec::new();
        match told.get(subject_id.as_str()) {
            Some(told) => faults.extend(told_faults(told, case, beside)),
            None => faults.push("no warnings".to_owned()),
        }
        if beside == Beside::Nothing {
            faults.extend(state_faults(subject, case));
            faults.extend(evidence_fault(subject, case));
        }
        for fault in faults {
            findings.add("case_state", format!("{}: {fault}; {case}", at(record)));
        }
    }
}

/// Reads all versions; returns the latest of each case.
fn versions<'a>(
    records: &'a [Record],
    homes: &Homes,
    findings: &mut Findings,
) -> BTreeMap<String, (Value, &'a Record)> {
    let mut latest: BTreeMap<String, (Value, &Record)> = BTreeMap::new();
    let mut read_to: BTreeMap<i32, i64> = BTreeMap::new();
    for record in records {
        let input = record.header_text("input_offset").and_then(|text| text.parse::<i64>().ok());
        match input {
            None => findings.add("input_offset_missing", at(record)),
            Some(input) => {
                let before = read_to.insert(record.partition, input).unwrap_or(0);
                let end = homes.ends.get(&record.partition).copied().unwrap_or(-1);
                findings.check((before..=end).contains(&input), "input_offset", || {
                    format!("{}: {input} after {before}, case inputs end at {end}", at(record))
                });
            }
        }
        let Some(case) = json(record) else {
            findings.add("case_gone", at(record));
            continue;
        };
        let id = text(&case, "case_id").to_owned();
        findings.check(record.key.as_deref() == Some(id.as_bytes()), "case_key", || at(record));
        let sequence = |case: &Value| case["sequence"].as_u64();
        if let Some((before, _)) = latest.get(&id) {
            findings.check(sequence(before) <= sequence(&case), "case_sequence_falls", || at(record));
        }
        latest.insert(id, (case, record));
    }
    latest
}

fn state_faults(subject: &ExpectedSubject, case: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |good: bool, what: &str| {
        if !good {
            faults.push(what.to_owned());
        }
    };
    check(case["state"] == "open", "state is not open");
    check(case["outcome"].is_null() || case["outcome"] == "none", "outcome");
    check(list(case, "follow_ups").is_empty(), "follow_ups");
    let wanted = subject.faces.iter();
    let names = ["registrant_id", "member_id", "name", "phone", "language", "groups", "minor", "consented"];
    let mut matches = wanted.clone();
    check(matches.any(|m| same_fields(&m.json["subject"], &case["subject"], &names)), "subject");
    let contacts = wanted
        .clone()
        .all(|m| same_contacts(list(&m.json, "trusted_contacts"), &m.other_contacts, list(case, "trusted_contacts")));
    check(contacts, "trusted_contacts");
    check(wanted.clone().all(|m| m.json["programme"] == case["programme"]), "programme");
    faults
}

/// The case and its warnings were written in one transaction, so they agree.
fn told_faults(told: &Told, case: &Value, beside: Beside) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |good: bool, what: &str| {
        if !good {
            faults.push(what.to_owned());
        }
    };
    check(told.case_ids.contains(text(case, "case_id")), "no warning of this case");
    let sequence = case["sequence"].as_u64();
    check(sequence == Some(told.warnings.len() as u64), "sequence is not the number of warnings");
    if let (Some(last), Beside::Nothing) = (told.warnings.last(), beside) {
        let levels = (rank(text(last, "level")), rank(text(case, "level")));
        check(levels.0 == levels.1, "level is not that of the last warning");
        check(last["score"].as_i64() <= case["score"].as_i64(), "score is below that of the last warning");
        let counts = (last["evidence_count"].as_u64(), case["evidence_count"].as_u64());
        check(counts.0 <= counts.1, "evidence_count is below that of the last warning");
    }
    faults
}

/// Every call and transfer that can open a case is held, others may be: what cannot open one is forgotten while there is
/// none. Each is held in its latest state, but for news so forgotten.
fn evidence_fault(subject: &ExpectedSubject, case: &Value) -> Option<String> {
    let pieces = subject.pieces();
    let sure = pieces.values().filter(|events| events.iter().any(|e| e.can_open())).count();
    let evidence = list(case, "evidence");
    let count = case["evidence_count"].as_u64()? as usize;
    if evidence.len() > MOST_EVIDENCE || count < sure.min(MOST_EVIDENCE) || count < evidence.len() {
        return Some(format!("{} pieces, evidence_count {count}, at least {sure} known", evidence.len()));
    }
    if pieces.len() > MOST_EVIDENCE {
        return None;
    }
    if count > pieces.len() || evidence.len() < sure {
        return Some(format!("{} pieces, evidence_count {count}, {} known", evidence.len(), pieces.len()));
    }
    for piece in evidence {
        let name = if piece["kind"] == "call" { "call_id" } else { "transfer_id" };
        let key = pieces.keys().find(|(kind, source, id)| {
            piece["kind"] == *kind && text(piece, "source") == source && text(piece, name) == id
        });
        let events = key.and_then(|key| pieces.get(key)).map_or(&[][..], Vec::as_slice);
        let held = events.iter().position(|event| text(piece, "id") == event.id);
        let latest =
            held.is_some_and(|at| shows(piece, events[at]) && events[at + 1..].iter().all(|later| !later.can_open()));
        if !latest {
            return Some(format!("not the latest of its kind: {piece}"));
        }
    }
    None
}
