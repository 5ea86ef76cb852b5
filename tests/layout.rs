//! Topics with which nothing right could come out: refused at the start, and noticed while the program runs.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use support::broker::{Broker, broker_or_skip};
use support::instance::READY;
use support::model::FeedRecord;
use support::stand::{Stand, record};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn case_inputs_whose_time_is_stamped_by_producers_are_refused() {
    broker_or_skip!("that deadlines never go by the clock of whoever wrote the record");
    let broker = Broker::shared();
    let stand = Stand::new(broker, "stamped", SOON, &[]);
    let topic = format!("{}case-inputs", stand.setting.prefix);
    broker.create_topic(&topic, 6, &[("message.timestamp.type", "CreateTime")]);
    let stand = stand.with_topics();
    let mut instance = stand.setting.start("alone");
    assert_eq!(instance.wait_for_end(READY).code(), Some(1));
    let log = instance.log_text();
    let wanted = format!("topic {topic}: message.timestamp.type is CreateTime, the contract has LogAppendTime");
    assert!(log.lines().last().unwrap_or_default().contains(&wanted), "{log}");
}

#[test]
fn registrants_that_grow_end_the_process_and_the_next_one_knows_who_is_in_the_new_partition() {
    broker_or_skip!("that nobody who is registered in a new partition stays unknown in silence");
    let broker = Broker::shared();
    let stand = Stand::new(broker, "grown", SOON, &[("KAFKA__PARTITIONS", "1")]).with_topics();
    let mut instance = stand.started("alone");
    let topic = format!("{}registrants", stand.setting.prefix);
    let admin: AdminClient<DefaultClientContext> = broker.client_config().create().expect("an admin client");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let grown = runtime.block_on(admin.create_partitions(&[NewPartitions::new(&topic, 2)], &AdminOptions::new()));
    assert!(grown.expect("an answer").iter().all(Result::is_ok));
    assert_eq!(instance.wait_for_end(SOON).code(), Some(1));
    let log = instance.log_text();
    assert!(log.contains(&format!("topic {topic} had 1 partitions at the start and has 2 now")), "{log}");

    // Enough that both partitions have some.
    let people: Vec<FeedRecord> = (0..20)
        .map(|n| {
            let value = format!(
                r#"{{"registrant_id":"r-{n}","phones":["138057900{n:02}"],"area":"kfq/huangchengli","registered_at":"2021-06-01T09:00:00+08:00"}}"#
            );
            record("registrants", &format!("r-{n}"), Some(&value))
        })
        .collect();
    stand.send(&people);
    let partitions: BTreeSet<i32> = stand.read("registrants").iter().map(|record| record.partition).collect();
    assert_eq!(partitions.len(), 2);
    let again = stand.started("alone");
    assert_eq!(again.metric("golden_bell_index_registrants", ""), 20.0);
}
