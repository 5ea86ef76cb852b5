//! What goes on all the time while faults come: events from the feed, officers who answer warnings, and somebody who
//! reads along.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chrono::Utc;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::support::instance::Setting;
use crate::support::model::FeedRecord;
use crate::support::scenario_feed::Feed;
use crate::support::topic_io::send;

/// How long the load may take to deliver what it has sent, brokers being away.
const DELIVERED: Duration = Duration::from_secs(120);

/// What was seen while it happened: by partition and offset of `warnings`, the id.
pub type Seen = BTreeMap<(i32, i64), String>;

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// Nobody sends anything: only timers are left to fire.
    hushed: AtomicBool,
    sent: AtomicU64,
    follow_ups: AtomicU64,
    seen: Mutex<Seen>,
    /// The latest record time in each partition of `cases`.
    progress: Mutex<BTreeMap<i32, i64>>,
    /// The next offset in each partition of `cases`, as of the last second.
    positions: Mutex<BTreeMap<i32, i64>>,
}

/// A running load.
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Sends `per_second` events of `feed`, over and over once it is used up: what is known already is work as well.
    pub fn start(setting: &Setting, feed: Feed, per_second: u64, seed: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let (theirs, setting_too) = (Arc::clone(&shared), setting.clone());
        let feeding = thread::spawn(move || feed_on(&theirs, &setting_too, &feed, per_second));
        let (theirs, setting_too) = (Arc::clone(&shared), setting.clone());
        let officers = thread::spawn(move || Officers::new(&theirs, &setting_too, seed).work());
        Self { shared, threads: vec![feeding, officers] }
    }

    /// How many events and follow-ups were sent.
    pub fn sent(&self) -> (u64, u64) {
        (self.shared.sent.load(Ordering::Relaxed), self.shared.follow_ups.load(Ordering::Relaxed))
    }

    /// Has everybody stop sending, or go on.
    pub fn hush(&self, hushed: bool) {
        self.shared.hushed.store(hushed, Ordering::Relaxed);
    }

    /// The latest record time (milliseconds) a reader of committed records has seen in each partition of `cases`.
    pub fn progress(&self) -> BTreeMap<i32, i64> {
        self.shared.progress.lock().expect("a lock").clone()
    }

    /// The next offset that reader has in each partition of `cases`.
    pub fn positions(&self) -> BTreeMap<i32, i64> {
        self.shared.positions.lock().expect("a lock").clone()
    }

    /// Ends it, waits until everything sent is on the brokers, and says what was seen of the warnings.
    pub fn stop(self) -> Seen {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("the load works");
        }
        std::mem::take(&mut *self.shared.seen.lock().expect("a lock"))
    }
}

fn patient(bootstrap: &str) -> BaseProducer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("partitioner", "murmur2_random")
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("linger.ms", "2")
        .set("message.timeout.ms", "0")
        .set("reconnect.backoff.max.ms", "500")
        .create()
        .expect("a producer")
}

/// A beat of the load, and how much of it is busy, milliseconds. In the rest nothing is sent: partitions are read to
/// their end, and the wall clock fires timers.
const BEAT: u64 = 8_000;
const BUSY: u64 = 5_000;

/// How many events are due: in every beat those of a whole one, all of them while it is busy.
fn due(elapsed: Duration, per_second: u64) -> u64 {
    let millis = elapsed.as_millis() as u64;
    let (whole, part) = (millis / BEAT, (millis % BEAT).min(BUSY));
    (whole * BEAT + part * BEAT / BUSY) * per_second / 1_000
}

fn feed_on(shared: &Shared, setting: &Setting, feed: &Feed, per_second: u64) {
    let producer = patient(&setting.bootstrap);
    let began = Instant::now();
    let mut sent: u64 = 0;
    let mut next = feed.events.iter().cycle();
    while !shared.stop.load(Ordering::Relaxed) {
        let due = due(began.elapsed(), per_second);
        if shared.hushed.load(Ordering::Relaxed) {
            sent = due;
        }
        while sent < due {
            if let Some(record) = next.next() {
                send(&producer, &setting.prefix, record);
            }
            sent += 1;
        }
        shared.sent.store(sent, Ordering::Relaxed);
        producer.poll(Duration::from_millis(10));
    }
    producer.flush(DELIVERED).expect("events delivered");
}

/// They read warnings, and now and then answer one.
struct Officers<'a> {
    shared: &'a Shared,
    setting: &'a Setting,
    consumer: BaseConsumer,
    producer: BaseProducer,
    chance: StdRng,
    began: Instant,
    last: Option<FeedRecord>,
}

impl<'a> Officers<'a> {
    fn new(shared: &'a Shared, setting: &'a Setting, seed: u64) -> Self {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &setting.bootstrap)
            .set("group.id", "officers")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "earliest")
            .set("fetch.wait.max.ms", "50")
            .set("reconnect.backoff.max.ms", "500")
            .create()
            .expect("a consumer");
        let mut list = TopicPartitionList::new();
        for name in ["warnings", "cases"] {
            let topic = format!("{}{name}", setting.prefix);
            let metadata = consumer.fetch_metadata(Some(&topic), Duration::from_secs(10)).expect("metadata");
            for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
                list.add_partition_offset(&topic, partition.id(), Offset::Beginning).expect("an offset");
            }
        }
        consumer.assign(&list).expect("an assignment");
        let producer = patient(&setting.bootstrap);
        Officers {
            shared,
            setting,
            consumer,
            producer,
            chance: StdRng::seed_from_u64(seed ^ 0xb0),
            began: Instant::now(),
            last: None,
        }
    }

    fn work(mut self) {
        let mut told = Instant::now();
        while !self.shared.stop.load(Ordering::Relaxed) {
            if told.elapsed() > Duration::from_secs(1) {
                told = Instant::now();
                self.tell_positions();
            }
            let read = match self.consumer.poll(Duration::from_millis(20)) {
                // A broker that is away is what the test is about.
                None | Some(Err(KafkaError::MessageConsumption(_))) => None,
                Some(Err(error)) => panic!("officers cannot read: {error}"),
                Some(Ok(message)) => {
                    let of_case = message.topic().ends_with("cases");
                    let warning = message.payload().filter(|_| !of_case).and_then(|v| serde_json::from_slice(v).ok());
                    let time = message.timestamp().to_millis().unwrap_or(0);
                    Some((of_case, message.partition(), message.offset(), time, warning))
                }
            };
            self.producer.poll(Duration::ZERO);
            match read {
                None => {}
                Some((true, partition, _, time, _)) => {
                    let mut progress = self.shared.progress.lock().expect("a lock");
                    let latest = progress.entry(partition).or_default();
                    *latest = time.max(*latest);
                }
                Some((false, partition, offset, _, warning)) => {
                    let warning: Value = warning.unwrap_or_default();
                    let id = warning["warning_id"].as_str().unwrap_or_default().to_owned();
                    self.shared.seen.lock().expect("a lock").insert((partition, offset), id);
                    let busy = self.began.elapsed().as_millis() as u64 % BEAT < BUSY;
                    if busy && !self.shared.hushed.load(Ordering::Relaxed) && self.chance.random_bool(0.5) {
                        self.answer(&warning);
                    }
                }
            }
        }
        self.producer.flush(DELIVERED).expect("follow-ups delivered");
    }

    /// They also pass what no reader sees, such as the mark that ends a transaction.
    fn tell_positions(&self) {
        let Ok(list) = self.consumer.position() else { return };
        let of_cases = list.elements().into_iter().filter(|element| element.topic().ends_with("cases"));
        let positions = of_cases.filter_map(|element| Some((element.partition(), element.offset().to_raw()?)));
        self.shared.positions.lock().expect("a lock").extend(positions);
    }

    fn answer(&mut self, warning: &Value) {
        // Sometimes an answer is sent twice.
        let record = match self.last.take() {
            Some(last) if self.chance.random_bool(0.05) => last,
            _ => self.follow_up(warning),
        };
        send(&self.producer, &self.setting.prefix, &record);
        self.last = Some(record);
        self.shared.follow_ups.fetch_add(1, Ordering::Relaxed);
    }

    fn follow_up(&mut self, warning: &Value) -> FeedRecord {
        let (subject_id, case_id) = (&warning["subject"]["subject_id"], &warning["case_id"]);
        let now = Utc::now().to_rfc3339();
        let id = format!("f-{:032x}", self.chance.random::<u128>());
        let mut data = match self.chance.random_range(0..100) {
            0..=29 => json!({"action": "acknowledge"}),
            30..=44 => json!({"action": "contact", "channel": "phone", "line": "no_answer"}),
            45..=54 => json!({"action": "contact", "channel": "phone", "line": "busy"}),
            55..=66 => {
                json!({"action": "contact", "channel": "visit", "identity_checked": true, "met_in_person": true})
            }
            67..=72 => json!({"action": "outcome", "outcome": "dissuaded", "identity_checked": true}),
            73..=76 => json!({"action": "outcome", "outcome": "refused", "identity_checked": true}),
            77..=80 => json!({"action": "outcome", "outcome": "false_alarm"}),
            81..=83 => json!({"action": "return_visit", "still_in_touch": false}),
            84..=93 => json!({"action": "note", "text": "看过了 - seen"}),
            94..=96 => json!({"action": "close"}),
            _ => json!({"action": "acknowledge", "case_id": "c-0"}),
        };
        for (name, value) in [
            ("follow_up_id", &json!(id)),
            ("case_id", case_id),
            ("subject_id", subject_id),
            ("officer_id", &json!("o-1")),
            ("by_role", &json!("officer")),
            ("at", &json!(now)),
        ] {
            if data.get(name).is_none() {
                data[name] = value.clone();
            }
        }
        let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
        FeedRecord {
            topic: "case-inputs",
            key: subject_id.as_str().map(|id| id.as_bytes().to_vec()),
            headers: vec![
                header("ce_specversion", "1.0"),
                header("ce_id", &id),
                header("ce_source", "urn:test:officers"),
                header("ce_type", "golden-bell.follow-up.v1"),
                header("ce_time", &now),
                header("content-type", "application/json"),
            ],
            value: Some(data.to_string().into_bytes()),
        }
    }
}
