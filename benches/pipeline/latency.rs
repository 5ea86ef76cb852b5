//! From an event to its committed warning, at an open-loop load, against a bare transactional echo loop.
//!
//! Every event carries the moment it was due to be sent as its time; what is measured is from there until a
//! `read_committed` consumer has the warning, so that waiting in any queue counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use golden_bell::generate::{EventFeed, Generated, Mix};
use golden_bell::kafka::client::{Connection, Purpose};
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::util::Timeout;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::support::broker::Broker;
use crate::support::instance::{READY, Setting};
use crate::{Scale, feed, percentile};

const RATE: u64 = 2_000;
const MATCHED: f64 = 0.1;
const WORKERS: usize = 2;
const INTERVAL: Duration = Duration::from_millis(20);
/// The first warms the broker up and is not counted.
const ROUNDS: usize = 4;
/// What makes the program do its main job and nothing else: no event is held, and no deadline comes.
const NOTHING_FOLLOWS: [(&str, &str); 9] = [
    ("MATCHING__LOOKBACK", "0s"),
    ("CASES__ACKNOWLEDGE_WITHIN__URGENT", "7d"),
    ("CASES__ACKNOWLEDGE_WITHIN__HIGH", "7d"),
    ("CASES__ACKNOWLEDGE_WITHIN__MEDIUM", "7d"),
    ("CASES__ACKNOWLEDGE_WITHIN__LOW", "7d"),
    ("CASES__REACH_WITHIN__URGENT", "7d"),
    ("CASES__REACH_WITHIN__HIGH", "7d"),
    ("CASES__REACH_WITHIN__MEDIUM", "7d"),
    ("CASES__REACH_WITHIN__LOW", "7d"),
];
/// Left out at the beginning of every measurement.
const WARM_UP: Duration = Duration::from_secs(3);

/// Runs the comparison and prints it: the bare loop, the main job alone, and the program as it is shipped while officers
/// take on every case.
pub fn run(broker: &Broker, scale: Scale) {
    let span = Duration::from_secs((20 / scale.divisor).max(6));
    let zone = feed::zone(120_000);
    let stand = |name: &str, more: &[(&str, &str)]| {
        let mut setting = feed::set_up(broker, name, WORKERS);
        setting
            .environment
            .extend(more.iter().map(|(key, value)| (format!("GOLDEN_BELL__{key}"), (*value).to_owned())));
        feed::write_registrants(&setting, &zone);
        let mut instance = setting.start(name);
        instance.wait_ready(READY);
        (setting, instance)
    };
    let alone = stand("main-job", &NOTHING_FOLLOWS);
    let whole = stand("whole", &[]);
    let [mut echo, mut main_job, mut all] = [const { Vec::new() }; 3];
    for round in 0..ROUNDS as u64 {
        let mix = Mix { matched: MATCHED, malformed: 0.01, resent: 0.0, older: 0.0, ..Mix::bench() };
        let feed = || EventFeed::new(zone.clone(), &mix, 100 + round).expect("a feed");
        let samples = [
            ("bare echo loop", echo_round(broker, round, span), &mut echo),
            ("main job alone", warning_round(&alone.0, feed(), span, false), &mut main_job),
            ("with follow-ups, deadlines and look-back", warning_round(&whole.0, feed(), span, true), &mut all),
        ];
        for (name, late, kept) in samples {
            let (read, written): (Vec<f64>, Vec<f64>) = late.iter().map(|late| (late.read, late.written)).unzip();
            summary(&format!("round {round}, {name}"), read.clone());
            if written.iter().any(|millis| *millis > 0.0) {
                summary(&format!("round {round}, {name}, of it to the decision"), written);
            }
            if round > 0 {
                kept.extend(read);
            }
        }
    }
    let bare = summary("bare echo loop", echo);
    for (name, late, (_, instance)) in
        [("main job alone", main_job, alone), ("with follow-ups, deadlines and look-back", all, whole)]
    {
        let ours = summary(&format!("event to warning, {name}"), late);
        println!(
            "  ratio: median {:.2}, 99th percentile {:.2} (wanted: at most 1.3 each); {} transactions aborted, {} follow-ups",
            ours.0 / bare.0,
            ours.1 / bare.1,
            instance.metric("golden_bell_transactions_total", "result=\"aborted\""),
            instance.metric("golden_bell_follow_ups_total", ""),
        );
        assert!(instance.terminate(Duration::from_secs(15)).success());
    }
}

fn summary(name: &str, mut millis: Vec<f64>) -> (f64, f64) {
    millis.sort_by(f64::total_cmp);
    let (median, high) = (percentile(&millis, 0.5), percentile(&millis, 0.99));
    println!(
        "latency: {name}: {} samples, median {median:.1} ms, 99th percentile {high:.1} ms, highest {:.1} ms",
        millis.len(),
        millis.last().copied().unwrap_or(f64::NAN)
    );
    (median, high)
}

/// Calls `send` at `rate` a second for `span`, each time with the moment it was due; never waits for the called.
fn open_loop(rate: u64, span: Duration, mut send: impl FnMut(DateTime<Utc>)) {
    let (began, clock) = (Instant::now(), Utc::now());
    for n in 0..(span.as_secs() * rate) {
        let due = Duration::from_nanos(n * 1_000_000_000 / rate);
        if let Some(early) = due.checked_sub(began.elapsed()) {
            thread::sleep(early);
        }
        send(clock + due);
    }
}

/// Milliseconds from the moment an event was due.
struct Late {
    /// Until what came of it was read.
    read: f64,
    /// Until it was written, where it says so.
    written: f64,
}

/// Reads `topic` from its present end until `stop`, and keeps how late each record is.
fn watch(
    bootstrap: &str,
    topic: &str,
    stop: Arc<AtomicBool>,
    times: impl Fn(&[u8]) -> Option<(DateTime<Utc>, DateTime<Utc>)> + Send + 'static,
) -> (thread::JoinHandle<Vec<Late>>, mpsc::Receiver<()>) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "a-watcher")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "500")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).expect("metadata");
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|t| t.partitions()) {
        let (_, end) = consumer.fetch_watermarks(topic, partition.id(), Duration::from_secs(10)).expect("watermarks");
        list.add_partition_offset(topic, partition.id(), Offset::Offset(end)).expect("an offset");
    }
    consumer.assign(&list).expect("an assignment");
    let (tell, told) = mpsc::channel();
    let since = Utc::now() + WARM_UP;
    let thread = thread::spawn(move || {
        let mut late = Vec::new();
        let _ = consumer.poll(Duration::from_millis(200));
        let _ = tell.send(());
        while !stop.load(Ordering::Relaxed) {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
                let now = Utc::now();
                if let Some((due, written)) = message.payload().and_then(&times).filter(|(due, _)| *due > since) {
                    let after = |at: DateTime<Utc>| (at - due).num_microseconds().unwrap_or(i64::MAX) as f64 / 1_000.0;
                    late.push(Late { read: after(now), written: after(written) });
                }
            }
        }
        late
    });
    (thread, told)
}

/// Sends events and watches the warnings; `followed` up by an officer who takes on what was opened at once.
fn warning_round(setting: &Setting, mut feed: EventFeed, span: Duration, followed: bool) -> Vec<Late> {
    let stop = Arc::new(AtomicBool::new(false));
    let topic = format!("{}warnings", setting.prefix);
    let (hand_over, handed) = mpsc::channel::<serde_json::Value>();
    let officer = followed.then(|| officer(setting, handed));
    let (watcher, told) = watch(&setting.bootstrap, &topic, Arc::clone(&stop), move |value| {
        let warning: serde_json::Value = serde_json::from_slice(value).ok()?;
        if followed && matches!(warning["cause"].as_str(), Some("opened" | "reopened")) {
            let _ = hand_over.send(warning.clone());
        }
        // What a deadline caused is no answer to an event.
        let caused = warning["cause"] != "escalated";
        let time = |field: &str| DateTime::parse_from_rfc3339(warning[field].as_str()?).ok().map(|at| at.to_utc());
        Some((time("event_time").filter(|_| caused)?, time("published_at")?))
    });
    told.recv().expect("a watcher");
    let producer = quick_producer(&setting.bootstrap);
    let mut generated = Generated::blank();
    open_loop(RATE, WARM_UP + span, |due| {
        feed.fill(due, &mut generated);
        feed::send(&producer, &setting.prefix, &generated.record);
        producer.poll(Duration::ZERO);
    });
    let late = finish(&producer, &stop, watcher);
    // The watcher, and with it the other end of the channel, is gone.
    officer.into_iter().for_each(|officer| officer.join().expect("an officer"));
    late
}

fn officer(setting: &Setting, handed: mpsc::Receiver<serde_json::Value>) -> thread::JoinHandle<()> {
    let (bootstrap, prefix) = (setting.bootstrap.clone(), setting.prefix.clone());
    thread::spawn(move || {
        let producer = quick_producer(&bootstrap);
        for warning in handed {
            let (case, subject) = (&warning["case_id"], &warning["subject"]["subject_id"]);
            let id = format!("f-{}", warning["warning_id"].as_str().expect("an id"));
            let at = Utc::now().to_rfc3339();
            let follow_up = serde_json::json!({
                "follow_up_id": id, "case_id": case, "subject_id": subject, "officer_id": "o-0017", "by_role": "officer",
                "at": at, "action": "acknowledge",
            });
            let headers = [
                ("ce_specversion", "1.0"),
                ("ce_id", id.as_str()),
                ("ce_source", "urn:bench"),
                ("ce_type", "golden-bell.follow-up.v1"),
                ("ce_time", at.as_str()),
                ("content-type", "application/json"),
            ];
            let headers = headers
                .iter()
                .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(*value) }));
            let (topic, value) = (format!("{prefix}case-inputs"), follow_up.to_string());
            let record = BaseRecord::to(&topic).key(subject.as_str().expect("a subject")).payload(&value);
            producer.send(record.headers(headers)).map_err(|(error, _)| error).expect("room");
            producer.poll(Duration::ZERO);
        }
        producer.flush(Duration::from_secs(30)).expect("all delivered");
    })
}

fn echo_round(broker: &Broker, round: u64, span: Duration) -> Vec<Late> {
    let prefix = format!("{}.", crate::support::broker::unique("echo"));
    for topic in ["in", "out", "log"] {
        broker.create_topic(&format!("{prefix}{topic}"), 6, &[]);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let bootstrap = broker.bootstrap_servers();
    let loops: Vec<_> = (0..WORKERS)
        .map(|slot| {
            let connection = Connection {
                bootstrap_servers: bootstrap.clone(),
                topic_prefix: prefix.clone(),
                group_prefix: prefix.clone(),
                instance_id: format!("echo-{round}-{slot}"),
                properties: Default::default(),
            };
            let stop = Arc::clone(&stop);
            thread::spawn(move || echo_loop(&connection, &stop))
        })
        .collect();
    let (watcher, told) = watch(&bootstrap, &format!("{prefix}out"), Arc::clone(&stop), |value| {
        let millis = std::str::from_utf8(value.get(..13)?).ok()?.parse().ok()?;
        DateTime::from_timestamp_millis(millis).map(|due| (due, due))
    });
    told.recv().expect("a watcher");
    let producer = quick_producer(&bootstrap);
    let topic = format!("{prefix}in");
    let matches = (RATE as f64 * MATCHED) as u64;
    let mut n = 0u64;
    open_loop(matches, WARM_UP + span, |due| {
        n += 1;
        let value = format!("{}{:700}", due.timestamp_millis(), "");
        let key = format!("subject-{}", n % 5_000);
        producer.send(BaseRecord::to(&topic).key(&key).payload(&value)).map_err(|(error, _)| error).expect("room");
        producer.poll(Duration::ZERO);
    });
    let late = finish(&producer, &stop, watcher);
    loops.into_iter().for_each(|thread| thread.join().expect("an echo loop"));
    late
}

fn quick_producer(bootstrap: &str) -> BaseProducer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "0")
        .create()
        .expect("a producer")
}

fn finish(producer: &BaseProducer, stop: &AtomicBool, watcher: thread::JoinHandle<Vec<Late>>) -> Vec<Late> {
    producer.flush(Duration::from_secs(30)).expect("all delivered");
    thread::sleep(Duration::from_secs(1));
    stop.store(true, Ordering::Relaxed);
    watcher.join().expect("a watcher")
}

/// Consumes, produces two records for each, sends offsets, commits: with the properties and the interval of stage 2.
fn echo_loop(connection: &Connection, stop: &AtomicBool) {
    let mut config = connection.consumer("echo", "echo", Purpose::Transactional);
    config.set("auto.offset.reset", "earliest").set("enable.partition.eof", "false");
    let consumer: BaseConsumer<DefaultConsumerContext> = config.create().expect("a consumer");
    let topic = connection.topic("in");
    let (out, log) = (connection.topic("out"), connection.topic("log"));
    consumer.subscribe(&[&topic]).expect("a subscription");
    let producer: BaseProducer = connection.transactional("echo").create().expect("a producer");
    producer.init_transactions(Duration::from_secs(30)).expect("transactions");
    let state = "x".repeat(1_500);
    let mut batch: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut last_commit = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let wait =
            if batch.is_empty() { Duration::from_millis(100) } else { INTERVAL.saturating_sub(last_commit.elapsed()) };
        let drained = match consumer.poll(wait) {
            Some(Ok(message)) => {
                batch
                    .push((message.key().unwrap_or_default().to_vec(), message.payload().unwrap_or_default().to_vec()));
                false
            }
            _ => true,
        };
        if batch.is_empty() || last_commit.elapsed() < INTERVAL || (!drained && batch.len() < 2_000) {
            continue;
        }
        producer.begin_transaction().expect("a beginning");
        for (key, value) in batch.drain(..) {
            producer.send(BaseRecord::to(&out).key(&key).payload(&value)).map_err(|(e, _)| e).expect("room");
            producer.send(BaseRecord::to(&log).key(&key).payload(&state)).map_err(|(e, _)| e).expect("room");
        }
        let metadata = consumer.group_metadata().expect("a membership");
        let position = consumer.position().expect("a position");
        producer.send_offsets_to_transaction(&position, &metadata, Duration::from_secs(10)).expect("offsets");
        while let Err(KafkaError::Flush(_)) = producer.flush(Duration::from_millis(1)) {}
        producer.commit_transaction(Timeout::Never).expect("a commit");
        last_commit = Instant::now();
    }
}
