//! Writes and reads whole topics with clients of the test's own, to see the program from outside.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::model::{FeedRecord, Record};

/// A producer for feeds: keys live where Java's clients would put them, and two MiB pass.
pub fn producer(bootstrap: &str) -> BaseProducer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("partitioner", "murmur2_random")
        .set("message.max.bytes", "4194304")
        .set("compression.type", "lz4")
        .set("enable.idempotence", "true")
        .set("linger.ms", "2")
        .create()
        .expect("a producer")
}

/// Hands one record over, waiting for room.
pub fn send(producer: &BaseProducer, prefix: &str, record: &FeedRecord) {
    let topic = format!("{prefix}{}", record.topic);
    let headers = record
        .headers
        .iter()
        .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: value.as_deref() }));
    let mut outgoing: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&topic).headers(headers);
    outgoing.key = record.key.as_deref();
    outgoing.payload = record.value.as_deref();
    loop {
        match producer.send(outgoing) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                outgoing = back;
                producer.poll(Duration::from_millis(5));
            }
            Err((error, _)) => panic!("{error}"),
        }
    }
}

/// Sends all records and waits until the broker has them.
pub fn send_all(bootstrap: &str, prefix: &str, records: &[FeedRecord]) {
    let producer = producer(bootstrap);
    for record in records {
        send(&producer, prefix, record);
        producer.poll(Duration::ZERO);
    }
    producer.flush(Duration::from_secs(60)).expect("all records delivered");
}

/// First offset and end of every partition of a topic, the end as readers of this isolation level have it.
pub fn ends(bootstrap: &str, topic: &str, isolation: &str) -> BTreeMap<i32, (i64, i64)> {
    let consumer = reader(bootstrap, isolation);
    let metadata = again(|| consumer.fetch_metadata(Some(topic), Duration::from_secs(10)));
    (metadata.topics().iter().flat_map(|t| t.partitions()))
        .map(|p| (p.id(), again(|| consumer.fetch_watermarks(topic, p.id(), Duration::from_secs(10)))))
        .collect()
}

/// Asks until there is an answer: a leader may just be moving.
fn again<T>(mut ask: impl FnMut() -> Result<T, KafkaError>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < until, "no answer: {error}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn reader(bootstrap: &str, isolation: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "an-observer")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation)
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "50")
        .set("fetch.message.max.bytes", "4194304")
        .create()
        .expect("a consumer")
}

/// Waits until no transaction is open on the topic: until the committed end is the true end.
pub fn wait_for_closed_transactions(bootstrap: &str, topic: &str, within: Duration) {
    let until = Instant::now() + within;
    loop {
        let committed = ends(bootstrap, topic, "read_committed");
        let all = ends(bootstrap, topic, "read_uncommitted");
        if committed == all {
            return;
        }
        assert!(Instant::now() < until, "an open transaction is left on {topic}: {committed:?} is not {all:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Every committed record of the topic (name behind the prefix), partition by partition.
pub fn read_all(bootstrap: &str, prefix: &str, name: &str) -> Vec<Record> {
    let topic = format!("{prefix}{name}");
    let consumer = reader(bootstrap, "read_committed");
    let ends = ends(bootstrap, &topic, "read_committed");
    let mut list = TopicPartitionList::new();
    for &partition in ends.keys() {
        list.add_partition_offset(&topic, partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&list).expect("an assignment");
    let mut open: std::collections::BTreeSet<i32> = ends.keys().copied().collect();
    let mut records = Vec::new();
    let until = Instant::now() + Duration::from_secs(120);
    while !open.is_empty() {
        assert!(Instant::now() < until, "{topic} was not read in time");
        match consumer.poll(Duration::from_millis(200)) {
            None => {}
            Some(Ok(message)) => records.push(Record {
                topic: name.to_owned(),
                partition: message.partition(),
                offset: message.offset(),
                timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
                key: message.key().map(<[u8]>::to_vec),
                headers: message.headers().map_or_else(Vec::new, |headers| {
                    headers.iter().map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec))).collect()
                }),
                value: message.payload().map(<[u8]>::to_vec),
            }),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            Some(Err(error)) => panic!("{topic}: {error}"),
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}

/// Sum over the partitions of the true end offsets of a topic.
pub fn total_end(bootstrap: &str, topic: &str) -> i64 {
    ends(bootstrap, topic, "read_uncommitted").values().map(|(_, end)| end).sum()
}

/// How far a group has still to read of a topic: 0 when all of it is committed.
pub fn group_lag(bootstrap: &str, group: &str, topic: &str) -> i64 {
    group_standings(bootstrap, group, topic)
        .map_or(i64::MAX, |standings| standings.values().map(|standing| standing.left()).sum())
}

/// Where a group stands in a partition.
#[derive(Clone, Copy, Debug)]
pub struct GroupStanding {
    /// The committed offset, or where the partition begins.
    pub next: i64,
    /// The end for readers of committed records.
    pub end: i64,
}

impl GroupStanding {
    /// How far it has still to read.
    pub fn left(self) -> i64 {
        (self.end - self.next).max(0)
    }
}

/// What a group has committed of these partitions; `None` while its coordinator does not tell.
pub fn committed(
    bootstrap: &str,
    group: &str,
    topic: &str,
    partitions: impl IntoIterator<Item = i32>,
) -> Option<TopicPartitionList> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("isolation.level", "read_committed")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(topic, partition);
    }
    consumer.committed_offsets(list, Duration::from_secs(10)).ok()
}

/// Where a group stands in each partition of a topic; `None` while its coordinator does not tell.
pub fn group_standings(bootstrap: &str, group: &str, topic: &str) -> Option<BTreeMap<i32, GroupStanding>> {
    let ends = ends(bootstrap, topic, "read_committed");
    let committed = committed(bootstrap, group, topic, ends.keys().copied())?;
    let standing = |partition: i32, offset| {
        let (start, end) = ends[&partition];
        let next = if let Offset::Offset(next) = offset { next } else { start };
        (partition, GroupStanding { next, end })
    };
    Some(committed.elements().iter().map(|element| standing(element.partition(), element.offset())).collect())
}

/// Waits until the topic's true end, over all partitions, is at `records` or beyond.
pub fn wait_for_end(bootstrap: &str, topic: &str, records: i64) {
    let until = Instant::now() + Duration::from_secs(30);
    while total_end(bootstrap, topic) < records {
        assert!(Instant::now() < until, "{topic} does not reach {records} records");
        std::thread::sleep(Duration::from_millis(20));
    }
}
