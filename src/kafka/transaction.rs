//! Exactly once: records and consumed positions in one transaction, with every guard the client needs.
//!
//! * What is outstanding is drained before the commit by a wait that ends with the last answer; the client's own commit
//!   would wait in steps of a hundred milliseconds.
//! * Positions go with every transaction, also when only a timer fired: a transaction without them is not fenced.
//! * A transaction is aborted only after what it sent has been answered; the client turns fatal otherwise.
//! * After a call that timed out, was repeated or failed, the producer is replaced before the next transaction: a
//!   delayed request of the old one could otherwise end up in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{Connection, create, log, report};
use super::error::{Error, is_fenced, tag};
use super::fault_point::{self, Point};
use super::native;
use super::rebalance::Membership;
use super::record::Outgoing;
use super::watchdog::Leash;

/// How long one step of a transaction may take before it is tried again or given up.
const STEP: Duration = Duration::from_secs(10);

/// How long what the broker refused may go unseen: the wait for what is outstanding does not end by it.
const REFUSALS_SEEN_WITHIN: Duration = Duration::from_millis(20);

/// The age up to which a transaction cannot have been timed out by the broker, whose limit is 15 s.
const YOUNG: Duration = Duration::from_secs(12);

/// Why a transaction did not commit.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Nothing of it will ever be seen; the input must be read again from what is committed.
    #[error("the transaction was aborted: {0}")]
    Aborted(String),
    /// Whether it committed is unknown; everything must be read again, offsets included.
    #[error("the outcome of the transaction is unknown: {0}")]
    Unknown(String),
    /// Another process has this one's transactional id.
    #[error("another live process uses this instance id: {0}")]
    Fenced(String),
}

#[derive(Default)]
struct Refusals {
    count: AtomicU64,
}

impl ClientContext for Refusals {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        report(&error, reason);
    }
}

impl ProducerContext for Refusals {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A position to be committed: the next offset to read of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The partition of the input topic.
    pub partition: i32,
    /// The next offset to read.
    pub next: i64,
}

/// A transactional producer. Belongs to one thread.
pub struct TransactionalProducer {
    connection: Connection,
    worker: String,
    leash: Leash,
    producer: BaseProducer<Refusals>,
    /// A call was repeated or failed since this producer was made.
    doubtful: bool,
    /// When the transaction began.
    began: Instant,
}

impl TransactionalProducer {
    /// Takes over the worker's transactional id, ending what an earlier holder left open.
    pub fn start(connection: &Connection, worker: &str, leash: Leash) -> Result<Self, Error> {
        let producer = fresh(connection, worker, &leash)?;
        Ok(TransactionalProducer {
            connection: connection.clone(),
            worker: worker.to_owned(),
            leash,
            producer,
            doubtful: false,
            began: Instant::now(),
        })
    }

    /// The end of a partition for readers of what is committed, by the broker's word. Asked by this client and not by a
    /// consumer, whose question would wait for the answer to its last fetch: half a second where nothing comes in.
    ///
    /// # Errors
    /// When the broker does not answer within a second.
    pub fn end(&self, topic: &str, partition: i32) -> Result<i64, Error> {
        let ends = self.producer.client().fetch_watermarks(topic, partition, Duration::from_secs(1));
        ends.map(|(_, end)| end).map_err(|error| Error::broker("watermarks", &error))
    }

    /// Begins a transaction, with a new producer where the last one is in doubt.
    pub fn begin(&mut self) -> Result<(), Error> {
        if self.doubtful {
            let old = std::mem::replace(&mut self.producer, fresh(&self.connection, &self.worker, &self.leash)?);
            super::client::drop_within(old, Duration::from_secs(2));
            self.doubtful = false;
        }
        self.began = Instant::now();
        self.producer.begin_transaction().map_err(|error| Error::broker("begin a transaction", &error))
    }

    /// Adds a record to the transaction.
    pub fn send(&mut self, outgoing: Outgoing<'_>) -> Result<(), Failed> {
        let mut record: BaseRecord<'_, [u8], [u8], ()> = BaseRecord::to(outgoing.topic).headers(outgoing.headers.0);
        record.partition = outgoing.partition;
        record.key = outgoing.key;
        record.payload = outgoing.value;
        let until = Instant::now() + STEP;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) if Instant::now() < until => {
                    record = back;
                    self.producer.poll(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(self.abort("produce", &error)),
            }
        }
    }

    /// Commits the transaction together with `positions` of `topic`, which must name partitions of the current
    /// assignment only.
    pub fn commit(&mut self, topic: &str, positions: &[Position], membership: &Arc<Membership>) -> Result<(), Failed> {
        debug_assert!(!positions.is_empty(), "a transaction without positions is not fenced");
        let mut offsets = TopicPartitionList::with_capacity(positions.len());
        for position in positions {
            if let Err(error) = offsets.add_partition_offset(topic, position.partition, Offset::Offset(position.next)) {
                return Err(self.abort("positions", &error));
            }
        }
        fault_point::pass(Point::AfterProduce);
        self.call("send offsets", |producer| {
            producer.send_offsets_to_transaction(&offsets, membership.metadata(), STEP)
        })?;
        fault_point::pass(Point::AfterSendOffsets);
        self.drain()?;
        fault_point::pass(Point::BeforeEnd);
        self.call("commit", |producer| producer.commit_transaction(Timeout::Never))?;
        fault_point::pass(Point::AfterEnd);
        Ok(())
    }

    /// Commits a transaction that reads nothing, and so has no positions to be fenced by: for a command that is run once.
    pub fn commit_alone(&mut self) -> Result<(), Failed> {
        self.drain()?;
        self.call("commit", |producer| producer.commit_transaction(Timeout::Never))
    }

    /// Gives the transaction up.
    pub fn give_up(&mut self) -> Result<(), Failed> {
        self.settle();
        let aborted = {
            let _call = self.leash.watch("abort");
            self.producer.abort_transaction(STEP)
        };
        aborted.map_err(|error| {
            self.doubtful = true;
            self.lost(&error, error.to_string())
        })
    }

    /// Waits for every record to be answered.
    fn drain(&mut self) -> Result<(), Failed> {
        let until = Instant::now() + STEP;
        let drained = {
            let _call = self.leash.watch("flush");
            loop {
                let drained = native::send_now(self.producer.client().native_ptr(), REFUSALS_SEEN_WITHIN);
                self.producer.poll(Duration::ZERO);
                if drained || Instant::now() >= until {
                    break drained;
                }
            }
        };
        if !drained {
            return Err(self.abort("deliver", &KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)));
        }
        if self.producer.context().count.swap(0, Ordering::Relaxed) > 0 {
            let refused = KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut);
            return Err(self.abort("deliver", &refused));
        }
        Ok(())
    }

    /// A transactional call, repeated where the client says that it may be, within the watchdog's limit.
    fn call(
        &mut self,
        what: &'static str,
        call: impl Fn(&BaseProducer<Refusals>) -> Result<(), KafkaError>,
    ) -> Result<(), Failed> {
        let error = {
            let _call = self.leash.watch(what);
            loop {
                match call(&self.producer) {
                    Ok(()) => return Ok(()),
                    Err(KafkaError::Transaction(error)) if error.is_retriable() => {
                        if !self.doubtful {
                            tracing::info!(what, "a transactional call is repeated");
                        }
                        self.doubtful = true;
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    Err(error) => break error,
                }
            }
        };
        Err(self.abort(what, &error))
    }

    /// Ends a transaction that met `error` and says what is known of it.
    fn abort(&mut self, what: &'static str, error: &KafkaError) -> Failed {
        self.doubtful = true;
        let detail = format!("{what}: {}: {error}", tag(error));
        if is_fenced(error) {
            return self.lost(error, detail);
        }
        let abortable = match error {
            KafkaError::Transaction(inner) => inner.txn_requires_abort() && !inner.is_fatal(),
            KafkaError::Flush(_) | KafkaError::MessageProduction(_) => true,
            _ => false,
        };
        if !abortable {
            return Failed::Unknown(detail);
        }
        self.settle();
        let aborted = {
            let _call = self.leash.watch("abort");
            self.producer.abort_transaction(STEP)
        };
        match aborted {
            Ok(()) => Failed::Aborted(detail),
            Err(second) => self.lost(&second, format!("{detail}; abort: {}: {second}", tag(&second))),
        }
    }

    /// What an error that ends the producer means. The broker also fences a producer whose transaction took too long;
    /// only in a young one does it mean that somebody else has the id.
    fn lost(&self, error: &KafkaError, detail: String) -> Failed {
        if is_fenced(error) && self.began.elapsed() < YOUNG { Failed::Fenced(detail) } else { Failed::Unknown(detail) }
    }

    /// Lets what was sent be answered before an abort, for a short while.
    fn settle(&self) {
        let _call = self.leash.watch("flush");
        let until = Instant::now() + Duration::from_secs(2);
        while self.producer.in_flight_count() > 0 && Instant::now() < until {
            self.producer.poll(Duration::from_millis(1));
        }
    }
}

fn fresh(connection: &Connection, worker: &str, leash: &Leash) -> Result<BaseProducer<Refusals>, Error> {
    let producer: BaseProducer<Refusals> = create(&connection.transactional(worker), Refusals::default())?;
    let until = Instant::now() + Duration::from_secs(15);
    loop {
        let _call = leash.watch("init transactions");
        match producer.init_transactions(Duration::from_secs(5)) {
            Ok(()) => return Ok(producer),
            Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < until => {}
            Err(error) => return Err(Error::broker("take over the transactional id", &error)),
        }
    }
}
