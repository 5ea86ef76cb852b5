//! Batches of records that no client can read: they cannot be decompressed, or fail their checksum.
//!
//! A broker takes such a batch in where it checks less than a reader does, or a disk spoils one. The client stops in
//! front of it for good, and says neither where it ends nor, the usual way, in which partition it lies. So each partition is
//! read from its next offset by a client of its own, which is told the offset the batch begins at; any offset within the
//! batch brings the same answer, and the first beyond does not.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Connection, Purpose, Quiet, create, drop_within};
use super::error::{Error, is_passing};
use super::native::Queue;

/// How long all questions about one partition may take, below what the watchdog allows by default.
const PATIENCE: Duration = Duration::from_secs(10);

/// A batch that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The full name of its topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// The first of its offsets that was still to be read.
    pub first: i64,
    /// The first offset beyond it.
    pub next: i64,
}

/// Whether an error in the place of a record says that a batch cannot be read.
pub(super) fn is_unreadable(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::MessageConsumption(
            RDKafkaErrorCode::BadCompression | RDKafkaErrorCode::BadMessage | RDKafkaErrorCode::NotImplemented
        )
    )
}

/// The partitions whose next batch cannot be read; of `positions`, with the next offset of each, `None` for its
/// beginning.
///
/// # Errors
/// When the broker does not answer.
pub fn find(connection: &Connection, positions: &[(String, i32, Option<i64>)]) -> Result<Vec<Unreadable>, Error> {
    let mut found = Vec::new();
    for (topic, partition, next) in positions {
        let probe = Probe::open(connection, topic, *partition)?;
        let end = probe.end_of_bad(*next);
        probe.close();
        if let Some((first, next)) = end? {
            found.push(Unreadable { topic: topic.clone(), partition: *partition, first, next });
        }
    }
    Ok(found)
}

/// What stands at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// A record, or nothing yet.
    Readable,
    /// A batch that cannot be read, which begins at this offset.
    Unreadable(i64),
}

/// A client that reads one partition wherever it is asked to.
struct Probe {
    // The first to be dropped: a queue must be gone before its client.
    queue: Queue,
    consumer: BaseConsumer<Quiet>,
    topic: String,
    partition: i32,
    until: Instant,
}

impl Probe {
    fn open(connection: &Connection, topic: &str, partition: i32) -> Result<Self, Error> {
        let config = connection.consumer("unreadable", "log-reader", Purpose::Log);
        let consumer: BaseConsumer<Quiet> = create(&config, Quiet)?;
        let queue = Queue::new(consumer.client().native_ptr());
        let queue = queue.ok_or_else(|| Error::Client("no queue to look for an unreadable batch".into()))?;
        queue.take_in(consumer.client().native_ptr(), topic, partition);
        Ok(Probe { queue, consumer, topic: topic.to_owned(), partition, until: Instant::now() + PATIENCE })
    }

    /// Where the batch begins and ends that is to be read next; `None` where it can be read.
    fn end_of_bad(&self, next: Option<i64>) -> Result<Option<(i64, i64)>, Error> {
        let (low, end) = self
            .consumer
            .fetch_watermarks(&self.topic, self.partition, PATIENCE)
            .map_err(|error| Error::broker("watermarks", &error))?;
        let from = next.map_or(low, |next| next.max(low));
        if from >= end {
            return Ok(None);
        }
        self.consumer.assign(&self.at(from)?).map_err(|error| Error::broker("assign", &error))?;
        let Answer::Unreadable(base) = self.answer()? else { return Ok(None) };
        let first = from.max(base);
        // Twice as far each time until it is passed, then between the last two. What lies at the end is beyond it.
        let (mut within, mut beyond, mut step) = (first, end, 1);
        while within + step < beyond {
            if self.ask(within + step)? == Answer::Unreadable(base) {
                within += step;
                step *= 2;
            } else {
                beyond = within + step;
                break;
            }
        }
        while beyond - within > 1 {
            let middle = within + (beyond - within) / 2;
            if self.ask(middle)? == Answer::Unreadable(base) {
                within = middle;
            } else {
                beyond = middle;
            }
        }
        Ok(Some((first, beyond)))
    }

    fn ask(&self, offset: i64) -> Result<Answer, Error> {
        let sought =
            self.consumer.seek_partitions(self.at(offset)?, PATIENCE).map_err(|error| Error::broker("seek", &error))?;
        for element in sought.elements() {
            element.error().map_err(|error| Error::broker("seek", &error))?;
        }
        self.answer()
    }

    fn at(&self, offset: i64) -> Result<TopicPartitionList, Error> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.topic, self.partition, Offset::Offset(offset))
            .map_err(|error| Error::broker("assign", &error))?;
        Ok(list)
    }

    fn answer(&self) -> Result<Answer, Error> {
        while Instant::now() < self.until {
            let Some(message) = self.queue.read(Duration::from_millis(20), 1).next() else { continue };
            match message.error() {
                None | Some(KafkaError::PartitionEOF(_)) => return Ok(Answer::Readable),
                Some(error) if is_unreadable(&error) => return Ok(Answer::Unreadable(message.view().offset())),
                Some(error) if is_passing(&error) => {}
                Some(error) => return Err(Error::broker("look for an unreadable batch", &error)),
            }
        }
        Err(Error::Broker {
            what: "look for an unreadable batch",
            tag: "timed_out",
            detail: format!("{} partition {}", self.topic, self.partition),
        })
    }

    fn close(self) {
        let Probe { queue, consumer, .. } = self;
        drop(queue);
        drop_within(consumer, Duration::from_secs(2));
    }
}
