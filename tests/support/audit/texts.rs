//! `messages.resident` of the warnings: the person at risk is told where they may be, once a round and level and of
//! every new transfer, in their language, and reads nothing that could harm them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{list, text};
use super::matches::Homes;
use super::warnings::rank;
use super::{Findings, Told};
use crate::support::model::{Expected, ExpectedSubject, digest_id};

/// Milliseconds after which an event is no longer told to the person at risk.
const TOLD_WITHIN_MS: i64 = 1_800_000;

pub fn check(expected: &Expected, told: &BTreeMap<&str, Told>, homes: &Homes, findings: &mut Findings) {
    for (subject_id, told) in told {
        let Some(subject) = expected.subjects.get(*subject_id) else { continue };
        let mut level = None;
        for warning in &told.warnings {
            let resident = &warning["messages"]["resident"];
            let expected = must_be_told(subject_id, subject, warning, level, homes);
            findings.check(resident.is_object() == expected, "resident_told", || {
                format!("{subject_id}, expected {expected}, last told at {level:?}: {warning}")
            });
            if expected {
                level = level.max(rank(text(warning, "level")));
            }
            if resident.is_object() {
                let fault = text_fault(subject, resident);
                findings.check(fault.is_none(), "resident_text", || format!("{subject_id}: {fault:?} in {warning}"));
            }
        }
    }
}

/// There are no follow-ups, so all warnings of a case belong to one round.
fn must_be_told(
    subject_id: &str,
    subject: &ExpectedSubject,
    warning: &Value,
    last: Option<usize>,
    homes: &Homes,
) -> bool {
    let cause = text(warning, "cause");
    let Some(first) = list(warning, "evidence").first().filter(|_| cause != "escalated") else { return false };
    let (source, id) = (text(first, "source"), text(first, "id"));
    let Some(event) = subject.events.get(&(source.to_owned(), id.to_owned())) else { return false };
    let handled = homes.handled.get(&digest_id("m-", &[source, id, subject_id])).copied().unwrap_or(i64::MAX);
    let fresh = handled - event.time.timestamp_millis() < TOLD_WITHIN_MS;
    let may = subject.faces.iter().all(|face| {
        let person = &face.json["subject"];
        person["consented"] == true && person["minor"] != true
    });
    may && fresh && (cause == "transfer" || rank(text(warning, "level")) > last)
}

fn text_fault(subject: &ExpectedSubject, resident: &Value) -> Option<String> {
    let (language, text) = (text(resident, "language"), text(resident, "text"));
    let person = &subject.faces.first()?.json["subject"];
    let has_texts = |language: &&str| matches!(*language, "zh-yongkang" | "en");
    let wanted = person["language"].as_str().filter(has_texts).unwrap_or("zh-cmn");
    if language != wanted {
        return Some(format!("language is {language}, not {wanted}"));
    }
    let opening = if language == "en" { "[Anti-fraud warning] " } else { "【反诈预警】" };
    if !text.starts_with(opening) {
        return Some("it begins otherwise".to_owned());
    }
    let digits: String = text.chars().map(|c| if c.is_ascii_digit() { c } else { ' ' }).collect();
    if digits.split_whitespace().any(|run| run.len() >= 5 && run != "96110") {
        return Some("a long number".to_owned());
    }
    let name = person["name"].as_str().filter(|name| !name.is_empty());
    if name.is_some_and(|name| text.contains(name)) || text.contains(['@', '\n']) || text.contains("://") {
        return Some("a name, a link or an @".to_owned());
    }
    None
}
