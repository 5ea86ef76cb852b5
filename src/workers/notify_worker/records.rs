//! Writes down what became of notifications, in the order that nothing is lost by: the case hears of an urgent failure,
//! then the outcome is recorded, then the offset may move.

use std::collections::HashMap;
use std::time::Duration;

use crate::core::notification::{Delivery, DeliveryState};
use crate::kafka::error::Error;
use crate::kafka::producer::{Delivered, ReportingProducer};
use crate::kafka::record::Outgoing;

use super::super::{Shared, envelope};

/// How long a full producer queue may hold a worker up before its session starts anew.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is written when a record under way is acknowledged.
enum After {
    /// Nothing depends on it.
    Nothing,
    /// The outcome is to be recorded.
    Record(Box<Delivery>, i32, i64),
    /// The notification's own record is done.
    Done(i32, i64),
}

/// The topics written to, and what is under way to them.
pub struct Records<'a> {
    shared: &'a Shared,
    producer: ReportingProducer,
    deliveries: String,
    case_inputs: String,
    under_way: HashMap<usize, After>,
    next: usize,
    delivered: Vec<Delivered>,
}

impl<'a> Records<'a> {
    /// Nothing under way yet.
    ///
    /// # Errors
    /// When there can be no producer.
    pub fn new(shared: &'a Shared, worker: &str) -> Result<Self, Error> {
        Ok(Records {
            shared,
            producer: ReportingProducer::new(&shared.connection, worker)?,
            deliveries: shared.connection.topic("deliveries"),
            case_inputs: shared.connection.topic("case-inputs"),
            under_way: HashMap::new(),
            next: 0,
            delivered: Vec::new(),
        })
    }

    /// A state on the way, or of a summary.
    ///
    /// # Errors
    /// When the broker takes nothing any more.
    pub fn note(&mut self, delivery: &Delivery, trace: Option<&str>) -> Result<(), Error> {
        self.record(delivery, trace, After::Nothing)
    }

    /// The outcome of the notification at this place; when it is an urgent one's failure, the case hears of it first.
    ///
    /// # Errors
    /// When the broker takes nothing any more.
    pub fn settle(
        &mut self,
        delivery: Delivery,
        urgent: bool,
        trace: Option<&str>,
        partition: i32,
        offset: i64,
    ) -> Result<(), Error> {
        if urgent && delivery.state == DeliveryState::FailedPerm {
            let (topic, key) = (self.case_inputs.clone(), delivery.subject_id.clone());
            let value = json(&delivery)?;
            return self.send(
                &topic,
                &key,
                &value,
                &delivery,
                trace,
                After::Record(Box::new(delivery.clone()), partition, offset),
            );
        }
        self.record(&delivery, trace, After::Done(partition, offset))
    }

    /// Puts a record aside as it is; the notification's own record is done with that.
    ///
    /// # Errors
    /// When the broker takes nothing any more.
    pub fn put_aside(&mut self, letter: Outgoing<'_>, partition: i32, offset: i64) -> Result<(), Error> {
        let token = self.token(After::Done(partition, offset));
        self.producer.send(letter, token, PATIENCE)
    }

    fn record(&mut self, delivery: &Delivery, trace: Option<&str>, after: After) -> Result<(), Error> {
        let (topic, key) = (self.deliveries.clone(), delivery.notification_id.clone());
        let value = json(delivery)?;
        self.send(&topic, &key, &value, delivery, trace, after)
    }

    fn send(
        &mut self,
        topic: &str,
        key: &str,
        value: &[u8],
        delivery: &Delivery,
        trace: Option<&str>,
        after: After,
    ) -> Result<(), Error> {
        let source = &self.shared.config.kafka.source;
        let headers = envelope::headers(source, "delivery", &delivery.notification_id, delivery.at, trace);
        let token = self.token(after);
        let outgoing = Outgoing { topic, partition: None, key: Some(key.as_bytes()), value: Some(value), headers };
        self.producer.send(outgoing, token, PATIENCE)
    }

    fn token(&mut self, after: After) -> usize {
        self.next += 1;
        self.under_way.insert(self.next, after);
        self.next
    }

    /// Takes acknowledgements in, and returns the places of the notifications that are done.
    ///
    /// # Errors
    /// When the broker refused one.
    pub fn acknowledged(&mut self, wait: Duration) -> Result<Vec<(i32, i64)>, Error> {
        let mut delivered = std::mem::take(&mut self.delivered);
        self.producer.poll(wait, &mut delivered);
        let mut done = Vec::new();
        for report in delivered.drain(..) {
            if let Some(detail) = report.failed {
                return Err(Error::Broker { what: "produce", tag: "not_delivered", detail });
            }
            match self.under_way.remove(&report.token) {
                Some(After::Record(delivery, partition, offset)) => {
                    self.record(&delivery, None, After::Done(partition, offset))?;
                }
                Some(After::Done(partition, offset)) => done.push((partition, offset)),
                Some(After::Nothing) | None => {}
            }
        }
        self.delivered = delivered;
        Ok(done)
    }

    /// Sends at once what waits for more of its kind.
    pub fn send_now(&self) {
        self.producer.send_now();
    }

    /// Whether anything is under way.
    pub fn busy(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// The partitions are gone: what is acknowledged from here on moves nothing.
    pub fn forget(&mut self) {
        self.under_way.clear();
    }
}

fn json(delivery: &Delivery) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(delivery).map_err(|error| Error::Layout(format!("a delivery cannot be written: {error}")))
}
