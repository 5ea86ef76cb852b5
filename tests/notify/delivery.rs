//! Nothing is lost and nothing doubled: kills, a receiver that is away, an orderly stop, and the way back to the case.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::receiver::{Receiver, Reply, Reserved};
use super::sample::{SECRETS, json_of};
use super::stage::{Stage, ended, id_of, wait_until};
use super::support::broker::broker_or_skip;
use super::support::model::FeedRecord;

fn webhook(url: &str, more: &str) -> String {
    format!(
        "kind = \"webhook\"\nurl = \"{url}\"\nsecret = \"{}\"\nretry_from = \"50ms\"\nretry_up_to = \"500ms\"\n{more}",
        SECRETS[0]
    )
}

#[test]
fn after_kill_9_all_arrive_and_what_comes_again_comes_under_the_same_id() {
    broker_or_skip!("that kill -9 loses no notification");
    let receiver = Receiver::start(|_, _| Reply::After(Duration::from_millis(20), 200));
    let stage = Stage::new("killed", &[("hook", webhook(&receiver.url("/"), "concurrency = 4"))]);
    let all: Vec<Value> = (0..400).map(|n| json_of("hook", &format!("c-{n}"), 1)).collect();
    stage.send(&all);
    let mut kills = 0;
    for enough in [60, 180] {
        let instance = stage.start("killed", "notify");
        receiver.wait(super::stage::SOON, "some notifications", |got| got.len() >= enough);
        instance.kill();
        kills += usize::from(receiver.by_id().len() < all.len());
    }
    assert_eq!(kills, 2, "nothing was left to do when it was killed");
    let instance = stage.start("killed", "notify");
    stage.settled(&all);
    stage.wait_committed();
    let by_id = receiver.by_id();
    let wanted: BTreeSet<&str> = all.iter().map(id_of).collect();
    assert_eq!(by_id.keys().map(String::as_str).collect::<BTreeSet<_>>(), wanted);
    for (id, attempts) in &by_id {
        assert!(attempts.iter().all(|got| got.body == attempts[0].body), "{id} came with another content");
    }
    assert!(instance.terminate(Duration::from_secs(15)).success());
}

#[test]
fn a_receiver_that_is_away_costs_no_memory_and_loses_nothing() {
    broker_or_skip!("that Kafka keeps what is not yet delivered");
    const COUNT: usize = 6_000;
    const TEXT_BYTES: usize = 10_000;
    let (place, well) = (Reserved::new(), Receiver::good());
    let stage = Stage::new(
        "away",
        &[("away", webhook(&format!("http://{}/", place.address), "")), ("well", webhook(&well.url("/"), ""))],
    );
    let instance = stage.start("away", "notify");
    let before = instance.peak_resident_bytes();
    let mut chance = rand::rngs::StdRng::seed_from_u64(1);
    let mut all: Vec<Value> = Vec::with_capacity(COUNT);
    for n in 0..COUNT {
        let mut notification = json_of("away", &format!("c-{n}"), 1);
        // Nothing that would be small in the client's buffers and large out of them.
        let noise: Vec<u8> = (0..TEXT_BYTES / 2).map(|_| chance.random()).collect();
        notification["text"] = json!(hex::encode(noise));
        all.push(notification);
    }
    stage.send(&all);
    let to_the_well: Vec<Value> = (0..200).map(|n| json_of("well", &format!("w-{n}"), 1)).collect();
    stage.send(&to_the_well);
    // Behind all the others, which are not delivered.
    well.wait(super::stage::SOON, "the other destination to go on", |got| got.len() >= to_the_well.len());
    wait_until("attempts to fail", || {
        instance.metric("golden_bell_notifications_total", "state=\"failed_temp\"") >= 50.0
    });
    let grown = instance.peak_resident_bytes().saturating_sub(before);
    assert!(grown < (COUNT * TEXT_BYTES / 2) as u64, "{grown} bytes are held for a receiver that is away");

    let back = Receiver::start_at(place, |_, _| Reply::status(200));
    stage.settled(&all);
    stage.wait_committed();
    assert_eq!(back.by_id().len(), COUNT);
    assert!(back.by_id().values().all(|attempts| attempts.len() == 1), "something was taken twice");
    assert_eq!(instance.metric("golden_bell_notifications_total", "state=\"failed_perm\""), 0.0);
    assert!(instance.terminate(Duration::from_secs(15)).success());
}

#[test]
fn a_stop_ends_in_time_and_leaves_what_is_not_delivered_to_the_next() {
    broker_or_skip!("that the role notify stops in good order");
    let receiver = Receiver::start(|_, _| Reply::Never);
    let stage = Stage::new("stopped", &[("hook", webhook(&receiver.url("/"), "timeout = \"1m\""))]);
    let all: Vec<Value> = (0..40).map(|n| json_of("hook", &format!("c-{n}"), 1)).collect();
    stage.send(&all);
    let instance = stage.start("stopped", "notify");
    receiver.wait(super::stage::SOON, "attempts", |got| got.len() >= 16);
    assert!(instance.terminate(Duration::from_secs(15)).success());
    assert!(stage.deliveries().is_empty());
    receiver.now(|_, _| Reply::status(200));
    let instance = stage.start("stopped", "notify");
    let deliveries = stage.settled(&all);
    assert!(all.iter().all(|n| ended(&deliveries, id_of(n)).unwrap()["state"] == "delivered"));
    assert!(instance.terminate(Duration::from_secs(15)).success());
}

#[test]
fn two_processes_share_a_destination_and_one_takes_over_from_the_other() {
    broker_or_skip!("that another process takes a destination over");
    let receiver = Receiver::start(|_, _| Reply::After(Duration::from_millis(5), 200));
    let stage = Stage::new("shared", &[("hook", webhook(&receiver.url("/"), ""))]);
    let (one, two) = (stage.start("one", "notify"), stage.start("two", "notify"));
    let first: Vec<Value> = (0..200).map(|n| json_of("hook", &format!("a-{n}"), 1)).collect();
    stage.send(&first);
    stage.settled(&first);
    one.kill();
    let second: Vec<Value> = (0..200).map(|n| json_of("hook", &format!("b-{n}"), 1)).collect();
    stage.send(&second);
    stage.settled(&second);
    stage.wait_committed();
    assert_eq!(receiver.by_id().len(), first.len() + second.len());
    assert!(two.terminate(Duration::from_secs(15)).success());
}

/// A call of a suspect caller that is going on, then a transfer: urgent by the shipped rules.
fn urgent_case(stage: &Stage) -> Value {
    let now = chrono::Utc::now().to_rfc3339();
    let record = |topic, key: &str, value: Value| FeedRecord {
        topic,
        key: Some(key.as_bytes().to_vec()),
        headers: Vec::new(),
        value: Some(value.to_string().into_bytes()),
    };
    let event = |id: &str, kind: &str, data: Value| {
        json!({"specversion": "1.0", "id": id, "source": "urn:test", "type": format!("golden-bell.{kind}.v1"),
               "time": now, "data": data})
    };
    stage.send_records(&[record(
        "registrants",
        "r-1",
        json!({"registrant_id": "r-1", "phones": ["13123456789"], "accounts": ["6200000000000005"],
               "area": "kfq/huangchengli", "registered_at": "2021-06-01T09:00:00+08:00"}),
    )]);
    let call = json!({"call_id": "A1", "phase": "answered", "caller": "+96890000000", "callee": "13123456789",
                      "suspicion": {"confidence": 0.95, "fraud_type": "fake_customer_service"}});
    stage.send_records(&[record("calls", "A1", event("e-1", "call", call))]);
    wait_until("a warning", || !stage.read("warnings").is_empty());
    let transfer = json!({"transfer_id": "T1", "state": "accepted", "payer": {"account": "6200000000000005"},
                          "payee": {"account": "6217000000000000004"}, "amount_minor": 1_000_000, "currency": "CNY",
                          "suspicion": {"confidence": 0.95, "fraud_type": "fake_customer_service"}});
    stage.send_records(&[record("transfers", "T1", event("e-2", "transfer", transfer))]);
    wait_until("an urgent warning", || warnings(stage).iter().any(|warning| warning["level"] == "urgent"));
    warnings(stage).pop().unwrap()
}

fn warnings(stage: &Stage) -> Vec<Value> {
    let mut warnings: Vec<Value> = (stage.read("warnings").iter())
        .map(|record| serde_json::from_slice(record.value.as_deref().unwrap()).unwrap())
        .collect();
    warnings.sort_by_key(|warning| warning["sequence"].as_u64());
    warnings
}

#[test]
fn an_urgent_notification_that_cannot_be_delivered_takes_its_case_to_the_next_step() {
    broker_or_skip!("that a failed urgent notification escalates its case");
    let refusing = Receiver::start(|_, _| Reply::status(410));
    let stage = Stage::new("escalated", &[("officer", webhook(&refusing.url("/"), ""))]);
    let instance = stage.start("escalated", "match,cases,notify");
    let warning = urgent_case(&stage);
    let mut notification = json_of("officer", warning["case_id"].as_str().unwrap(), 1);
    for field in ["case_id", "warning_id", "sequence", "level"] {
        notification[field] = warning[field].clone();
    }
    notification["subject_id"] = warning["subject"]["subject_id"].clone();
    notification["urgent"] = json!(true);
    stage.send(&[notification]);
    let before = warning["sequence"].as_u64().unwrap();
    wait_until("the next step", || {
        warnings(&stage)
            .iter()
            .any(|warning| warning["cause"] == "escalated" && warning["sequence"].as_u64() > Some(before))
    });
    assert_eq!(refusing.got().len(), 1);
    assert!(instance.terminate(Duration::from_secs(15)).success());
}
