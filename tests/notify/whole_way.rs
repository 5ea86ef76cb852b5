//! The whole way: an event comes in, people and an Alertmanager are told, and told again as the case goes on.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::alertmanager::{Alertmanager, RESOLVE_TIMEOUT_S, binary, paged};
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

fn stage(name: &str, hook: &Receiver, broken: &Receiver, board: String) -> Stage {
    let destinations =
        [("hook", webhook(hook)), ("broken", webhook(broken)), ("board", format!("kind = \"alertmanager\"\n{board}"))];
    let mut stage = Stage::new(name, &destinations);
    let directory = stage.setting.folder.join("directory");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("areas.toml"), AREAS).unwrap();
    std::fs::write(directory.join("people.toml"), PEOPLE).unwrap();
    for (key, value) in [
        ("DIRECTORY__PATH", directory.display().to_string()),
        ("NOTIFY__DEFAULT", "[\"hook\"]".to_owned()),
        ("NOTIFY__RESIDENTS", "[\"hook\"]".to_owned()),
        ("NOTIFY__ALERTS", "[\"board\"]".to_owned()),
        ("NOTIFY__RUNBOOKS__URGENT", "https://runbooks.example/urgent".to_owned()),
        ("NOTIFY__RUNBOOKS__HIGH", "https://runbooks.example/high".to_owned()),
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

fn call() -> Value {
    json!({"call_id": "A", "phase": "ongoing", "caller": "+96890000000", "callee": "13123456789",
        "duration_s": 1_200, "suspicion": {"confidence": 0.95, "fraud_type": "fake_customer_service"}})
}

/// A follow-up that closes a case.
fn closing(case_id: &str) -> FeedRecord {
    let data = json!({"follow_up_id": "f-1", "case_id": case_id, "subject_id": "r-1", "officer_id": "g",
        "by_role": "grid_worker", "at": Utc::now(), "action": "outcome", "outcome": "false_alarm"});
    event("case-inputs", "follow-up", "f-1", data)
}

fn values(stage: &Stage, topic: &str) -> Vec<Value> {
    stage.read(topic).iter().map(|record| serde_json::from_slice(record.value.as_ref().unwrap()).unwrap()).collect()
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
    let stage = stage("whole", &hook, &broken, format!("url = \"{}\"", board.url("")));
    stage.send_records(&[registrant()]);
    let instance = stage.start("whole", "match,cases,notify");
    let transfer = json!({"transfer_id": "T", "state": "accepted", "payer": {"account": "6200000000000005"},
        "payee": {"account": "6217000000000000004"}, "amount_minor": 20_000_000, "currency": "CNY",
        "first_payment_to_payee": true, "suspicion": {"confidence": 0.95}});
    stage.send_records(&[event("calls", "call", "e1", call())]);
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

    stage.send_records(&[closing(&case_id)]);
    wait_until("the end of the alert", || shown(&board, &case_id) == Some(false));

    // What came is what was written, and every warning has its notifications.
    let (warnings, written) = (values(&stage, "warnings"), values(&stage, "notifications"));
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

#[test]
fn in_one_run_an_event_is_an_alert_of_a_real_alertmanager_until_its_case_closes() {
    broker_or_skip!("that an event becomes an alert of a real alertmanager, and its end the end of the case");
    let Some(binary) = binary() else { return };
    let (hook, pager) = (Receiver::good(), Receiver::good());
    let alertmanager = Alertmanager::start(binary, &pager);
    let board = format!("url = \"http://{}\"\nresend_every = \"4s\"", alertmanager.address);
    let stage = stage("one-run", &hook, &hook, board);
    stage.send_records(&[registrant()]);
    let instance = stage.start("one-run", "match,cases,notify");
    stage.send_records(&[event("calls", "call", "e1", call())]);
    let warning = stage.wait_for("warnings", 1).remove(0);
    let warning: Value = serde_json::from_slice(warning.value.as_ref().unwrap()).unwrap();
    let (case_id, level) = (warning["case_id"].as_str().unwrap(), warning["level"].as_str().unwrap());
    wait_until("the alert", || !alertmanager.active(case_id).is_empty());
    let first_end = alertmanager.ends_at(case_id).unwrap();
    let severity = if level == "urgent" { "critical" } else { "warning" };
    let alert = alertmanager.active(case_id).remove(0);
    assert_eq!(
        alert["labels"],
        json!({"alertname": "GoldenBellCase", "case_id": case_id, "level": level, "severity": severity,
               "area": warning["area"]["code"], "runbook": format!("https://runbooks.example/{level}")})
    );
    assert_eq!(alert["annotations"]["warning_id"], warning["warning_id"]);
    wait_until("the page", || paged(&pager, case_id, level, "firing"));

    // It stays, beyond the end it was first told with and beyond what Alertmanager itself would give it.
    let beyond =
        first_end.max(Utc::now() + TimeDelta::seconds(RESOLVE_TIMEOUT_S.cast_signed())) + TimeDelta::seconds(1);
    wait_until("the time to pass after which it would have ended", || Utc::now() > beyond);
    assert_eq!(alertmanager.active(case_id).len(), 1);
    assert!(!paged(&pager, case_id, level, "resolved"), "the pager was told that an open case is over");

    stage.send_records(&[closing(case_id)]);
    wait_until("the page that it is over", || paged(&pager, case_id, level, "resolved"));
    wait_until("the alert to go", || alertmanager.active(case_id).is_empty());
    assert!(instance.terminate(Duration::from_secs(15)).success());
}
