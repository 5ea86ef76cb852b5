//! Batches that cannot be decompressed, on a real broker that let them in: they are counted and named, and all others
//! go on.

#[path = "support/spoilt_batch.rs"]
mod spoilt_batch;
mod support;

use std::time::Duration;

use support::broker::{Broker, broker_or_skip};
use support::model::FeedRecord;
use support::stand::{Stand, record, wait_until};

const SOON: Duration = Duration::from_secs(60);

fn registrant(id: &str, phone: &str) -> FeedRecord {
    let value = format!(
        r#"{{"registrant_id":"{id}","phones":["{phone}"],"area":"kfq/huangchengli","registered_at":"2021-06-01T09:00:00+08:00"}}"#
    );
    record("registrants", id, Some(&value))
}

fn transfer(id: &str, phone: &str) -> FeedRecord {
    let now = chrono::Utc::now().to_rfc3339();
    let value = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"urn:bank","type":"golden-bell.transfer.v1","time":"{now}","data":{{"transfer_id":"{id}","state":"accepted","payer":{{"phone":"{phone}"}},"payee":{{"account":"x"}},"amount_minor":1000,"currency":"CNY"}}}}"#
    );
    record("transfers", phone, Some(&value))
}

#[test]
fn a_batch_of_an_input_that_cannot_be_decompressed_is_counted_and_named_and_all_others_go_on() {
    broker_or_skip!("that one spoilt batch stops no worker and takes nothing else with it");
    let broker = Broker::shared();
    let stand = Stand::new(broker, "unreadable", SOON, &[("KAFKA__PARTITIONS", "1")]).with_topics();
    let spoil = |topic: &str, records: i32| {
        let topic = format!("{}{topic}", stand.setting.prefix);
        (spoilt_batch::send(&stand.setting.bootstrap, &topic, 0, records), records)
    };
    // One that the index meets while it is filled, one that stands first in its topic.
    let mut spoilt = vec![("registrants", spoil("registrants", 5)), ("case-inputs", spoil("case-inputs", 1))];
    stand.send(&[registrant("r-1", "13805790001")]);
    let instance = stand.started("alone");
    stand.send(&[transfer("t1", "13805790001")]);
    stand.wait_for("warnings", 1);

    // What stands between two is not lost with them, however long they are.
    spoilt.push(("transfers", spoil("transfers", 37)));
    stand.send(&[transfer("t2", "13805790001")]);
    spoilt.push(("transfers", spoil("transfers", 1000)));
    stand.send(&[transfer("t3", "13805790001")]);
    stand.wait_for("warnings", 3);
    spoilt.push(("registrants", spoil("registrants", 2)));
    stand.send(&[registrant("r-2", "13805790002")]);
    wait_until(SOON, "the second registrant", || instance.metric("golden_bell_index_registrants", "") == 2.0);
    spoilt.push(("case-inputs", spoil("case-inputs", 3)));
    spoilt.push(("notifications", spoil("notifications", 3)));
    stand.send(&[transfer("t4", "13805790002")]);
    stand.wait_for("warnings", 4);
    stand.wait_for_group("match", &["transfers"]);
    stand.wait_for_group("cases", &["case-inputs"]);
    stand.wait_for_group("registrants", &["registrants"]);

    for (topic, (first, records)) in &spoilt {
        let named = format!(
            "topic=\"{}{topic}\" partition=0 first={first} next={}",
            stand.setting.prefix,
            first + i64::from(*records)
        );
        wait_until(SOON, &named, || instance.log_text().contains(&named));
    }
    // Once each, though registrants are read by two; notifications by every destination.
    wait_until(SOON, "all of them to be counted", || {
        instance.metric("golden_bell_unreadable_batches_total", "") >= spoilt.len() as f64
    });
    assert_eq!(instance.metric("golden_bell_worker_restarts_total", ""), 0.0, "{}", instance.log_text());
    assert_eq!(stand.read("warnings").len(), 4);
    assert!(instance.terminate(Duration::from_secs(15)).success());
}
