//! Writes the benchmark's input: made-up registrants and events, as fast as the broker takes them.

use std::path::PathBuf;
use std::time::Duration;

use golden_bell::generate::{EventFeed, Families, Generated, Mix, Places, Record, Tally, Zone};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::broker::{Broker, unique};
use crate::support::instance::Setting;
use crate::support::topic_io;

/// A prefix of its own and topics made by the program.
pub fn set_up(broker: &Broker, name: &str, workers: usize) -> Setting {
    let folder: PathBuf = std::env::temp_dir().join(unique(name));
    std::fs::create_dir_all(&folder).expect("a folder");
    let workers = workers.to_string();
    let setting = Setting {
        bootstrap: broker.bootstrap_servers(),
        prefix: format!("{}.", unique(name)),
        environment: vec![
            ("GOLDEN_BELL__WORKERS__MATCH".into(), workers.clone()),
            ("GOLDEN_BELL__WORKERS__CASES".into(), workers),
            ("GOLDEN_BELL__TELEMETRY__LOG_LEVEL".into(), "warn".into()),
        ],
        folder,
    };
    setting.create_topics();
    setting
}

/// A zone whose registrants have 325 bytes of JSON each.
pub fn zone(registrants: u64) -> Zone {
    Zone::new(7, registrants, Families::Few, Places::sample())
}

/// Writes every registrant.
pub fn write_registrants(setting: &Setting, zone: &Zone) -> u64 {
    let producer = topic_io::producer(&setting.bootstrap);
    let mut bytes = 0;
    for record in zone.records() {
        bytes += record.value.as_ref().map_or(0, Vec::len) as u64;
        send(&producer, &setting.prefix, &record);
    }
    producer.flush(Duration::from_secs(120)).expect("registrants delivered");
    bytes
}

/// Writes `count` events and says what must come of them.
pub fn write_events(setting: &Setting, zone: &Zone, mix: &Mix, count: u64) -> Tally {
    let producer = topic_io::producer(&setting.bootstrap);
    let mut feed = EventFeed::new(zone.clone(), mix, 1).expect("a feed");
    let mut tally = Tally::default();
    let mut generated = Generated::blank();
    let now = chrono::Utc::now();
    for n in 0..count {
        feed.fill(now, &mut generated);
        send(&producer, &setting.prefix, &generated.record);
        tally.add(&generated);
        if n % 1_000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(Duration::from_secs(300)).expect("events delivered");
    tally
}

/// Hands one record over, waiting for room.
pub fn send(producer: &BaseProducer, prefix: &str, record: &Record) {
    let topic = format!("{prefix}{}", record.topic.topic());
    let headers = record.headers.iter().fold(OwnedHeaders::new_with_capacity(8), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value) })
    });
    let mut outgoing: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&topic).headers(headers);
    outgoing.key = record.key.as_deref();
    outgoing.payload = record.value.as_deref();
    loop {
        match producer.send(outgoing) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                outgoing = back;
                producer.poll(Duration::from_millis(1));
            }
            Err((error, _)) => panic!("{error}"),
        }
    }
}
