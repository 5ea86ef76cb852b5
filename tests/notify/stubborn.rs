//! Notifications that a receiver fails again and again, among others that it takes.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::receiver::{Receiver, Reply};
use super::sample::{SECRETS, json_of};
use super::stage::{SOON, Stage, ended, id_of, wait_until};
use super::support::broker::broker_or_skip;

/// Several times as many as there may be attempts at once.
const STUBBORN: usize = 20;
const CONCURRENCY: usize = 4;
const OTHERS: usize = 100;

/// A webhook whose failures are tried again after `pause`, doubled up to `longest`.
fn webhook(receiver: &Receiver, pause: &str, longest: &str) -> String {
    format!(
        "kind = \"webhook\"\nurl = \"{}\"\nsecret = \"{}\"\nconcurrency = {CONCURRENCY}\nretry_from = \"{pause}\"\n\
         retry_up_to = \"{longest}\"",
        receiver.url("/hook"),
        SECRETS[0]
    )
}

fn written(name: &str, count: usize) -> Vec<Value> {
    (0..count).map(|n| json_of("hook", &format!("{name}-{n}"), 1)).collect()
}

fn ids(notifications: &[Value]) -> BTreeSet<String> {
    notifications.iter().map(|notification| id_of(notification).to_owned()).collect()
}

#[test]
fn they_hold_nobody_up_and_what_was_taken_meanwhile_never_comes_again() {
    broker_or_skip!("that what cannot be delivered keeps nothing else from being delivered, nor sends it twice");
    let stubborn = written("stubborn", STUBBORN);
    let failing = ids(&stubborn);
    let receiver = Receiver::start(move |got, _| Reply::status(if failing.contains(&got.id()) { 500 } else { 200 }));
    let stage = Stage::new("stubborn", &[("hook", webhook(&receiver, "50ms", "500ms"))]);
    stage.send(&stubborn);
    let instance = stage.start("one", "notify");
    wait_until("all of them to fail", || {
        instance.metric("golden_bell_notifications_total", "state=\"failed_temp\"") >= STUBBORN as f64
            && receiver.by_id().len() == STUBBORN
    });
    let others = written("other", OTHERS);
    stage.send(&others);
    let deliveries = stage.settled(&others);
    assert!(stubborn.iter().all(|notification| ended(&deliveries, id_of(notification)).is_none()));

    // Whoever comes next knows what was taken, although no offset could move past the first that was not.
    assert!(instance.terminate(Duration::from_secs(15)).success());
    let instance = stage.start("one", "notify");
    let more = written("more", OTHERS);
    stage.send(&more);
    stage.settled(&more);
    // After a kill what was recorded in the last second may come again, and nothing else.
    wait_until("what was done to be committed", || stage.beyond("hook") >= 2 * OTHERS);
    instance.kill();
    let instance = stage.start("one", "notify");
    receiver.now(|_, _| Reply::status(200));
    stage.settled(&stubborn);
    stage.wait_committed();
    let by_id = receiver.by_id();
    assert_eq!(by_id.len(), STUBBORN + 2 * OTHERS);
    for notification in others.iter().chain(&more) {
        assert_eq!(by_id[id_of(notification)].len(), 1, "taken twice");
    }
    assert!(instance.terminate(Duration::from_secs(15)).success());
}

#[test]
fn a_destination_that_fails_whatever_comes_is_not_sent_all_there_is() {
    broker_or_skip!("that a receiver in trouble is spared");
    let receiver = Receiver::start(|_, _| Reply::status(503));
    let stage = Stage::new("trouble", &[("hook", webhook(&receiver, "400ms", "500ms"))]);
    let all = written("any", OTHERS);
    stage.send(&all);
    let instance = stage.start("one", "notify");
    wait_until("it to be tried again and again", || receiver.got().len() >= 3 * CONCURRENCY);
    let tried = receiver.by_id().len();
    assert!(tried < OTHERS / 2, "{tried} of {OTHERS} were tried");
    receiver.now(|_, _| Reply::status(200));
    stage.settled(&all);
    assert!(instance.terminate(Duration::from_secs(15)).success());
}

#[test]
fn what_is_late_when_a_destination_is_back_does_not_wait_for_its_turn() {
    broker_or_skip!("that what is too late fails at once, so that urgent cases go on");
    let receiver = Receiver::start(|_, _| Reply::status(503));
    let stage = Stage::new("late", &[("hook", webhook(&receiver, "10s", "10s"))]);
    let fresh = written("fresh", CONCURRENCY);
    stage.send(&fresh);
    let instance = stage.start("one", "notify");
    wait_until("trouble", || receiver.by_id().len() == CONCURRENCY);
    let mut late = written("late", OTHERS);
    for notification in &mut late {
        notification["give_up_after"] = serde_json::json!("2021-07-15T06:03:10Z");
    }
    stage.send(&late);
    // At one in ten seconds this would take a quarter of an hour.
    let deliveries = stage.settled(&late);
    assert!(SOON < Duration::from_secs(10 * OTHERS as u64));
    for notification in &late {
        let end = ended(&deliveries, id_of(notification)).unwrap();
        assert_eq!((end["state"].as_str(), end["attempts"].as_u64()), (Some("failed_perm"), Some(0)));
    }
    assert!(instance.terminate(Duration::from_secs(15)).success());
}
