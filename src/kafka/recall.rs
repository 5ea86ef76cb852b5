//! Reads again what was read before: given partitions of a feed from given offsets on, in no group.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Connection, Purpose, Quiet, create, drop_within};
use super::consumer::{Polled, instead};
use super::error::{Error, is_passing};

/// How long the broker may take to answer.
const ANSWER: Duration = Duration::from_secs(3);

/// A reader without a group that goes wherever it is sent.
pub struct Recall {
    consumer: BaseConsumer<Quiet>,
}

impl Recall {
    /// Connects lazily: an absent broker shows in the first answer.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn open(connection: &Connection, worker: &str) -> Result<Self, Error> {
        Ok(Recall { consumer: create(&connection.consumer(worker, "recall", Purpose::Log), Quiet)? })
    }

    /// By partition, the first offset whose record is of `millis` (since 1970) or later, or the end where there is none.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn first_since(&self, topic: &str, partitions: &[i32], millis: i64) -> Result<Vec<(i32, i64)>, Error> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for &partition in partitions {
            list.add_partition_offset(topic, partition, Offset::Offset(millis.max(0)))
                .map_err(|error| Error::broker("offsets by time", &error))?;
        }
        let found = patiently("offsets by time", || self.consumer.offsets_for_times(list.clone(), ANSWER))?;
        let mut offsets = Vec::with_capacity(partitions.len());
        for element in found.elements() {
            element.error().map_err(|error| Error::broker("offsets by time", &error))?;
            let offset = match element.offset() {
                Offset::Offset(offset) => offset,
                _ => self.held(topic, element.partition())?.1,
            };
            offsets.push((element.partition(), offset));
        }
        Ok(offsets)
    }

    /// The first offset of a partition that is held, and one past the last.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn held(&self, topic: &str, partition: i32) -> Result<(i64, i64), Error> {
        patiently("watermarks", || self.consumer.fetch_watermarks(topic, partition, ANSWER))
    }

    /// Reads each partition from the offset given, and nothing else any more.
    ///
    /// # Errors
    /// When the client refuses.
    pub fn read(&self, topic: &str, positions: &[(i32, i64)]) -> Result<(), Error> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for &(partition, offset) in positions {
            list.add_partition_offset(topic, partition, Offset::Offset(offset))
                .map_err(|error| Error::broker("assign", &error))?;
        }
        self.consumer.assign(&list).map_err(|error| Error::broker("assign", &error))
    }

    /// Reads nothing until it is sent somewhere again.
    ///
    /// # Errors
    /// When the client refuses.
    pub fn rest(&self) -> Result<(), Error> {
        self.consumer.unassign().map_err(|error| Error::broker("assign", &error))
    }

    /// Waits for at most `wait` for a record.
    ///
    /// # Errors
    /// When the client is beyond help.
    pub fn poll(&self, wait: Duration) -> Result<Polled<'_>, Error> {
        match self.consumer.poll(wait) {
            None => Ok(Polled::Nothing),
            Some(Ok(message)) => Ok(Polled::Record(message.into())),
            Some(Err(error)) => instead(&error),
        }
    }

    /// Ends reading, waiting no longer than `limit` for the client to close.
    pub fn close(self, limit: Duration) {
        drop_within(self.consumer, limit);
    }
}

/// Asks again while the broker's absence may pass.
fn patiently<T>(what: &'static str, ask: impl Fn() -> Result<T, KafkaError>) -> Result<T, Error> {
    // Not for long: a process that is to end waits for this.
    let until = Instant::now() + ANSWER;
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(error) if is_passing(&error) && Instant::now() < until => {}
            Err(error) => return Err(Error::broker(what, &error)),
        }
    }
}
