//! Notifications that retention takes while nobody reads them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::receiver::Receiver;
use super::sample::json_of;
use super::stage::{Stage, wait_until};
use super::support::broker::broker_or_skip;

/// Deletes all that the topic holds.
fn delete_all(stage: &Stage) {
    // By partition the last one stands.
    let ends: BTreeMap<i32, i64> = stage.read("notifications").iter().map(|r| (r.partition, r.offset + 1)).collect();
    stage.delete_before("notifications", ends);
}

#[test]
fn notifications_gone_before_the_open_cases_were_known_are_counted_and_named_and_others_are_still_told() {
    broker_or_skip!("that telling of open cases loses nothing in silence");
    let receiver = Receiver::good();
    let lines = format!("kind = \"alertmanager\"\nurl = \"{}\"\nresend_every = \"4s\"", receiver.url(""));
    let stage = Stage::new("gone", &[("am", lines)]);
    let instance = stage.start("one", "notify");
    let first = json_of("am", "c-first", 1);
    stage.send(std::slice::from_ref(&first));
    stage.settled(&[first]);

    // While the process stands still. One at a time, so that a fetch under way is answered long before the last.
    instance.signal("STOP");
    for n in 0..30 {
        stage.send(&[json_of("am", &format!("c-{n}"), 1)]);
    }
    delete_all(&stage);
    instance.signal("CONT");

    wait_until("the loss to be named", || instance.log_text().contains("before the open cases among them were known"));
    // The reader of the board and the member of the group each count their own.
    wait_until("the loss to be counted", || instance.metric("golden_bell_offset_resets_total", "") >= 2.0);
    let last = json_of("am", "c-last", 1);
    stage.send(std::slice::from_ref(&last));
    stage.settled(&[last]);
    let told =
        |case: &str| receiver.got().iter().filter(|got| String::from_utf8_lossy(&got.body).contains(case)).count();
    wait_until("the new case to be told again", || told("c-last") >= 2);
    assert!(instance.terminate(Duration::from_secs(15)).success());
}
