//! The audit of notifications lets right ones pass, and finds each kind of wrong one.

use serde_json::{Value, json};

use crate::support::audit::{notified, report};
use crate::support::model::{Header, Record, Settings, digest_id, expect};
use crate::support::scenario_feed::Plan;
use crate::support::stand_in::{deliver, run};

struct Scene {
    settings: Settings,
    warnings: Vec<Record>,
    notifications: Vec<Record>,
}

fn scene(seed: u64) -> Scene {
    let plan = Plan { seed, registrants: 150, events: 600, large: false, ..Plan::default() };
    let feed = plan.generate();
    let (registrants, events) = (deliver(seed, &feed.registrants), deliver(seed, &feed.events));
    let expected = expect(&plan.settings, &registrants, &events);
    let warnings = run(seed, &plan.settings, &expected, &events).warnings;
    let notifications = warnings.iter().flat_map(|warning| told(&plan.settings, &value(warning))).collect();
    Scene { settings: plan.settings, warnings, notifications }
}

fn value(record: &Record) -> Value {
    serde_json::from_slice(record.value.as_deref().unwrap_or_default()).unwrap_or_default()
}

fn word<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// What must be written of a warning: to everybody assigned, else to the centre, and to the person at risk.
fn told(settings: &Settings, warning: &Value) -> Vec<Record> {
    let officer = &warning["messages"]["officer"]["zh"];
    let assigned = warning["assigned"].as_array().expect("a list");
    let mut to: Vec<(&str, Option<&str>, &Value)> =
        assigned.iter().map(|one| ("person", one["person_id"].as_str(), officer)).collect();
    if to.is_empty() {
        to.push(("centre", None, officer));
    }
    let resident = &warning["messages"]["resident"];
    if !resident.is_null() {
        to.push(("resident", warning["subject"]["subject_id"].as_str(), &resident["text"]));
    }
    to.into_iter().map(|(kind, person_id, text)| notification(settings, warning, kind, person_id, text)).collect()
}

fn notification(settings: &Settings, warning: &Value, kind: &str, person_id: Option<&str>, text: &Value) -> Record {
    let id = id_of(warning, kind, person_id);
    let value = json!({
        "notification_id": id, "destination": "log", "channel": "log", "warning_id": warning["warning_id"],
        "case_id": warning["case_id"], "subject_id": warning["subject"]["subject_id"],
        "sequence": warning["sequence"], "cause": warning["cause"], "level": warning["level"],
        "recipient": {"kind": kind, "person_id": person_id}, "text": text, "subject_masked": null,
        "case_open": true, "created_at": warning["published_at"],
    });
    let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
    Record {
        topic: "notifications".to_owned(),
        partition: 0,
        offset: 0,
        timestamp_ms: 0,
        key: Some(id.as_bytes().to_vec()),
        headers: vec![
            header("ce_specversion", "1.0"),
            header("ce_id", &id),
            header("ce_source", &settings.source),
            header("ce_type", "golden-bell.notification.v1"),
            header("ce_time", "2021-07-15T06:00:00Z"),
            header("content-type", "application/json"),
        ],
        value: Some(value.to_string().into_bytes()),
    }
}

fn id_of(warning: &Value, kind: &str, person_id: Option<&str>) -> String {
    let whom = person_id.map_or_else(|| kind.to_owned(), |person_id| format!("{kind}:{person_id}"));
    digest_id("n-", &[word(warning, "warning_id"), &whom, "log"])
}

fn place(scene: &Scene, kind: &str) -> usize {
    let is = |record: &Record| value(record)["recipient"]["kind"] == kind;
    scene.notifications.iter().position(is).expect("nothing to spoil")
}

fn alter(scene: &mut Scene, kind: &str, change: impl FnOnce(&mut Value)) {
    let at = place(scene, kind);
    let mut json = value(&scene.notifications[at]);
    change(&mut json);
    scene.notifications[at].value = Some(json.to_string().into_bytes());
}

/// Writes another notification in the place of one, with the id that its recipient gives.
fn readdress(scene: &mut Scene, from: &str, kind: &str, person_id: &str) {
    let at = place(scene, from);
    let of = value(&scene.notifications[at]);
    let is = |record: &&Record| value(record)["warning_id"] == of["warning_id"];
    let warning = value(scene.warnings.iter().find(is).expect("its warning"));
    scene.notifications[at] = notification(&scene.settings, &warning, kind, Some(person_id), &of["text"]);
}

fn phone_of_the_subject(scene: &Scene, at: usize) -> String {
    let of = value(&scene.notifications[at]);
    let is = |record: &&Record| value(record)["warning_id"] == of["warning_id"];
    word(&value(scene.warnings.iter().find(is).expect("its warning"))["subject"], "phone").to_owned()
}

fn header<'s>(scene: &'s mut Scene, name: &str) -> &'s mut Header {
    scene.notifications[0].headers.iter_mut().find(|(known, _)| known == name).expect("nothing to spoil")
}

type Spoil = fn(&mut Scene);

const SPOILT: &[(&str, Spoil)] = &[
    ("notification_missing", |s| drop(s.notifications.remove(place(s, "person")))),
    ("notification_missing", |s| drop(s.notifications.remove(place(s, "resident")))),
    ("notification_missing", |s| drop(s.notifications.remove(place(s, "centre")))),
    ("notification_twice", |s| {
        let mut again = s.notifications[place(s, "person")].clone();
        again.offset += 1;
        s.notifications.push(again);
    }),
    // Somebody else in the recipient of a message whose id is another's.
    ("notification_recipient", |s| alter(s, "person", |n| n["recipient"]["person_id"] = json!("officer-elsewhere"))),
    ("notification_recipient", |s| alter(s, "resident", |n| n["recipient"]["kind"] = json!("trusted_contact"))),
    ("notification_recipient", |s| {
        alter(s, "centre", |n| n["recipient"] = json!({"kind": "person", "person_id": "c"}))
    }),
    // And under an id that is theirs.
    ("notification_unexpected", |s| readdress(s, "person", "person", "officer-elsewhere")),
    ("notification_missing", |s| readdress(s, "person", "person", "officer-elsewhere")),
    ("notification_unexpected", |s| readdress(s, "resident", "guardian", "r-nobody")),
    ("notification_time", |s| alter(s, "person", |n| n["created_at"] = json!("2021-07-15T06:00:00.455Z"))),
    ("notification_time", |s| alter(s, "person", |n| n["created_at"] = json!("2021-07-15T06:00:00.457Z"))),
    ("notification_time", |s| alter(s, "person", |n| n["created_at"] = json!("now"))),
    // A reader who reads the warnings first must know of the warning of every notification.
    ("notification_without_warning", |s| {
        let of = value(&s.notifications[place(s, "person")]);
        s.warnings.retain(|warning| value(warning)["warning_id"] != of["warning_id"]);
    }),
    ("notification_without_warning", |s| alter(s, "person", |n| n["warning_id"] = json!("c-0-1"))),
    ("notification_content", |s| alter(s, "person", |n| n["level"] = json!("severe"))),
    ("notification_content", |s| alter(s, "person", |n| n["case_id"] = json!("c-0"))),
    ("notification_content", |s| alter(s, "person", |n| n["cause"] = json!("reassigned"))),
    ("notification_content", |s| alter(s, "person", |n| n["sequence"] = json!(0))),
    ("notification_content", |s| alter(s, "person", |n| n["subject_id"] = json!("r-nobody"))),
    ("notification_content", |s| alter(s, "person", |n| n["case_open"] = json!(false))),
    ("notification_content", |s| alter(s, "person", |n| n["text"] = json!("something else"))),
    ("notification_content", |s| alter(s, "resident", |n| n["text"] = json!("something else"))),
    ("notification_content", |s| alter(s, "resident", |n| n["subject_masked"] = json!("张*"))),
    ("notification_content", |s| {
        let of_somebody_with_a_phone = (0..s.notifications.len()).find(|at| {
            value(&s.notifications[*at])["recipient"]["kind"] == "person" && !phone_of_the_subject(s, *at).is_empty()
        });
        let at = of_somebody_with_a_phone.expect("nothing to spoil");
        let mut json = value(&s.notifications[at]);
        json["title"] = json!({"zh": phone_of_the_subject(s, at)});
        s.notifications[at].value = Some(json.to_string().into_bytes());
    }),
    ("notification_json", |s| s.notifications[0].value = Some(b"{".to_vec())),
    ("notification_key", |s| s.notifications[0].key = Some(b"n-0".to_vec())),
    ("notification_envelope", |s| header(s, "ce_id").1 = Some(b"n-0".to_vec())),
    ("notification_envelope", |s| header(s, "ce_type").1 = Some(b"golden-bell.warning.v1".to_vec())),
];

#[test]
fn right_notifications_pass_and_every_kind_of_wrong_one_is_found() {
    let right = scene(21);
    let found = notified(&right.settings, &right.warnings, &right.notifications);
    assert!(found.is_empty(), "{}", report(&found));
    assert!(right.notifications.len() > right.warnings.len());
    for (index, (check, spoil)) in SPOILT.iter().enumerate() {
        let mut spoilt = Scene {
            settings: right.settings.clone(),
            warnings: right.warnings.clone(),
            notifications: right.notifications.clone(),
        };
        spoil(&mut spoilt);
        let found = notified(&spoilt.settings, &spoilt.warnings, &spoilt.notifications);
        let hit = found.iter().any(|discrepancy| discrepancy.check == *check);
        assert!(hit, "number {index}, {check}, was not found; {}", report(&found));
    }
}

#[test]
fn the_guardians_of_a_minor_may_be_told_and_nobody_who_did_not_consent() {
    let scene = scene(22);
    let mut warning = value(&scene.warnings[0]);
    warning["messages"]["resident"] = Value::Null;
    warning["trusted_contacts"] = json!([
        {"person_id": "r-8", "consented": true, "guardian": true},
        {"person_id": "r-9", "consented": true, "guardian": true, "minor": true,
         "guardians": [{"person_id": "r-9/m1"}]},
        {"person_id": "r-7", "consented": false, "guardian": true},
        {"person_id": "r-6", "consented": true},
    ]);
    let mut record = scene.warnings[0].clone();
    record.value = Some(warning.to_string().into_bytes());
    let audit = |guardian: &str| {
        let mut all = told(&scene.settings, &warning);
        all.push(notification(&scene.settings, &warning, "guardian", Some(guardian), &json!("【反诈预警】")));
        let found = notified(&scene.settings, std::slice::from_ref(&record), &all);
        found.into_iter().map(|discrepancy| discrepancy.check).collect::<Vec<_>>()
    };
    for may in ["r-8", "r-9/m1"] {
        assert_eq!(audit(may), Vec::<&str>::new(), "{may}");
    }
    for may_not in ["r-9", "r-7", "r-6"] {
        assert_eq!(audit(may_not), ["notification_unexpected"], "{may_not}");
    }
}
