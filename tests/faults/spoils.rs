//! An audit that cannot fail shows nothing: what was found right is spoilt in every way that matters, and each must be
//! found wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::compare::value;
use crate::replay::Judge;
use crate::support::model::Record;
use crate::verdict::Found;

/// Whether this is the first campaign of the process, the one whose outputs are spoilt.
pub fn due() -> bool {
    static DONE: AtomicBool = AtomicBool::new(false);
    !DONE.swap(true, Ordering::Relaxed)
}

/// Spoils a copy; false where there is nothing to spoil.
type Spoil = fn(&mut Found) -> bool;

const SPOILS: [(&str, Spoil); 14] = [
    ("a warning lost", |f| lose(&mut f.outputs.warnings, |_| true)),
    ("a warning doubled", |f| double(&mut f.outputs.warnings, |_| true)),
    ("two warnings swapped", |f| swap(&mut f.outputs.warnings, |_, _| true)),
    ("a warning of a timer lost", |f| lose(&mut f.outputs.warnings, escalated)),
    ("a warning of a timer doubled", |f| double(&mut f.outputs.warnings, escalated)),
    ("a timer lost, with all it gave", lose_timer),
    ("the last version of a case lost", lose_last_version),
    ("a version of a case doubled", |f| double(&mut f.outputs.cases, |_| true)),
    ("a notification lost", |f| lose(&mut f.notifications, |_| true)),
    ("a notification doubled", |f| double(&mut f.notifications, |_| true)),
    ("two notifications of a person swapped", |f| swap(&mut f.notifications, same_subject)),
    ("a refused follow-up lost", |f| lose(&mut f.outputs.dead_letters, of_case_inputs)),
    ("a follow-up lost", lose_follow_up),
    ("two matches of a person swapped", swap_matches),
];

/// What the audit does not see, in words.
pub fn unseen(judge: &Judge, found: &Found) -> Vec<String> {
    let mut unseen = Vec::new();
    for (name, spoil) in SPOILS {
        let mut spoilt = found.clone();
        if !spoil(&mut spoilt) {
            unseen.push(format!("the audit cannot be tried: nothing is there for {name}"));
        } else if spoilt.replayed(judge).discrepancies.is_empty() {
            unseen.push(format!("the audit does not see {name}"));
        }
    }
    println!("{} of {} spoils found", SPOILS.len() - unseen.len(), SPOILS.len());
    unseen
}

fn escalated(record: &Record) -> bool {
    value(record)["cause"] == "escalated"
}

fn of_case_inputs(record: &Record) -> bool {
    record.header_text("dlq_topic").is_some_and(|topic| topic.ends_with("case-inputs"))
}

fn same_subject(one: &Value, other: &Value) -> bool {
    one["subject_id"] == other["subject_id"] && one["sequence"] != other["sequence"]
}

/// The one in the middle of those that are asked for.
fn pick(records: &[Record], of: impl Fn(&Record) -> bool) -> Option<usize> {
    let all: Vec<usize> = (0..records.len()).filter(|&at| of(&records[at])).collect();
    all.get(all.len() / 2).copied()
}

fn lose(records: &mut Vec<Record>, of: impl Fn(&Record) -> bool) -> bool {
    pick(records, of).map(|at| records.remove(at)).is_some()
}

/// An earlier version is nothing to miss where the next transaction wrote the case again: compaction may take it, too.
fn lose_last_version(found: &mut Found) -> bool {
    let cases = &mut found.outputs.cases;
    let last: BTreeMap<String, i64> = cases.iter().map(|record| (record.key_text(), record.offset)).collect();
    lose(cases, |record| last.get(&record.key_text()) == Some(&record.offset))
}

/// Stands a second time at the end of its partition, as a zombie would have written it.
fn double(records: &mut Vec<Record>, of: impl Fn(&Record) -> bool) -> bool {
    let Some(at) = pick(records, of) else { return false };
    let mut again = records[at].clone();
    let end = records.iter().rposition(|record| record.partition == again.partition).unwrap_or(at);
    again.offset = records[end].offset + 2;
    records.insert(end + 1, again);
    true
}

/// Exchanges the contents of two records of a partition.
fn swap(records: &mut [Record], these: impl Fn(&Value, &Value) -> bool) -> bool {
    let values: Vec<Value> = records.iter().map(value).collect();
    let half = records.len() / 2;
    for first in (half..records.len()).chain(0..half) {
        let same =
            |at: &usize| records[*at].partition == records[first].partition && these(&values[first], &values[*at]);
        if let Some(second) = (first + 1..records.len()).find(same) {
            exchange(records, first, second);
            return true;
        }
    }
    false
}

fn exchange(records: &mut [Record], first: usize, second: usize) {
    let (left, right) = records.split_at_mut(second);
    let (one, other) = (&mut left[first], &mut right[0]);
    std::mem::swap(&mut one.key, &mut other.key);
    std::mem::swap(&mut one.headers, &mut other.headers);
    std::mem::swap(&mut one.value, &mut other.value);
}

/// As if it had never fired: the warning, its notifications and the version of the case are gone.
fn lose_timer(found: &mut Found) -> bool {
    let warnings = &mut found.outputs.warnings;
    let Some(at) = pick(warnings, escalated) else { return false };
    let warning = value(&warnings.remove(at));
    found.notifications.retain(|record| value(record)["warning_id"] != warning["warning_id"]);
    found.outputs.cases.retain(|record| {
        let case = value(record);
        case["case_id"] != warning["case_id"] || case["sequence"] != warning["sequence"]
    });
    true
}

/// How often each input came: those that came once can be missed.
fn arrivals(found: &Found) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for record in &found.outputs.case_inputs {
        *counts.entry(name(record)).or_default() += 1;
    }
    counts
}

fn name(record: &Record) -> String {
    record.header_text("ce_id").unwrap_or_default().to_owned()
}

/// A follow-up that came once, in a case or in the dead letters.
fn lose_follow_up(found: &mut Found) -> bool {
    let counts = arrivals(found);
    let once = |record: &Record| counts.get(&name(record)) == Some(&1);
    lose(&mut found.outputs.case_inputs, |r| r.header_text("ce_type") == Some("golden-bell.follow-up.v1") && once(r))
}

/// Two neighbouring transfers of a person with a case, each of which came once.
fn swap_matches(found: &mut Found) -> bool {
    let counts = arrivals(found);
    let with_case: BTreeSet<String> = found
        .outputs
        .cases
        .iter()
        .filter_map(|record| Some(value(record)["subject_id"].as_str()?.to_owned()))
        .collect();
    let counts_alone = |record: &Record| {
        record.header_text("ce_type") == Some("golden-bell.match.v1")
            && counts.get(&name(record)) == Some(&1)
            && with_case.contains(&record.key_text())
            && value(record)["event"]["kind"] == "transfer"
    };
    let inputs = &mut found.outputs.case_inputs;
    let half = inputs.len() / 2;
    for first in half..inputs.len() {
        let same = |at: &usize| inputs[*at].key == inputs[first].key && counts_alone(&inputs[*at]);
        if counts_alone(&inputs[first])
            && let Some(second) = (first + 1..inputs.len()).find(same)
        {
            exchange(inputs, first, second);
            return true;
        }
    }
    false
}
