//! Holds what the program wrote against what the model says it must write.
//!
//! Every check returns what is wrong in words; an empty list is a pass. Nothing is checked that depends on the order in
//! which the partitions of the feeds were read.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

mod cases;
mod dead_letters;
mod fields;
mod follow_ups;
mod matches;
mod notifications;
mod texts;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::model::{Expected, FeedRecord, Header, Record, Settings};

/// All that a `read_committed` consumer read from the output topics, from their beginning. The records of one partition
/// stand in the order of their offsets.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// Of `case-inputs`.
    pub case_inputs: Vec<Record>,
    /// Of `warnings`.
    pub warnings: Vec<Record>,
    /// Of `cases`.
    pub cases: Vec<Record>,
    /// Of `dead-letters`.
    pub dead_letters: Vec<Record>,
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discrepancy {
    /// The check that found it, a short name.
    pub check: &'static str,
    /// What is wrong, and where.
    pub what: String,
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.what)
    }
}

/// Where the checks write down what they find.
#[derive(Default)]
struct Findings(Vec<Discrepancy>);

impl Findings {
    fn add(&mut self, check: &'static str, what: impl Into<String>) {
        self.0.push(Discrepancy { check, what: what.into() });
    }

    /// Writes down `what` unless `good`.
    fn check(&mut self, good: bool, check: &'static str, what: impl FnOnce() -> String) {
        if !good {
            self.add(check, what());
        }
    }
}

/// What came in beside the events of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    Nothing,
    /// Follow-ups, whatever they said: levels may fall with a new round, and a case may be in any state.
    FollowUps,
}

/// Runs every check. The input was all of the model's, and no follow-ups.
///
/// Deadlines may run out while a test runs: `escalated` warnings are allowed wherever they stand.
pub fn audit(settings: &Settings, expected: &Expected, outputs: &Outputs) -> Vec<Discrepancy> {
    audit_beside(settings, expected, outputs, Beside::Nothing)
}

/// Like [`audit`], with something beside.
pub fn audit_beside(settings: &Settings, expected: &Expected, outputs: &Outputs, beside: Beside) -> Vec<Discrepancy> {
    let mut findings = Findings::default();
    let homes = matches::check(settings, expected, &outputs.case_inputs, &mut findings);
    let (inputs, feeds): (Vec<Record>, Vec<Record>) =
        outputs.dead_letters.iter().cloned().partition(|letter| follow_ups::is_of_case_inputs(settings, letter));
    dead_letters::check(settings, expected, &feeds, &mut findings);
    let told = warnings::check(settings, expected, &outputs.warnings, beside, &mut findings);
    if beside == Beside::Nothing {
        texts::check(expected, &told, &homes, &mut findings);
    }
    cases::check(expected, &outputs.cases, &told, &homes, beside, &mut findings);
    follow_ups::check(outputs, &inputs, &mut findings);
    findings.0
}

/// Whether the notifications are those of these warnings, no more and no fewer. Both were read by a `read_committed`
/// consumer, the warnings first, and nobody has followed anything up.
pub fn notified(settings: &Settings, warnings: &[Record], records: &[Record]) -> Vec<Discrepancy> {
    let mut findings = Findings::default();
    notifications::check(settings, warnings, records, &mut findings);
    findings.0
}

/// After the whole input was sent again: the warnings of before still stand where they were, and of those that came
/// since, none was caused by an event.
pub fn no_new_warnings(before: &[Record], after: &[Record]) -> Vec<Discrepancy> {
    let mut findings = Findings::default();
    let place = |record: &Record| (record.partition, record.offset);
    let later: BTreeMap<_, &Record> = after.iter().map(|record| (place(record), record)).collect();
    for record in before {
        let stands = later.get(&place(record)).is_some_and(|same| *same == record);
        findings.check(stands, "warning_gone", || fields::at(record));
    }
    let known: BTreeSet<_> = before.iter().map(place).collect();
    for record in after.iter().filter(|record| !known.contains(&place(record))) {
        let warning = fields::json(record).unwrap_or_default();
        let timer = warning["cause"] == "escalated";
        findings.check(timer, "new_warning", || format!("{} {warning}", fields::at(record)));
    }
    findings.0
}

/// Whether a topic holds exactly what was sent to it: a test that lost its own input shows nothing.
pub fn all_arrived(sent: &[FeedRecord], read: &[Record]) -> Vec<Discrepancy> {
    type Content<'a> = (&'a str, &'a Option<Vec<u8>>, &'a [Header], &'a Option<Vec<u8>>);
    let mut counts: BTreeMap<Content<'_>, (usize, usize)> = BTreeMap::new();
    for r in sent {
        counts.entry((r.topic, &r.key, &r.headers, &r.value)).or_default().0 += 1;
    }
    for r in read {
        counts.entry((&r.topic, &r.key, &r.headers, &r.value)).or_default().1 += 1;
    }
    let mut findings = Findings::default();
    for ((topic, key, ..), (sent, read)) in counts {
        findings.check(sent == read, "input", || {
            let key = key.as_deref().map(String::from_utf8_lossy);
            format!("{topic}, key {key:?}: sent {sent} times, read {read} times")
        });
    }
    findings.0
}

/// The discrepancies in readable form: how many of each check, and the first few of each.
pub fn report(discrepancies: &[Discrepancy]) -> String {
    let mut by_check: BTreeMap<&str, Vec<&Discrepancy>> = BTreeMap::new();
    for discrepancy in discrepancies {
        by_check.entry(discrepancy.check).or_default().push(discrepancy);
    }
    let mut out = format!("{} discrepancies\n", discrepancies.len());
    for (check, all) in by_check {
        out.push_str(&format!("  {check} ({})\n", all.len()));
        for discrepancy in all.iter().take(5) {
            let what: String = discrepancy.what.chars().take(1_500).collect();
            out.push_str(&format!("    {what}\n"));
        }
    }
    out
}

/// What one subject was told, by the warnings found.
#[derive(Debug, Default)]
struct Told {
    case_ids: BTreeSet<String>,
    /// The warnings in order.
    warnings: Vec<Value>,
}
