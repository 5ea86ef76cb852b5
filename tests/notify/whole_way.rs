//! The whole way: an event comes in, people and an Alertmanager are told, and told again as the case goes on.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::receiver::{Got, Receiver, Reply};
use super::sample::SECRETS;
use super::stage::{SOON, Stage, wait_until};
use super::support::broker::broker_or_skip;
use super::support::model::FeedRecord;

const AREAS: &str = "[[areas]]\ncode = \"kfq\"\nname = { zh = \"开发区\", en = \"Zone\" }\nkind = \"zone\"\n";

/// The officer is told by something that refuses, all others by the default.
const PEOPLE: &str = r#"
people = [
    { id = "o", name = "甲", role = "officer", areas = ["kfq"], channels = ["broken"] },
    { id = "g", name = "乙", role = "grid_worker", areas = ["kfq"] },
    { id = "k", name = "丙", role = "chief", areas = ["kfq"] },
]
"#;

fn webhook(receiver: &Receiver) -> String {
    format!("kind = \"webhook\"\nurl = \"{}\"\nsecret = \"{}\"", receiver.url("/"), SECRETS[0])
}

fn stage(hook: &Receiver, broken: &Receiver, board: &Receiver) -> Stage {
    let mut stage = Stage::new(
        "whole",
        &[
            ("hook", webhook(hook)),
            ("broken", webhook(broken)),
            ("board", format!("kind = \"alertmanager\"\nurl = \"{}\"", board.url(""))),
        ],
    );
    let directory = stage.setting.folder.join("directory");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("areas.toml"), AREAS).unwrap();
    std::fs::write(directory.join("people.toml"), PEOPLE).unwrap();
    for (key, value) in [
        ("DIRECTORY__PATH", directory.display().to_string()),
        ("NOTIFY__DEFAULT", "[\"hook\"]".to_owned()),
        ("NOTIFY__RESIDENTS", "[\"hook\"]".to_owned()),
        ("NOTIFY__ALERTS", "[\"board\"]".to_owned()),
    ] {
        stage.stand.setting.environment.push((format!("GOLDEN_BELL__{key}"), value));
    }
    stage
}

fn registrant() -> FeedRecord {
    let value = json!({"registrant_id": "r-1", "name": "张三", "phones": ["13123456789"], "accounts": ["6200000000000005"],
        "area": "kfq", "language": "zh-cmn", "consented_at": "2021-06-01T09:00:00+08:00",
        "registered_at": "2021-06-01T09:00:00+08:00"});
    FeedRecord {
        topic: "registrants",
        key: Some(b"r-1".to_vec()),
        headers: Vec::new(),
        value: Some(value.to_string().into_bytes()),
    }
}

/// A record of this type in structured mode.
fn event(topic: &'static str, kind: &str, id: &str, data: Value) -> FeedRecord {
    let key = if topic == "case-inputs" { "r-1" } else { id };
    let value = json!({"specversion": "1.0", "id": id, "source": "urn:test", "type": format!("golden-bell.{kind}.v1"),
        "time": Utc::now(), "data": data});
    FeedRecord {
        topic,
        key: Some(key.as_bytes().to_vec()),
        headers: Vec::new(),
        value: Some(value.to_string().into_bytes()),
    }
}

/// The notifications a webhook has got.
fn data(got: &[Got]) -> Vec<Value> {
    got.iter().map(|got| got.json()["data"].clone()).collect()
}

fn any(got: &[Got], wanted: impl Fn(&Value) -> bool) -> bool {
    data(got).iter().any(wanted)
}

/// Whether the board's last word of a case is that it goes on, or is over; `None` before the first.
fn shown(board: &Receiver, case_id: &str) -> Option<bool> {
    let alerts: Vec<Value> = board.got().iter().flat_map(|got| got.json().as_array().cloned().unwrap()).collect();
    let of_case: Vec<&Value> = alerts.iter().filter(|alert| alert["labels"]["case_id"] == case_id).collect();
    let ends_at = |alert: &Value| alert["endsAt"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    // One that goes on is told with an end minutes ahead.
    let newest_level = of_case.iter().rev().find(|alert| alert["labels"]["level"] == "urgent").or(of_case.last())?;
    Some(ends_at(newest_level) > Utc::now() + TimeDelta::seconds(30))
}

#[test]
fn from_the_event_to_people_and_an_alert_and_on_to_the_chief_and_the_end_of_the_alert() {
    broker_or_skip!("that an event reaches people, and a closed case ends its alert");
    let (hook, board) = (Receiver::good(), Receiver::good());
    let broken = Receiver::start(|_, _| Reply::status(400));
    let stage = stage(&hook, &broken, &board);
    stage.send_records(&[registrant()]);
    let instance = stage.start("whole", "match,cases,notify");
    let call = json!({"call_id": "A", "phase": "ongoing", "caller": "+96890000000", "callee": "13123456789",
        "duration_s": 1_200, "suspicion": {"confidence": 0.95, "fraud_type": "fake_customer_service"}});
    let transfer = json!({"transfer_id": "T", "state": "accepted", "payer": {"account": "6200000000000005"},
        "payee": {"account": "6217000000000000004"}, "amount_minor": 20_000_000, "currency": "CNY",
        "first_payment_to_payee": true, "suspicion": {"confidence": 0.95}});
    stage.send_records(&[event("calls", "call", "e1", call)]);
    hook.wait(SOON, "the resident and the grid worker", |got| {
        any(got, |one| one["recipient"]["kind"] == "resident" && one["text"].as_str().unwrap().contains("反诈"))
            && any(got, |one| one["recipient"]["person_id"] == "g" && one["cause"] == "opened")
    });
    stage.send_records(&[event("transfers", "transfer", "e2", transfer)]);

    // The officer cannot be told, so that the chief is.
    hook.wait(SOON, "the chief", |got| {
        any(got, |one| one["recipient"]["person_id"] == "k" && one["cause"] == "escalated" && one["level"] == "urgent")
    });
    let case_id = data(&hook.got())[0]["case_id"].as_str().unwrap().to_owned();
    wait_until("the alert", || shown(&board, &case_id) == Some(true));

    let closing = json!({"follow_up_id": "f-1", "case_id": case_id, "subject_id": "r-1", "officer_id": "g",
        "by_role": "grid_worker", "at": Utc::now(), "action": "outcome", "outcome": "false_alarm"});
    stage.send_records(&[event("case-inputs", "follow-up", "f-1", closing)]);
    wait_until("the end of the alert", || shown(&board, &case_id) == Some(false));

    // What came is what was written, and every warning has its notifications.
    let warnings: Vec<Value> =
        stage.read("warnings").iter().map(|r| serde_json::from_slice(r.value.as_ref().unwrap()).unwrap()).collect();
    let written: Vec<Value> = stage
        .read("notifications")
        .iter()
        .map(|r| serde_json::from_slice(r.value.as_ref().unwrap()).unwrap())
        .collect();
    stage.settled(&written);
    // The marks that end transactions are nobody's to handle.
    for lag in ["golden_bell_notification_lag_records", "golden_bell_consumer_lag_records"] {
        wait_until("nothing to be left", || instance.metric(lag, "") == 0.0);
    }
    assert!(instance.terminate(Duration::from_secs(15)).success());
    for warning in &warnings {
        let of_it = |one: &&Value| one["warning_id"] == warning["warning_id"] && one["case_open"] == true;
        let people = written.iter().filter(of_it).filter(|one| one["recipient"]["kind"] == "person").count();
        assert_eq!(people, warning["assigned"].as_array().unwrap().len(), "{warning}");
    }
    let by_hook: Vec<&Value> = written.iter().filter(|one| one["destination"] == "hook").collect();
    let got = hook.by_id();
    assert_eq!(got.len(), by_hook.len());
    assert!(by_hook.iter().all(|one| got.contains_key(one["notification_id"].as_str().unwrap())));
}
