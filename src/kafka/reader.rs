//! Reads a topic from its beginning to its true end, and on from there.
//!
//! The true end is the one that uncommitted records have: the end a `read_committed` client sees can lie before the
//! last committed transaction while its marker is being written.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Connection, Purpose, Quiet, create, drop_within};
use super::error::{Error, is_passing};
use super::record::Record;

/// What a poll brought.
pub enum Read<'a> {
    /// A record.
    Record(Record<'a>),
    /// Nothing new, or the end of a partition.
    Nothing,
    /// An offset to read at is gone; the reader must be opened anew.
    OutOfRange,
}

/// A reader of given partitions of one topic.
pub struct LogReader {
    consumer: BaseConsumer<Quiet>,
    topic: String,
    /// For each partition: offset of its beginning, its true end, and whether that was reached.
    spans: BTreeMap<i32, Span>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: i64,
    end: i64,
    at: i64,
    complete: bool,
}

impl LogReader {
    /// Finds the true ends, waits until they can be read, and begins at the offset given for each partition, or at its
    /// beginning. `patience` is asked while waiting; when it says no, the waiting ends in an error.
    ///
    /// # Errors
    /// When the broker does not answer, the topic is not there, or patience ran out.
    pub fn open(
        connection: &Connection,
        worker: &str,
        topic: &str,
        partitions: &[(i32, Option<i64>)],
        mut patience: impl FnMut() -> bool,
    ) -> Result<Self, Error> {
        let config = connection.consumer(worker, "log-reader", Purpose::Log);
        let consumer: BaseConsumer<Quiet> = create(&config, Quiet)?;
        let mut uncommitted = connection.admin();
        uncommitted.set("isolation.level", "read_uncommitted");
        let observer: BaseConsumer<Quiet> = create(&uncommitted, Quiet)?;

        let mut spans = BTreeMap::new();
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for &(partition, from) in partitions {
            let (first, end) = watermarks(&observer, topic, partition)?;
            while watermarks(&consumer, topic, partition)?.1 < end {
                if !patience() {
                    return Err(Error::Layout(format!("stopped while {topic} still has an open transaction")));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let start = from.unwrap_or(first);
            spans.insert(partition, Span { start, end, at: start, complete: false });
            list.add_partition_offset(topic, partition, from.map_or(Offset::Beginning, Offset::Offset))
                .map_err(|error| Error::broker("assign", &error))?;
        }
        consumer.assign(&list).map_err(|error| Error::broker("assign", &error))?;
        Ok(LogReader { consumer, topic: topic.to_owned(), spans })
    }

    /// Waits for at most `wait` for a record.
    ///
    /// # Errors
    /// When the client is beyond help.
    pub fn poll(&mut self, wait: Duration) -> Result<Read<'_>, Error> {
        match self.consumer.poll(wait) {
            None => Ok(Read::Nothing),
            Some(Ok(message)) => {
                let record = Record::from(message);
                if let Some(span) = self.spans.get_mut(&record.partition()) {
                    span.at = record.offset() + 1;
                }
                Ok(Read::Record(record))
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                if let Some(span) = self.spans.get_mut(&partition) {
                    span.at = span.at.max(span.end);
                    span.complete = true;
                }
                Ok(Read::Nothing)
            }
            Some(Err(KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
            ))) => Ok(Read::OutOfRange),
            Some(Err(error)) if is_passing(&error) => Ok(Read::Nothing),
            Some(Err(error)) => Err(Error::broker("read", &error)),
        }
    }

    /// Whether every partition has been read to the end it had when the reader was opened.
    pub fn complete(&self) -> bool {
        self.spans.values().all(|span| span.complete)
    }

    /// The next offset to read of each partition.
    pub fn positions(&self) -> impl Iterator<Item = (i32, i64)> {
        self.spans.iter().map(|(&partition, span)| (partition, span.at))
    }

    /// After [`Read::OutOfRange`]: the partitions of which the next record is gone, with the offset it had and that of
    /// the earliest record held.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn gone(&self) -> Result<Vec<(i32, i64, i64)>, Error> {
        let mut gone = Vec::new();
        for (&partition, span) in &self.spans {
            let (first, _) = watermarks(&self.consumer, &self.topic, partition)?;
            if span.at < first {
                gone.push((partition, span.at, first));
            }
        }
        Ok(gone)
    }

    /// Offsets passed and offsets there are, over all partitions.
    pub fn progress(&self) -> (u64, u64) {
        self.spans.values().fold((0, 0), |(done, total), span| {
            let length = (span.end - span.start).max(0);
            (done + (span.at - span.start).clamp(0, length) as u64, total + length as u64)
        })
    }

    /// Ends reading, waiting no longer than `limit` for the client to close.
    pub fn close(self, limit: Duration) {
        drop_within(self.consumer, limit);
    }
}

/// How long [`read_all`] waits for a transaction that is open, and for the next record: longer than the broker lets
/// any of ours stay open.
const PATIENCE: Duration = Duration::from_secs(30);

/// Hands every committed record of a topic to `each`, partition by partition in order, up to its true end.
///
/// # Errors
/// When the broker does not answer, the topic is not there, or records went while they were read.
pub fn read_all(
    connection: &Connection,
    worker: &str,
    topic: &str,
    partitions: i32,
    mut each: impl FnMut(&Record<'_>),
) -> Result<(), Error> {
    let mut until = Instant::now() + PATIENCE;
    let from_beginning: Vec<_> = (0..partitions).map(|partition| (partition, None)).collect();
    let mut reader = LogReader::open(connection, worker, topic, &from_beginning, || Instant::now() < until)?;
    until = Instant::now() + PATIENCE;
    let result = loop {
        if reader.complete() {
            break Ok(());
        }
        match reader.poll(Duration::from_millis(20)) {
            Ok(Read::Record(record)) => {
                each(&record);
                until = Instant::now() + PATIENCE;
            }
            Ok(Read::Nothing) if Instant::now() < until => {}
            Ok(Read::Nothing) => {
                let detail = format!("{topic} could not be read to its end");
                break Err(Error::Broker { what: "read", tag: "timed_out", detail });
            }
            Ok(Read::OutOfRange) => {
                let detail = format!("records of {topic} left while they were read; try again");
                break Err(Error::Broker { what: "read", tag: "out_of_range", detail });
            }
            Err(error) => break Err(error),
        }
    };
    reader.close(Duration::from_secs(2));
    result
}

fn watermarks<C: ClientContext + ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
) -> Result<(i64, i64), Error> {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        match consumer.fetch_watermarks(topic, partition, Duration::from_secs(5)) {
            Ok(marks) => return Ok(marks),
            Err(error) if is_passing(&error) && Instant::now() < until => {}
            Err(error) => return Err(Error::broker("watermarks", &error)),
        }
    }
}
