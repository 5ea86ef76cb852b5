//! How long until the cases are read back, and what each takes in memory.

use std::time::{Duration, Instant};

use golden_bell::core::case::Case;
use golden_bell::kafka::partition::partition_of;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::Scale;
use crate::feed;
use crate::kept_cases::{closed_case, open_case};
use crate::support::broker::Broker;
use crate::support::instance::{Instance, Setting};
use crate::support::topic_io;

/// Partitions of `cases`, as `topics create` makes them.
const PARTITIONS: i32 = 6;
const WORKERS: usize = 2;
/// How long a start may take. Far more than is wanted: it is a figure that is looked for, on whatever else runs.
const AT_MOST: Duration = Duration::from_secs(900);
/// A million open cases and a million closed ones.
const EACH: u64 = 1_000_000;

/// Starts the program without a case and with all of them, and prints time, processor time and memory.
pub fn run(broker: &Broker, scale: Scale) {
    let each = EACH / scale.divisor;
    let setting = feed::set_up(broker, "restore", WORKERS);
    let (_, _, empty) = start(&setting, "restore-none", 0);
    let beside = resident(&empty, "VmRSS:");
    assert!(empty.terminate(Duration::from_secs(15)).success());
    let bytes = write_cases(&setting, each as usize);
    let cases = 2 * each;
    for round in 1..=2 {
        let (ready, spent, instance) = start(&setting, &format!("restore-{round}"), each);
        println!(
            "restore: {cases} cases of {} bytes, start {round}: {:.1} s (wanted: 20 s for 2,000,000), processor time {:.1} s \
             at a load of {}, \
             resident {} bytes a case beside {:.0} MB without any (wanted: under 2,000), at most {} while it starts",
            bytes / cases,
            ready.as_secs_f64(),
            spent.as_secs_f64(),
            load(),
            resident(&instance, "VmRSS:").saturating_sub(beside) / cases,
            beside as f64 / 1e6,
            resident(&instance, "VmHWM:").saturating_sub(beside) / cases,
        );
        assert!(instance.terminate(Duration::from_secs(15)).success());
    }
}

/// Starts stage 2; how long until it is ready, the processor time it took, and it.
fn start(setting: &Setting, id: &str, open: u64) -> (Duration, Duration, Instance) {
    let began = Instant::now();
    let mut instance = setting.start_with(id, &["run", "--roles", "cases"]);
    instance.wait_ready(AT_MOST);
    let ready = began.elapsed();
    let spent = processor_time(&instance);
    while instance.metric("golden_bell_cases_open", "") as u64 != open {
        assert!(began.elapsed() < AT_MOST, "not all cases are there:\n{}", instance.log_text());
        std::thread::sleep(Duration::from_millis(50));
    }
    (ready, spent, instance)
}

/// How many wanted the processors in the last minute: with more than there are of them, only the processor time tells.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("?").to_owned()
}

/// User and system time of a process so far.
fn processor_time(instance: &Instance) -> Duration {
    /// `USER_HZ`, which Linux has at 100 on every machine this runs on.
    const TICKS: u64 = 100;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", instance.pid())).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1_000 / TICKS)
}

/// Resident memory of a process, bytes: now (`VmRSS:`), or the most it ever had (`VmHWM:`).
fn resident(instance: &Instance, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", instance.pid())).unwrap_or_default();
    let kib = status.lines().find_map(|l| l.strip_prefix(line)?.trim().strip_suffix(" kB")?.trim().parse().ok());
    kib.unwrap_or(0u64) * 1024
}

/// Writes so many open cases and as many closed ones where a case worker would have; none is due for a day.
fn write_cases(setting: &Setting, each: usize) -> u64 {
    let producer = topic_io::producer(&setting.bootstrap);
    let topic = format!("{}cases", setting.prefix);
    let now = chrono::Utc::now();
    let mut bytes = 0;
    for n in 0..each {
        let mut open = open_case(n, now);
        for deadline in [
            &mut open.deadlines.acknowledge,
            &mut open.deadlines.reach,
            &mut open.respond_by,
            &mut open.next_deadline_at,
        ] {
            *deadline = deadline.map(|at| at + chrono::TimeDelta::days(1));
        }
        for case in [open, closed_case(n, now)] {
            bytes += send(&producer, &topic, &case);
        }
        if n % 500 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(Duration::from_secs(300)).expect("cases delivered");
    bytes
}

fn send(producer: &BaseProducer, topic: &str, case: &Case) -> u64 {
    let value = case.encode().expect("a case");
    let headers = OwnedHeaders::new_with_capacity(1).insert(Header { key: "input_offset", value: Some("-1") });
    let mut outgoing: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic)
        .key(case.case_id.as_str())
        .payload(value.as_slice())
        .partition(partition_of(case.subject_id.as_bytes(), PARTITIONS))
        .headers(headers);
    loop {
        match producer.send(outgoing) {
            Ok(()) => return value.len() as u64,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                outgoing = back;
                producer.poll(Duration::from_millis(1));
            }
            Err((error, _)) => panic!("{error}"),
        }
    }
}
