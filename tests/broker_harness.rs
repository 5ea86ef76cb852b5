//! The brokers that other tests stand on: they start, keep data through a kill, pause, and elect.

#![allow(clippy::expect_used, clippy::panic, reason = "a test ends at the first thing that does not hold")]

mod support;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext, Message, Offset, TopicPartitionList};

use support::broker::{Broker, Cluster, START, broker_or_skip, unique};

const WITHIN: Duration = Duration::from_secs(30);

/// Keeps what became of the last record.
#[derive(Default)]
struct Outcome(Mutex<Option<Result<(), KafkaError>>>);

impl ClientContext for Outcome {}

impl ProducerContext for Outcome {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.clone()),
        };
        *self.0.lock().expect("a lock") = Some(outcome);
    }
}

/// Writes one record and waits until all replicas in sync have it, or until it fails.
fn write(config: &ClientConfig, topic: &str, value: &str, within: Duration) -> Result<(), KafkaError> {
    let producer: BaseProducer<Outcome> = config
        .clone()
        .set("message.timeout.ms", within.as_millis().to_string())
        .create_with_context(Outcome::default())?;
    producer.send(BaseRecord::<(), str>::to(topic).partition(0).payload(value)).map_err(|(error, _)| error)?;
    producer.flush(within + Duration::from_secs(2))?;
    let outcome = producer.context().0.lock().expect("a lock").take();
    outcome.expect("flushed, so delivered or failed")
}

/// Reads a topic's only partition from the beginning until there are `count` values.
fn read(config: &ClientConfig, topic: &str, count: usize) -> Vec<String> {
    let consumer: BaseConsumer =
        config.clone().set("group.id", topic).set("enable.auto.commit", "false").create().expect("a consumer");
    let mut beginning = TopicPartitionList::new();
    beginning.add_partition_offset(topic, 0, Offset::Beginning).expect("an offset");
    consumer.assign(&beginning).expect("an assignment");
    let deadline = Instant::now() + WITHIN;
    let mut values = Vec::new();
    while values.len() < count {
        assert!(Instant::now() < deadline, "only {values:?} within {WITHIN:?}");
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
            let value = message.payload().unwrap_or_default();
            values.push(String::from_utf8_lossy(value).into_owned());
        }
    }
    values
}

#[test]
fn a_record_comes_back_from_the_shared_broker() {
    broker_or_skip!("that a record comes back");
    let broker = Broker::shared();
    let topic = unique("harness");
    broker.create_topic(&topic, 1, &[("max.message.bytes", "4194304")]);

    write(&broker.client_config(), &topic, "bell", WITHIN).expect("a write");

    assert_eq!(read(&broker.client_config(), &topic, 1), ["bell"]);
}

#[test]
fn topics_are_never_made_by_accident() {
    broker_or_skip!("that an unknown topic stays unknown");
    let broker = Broker::shared();
    let topic = unique("harness-absent");

    let written = write(&broker.client_config(), &topic, "bell", Duration::from_secs(2));

    assert!(written.is_err(), "{topic} exists");
}

#[test]
fn a_killed_broker_comes_back_with_its_data() {
    broker_or_skip!("that data outlive a kill of the broker");
    let broker = Broker::start();
    let servers = broker.bootstrap_servers();
    let topic = unique("harness");
    broker.create_topic(&topic, 1, &[]);
    write(&broker.client_config(), &topic, "before", WITHIN).expect("a write");

    broker.kill();
    let while_dead = write(&broker.client_config(), &topic, "never", Duration::from_secs(1));
    broker.restart();
    write(&broker.client_config(), &topic, "after", WITHIN).expect("a write");

    assert!(while_dead.is_err());
    assert_eq!(broker.bootstrap_servers(), servers);
    assert_eq!(read(&broker.client_config(), &topic, 2), ["before", "after"]);
}

#[test]
fn a_paused_broker_answers_nothing_until_it_goes_on() {
    broker_or_skip!("that a paused broker is silent, not gone");
    let broker = Broker::start();
    let topic = unique("harness");
    broker.create_topic(&topic, 1, &[]);

    broker.pause();
    let while_paused = write(&broker.client_config(), &topic, "never", Duration::from_secs(1));
    broker.resume();
    broker.wait_ready(WITHIN);
    write(&broker.client_config(), &topic, "bell", WITHIN).expect("a write");

    assert!(while_paused.is_err());
    assert_eq!(read(&broker.client_config(), &topic, 1), ["bell"]);
}

#[test]
fn a_stopped_broker_ends_in_an_orderly_way() {
    broker_or_skip!("that a broker can be stopped and started");
    let broker = Broker::start();
    let topic = unique("harness");
    broker.create_topic(&topic, 1, &[]);
    write(&broker.client_config(), &topic, "bell", WITHIN).expect("a write");

    broker.stop();
    broker.restart();

    assert_eq!(read(&broker.client_config(), &topic, 1), ["bell"]);
}

#[test]
fn a_transaction_left_open_is_aborted_within_seconds() {
    broker_or_skip!("that an abandoned transaction does not hold up readers");
    let broker = Broker::shared();
    let topic = unique("harness");
    broker.create_topic(&topic, 1, &[]);
    let abandoned: BaseProducer = broker
        .client_config()
        .set("transactional.id", &topic)
        .set("transaction.timeout.ms", "1000")
        .create()
        .expect("a producer");
    abandoned.init_transactions(WITHIN).expect("a coordinator");
    abandoned.begin_transaction().expect("a transaction");
    let record = BaseRecord::<(), str>::to(&topic).partition(0);
    abandoned.send(record.payload("never")).expect("room in the queue");
    abandoned.flush(WITHIN).expect("a write");

    write(&broker.client_config(), &topic, "bell", WITHIN).expect("a write");
    let begun = Instant::now();
    let values = read(&broker.client_config(), &topic, 1);

    assert_eq!(values, ["bell"]);
    // The broker's own interval between looks for such transactions would be ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[test]
fn two_of_three_brokers_elect_a_leader_and_keep_serving() {
    broker_or_skip!("that a cluster outlives one of its brokers");
    let cluster = Cluster::start(3);
    let topic = unique("harness");
    cluster.create_topic(&topic, 1, &[("min.insync.replicas", "2")]);
    write(&cluster.client_config(), &topic, "before", WITHIN).expect("a write");
    let first = cluster.leader(&topic, 0).expect("a leader");

    cluster.kill(first);
    let second = cluster.wait_leader_other_than(first, &topic, 0, WITHIN);
    write(&cluster.client_config(), &topic, "between", WITHIN).expect("a write");
    cluster.restart(first);
    cluster.wait_ready(START);
    cluster.pause(second);
    cluster.wait_leader_other_than(second, &topic, 0, WITHIN);
    write(&cluster.client_config(), &topic, "after", WITHIN).expect("a write");
    cluster.resume(second);
    cluster.wait_ready(START);

    let values = read(&cluster.client_config(), &topic, 3);
    assert_eq!(values, ["before", "between", "after"]);
}
