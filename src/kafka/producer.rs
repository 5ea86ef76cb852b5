//! A producer that tells of every record what became of it: at least once.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use super::client::{Connection, create, log, report};
use super::error::Error;
use super::native;
use super::record::Outgoing;

/// What became of a record, with the token it was sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The caller's token.
    pub token: usize,
    /// The broker's refusal, if it refused.
    pub failed: Option<String>,
}

struct Reports {
    delivered: Mutex<Vec<Delivered>>,
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        report(&error, reason);
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        let failed = result.as_ref().err().map(|(error, _)| error.to_string());
        self.delivered.lock().push(Delivered { token, failed });
    }
}

/// An idempotent producer with an account of what was delivered. Belongs to one thread.
pub struct ReportingProducer {
    producer: BaseProducer<Reports>,
}

impl ReportingProducer {
    /// Connects lazily: an absent broker shows in the first send.
    pub fn new(connection: &Connection, worker: &str) -> Result<Self, Error> {
        let producer = create(&connection.producer(worker), Reports { delivered: Mutex::default() })?;
        Ok(ReportingProducer { producer })
    }

    /// Hands a record over; when the queue is full, waits for room for at most `patience`.
    pub fn send(&self, outgoing: Outgoing<'_>, token: usize, patience: Duration) -> Result<(), Error> {
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(outgoing.topic, token).headers(outgoing.headers.0);
        record.partition = outgoing.partition;
        record.key = outgoing.key;
        record.payload = outgoing.value;
        let mut waiting_since: Option<Instant> = None;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    let since = *waiting_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > patience {
                        return Err(Error::broker(
                            "produce",
                            &KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull),
                        ));
                    }
                    record = back;
                    self.producer.poll(Duration::from_millis(1));
                }
                Err((error, _)) => return Err(Error::broker("produce", &error)),
            }
        }
    }

    /// Serves the client and moves what was delivered into `delivered`.
    pub fn poll(&self, wait: Duration, delivered: &mut Vec<Delivered>) {
        self.producer.poll(wait);
        delivered.append(&mut self.producer.context().delivered.lock());
    }

    /// Sends at once what waits for more of its kind, and takes a millisecond at most: for when nothing more is coming.
    pub fn send_now(&self) {
        if self.in_flight() > 0 {
            native::send_now(self.producer.client().native_ptr(), Duration::from_millis(1));
        }
    }

    /// How many records are under way.
    pub fn in_flight(&self) -> usize {
        usize::try_from(self.producer.in_flight_count()).unwrap_or(0)
    }

    /// Waits until nothing is under way, for at most `limit`; whether it came to that.
    pub fn flush(&self, limit: Duration, delivered: &mut Vec<Delivered>) -> bool {
        let until = Instant::now() + limit;
        while self.in_flight() > 0 && Instant::now() < until {
            self.poll(Duration::from_millis(5), delivered);
        }
        self.poll(Duration::ZERO, delivered);
        self.in_flight() == 0
    }
}
