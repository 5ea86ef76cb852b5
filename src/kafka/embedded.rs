//! A broker inside the process, for shows: librdkafka's mock cluster.
//!
//! It keeps about 5 MiB a partition and knows no transactional isolation, so it proves nothing about exactly-once; the
//! workers that run against it are the very ones that run against a real broker.

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};

use super::client::Connection;
use super::error::Error;
use super::native;
use super::topics::TOPICS;

/// A running embedded broker; it ends when this is dropped.
pub struct EmbeddedBroker {
    producer: BaseProducer<DefaultProducerContext>,
    bootstrap_servers: String,
}

impl EmbeddedBroker {
    /// Starts a broker.
    ///
    /// # Errors
    /// When the client library cannot make one.
    pub fn start() -> Result<Self, Error> {
        let producer: BaseProducer<DefaultProducerContext> = ClientConfig::new()
            .set("test.mock.num.brokers", "1")
            .create()
            .map_err(|error| Error::Client(error.to_string()))?;
        native::no_join_delay(producer.client().native_ptr());
        let bootstrap_servers = producer
            .client()
            .mock_cluster()
            .map(|cluster| cluster.bootstrap_servers())
            .ok_or_else(|| Error::Client("the client has no embedded broker".into()))?;
        Ok(EmbeddedBroker { producer, bootstrap_servers })
    }

    /// Its address.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// Makes all topics of the contract.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn create_topics(&self, connection: &Connection, partitions: i32) -> Result<(), Error> {
        let cluster = self
            .producer
            .client()
            .mock_cluster()
            .ok_or_else(|| Error::Client("the client has no embedded broker".into()))?;
        for spec in TOPICS {
            cluster
                .create_topic(&connection.topic(spec.name), partitions, 1)
                .map_err(|error| Error::broker("create topic", &error))?;
        }
        Ok(())
    }
}
