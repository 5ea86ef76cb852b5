//! Stage 1 against a bare loop that only counts bytes: the same events, consumers and librdkafka properties.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use golden_bell::generate::{Mix, Reason, Tally};
use golden_bell::kafka::client::{Connection, Purpose};
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::Scale;
use crate::feed;
use crate::support::broker::{Broker, unique};
use crate::support::instance::{READY, Setting};
use crate::support::topic_io::read_all;

const CONSUMERS: usize = 2;
/// The first warms the broker up and is not counted.
const ROUNDS: usize = 5;
/// Between two looks at the counters.
const SAMPLE: Duration = Duration::from_millis(25);
/// Without a new event for this long, all are done.
const QUIET: Duration = Duration::from_millis(700);

/// Runs the comparison and prints it.
pub fn run(broker: &Broker, scale: Scale) {
    let events = 4_000_000 / scale.divisor;
    let setting = feed::set_up(broker, "throughput", CONSUMERS);
    let zone = feed::zone(120_000);
    feed::write_registrants(&setting, &zone);
    let tally = feed::write_events(&setting, &zone, &Mix::bench(), events);
    println!(
        "throughput: {events} events, {} bytes of value on average, {:.2} % matching, {:.2} % malformed, {CONSUMERS} consumers",
        tally.value_bytes / tally.records,
        100.0 * tally.matched as f64 / tally.records as f64,
        100.0 * tally.dead_lettered() as f64 / tally.records as f64,
    );
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let bare = bare_loop(&setting, events);
        let stage1 = stage_1(&setting, round, events, &tally);
        if round > 0 {
            ratios.push(stage1.rate / bare);
        }
        println!(
            "  round {}: bare loop {:.2} million/s, stage 1 {:.2} million/s, ratio {:.3}, {:.2} µs of processor an event, resident {:.0} MB",
            if round == 0 { "0 (warm-up)".to_owned() } else { round.to_string() },
            bare / 1e6,
            stage1.rate / 1e6,
            stage1.rate / bare,
            stage1.processor.as_secs_f64() * 1e6 / events as f64,
            stage1.resident as f64 / 1e6,
        );
    }
    let best = ratios.iter().copied().fold(0.0, f64::max);
    println!("  best ratio {best:.3} (wanted: 0.38 or better)");
}

/// Events a second of a loop that polls and adds up lengths.
fn bare_loop(setting: &Setting, events: u64) -> f64 {
    let connection = Connection {
        bootstrap_servers: setting.bootstrap.clone(),
        topic_prefix: setting.prefix.clone(),
        group_prefix: format!("{}.", unique("bare")),
        instance_id: "bare".into(),
        properties: BTreeMap::new(),
    };
    let (count, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let threads: Vec<_> = (0..CONSUMERS)
        .map(|slot| {
            let (connection, count, bytes) = (connection.clone(), Arc::clone(&count), Arc::clone(&bytes));
            std::thread::spawn(move || {
                let mut config = connection.consumer(&format!("bare-{slot}"), "match", Purpose::Feed);
                config.set("auto.offset.reset", "earliest");
                let consumer: BaseConsumer = config.create().expect("a consumer");
                consumer
                    .subscribe(&[connection.topic("calls").as_str(), connection.topic("transfers").as_str()])
                    .expect("a subscription");
                let mut first = None;
                let mut last = Instant::now();
                while count.load(Ordering::Relaxed) < events {
                    let (mut seen, mut length) = (0, 0);
                    for _ in 0..1_000 {
                        match consumer.poll(if seen == 0 { Duration::from_millis(20) } else { Duration::ZERO }) {
                            Some(Ok(message)) => {
                                seen += 1;
                                length += message.payload_len() as u64;
                            }
                            _ => break,
                        }
                    }
                    if seen > 0 {
                        last = Instant::now();
                        first.get_or_insert(last);
                        count.fetch_add(seen, Ordering::Relaxed);
                        bytes.fetch_add(length, Ordering::Relaxed);
                    }
                }
                (first, last)
            })
        })
        .collect();
    let spans: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("a bare loop")).collect();
    let first = spans.iter().filter_map(|(first, _)| *first).min().expect("some events");
    let last = spans.iter().map(|(_, last)| *last).max().expect("some events");
    // A member that joins later makes some of them be read twice.
    assert!(count.load(Ordering::Relaxed) >= events);
    events as f64 / (last - first).as_secs_f64()
}

struct Stage1 {
    rate: f64,
    processor: Duration,
    resident: u64,
}

/// Events a second of stage 1 as `run` has it, from the first event counted to the last, the processor time meanwhile, and its
/// highest memory.
fn stage_1(setting: &Setting, round: usize, events: u64, tally: &Tally) -> Stage1 {
    let mut setting = setting.clone();
    setting.environment.push(("GOLDEN_BELL__KAFKA__GROUP_PREFIX".into(), format!("{}round-{round}.", setting.prefix)));
    let instance = setting.start_with(&format!("stage-1-{round}"), &["run", "--roles", "match"]);
    let began = Instant::now();
    let (mut first, mut last, mut seen) = (began, began, 0);
    let mut before = Duration::ZERO;
    // Workers that join one after the other read some events twice: the end is when nothing more is counted.
    while seen < events || last.elapsed() < QUIET {
        let count = instance.metric("golden_bell_events_total", "") as u64;
        let now = Instant::now();
        if count > seen {
            if seen > 0 {
                last = now;
            } else {
                // The first sample that is not 0 may come up to a sample late.
                first = now - SAMPLE;
                last = now;
                before = instance.processor_time();
            }
            seen = count;
        }
        assert!(began.elapsed() < READY + Duration::from_secs(120), "stage 1 is stuck:\n{}", instance.log_text());
        std::thread::sleep(SAMPLE);
    }
    let processor = instance.processor_time().saturating_sub(before);
    check(&setting, tally);
    Stage1 { rate: events as f64 / (last - first).as_secs_f64(), processor, resident: instance.peak_resident_bytes() }
}

/// Exactly the expected matches and dead letters, each counted once however often it was produced.
fn check(setting: &Setting, tally: &Tally) {
    let read = |topic| read_all(&setting.bootstrap, &setting.prefix, topic);
    let matches: BTreeSet<String> =
        read("case-inputs").iter().filter_map(|r| r.header_text("ce_id").map(str::to_owned)).collect();
    assert_eq!(matches.len() as u64, tally.matches);
    let mut letters: BTreeMap<String, BTreeSet<_>> = BTreeMap::new();
    for letter in read("dead-letters") {
        let text = |name| letter.header_text(name).unwrap_or_default().to_owned();
        letters.entry(text("dlq_reason")).or_default().insert((
            text("dlq_topic"),
            text("dlq_partition"),
            text("dlq_offset"),
        ));
    }
    for reason in Reason::ALL {
        let count = letters.get(reason.as_str()).map_or(0, BTreeSet::len) as u64;
        assert_eq!(count, tally.dead_letters_of(reason), "{}", reason.as_str());
    }
}
