//! Topics with which nothing right could come out: refused at the start, and noticed while the program runs.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseRecord, Producer};
use support::broker::{Broker, broker_or_skip};
use support::instance::READY;
use support::model::FeedRecord;
use support::stand::{Stand, record, wait_until};
use support::topic_io;

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

#[test]
fn the_age_of_what_each_topic_still_holds_is_told() {
    broker_or_skip!("that whoever answers for privacy sees whether Kafka forgets what it should");
    let stand = Stand::new(Broker::shared(), "aged", SOON, &[("KAFKA__PARTITIONS", "2")]).with_topics();
    let prefix = &stand.setting.prefix;
    let producer = topic_io::producer(&stand.setting.bootstrap);
    let two_days_ago = chrono::Utc::now().timestamp() - 2 * 86_400;
    for (partition, age) in [(0, 3_600), (1, 0), (1, 7_200)] {
        let topic = format!("{prefix}calls");
        let outgoing = BaseRecord::to(&topic).key("").payload("no JSON").partition(partition);
        let sent = producer.send(outgoing.timestamp((two_days_ago + age) * 1_000));
        sent.map_err(|(error, _)| error).expect("room");
    }
    producer.flush(SOON).expect("all records delivered");

    let instance = stand.started("alone");
    let value = |metric: &str, topic: &str| {
        instance.metric(&format!("golden_bell_{metric}"), &format!("topic=\"{prefix}{topic}\""))
    };
    wait_until(SOON, "the oldest call and the oldest dead letter", || {
        value("oldest_record_timestamp_seconds", "calls") == two_days_ago as f64
            && value("oldest_record_timestamp_seconds", "dead-letters") > two_days_ago as f64 + 86_400.0
    });
    assert_eq!(value("oldest_record_timestamp_seconds", "warnings"), 0.0, "there are no warnings");
    assert_eq!(value("retention_seconds", "calls"), 7.0 * 86_400.0);
    assert_eq!(value("retention_seconds", "case-archive"), 3.0 * 365.0 * 86_400.0);
    assert_eq!(value("retention_seconds", "cases"), 0.0, "what is compacted does not forget by time");
}
