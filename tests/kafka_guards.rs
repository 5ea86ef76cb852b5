//! The guards around Kafka that the rest of the program rests on, each against a real broker: reading to the true end,
//! transactions that neither stall nor escape their fence, and keys that live where every other client looks for them.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use golden_bell::kafka::client::{Connection, Purpose};
use golden_bell::kafka::consumer::{GroupConsumer, Polled};
use golden_bell::kafka::partition::partition_of;
use golden_bell::kafka::producer::ReportingProducer;
use golden_bell::kafka::reader::{LogReader, Read};
use golden_bell::kafka::rebalance::{Membership, News};
use golden_bell::kafka::record::{Headers, Outgoing};
use golden_bell::kafka::transaction::{Failed, Position, TransactionalProducer};
use golden_bell::kafka::watchdog::{Leash, Watchdog};

use support::broker::{Broker, broker_or_skip, unique};

fn connection(broker: &Broker, name: &str) -> Connection {
    Connection {
        bootstrap_servers: broker.bootstrap_servers(),
        topic_prefix: format!("{name}."),
        group_prefix: format!("{name}."),
        instance_id: name.to_owned(),
        properties: BTreeMap::new(),
    }
}

fn leash() -> Leash {
    Watchdog::start(|name, call| panic!("{name} hangs: {call}")).leash("test", Duration::from_secs(30))
}

fn send(producer: &mut TransactionalProducer, topic: &str, key: &str, value: Option<&str>) {
    producer
        .send(Outgoing {
            topic,
            partition: Some(0),
            key: Some(key.as_bytes()),
            value: value.map(str::as_bytes),
            headers: Headers::new(),
        })
        .expect("a record is taken");
}

/// Joins a group and waits for its partitions.
fn join(connection: &Connection, topic: &str, partitions: usize) -> (GroupConsumer, Arc<Membership>) {
    let consumer = GroupConsumer::join(connection, "member", "group", &[topic.to_owned()], Purpose::Transactional)
        .expect("a member");
    let until = Instant::now() + Duration::from_secs(30);
    let mut have = 0;
    while have < partitions {
        assert!(Instant::now() < until, "no partitions");
        let _ = consumer.poll(Duration::from_millis(50)).expect("a poll");
        for news in consumer.member().take_news() {
            match news {
                News::Assigned(assigned) => have = assigned.len(),
                News::Revoked => have = 0,
                News::Failed(reason) => panic!("{reason}"),
            }
        }
    }
    let membership = consumer.member().membership().expect("a membership");
    (consumer, membership)
}

/// Keys of all records from beginning to end, and how long it took to know the end.
fn read(connection: &Connection, topic: &str) -> Vec<(String, bool)> {
    let mut reader = LogReader::open(connection, "reader", topic, &[(0, None)], || true).expect("a reader");
    let mut found = Vec::new();
    let until = Instant::now() + Duration::from_secs(30);
    while !reader.complete() {
        assert!(Instant::now() < until, "the end is not found");
        if let Read::Record(record) = reader.poll(Duration::from_millis(50)).expect("a poll") {
            found.push((
                String::from_utf8(record.key().expect("a key").to_vec()).expect("text"),
                record.value().is_some(),
            ));
        }
    }
    found
}

#[test]
fn a_reader_finds_the_true_end_whatever_the_tail_is_made_of() {
    broker_or_skip!("that restoring neither stops early nor waits for ever");
    let broker = Broker::shared();
    let name = unique("true-end");
    let connection = connection(broker, &name);
    let inputs = connection.topic("inputs");
    let log = connection.topic("log");
    broker.create_topic(&inputs, 1, &[]);
    broker.create_topic(&log, 1, &[("cleanup.policy", "compact")]);
    assert_eq!(read(&connection, &log), [], "an empty topic");

    let (_consumer, membership) = join(&connection, &inputs, 1);
    let mut producer = TransactionalProducer::start(&connection, "writer", leash()).expect("a producer");
    let position = [Position { partition: 0, next: 0 }];
    producer.begin().expect("a beginning");
    send(&mut producer, &log, "a", Some("1"));
    send(&mut producer, &log, "b", None);
    producer.commit(&inputs, &position, &membership).expect("a commit");
    assert_eq!(read(&connection, &log), [("a".into(), true), ("b".into(), false)], "a marker at the end");

    producer.begin().expect("a beginning");
    send(&mut producer, &log, "c", Some("never"));
    producer.give_up().expect("an abort");
    assert_eq!(read(&connection, &log).len(), 2, "aborted records at the end");

    producer.begin().expect("a beginning");
    send(&mut producer, &log, "a", None);
    producer.commit(&inputs, &position, &membership).expect("a commit");
    assert_eq!(read(&connection, &log).last(), Some(&("a".into(), false)), "a tombstone at the end");
}

#[test]
fn a_reader_waits_for_a_transaction_that_is_still_open() {
    broker_or_skip!("that the last transaction of a dead worker is not missed");
    let broker = Broker::shared();
    let name = unique("open-tail");
    let connection = connection(broker, &name);
    let (inputs, log) = (connection.topic("inputs"), connection.topic("log"));
    broker.create_topic(&inputs, 1, &[]);
    broker.create_topic(&log, 1, &[]);
    let (_consumer, membership) = join(&connection, &inputs, 1);
    let mut producer = TransactionalProducer::start(&connection, "writer", leash()).expect("a producer");
    producer.begin().expect("a beginning");
    send(&mut producer, &log, "late", Some("1"));
    // What was sent is on the broker, uncommitted, before the reader opens.
    support::topic_io::wait_for_end(&connection.bootstrap_servers, &log, 1);
    let theirs = connection.clone();
    let topic = log.clone();
    let reading = std::thread::spawn(move || read(&theirs, &topic));
    producer.commit(&inputs, &[Position { partition: 0, next: 0 }], &membership).expect("a commit");
    assert_eq!(reading.join().expect("a reader"), [("late".into(), true)]);
}

#[test]
fn a_commit_does_not_stall_whatever_is_outstanding() {
    broker_or_skip!("that no commit waits in steps of 100 ms");
    let broker = Broker::shared();
    let name = unique("no-stall");
    let connection = connection(broker, &name);
    let (inputs, log) = (connection.topic("inputs"), connection.topic("log"));
    broker.create_topic(&inputs, 1, &[]);
    broker.create_topic(&log, 1, &[]);
    let (_consumer, membership) = join(&connection, &inputs, 1);
    let mut producer = TransactionalProducer::start(&connection, "writer", leash()).expect("a producer");
    let mut times = Vec::new();
    for round in 0..60 {
        producer.begin().expect("a beginning");
        for i in 0..=(round % 10) * 20 {
            send(&mut producer, &log, &format!("k{i}"), Some("some value"));
        }
        let began = Instant::now();
        producer.commit(&inputs, &[Position { partition: 0, next: round }], &membership).expect("a commit");
        times.push(began.elapsed());
    }
    times.sort();
    // With the stall no commit at all is under 100 ms; half of them above it on any machine means that it is back.
    assert!(times[times.len() / 2] < Duration::from_millis(95), "median {:?}", times[times.len() / 2]);
}

#[test]
fn a_member_that_lost_its_place_commits_nothing() {
    broker_or_skip!("that a paused worker that wakes up is fenced, also where only a timer fired");
    let broker = Broker::shared();
    let name = unique("fence");
    let connection = connection(broker, &name);
    let (inputs, log) = (connection.topic("inputs"), connection.topic("log"));
    broker.create_topic(&inputs, 1, &[]);
    broker.create_topic(&log, 1, &[]);
    let (first, old) = join(&connection, &inputs, 1);
    // The first leaves, as it would by its session time-out, but keeps the membership it was given.
    first.leave(Duration::from_secs(10));
    let (_second, new) = join(&connection, &inputs, 1);

    let mut zombie = TransactionalProducer::start(&connection, "zombie", leash()).expect("a producer");
    zombie.begin().expect("a beginning");
    send(&mut zombie, &log, "zombie", Some("1"));
    let refused = zombie.commit(&inputs, &[Position { partition: 0, next: 0 }], &old);
    assert!(matches!(refused, Err(Failed::Aborted(_))), "{refused:?}");

    // Its producer is replaced and works again, with a place of its own.
    zombie.begin().expect("a beginning");
    send(&mut zombie, &log, "member", Some("1"));
    zombie.commit(&inputs, &[Position { partition: 0, next: 0 }], &new).expect("a commit");
    assert_eq!(read(&connection, &log), [("member".into(), true)]);
}

#[test]
fn a_second_holder_of_a_transactional_id_ends_the_first() {
    broker_or_skip!("that two processes of one name cannot both publish");
    let broker = Broker::shared();
    let name = unique("two-holders");
    let connection = connection(broker, &name);
    let (inputs, log) = (connection.topic("inputs"), connection.topic("log"));
    broker.create_topic(&inputs, 1, &[]);
    broker.create_topic(&log, 1, &[]);
    let (_consumer, membership) = join(&connection, &inputs, 1);
    let mut first = TransactionalProducer::start(&connection, "same", leash()).expect("a producer");
    first.begin().expect("a beginning");
    send(&mut first, &log, "first", Some("1"));
    let mut second = TransactionalProducer::start(&connection, "same", leash()).expect("a producer");
    let refused = first.commit(&inputs, &[Position { partition: 0, next: 0 }], &membership);
    assert!(matches!(refused, Err(Failed::Fenced(_))), "{refused:?}");
    second.begin().expect("a beginning");
    send(&mut second, &log, "second", Some("1"));
    second.commit(&inputs, &[Position { partition: 0, next: 0 }], &membership).expect("a commit");
    assert_eq!(read(&connection, &log), [("second".into(), true)]);
}

#[test]
fn a_partition_read_to_its_end_says_so_again_after_a_seek() {
    broker_or_skip!("that the wall clock takes over after every restore");
    let broker = Broker::shared();
    let name = unique("ends");
    let connection = connection(broker, &name);
    let inputs = connection.topic("inputs");
    broker.create_topic(&inputs, 1, &[]);
    let (consumer, _membership) = join(&connection, &inputs, 1);
    for _ in 0..2 {
        consumer.resume_at(&inputs, &[(0, -1)]).expect("a seek");
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            assert!(Instant::now() < until, "no end was told");
            if let Polled::End(0) = consumer.poll(Duration::from_millis(50)).expect("a poll") {
                break;
            }
        }
        consumer.pause(&inputs, [0]).expect("a pause");
    }
}

#[test]
fn partitions_that_were_paused_flow_again_after_reading_went_on_at_the_earliest() {
    broker_or_skip!("that no pause outlives the assignment by hand, of which a worker would believe it over");
    let broker = Broker::shared();
    let name = unique("paused");
    let connection = connection(broker, &name);
    let inputs = connection.topic("inputs");
    broker.create_topic(&inputs, 1, &[]);
    // A member whose partitions are held back when they come.
    let (consumer, _membership) = join(&connection, &inputs, 1);
    let producer = ReportingProducer::new(&connection, "writer").expect("a producer");
    let outgoing =
        Outgoing { topic: &inputs, partition: Some(0), key: None, value: Some(b"1"), headers: Headers::new() };
    producer.send(outgoing, 0, Duration::from_secs(5)).expect("a record is taken");
    assert!(producer.flush(Duration::from_secs(30), &mut Vec::new()));

    let lost = consumer.rewind_lost(&[(inputs.clone(), 0, Some(7))]).expect("an answer");
    assert_eq!(lost, [(inputs, 0, 0)], "beyond the end is out of range");
    let until = Instant::now() + Duration::from_secs(20);
    while !matches!(consumer.poll(Duration::from_millis(50)).expect("a poll"), Polled::Record(_)) {
        assert!(Instant::now() < until, "the partition is paused still");
    }
}

#[test]
fn keys_live_where_other_clients_look_for_them() {
    broker_or_skip!("that the program computes the partition the client library chooses");
    let broker = Broker::shared();
    let name = unique("keys");
    let connection = connection(broker, &name);
    let topic = connection.topic("inputs");
    broker.create_topic(&topic, 7, &[]);
    let producer = ReportingProducer::new(&connection, "keys").expect("a producer");
    let keys: Vec<String> = (0..500).map(|i| format!("r-{i:06}/m{}-张", i % 9)).collect();
    for key in &keys {
        let outgoing = Outgoing {
            topic: &topic,
            partition: None,
            key: Some(key.as_bytes()),
            value: Some(b"1"),
            headers: Headers::new(),
        };
        producer.send(outgoing, 0, Duration::from_secs(5)).expect("a record is taken");
    }
    assert!(producer.flush(Duration::from_secs(30), &mut Vec::new()));
    let found = support::topic_io::read_all(&connection.bootstrap_servers, &connection.topic_prefix, "inputs");
    assert_eq!(found.len(), keys.len());
    for record in found {
        let key = record.key.expect("a key");
        assert_eq!(partition_of(&key, 7), record.partition, "{}", String::from_utf8_lossy(&key));
    }
}
