//! Stage 1 against a bare loop that only counts bytes: the same events, consumers and librdkafka properties.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use golden_bell::generate::{Mix, Reason, Tally};
use golden_bell::kafka::client::{Connection, Purpose};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::Scale;
use crate::feed;
use crate::support::broker::{Broker, unique};
use crate::support::instance::{READY, Setting};
use crate::support::topic_io::total_end;

const CONSUMERS: usize = 2;
const ROUNDS: usize = 2;

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
        ratios.push(stage1.rate / bare);
        println!(
            "  round {}: bare loop {:.2} million/s, stage 1 {:.2} million/s, ratio {:.3}, resident {:.0} MB",
            round + 1,
            bare / 1e6,
            stage1.rate / 1e6,
            stage1.rate / bare,
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
    assert_eq!(count.load(Ordering::Relaxed), events);
    events as f64 / (last - first).as_secs_f64()
}

struct Stage1 {
    rate: f64,
    resident: u64,
}

/// Events a second of stage 1 as `run` has it, from the first event counted to the last, and its highest memory.
fn stage_1(setting: &Setting, round: usize, events: u64, tally: &Tally) -> Stage1 {
    let mut setting = setting.clone();
    setting.environment.push(("GOLDEN_BELL__KAFKA__GROUP_PREFIX".into(), format!("{}round-{round}.", setting.prefix)));
    let inputs = format!("{}case-inputs", setting.prefix);
    let before = total_end(&setting.bootstrap, &inputs);
    let mut instance = setting.start_with(&format!("stage-1-{round}"), &["run", "--roles", "match"]);
    let began = Instant::now();
    let mut first = began;
    loop {
        let seen = instance.metric("golden_bell_events_total", "");
        let now = Instant::now();
        if seen as u64 >= events {
            let resident = instance.peak_resident_bytes();
            check(&mut instance, &setting, tally, before);
            return Stage1 { rate: events as f64 / (now - first).as_secs_f64(), resident };
        }
        if seen == 0.0 {
            first = now;
        }
        assert!(began.elapsed() < READY + Duration::from_secs(120), "stage 1 is stuck:\n{}", instance.log_text());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Exactly the expected matches and dead letters.
fn check(instance: &mut crate::support::instance::Instance, setting: &Setting, tally: &Tally, before: i64) {
    let count = |outcome: &str| instance.metric("golden_bell_events_total", &format!("outcome=\"{outcome}\"")) as u64;
    assert_eq!(count("matched"), tally.matched);
    assert_eq!(count("unmatched"), tally.unmatched);
    assert_eq!(count("dead_lettered"), tally.dead_lettered());
    for reason in Reason::ALL {
        let label = format!("reason=\"{}\"", reason.as_str());
        assert_eq!(instance.metric("golden_bell_dead_letters_total", &label) as u64, tally.dead_letters_of(reason), "{label}");
    }
    let until = Instant::now() + Duration::from_secs(30);
    let wanted = before + tally.matches as i64;
    let inputs = format!("{}case-inputs", setting.prefix);
    while total_end(&setting.bootstrap, &inputs) < wanted {
        assert!(Instant::now() < until, "matches are missing");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(total_end(&setting.bootstrap, &inputs), wanted);
}
