//! What a test asks a broker through an ordinary client.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;

/// How long one question may take; a question that fails is asked again.
const ANSWER: Duration = Duration::from_secs(2);

/// How long the creation of a topic may take.
const CREATION: Duration = Duration::from_secs(30);

/// Calls `done` until it is true; fails the test after `within`, saying what it waited for.
pub fn wait_until(within: Duration, what: impl FnOnce() -> String, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !done() {
        if Instant::now() >= deadline {
            panic!("waited {within:?} for {}", what());
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Where the brokers are, and reconnects without the usual growing pauses.
pub fn config(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "200");
    config
}

/// The node ids of the brokers that the one at `address` counts among the living; `None` while it
/// does not answer. A new client each time, since one that lasts would ask the others too.
pub fn living(address: &str) -> Option<Vec<i32>> {
    let metadata = metadata(address, None)?;
    Some(metadata.brokers().iter().map(|broker| broker.id()).collect())
}

/// Whether the broker at `address` counts every replica on the brokers `ids` as in sync.
pub fn in_sync(address: &str, ids: &[i32]) -> bool {
    let Some(metadata) = metadata(address, None) else {
        return false;
    };
    metadata.topics().iter().all(|topic| {
        topic.partitions().iter().all(|partition| {
            let mut replicas = partition.replicas().iter().filter(|id| ids.contains(id));
            replicas.all(|id| partition.isr().contains(id))
        })
    })
}

/// The node id of a partition's leader, if it has one.
pub fn leader(servers: &str, topic: &str, partition: i32) -> Option<i32> {
    leaders(servers, topic)?.into_iter().find_map(|(id, leader)| (id == partition && leader >= 0).then_some(leader))
}

/// The node id of the coordinator of `id`: the leader of its partition of an internal topic.
pub fn coordinator(servers: &str, internal_topic: &str, id: &str) -> Option<i32> {
    let partitions = leaders(servers, internal_topic)?.len();
    let partition = coordinator_partition(id, partitions)?;
    leader(servers, internal_topic, partition)
}

/// Kafka's choice: `Utils.abs(id.hashCode()) % partitions`, with Java's hash of a string.
fn coordinator_partition(id: &str, partitions: usize) -> Option<i32> {
    let hash = id.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.checked_abs().unwrap_or(0).checked_rem(i32::try_from(partitions).ok()?)
}

/// Creates a topic and waits until each partition has a leader.
pub fn create_topic(servers: &str, name: &str, partitions: i32, replicas: i32, settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = config(servers).create().expect("an admin");
    let topic = settings
        .iter()
        .fold(NewTopic::new(name, partitions, TopicReplication::Fixed(replicas)), |topic, (key, value)| {
            topic.set(key, value)
        });
    let options = AdminOptions::new().operation_timeout(Some(CREATION)).request_timeout(Some(CREATION));
    let created = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime")
        .block_on(admin.create_topics([&topic], &options))
        .expect("an answer");
    for result in created {
        if let Err((topic, code)) = result {
            panic!("{topic} could not be created: {code}");
        }
    }
    wait_until(
        CREATION,
        || format!("{name} to have leaders"),
        || {
            leaders(servers, name).is_some_and(|leaders| {
                leaders.len() == usize::try_from(partitions).unwrap_or_default()
                    && leaders.iter().all(|(_, leader)| *leader >= 0)
            })
        },
    );
}

/// The partitions of a topic, each with its leader's node id or -1.
fn leaders(servers: &str, topic: &str) -> Option<Vec<(i32, i32)>> {
    let metadata = metadata(servers, Some(topic))?;
    let topic = metadata.topics().iter().find(|found| found.name() == topic)?;
    let partitions = topic.partitions().iter();
    Some(partitions.map(|partition| (partition.id(), partition.leader())).collect())
}

fn metadata(servers: &str, topic: Option<&str>) -> Option<Metadata> {
    let mut config = config(servers);
    config.set_log_level(RDKafkaLogLevel::Emerg);
    let consumer: BaseConsumer<Silent> = config.create_with_context(Silent).ok()?;
    consumer.fetch_metadata(topic, ANSWER).ok()
}

/// A broker that is down is nothing to log: it is what the test wants or waits out.
struct Silent;

impl ClientContext for Silent {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _message: &str) {}
    fn error(&self, _error: KafkaError, _reason: &str) {}
}

impl ConsumerContext for Silent {}
