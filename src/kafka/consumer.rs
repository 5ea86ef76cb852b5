//! A member of a consumer group, read by one thread.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Connection, Purpose, create, drop_within};
use super::error::{Error, is_passing};
use super::fault_point::{self, Point};
use super::native;
use super::rebalance::Member;
use super::record::Record;

/// What a poll brought.
pub enum Polled<'a> {
    /// A record.
    Record(Record<'a>),
    /// The partition has been read to its end.
    End(i32),
    /// The offset to read at is gone: see [`GroupConsumer::rewind_lost`].
    OutOfRange,
    /// Nothing, or news to be taken from the member.
    Nothing,
}

/// A member of a consumer group.
pub struct GroupConsumer {
    pub(super) consumer: BaseConsumer<Member>,
}

impl GroupConsumer {
    /// Joins `group` for `topics` (full names).
    ///
    /// # Errors
    /// When the client cannot be made; an absent broker shows later.
    pub fn join(
        connection: &Connection,
        worker: &str,
        group: &str,
        topics: &[String],
        purpose: Purpose,
    ) -> Result<Self, Error> {
        let member = Member::new(purpose == Purpose::Transactional);
        let consumer: BaseConsumer<Member> = create(&connection.consumer(worker, group, purpose), member)?;
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&names).map_err(|error| Error::broker("subscribe", &error))?;
        Ok(GroupConsumer { consumer })
    }

    /// What the rebalances said.
    pub fn member(&self) -> &Member {
        self.consumer.context()
    }

    /// Waits for at most `wait`, rounded up to a millisecond, for something to happen.
    ///
    /// # Errors
    /// When the client is beyond help and must be made anew.
    pub fn poll(&self, wait: Duration) -> Result<Polled<'_>, Error> {
        match self.consumer.poll(asleep_for(wait)) {
            None => Ok(Polled::Nothing),
            Some(Ok(message)) => Ok(Polled::Record(message.into())),
            Some(Err(error)) => instead(&error),
        }
    }

    /// Marks everything of the partition before `next` as safe to commit. A partition that was taken away is ignored.
    pub fn store(&self, topic: &str, partition: i32, next: i64) {
        self.store_marked(topic, partition, next, "");
    }

    /// The same, with a marker beside the offset, which whoever is assigned the partition next is told.
    pub fn store_marked(&self, topic: &str, partition: i32, next: i64, marker: &str) {
        if next <= 0 {
            return;
        }
        fault_point::pass(Point::BeforeStore);
        if let Err(error) = marked(topic, partition, next, marker).and_then(|list| self.consumer.store_offsets(&list)) {
            tracing::debug!(%error, "an offset of a partition no longer assigned is not stored");
        }
    }

    /// Commits a marker beside an offset that has not moved, which is never committed by itself. Does not wait.
    pub fn commit_marked(&self, topic: &str, partition: i32, next: i64, marker: &str) {
        let committed =
            marked(topic, partition, next, marker).and_then(|list| self.consumer.commit(&list, CommitMode::Async));
        if let Err(error) = committed {
            tracing::debug!(%error, "a marker is not committed, it will be with the next offset");
        }
    }

    /// Reads on at `next` for each partition, and lets paused ones flow.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn resume_at(&self, topic: &str, positions: &[(i32, i64)]) -> Result<(), Error> {
        self.seek(topic, positions)?;
        self.resume(topic, positions.iter().map(|(partition, _)| *partition))
    }

    /// Lets paused partitions flow; they must be paused, or what they have in hand is read twice.
    ///
    /// # Errors
    /// When they are not assigned.
    pub fn resume(&self, topic: &str, partitions: impl IntoIterator<Item = i32>) -> Result<(), Error> {
        self.consumer.resume(&list(topic, partitions)).map_err(|error| Error::broker("resume", &error))
    }

    /// Holds partitions back.
    ///
    /// # Errors
    /// When they are not assigned.
    pub fn pause(&self, topic: &str, partitions: impl IntoIterator<Item = i32>) -> Result<(), Error> {
        self.consumer.pause(&list(topic, partitions)).map_err(|error| Error::broker("pause", &error))
    }

    fn seek(&self, topic: &str, positions: &[(i32, i64)]) -> Result<(), Error> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for (partition, next) in positions {
            let offset = if *next < 0 { Offset::Beginning } else { Offset::Offset(*next) };
            list.add_partition_offset(topic, *partition, offset).map_err(|error| Error::broker("seek", &error))?;
        }
        let sought = self
            .consumer
            .seek_partitions(list, Duration::from_secs(10))
            .map_err(|error| Error::broker("seek", &error))?;
        for element in sought.elements() {
            element.error().map_err(|error| Error::broker("seek", &error))?;
        }
        Ok(())
    }

    /// After [`Polled::OutOfRange`]: reads on at the earliest offset held wherever the next one is no longer held.
    /// `positions` must name every assigned partition, with the next offset to read, `None` where nothing was read
    /// yet. Returns the partitions whose records are gone, with the offset reading goes on at.
    ///
    /// The partition that ran out of range is dead to a seek; hence all are assigned anew. All of them flow afterwards:
    /// librdkafka keeps a pause over an assignment, and whoever paused some must pause them again.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn rewind_lost(&self, positions: &[(String, i32, Option<i64>)]) -> Result<Vec<(String, i32, i64)>, Error> {
        let mut all = TopicPartitionList::with_capacity(positions.len());
        let mut lost = Vec::new();
        for (topic, partition, next) in positions {
            let (low, high) = (self.consumer)
                .fetch_watermarks(topic, *partition, Duration::from_secs(10))
                .map_err(|error| Error::broker("watermarks", &error))?;
            let at = match next {
                Some(next) if (low..=high).contains(next) => *next,
                Some(_) => {
                    lost.push((topic.clone(), *partition, low));
                    low
                }
                None => low,
            };
            all.add_partition_offset(topic, *partition, Offset::Offset(at))
                .map_err(|error| Error::broker("assign", &error))?;
        }
        self.consumer.assign(&all).map_err(|error| Error::broker("assign", &error))?;
        self.consumer.resume(&all).map_err(|error| Error::broker("resume", &error))?;
        Ok(lost)
    }

    /// The next offset to read of a partition, `next` being the one after the last record read. What no reader sees, such
    /// as the mark that ends a transaction, is passed as well once the client has.
    ///
    /// # Errors
    /// When the client does not tell.
    pub fn position(&self, topic: &str, partition: i32, next: i64) -> Result<i64, Error> {
        let position = self.consumer.position().map_err(|error| Error::broker("position", &error))?;
        Ok(match position.find_partition(topic, partition).map(|element| element.offset()) {
            Some(Offset::Offset(at)) => at.max(next),
            _ => next,
        })
    }

    /// How many records of each partition are left, as far as the last fetch told, when `next` is the next offset to
    /// handle and whether all that was read before it has been handled. A partition of which no fetch told is left out.
    ///
    /// What no reader sees, such as the mark that ends a transaction, is not left once the client has passed it.
    pub fn left(&self, topic: &str, partitions: impl IntoIterator<Item = (i32, i64, bool)>) -> Vec<(i32, i64)> {
        let position = self.consumer.position().unwrap_or_default();
        let passed: HashMap<i32, i64> = (position.elements_for_topic(topic).iter())
            .filter_map(|element| Some((element.partition(), element.offset().to_raw()?)))
            .collect();
        (partitions.into_iter())
            .filter_map(|(partition, next, all_handled)| {
                let end = self.cached_end(topic, partition)?;
                let passed = passed.get(&partition).copied().filter(|_| all_handled).unwrap_or(next);
                Some((partition, (end - next.max(passed).max(0)).max(0)))
            })
            .collect()
    }

    /// The end offset of a partition as the last fetch told it.
    fn cached_end(&self, topic: &str, partition: i32) -> Option<i64> {
        native::cached_end(self.consumer.client().native_ptr(), topic, partition)
    }

    /// Leaves the group, waiting no longer than `limit`; what is stored is committed on the way.
    pub fn leave(self, limit: Duration) {
        drop_within(self.consumer, limit);
    }
}

/// A wait that is slept through. The wrapper asks for what is left in whole milliseconds, cut off, until the time is over:
/// the last one it spends asking without a pause. With a little more than whole milliseconds the first sleep is all.
fn asleep_for(wait: Duration) -> Duration {
    const A_LITTLE: Duration = Duration::from_micros(50);
    let millis = wait.as_micros().div_ceil(1_000);
    if millis == 0 {
        Duration::ZERO
    } else {
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)) + A_LITTLE
    }
}

/// What an error in the place of a record means.
pub(super) fn instead<'a>(error: &KafkaError) -> Result<Polled<'a>, Error> {
    match error {
        KafkaError::PartitionEOF(partition) => Ok(Polled::End(*partition)),
        KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
            Ok(Polled::OutOfRange)
        }
        error if is_passing(error) => {
            tracing::debug!(%error, "kafka is not reachable, the client keeps trying");
            Ok(Polled::Nothing)
        }
        error => Err(Error::broker("consume", error)),
    }
}

fn list(topic: &str, partitions: impl IntoIterator<Item = i32>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(topic, partition);
    }
    list
}

fn marked(topic: &str, partition: i32, next: i64, marker: &str) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(1);
    let mut element = list.add_partition(topic, partition);
    if !marker.is_empty() {
        element.set_metadata(marker);
    }
    element.set_offset(Offset::Offset(next))?;
    Ok(list)
}
