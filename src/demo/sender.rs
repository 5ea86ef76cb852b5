//! A producer of the world outside, which gives up when anything could not be delivered.

use std::time::Duration;

use anyhow::bail;

use crate::kafka::client::Connection;
use crate::kafka::producer::{Delivered, ReportingProducer};
use crate::kafka::record::{Headers, Outgoing};

/// How long a broker that takes nothing is put up with.
const PATIENCE: Duration = Duration::from_secs(10);

/// A producer and what became of its records.
pub struct Sender {
    connection: Connection,
    producer: ReportingProducer,
    delivered: Vec<Delivered>,
}

impl Sender {
    /// Connects under the name of `worker`.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(connection: &Connection, worker: &str) -> anyhow::Result<Self> {
        let producer = ReportingProducer::new(connection, worker)?;
        Ok(Sender { connection: connection.clone(), producer, delivered: Vec::new() })
    }

    /// Hands a record over; `topic` is the name behind the prefix.
    ///
    /// # Errors
    /// When the broker takes nothing.
    pub fn send<'h>(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
        value: Option<&[u8]>,
    ) -> anyhow::Result<()> {
        let headers = headers.into_iter().fold(Headers::new(), |headers, (name, value)| headers.with(name, value));
        let topic = self.connection.topic(topic);
        let outgoing = Outgoing { topic: &topic, partition: None, key, value, headers };
        Ok(self.producer.send(outgoing, 0, PATIENCE)?)
    }

    /// Hears what was delivered.
    ///
    /// # Errors
    /// When something was not.
    pub fn look(&mut self) -> anyhow::Result<()> {
        // What is sent is due now: it must not wait for more of its kind.
        self.producer.send_now();
        self.producer.poll(Duration::ZERO, &mut self.delivered);
        match self.delivered.drain(..).find_map(|delivered| delivered.failed) {
            Some(reason) => bail!("a record could not be delivered: {reason}"),
            None => Ok(()),
        }
    }

    /// Waits until everything is delivered.
    ///
    /// # Errors
    /// When something was not, or not soon.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        let done = self.producer.flush(PATIENCE, &mut self.delivered);
        self.look()?;
        if !done {
            bail!("the embedded broker has not acknowledged everything within {} s", PATIENCE.as_secs());
        }
        Ok(())
    }
}
