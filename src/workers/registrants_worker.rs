//! Puts bad registrants aside, once: a group of its own remembers which records have been looked at, so that neither
//! a restart nor a second instance tells of one again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::registrant::decode_registrant;
use crate::kafka::client::Purpose;
use crate::kafka::consumer::{GroupConsumer, Polled};
use crate::kafka::error::Error;
use crate::kafka::offsets::Progress;
use crate::kafka::producer::ReportingProducer;
use crate::kafka::rebalance::News;

use super::{Shared, dead_letters, erasures_worker, sessions};

/// The group, behind the prefix (contract 2).
pub const GROUP: &str = "registrants";

const WORKER: &str = "registrants";

/// Runs until the process stops.
///
/// # Errors
/// What makes going on pointless.
pub fn run(shared: &Shared) -> Result<(), Error> {
    erasures_worker::wait(shared);
    sessions(shared, WORKER, || session(shared))
}

fn session(shared: &Shared) -> Result<(), Error> {
    let topic = shared.connection.topic("registrants");
    let letters = shared.connection.topic("dead-letters");
    let producer = ReportingProducer::new(&shared.connection, WORKER)?;
    let consumer = GroupConsumer::join(&shared.connection, WORKER, GROUP, std::slice::from_ref(&topic), Purpose::Feed)?;
    let mut partitions: BTreeMap<i32, Progress> = BTreeMap::new();
    let mut delivered = Vec::new();
    while !shared.stop.stopping() {
        match consumer.poll(Duration::from_millis(100))? {
            Polled::Record(record) => {
                let bad = decode_registrant(shared.index.reader(), record.key(), record.value()).err();
                // What comes back of somebody who is forgotten is not kept as a dead letter either.
                let bad = bad.filter(|_| !shared.erasures.covers_bad(record.key(), record.value()));
                if let Some(progress) = partitions.get_mut(&record.partition()) {
                    progress.handled(record.offset(), u32::from(bad.is_some()));
                }
                if let Some(reject) = bad {
                    shared.metrics.dead_letter("registrants", reject.reason);
                    let letter = dead_letters::letter(&letters, &record, &reject);
                    let token = (record.partition() as usize) << 48 | record.offset() as usize;
                    producer.send(letter, token, Duration::from_secs(15))?;
                }
            }
            Polled::OutOfRange => {
                let positions: Vec<_> =
                    partitions.iter().map(|(&p, progress)| (topic.clone(), p, progress.position())).collect();
                for (_, partition, next) in consumer.rewind_lost(&positions)? {
                    shared.metrics.offset_resets.inc();
                    partitions.insert(partition, Progress::starting_at(Some(next)));
                    tracing::error!(partition, next, "registrants are gone before they were looked at, reading on");
                }
            }
            Polled::Nothing | Polled::End(_) => {}
        }
        for news in consumer.member().take_news() {
            match news {
                News::Failed(detail) => return Err(Error::Broker { what: "rebalance", tag: "rebalance", detail }),
                News::Revoked => partitions.clear(),
                News::Assigned(assigned) => {
                    partitions = assigned.iter().map(|a| (a.partition, Progress::starting_at(a.committed))).collect();
                    shared.readiness.ready(WORKER);
                }
            }
        }
        settle(&producer, Duration::ZERO, &mut delivered, &mut partitions)?;
        store(&consumer, &topic, &mut partitions);
    }
    producer.flush(Duration::from_secs(5), &mut delivered);
    settle(&producer, Duration::ZERO, &mut delivered, &mut partitions)?;
    store(&consumer, &topic, &mut partitions);
    consumer.leave(Duration::from_secs(3));
    Ok(())
}

fn settle(
    producer: &ReportingProducer,
    wait: Duration,
    delivered: &mut Vec<crate::kafka::producer::Delivered>,
    partitions: &mut BTreeMap<i32, Progress>,
) -> Result<(), Error> {
    producer.poll(wait, delivered);
    for report in delivered.drain(..) {
        if let Some(detail) = report.failed {
            return Err(Error::Broker { what: "produce", tag: "not_delivered", detail });
        }
        let (partition, offset) = ((report.token >> 48) as i32, (report.token & 0xffff_ffff_ffff) as i64);
        if let Some(progress) = partitions.get_mut(&partition) {
            let _ = progress.acknowledged(offset);
        }
    }
    Ok(())
}

fn store(consumer: &GroupConsumer, topic: &str, partitions: &mut BTreeMap<i32, Progress>) {
    for (&partition, progress) in partitions {
        if let Some(next) = progress.take_floor() {
            consumer.store(topic, partition, next);
        }
    }
}
