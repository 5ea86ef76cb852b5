//! `notifications`: of every warning one to each person assigned and to the person at risk, or to the centre where
//! nobody is assigned; each once, at the moment of its warning and none without it. All go to the one destination of the
//! trial, the log.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use super::Findings;
use super::fields::{at, envelope_faults, json, list, text};
use crate::support::model::{Record, Settings, digest_id};

const DESTINATION: &str = "log";

/// Ids by what they are for: those that must be there, and those that may.
#[derive(Default)]
struct Wanted {
    must: BTreeMap<String, String>,
    may: BTreeSet<String>,
    warning: Value,
}

pub fn check(settings: &Settings, warnings: &[Record], records: &[Record], findings: &mut Findings) {
    let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
    for warning in warnings.iter().filter_map(json) {
        wanted.insert(text(&warning, "warning_id").to_owned(), want(warning));
    }
    let mut ids = BTreeSet::new();
    for record in records {
        let Some(notification) = json(record) else {
            findings.add("notification_json", at(record));
            continue;
        };
        let id = text(&notification, "notification_id").to_owned();
        for fault in envelope_faults(settings, record, "golden-bell.notification.v1", &id) {
            findings.add("notification_envelope", format!("{} {id}: {fault}", at(record)));
        }
        let key = record.key.as_deref() == Some(id.as_bytes());
        findings.check(key, "notification_key", || at(record));
        findings.check(ids.insert(id.clone()), "notification_twice", || format!("{} {id}", at(record)));
        match wanted.get(text(&notification, "warning_id")) {
            None => findings.add("notification_without_warning", format!("{} {notification}", at(record))),
            Some(of) => {
                let known = of.must.contains_key(&id) || of.may.contains(&id);
                findings.check(known, "notification_unexpected", || format!("{} {notification}", at(record)));
                let to = recipient(&notification);
                let own = digest_id("n-", &[text(&notification, "warning_id"), &to, DESTINATION]) == id;
                findings.check(own, "notification_recipient", || format!("{id} is not of {to}"));
                let same = moment(&notification, "created_at") == moment(&of.warning, "published_at");
                findings.check(same, "notification_time", || format!("{notification} of {}", of.warning));
                let right = content(&notification, &of.warning);
                findings.check(right, "notification_content", || format!("{notification} of {}", of.warning));
            }
        }
    }
    for (warning_id, of) in &wanted {
        for (id, whom) in of.must.iter().filter(|(id, _)| !ids.contains(*id)) {
            findings.add("notification_missing", format!("{warning_id}: {id} to {whom}"));
        }
    }
}

/// Whom a warning must be told to, and who may be told beside: a minor's guardians, if the event is new enough.
fn want(warning: Value) -> Wanted {
    let id = |whom: &str| digest_id("n-", &[text(&warning, "warning_id"), whom, DESTINATION]);
    let mut must: Vec<String> =
        list(&warning, "assigned").iter().map(|one| format!("person:{}", text(one, "person_id"))).collect();
    if must.is_empty() {
        must.push("centre".to_owned());
    }
    if !warning["messages"]["resident"].is_null() {
        must.push(format!("resident:{}", text(&warning["subject"], "subject_id")));
    }
    let guardians = list(&warning, "trusted_contacts").iter().filter(|one| one["guardian"] == true);
    let guardians = guardians.filter(|_| warning["messages"]["resident"].is_null());
    let may = guardians.flat_map(may_be_told).map(|person_id| id(&format!("guardian:{person_id}"))).collect();
    Wanted { must: must.into_iter().map(|whom| (id(&whom), whom)).collect(), may, warning }
}

/// The contact, or instead of a minor the guardians, all with their consent.
fn may_be_told(contact: &Value) -> Vec<&str> {
    match contact["minor"] == true {
        true => list(contact, "guardians").iter().map(|guardian| text(guardian, "person_id")).collect(),
        false => Vec::from_iter((contact["consented"] == true).then(|| text(contact, "person_id"))),
    }
}

/// Whom a notification says it is for, as its id has it.
fn recipient(notification: &Value) -> String {
    let recipient = &notification["recipient"];
    match text(recipient, "kind") {
        "centre" => "centre".to_owned(),
        kind => format!("{kind}:{}", text(recipient, "person_id")),
    }
}

fn moment(value: &Value, name: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text(value, name)).ok()
}

/// Whether a notification says what its warning says, and nothing that its reader must not see.
fn content(notification: &Value, warning: &Value) -> bool {
    let same = ["case_id", "sequence", "cause", "level"].iter().all(|name| notification[*name] == warning[*name]);
    let subject = &warning["subject"];
    let (kind, whole) = (text(&notification["recipient"], "kind"), notification.to_string());
    let public = matches!(kind, "resident" | "guardian");
    let texts = match kind {
        "resident" => notification["text"] == warning["messages"]["resident"]["text"],
        "guardian" => true,
        _ => notification["text"] == warning["messages"]["officer"]["zh"],
    };
    let secret = |name: &str| !text(subject, name).is_empty() && whole.contains(text(subject, name));
    let masked = public || !secret("phone");
    same && texts
        && masked
        && notification["subject_id"] == subject["subject_id"]
        && (!public || notification["subject_masked"].is_null())
        && notification["case_open"] == true
}
