//! Says how old the oldest record is that each topic still holds, of those that forget by time: whoever answers for
//! privacy sees that Kafka forgets what it should (contract 16). Deleting is Kafka's own job, `retention.ms` of the topic.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::kafka::consumer::Polled;
use crate::kafka::error::Error;
use crate::kafka::recall::Recall;
use crate::kafka::topics::{CleanUp, TOPICS, TopicSpec};

use super::Shared;

/// The name of the worker.
pub const WORKER: &str = "retention";

/// How long after the start the first look is: others have more urgent questions to the broker.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// How often the topics are looked at. Kafka deletes whole segments, so that it is never a matter of minutes.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// How long the oldest records of one topic may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks again and again until the process stops. `counts` are the partitions of the topics that are there.
///
/// # Errors
/// None that ends it: what cannot be found out is found out at the next look.
pub fn run(shared: &Shared, counts: &BTreeMap<&'static str, i32>) -> Result<(), Error> {
    for (spec, _, millis) in forgetting(counts) {
        let seconds = i64::try_from(millis / 1_000).unwrap_or(i64::MAX);
        shared.metrics.retention.set(&shared.connection.topic(spec.name), Some(seconds));
    }
    let mut wait = FIRST_LOOK;
    while !shared.stop.wait(wait) {
        if let Err(error) = look(shared, counts) {
            tracing::info!(%error, "how old the oldest records are is not known just now");
        }
        wait = LOOK_EVERY;
    }
    Ok(())
}

/// The topics that forget by time, with their partitions and how long they keep their records, milliseconds.
fn forgetting(counts: &BTreeMap<&'static str, i32>) -> impl Iterator<Item = (&'static TopicSpec, i32, u64)> {
    TOPICS.iter().filter_map(|spec| match (spec.clean_up, counts.get(spec.name)) {
        (CleanUp::Delete(millis), Some(&partitions)) => Some((spec, partitions, millis)),
        _ => None,
    })
}

fn look(shared: &Shared, counts: &BTreeMap<&'static str, i32>) -> Result<(), Error> {
    let recall = Recall::open(&shared.connection, WORKER)?;
    let result = forgetting(counts).try_for_each(|(spec, partitions, _)| {
        if shared.stop.stopping() {
            return Ok(());
        }
        let topic = shared.connection.topic(spec.name);
        let oldest = oldest(shared, &recall, &topic, partitions)?;
        shared.metrics.oldest_record.set(&topic, oldest.map(|millis| millis / 1_000));
        Ok(())
    });
    recall.close(Duration::from_secs(2));
    result
}

/// The time of the oldest record that a topic holds, milliseconds since 1970; `None` if it holds none. The first record
/// of a partition is its oldest but for what producers stamp themselves.
fn oldest(shared: &Shared, recall: &Recall, topic: &str, partitions: i32) -> Result<Option<i64>, Error> {
    let mut first = Vec::new();
    for partition in 0..partitions {
        let (start, end) = recall.held(topic, partition)?;
        if start < end {
            first.push((partition, start));
        }
    }
    let mut awaited: BTreeSet<i32> = first.iter().map(|(partition, _)| *partition).collect();
    let mut oldest: Option<i64> = None;
    recall.read(topic, &first)?;
    let until = Instant::now() + PATIENCE;
    while !awaited.is_empty() && !shared.stop.stopping() {
        match recall.poll(Duration::from_millis(100))? {
            Polled::Record(record) => {
                if awaited.remove(&record.partition()) {
                    oldest = oldest.into_iter().chain(record.timestamp()).min();
                }
            }
            // Nothing but what was rolled back, or the ends of transactions.
            Polled::End(partition) => _ = awaited.remove(&partition),
            Polled::Nothing if Instant::now() < until => {}
            Polled::Nothing | Polled::OutOfRange => {
                let detail = format!("the first records of {topic} did not come");
                return Err(Error::Broker { what: "read the oldest records", tag: "timed_out", detail });
            }
        }
    }
    recall.rest()?;
    Ok(oldest)
}
