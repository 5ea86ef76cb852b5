//! Deadlines by the wall clock while inputs are waiting.

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use support::broker::{Broker, broker_or_skip};
use support::instance::READY;
use support::model::FeedRecord;
use support::stand::{Stand, record, wait_until};

const SOON: Duration = Duration::from_secs(60);

/// Enough people that both partitions have some, by their ids.
const PEOPLE: usize = 8;

/// Transfers that wait for each of them. At a question each, which may last half a second, they would take minutes.
const BACKLOG: usize = 120;

fn registrant(n: usize) -> FeedRecord {
    let value = format!(
        r#"{{"registrant_id":"r-{n}","phones":["1380579000{n}"],"area":"kfq/huangchengli","registered_at":"2021-06-01T09:00:00+08:00"}}"#
    );
    record("registrants", &format!("r-{n}"), Some(&value))
}

fn transfer(id: &str, n: usize) -> FeedRecord {
    let now = chrono::Utc::now().to_rfc3339();
    let value = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"urn:bank","type":"golden-bell.transfer.v1","time":"{now}","data":{{"transfer_id":"{id}","state":"accepted","payer":{{"phone":"1380579000{n}"}},"payee":{{"account":"x"}},"amount_minor":1000,"currency":"CNY"}}}}"#
    );
    record("transfers", id, Some(&value))
}

/// A process that was stopped finds timers due in both partitions, and inputs waiting in both: those of one stand in its
/// queue before those of the other, which is at its end as far as was known before the stop.
#[test]
fn a_backlog_does_not_wait_for_a_question_to_the_broker_at_every_input() {
    broker_or_skip!("that a backlog is worked off while timers are due");
    let mut more = vec![("KAFKA__PARTITIONS", "2"), ("KAFKA__PROPERTIES__SESSION_TIMEOUT_MS", "45000")];
    more.extend(["URGENT", "HIGH", "MEDIUM", "LOW"].map(|level| match level {
        "URGENT" => ("CASES__ACKNOWLEDGE_WITHIN__URGENT", "2s"),
        "HIGH" => ("CASES__ACKNOWLEDGE_WITHIN__HIGH", "2s"),
        "MEDIUM" => ("CASES__ACKNOWLEDGE_WITHIN__MEDIUM", "2s"),
        _ => ("CASES__ACKNOWLEDGE_WITHIN__LOW", "2s"),
    }));
    let stand = Stand::new(Broker::shared(), "due", SOON, &more).with_topics();
    stand.send(&(0..PEOPLE).map(registrant).collect::<Vec<_>>());
    let mut matching = stand.setting.start_with("m", &["run", "--roles", "match"]);
    let mut cases = stand.setting.start_with("c", &["run", "--roles", "cases"]);
    matching.wait_ready(READY);
    cases.wait_ready(READY);
    stand.send(&(0..PEOPLE).map(|n| transfer(&format!("first-{n}"), n)).collect::<Vec<_>>());
    stand.wait_for("warnings", PEOPLE);
    let inputs = stand.read("case-inputs");
    let partitions: BTreeSet<i32> = inputs.iter().map(|record| record.partition).collect();
    assert_eq!(partitions.len(), 2);
    // Both are at their ends, and nothing has been missed yet.
    stand.wait_for_group("cases", &["case-inputs"]);
    cases.signal("STOP");
    let stopped = Instant::now();
    for n in 0..PEOPLE {
        stand.send(&(0..BACKLOG).map(|k| transfer(&format!("t-{n}-{k}"), n)).collect::<Vec<_>>());
    }
    stand.wait_for("case-inputs", PEOPLE * (1 + BACKLOG));
    wait_until(SOON, "timers to be due", || stopped.elapsed() > Duration::from_secs(3));
    cases.signal("CONT");
    stand.wait_for_group("cases", &["case-inputs"]);
    assert!(stand.read("warnings").len() >= PEOPLE * (1 + BACKLOG), "every new transfer has a warning of its own");
}
