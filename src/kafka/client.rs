//! Which property of librdkafka is set where, and why.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::error::{Error, code, tag};

/// The longest a value may be on any topic of ours: dead letters carry what was too large for its feed.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// How the brokers are reached, and by what name this process is known to them.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `host:port` of brokers, separated by commas.
    pub bootstrap_servers: String,
    /// What every topic's name begins with.
    pub topic_prefix: String,
    /// What every consumer group's name begins with.
    pub group_prefix: String,
    /// The name of this process among its like.
    pub instance_id: String,
    /// The operator's own properties, handed to librdkafka last.
    pub properties: BTreeMap<String, String>,
}

/// What a consumer is for, which decides some of its properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Member of a group whose offsets are committed by itself.
    Feed,
    /// Member of a group whose offsets are committed in a producer's transactions.
    Transactional,
    /// Reads given partitions from the beginning, belongs to no group.
    Log,
}

impl Connection {
    /// The full name of a topic.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix)
    }

    /// The full name of a consumer group.
    pub fn group(&self, name: &str) -> String {
        format!("{}{name}", self.group_prefix)
    }

    /// The client id of one of this process's workers.
    pub fn client_id(&self, worker: &str) -> String {
        format!("{}/{worker}", self.instance_id)
    }

    fn base(&self, worker: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", self.client_id(worker))
            // A broker that comes back is found within a second rather than ten.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("retry.backoff.ms", "20")
            .set("socket.timeout.ms", "10000")
            .set_log_level(RDKafkaLogLevel::Warning);
        config
    }

    fn finish(&self, mut config: ClientConfig) -> ClientConfig {
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config
    }

    /// The configuration of a consumer.
    pub fn consumer(&self, worker: &str, group: &str, purpose: Purpose) -> ClientConfig {
        let mut config = self.base(worker);
        config
            .set("group.id", self.group(group))
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", if purpose == Purpose::Feed { "true" } else { "false" })
            .set("auto.commit.interval.ms", "1000")
            // Only what is safe with the broker is stored, by hand.
            .set("enable.auto.offset.store", "false")
            // Where there is no offset the assignment names the beginning; an offset that is gone must be noticed.
            .set("auto.offset.reset", "error")
            // Eager and by range: short pauses, and few surprises.
            .set("partition.assignment.strategy", "range")
            .set("session.timeout.ms", "10000")
            // A member hears of a rebalance by its heartbeat: this is what a join, and a take-over, wait for.
            .set("heartbeat.interval.ms", "250")
            .set("max.poll.interval.ms", "60000")
            // A full queue otherwise holds the next fetch back for a second.
            .set("fetch.queue.backoff.ms", "2")
            .set("fetch.error.backoff.ms", "50")
            // That a log has ended is known by an empty answer, which the broker otherwise holds back for half a second.
            .set("fetch.wait.max.ms", if purpose == Purpose::Log { "20" } else { "500" })
            // A response has this much of every partition, compressed; with the queue it bounds the memory a worker holds
            // in messages not yet handled. A larger record comes all the same, alone. Four times the queue is no faster, and
            // takes 60 MB more at full speed (`cargo bench --bench pipeline -- throughput`).
            .set("fetch.message.max.bytes", "196608")
            .set("queued.max.messages.kbytes", "1024")
            .set("enable.partition.eof", if purpose == Purpose::Feed { "false" } else { "true" });
        self.finish(config)
    }

    /// The configuration of a producer that must not lose or reorder, but may repeat itself after a crash.
    pub fn producer(&self, worker: &str) -> ClientConfig {
        let mut config = self.base(worker);
        config
            .set("partitioner", "murmur2_random")
            .set("enable.idempotence", "true")
            // Under load batches fill; where nothing more is waiting, the worker sends what there is at once.
            .set("linger.ms", "50")
            .set("compression.type", "lz4")
            .set("message.max.bytes", MAX_MESSAGE_BYTES.to_string())
            .set("queue.buffering.max.kbytes", "65536")
            .set("message.timeout.ms", "60000");
        self.finish(config)
    }

    /// The configuration of a transactional producer.
    pub fn transactional(&self, worker: &str) -> ClientConfig {
        let mut config = self.base(worker);
        config
            .set("partitioner", "murmur2_random")
            .set("enable.idempotence", "true")
            .set("transactional.id", format!("{}{}", self.group_prefix, self.client_id(worker)))
            // A worker that dies holds readers back for this long at most.
            .set("transaction.timeout.ms", "15000")
            .set("message.timeout.ms", "10000")
            .set("request.timeout.ms", "5000")
            // When the group's coordinator goes, the client may wait for ever with sending offsets, until any of its
            // connections changes its state (librdkafka 5511, 5456): idle ones that are closed do.
            .set("connections.max.idle.ms", "4000")
            // All of a transaction is handed over at once; there is nothing to wait for.
            .set("linger.ms", "0")
            .set("compression.type", "lz4")
            .set("message.max.bytes", MAX_MESSAGE_BYTES.to_string())
            .set("delivery.report.only.error", "true");
        self.finish(config)
    }

    /// The configuration of a client that only asks and administers.
    pub(crate) fn admin(&self) -> ClientConfig {
        self.finish(self.base("admin"))
    }
}

/// Makes a client of any kind.
pub(crate) fn create<C, T>(config: &ClientConfig, context: C) -> Result<T, Error>
where
    C: ClientContext,
    T: FromClientConfigAndContext<C>,
{
    config.create_with_context(context).map_err(|error| match error {
        // The client's own words would repeat the value, which may be a password.
        KafkaError::ClientConfig(_, _, key, _) => Error::Client(format!("kafka.properties: {key} is refused")),
        other => Error::Client(other.to_string()),
    })
}

/// Passes librdkafka's own words on to the log, the passing ones quietly.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        report(&error, reason);
    }
}

impl rdkafka::consumer::ConsumerContext for Quiet {}

pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    // The operator's properties go to clients of all kinds; that one has no use for some of them is no news.
    if facility == "CONFWARN" && message.contains("will be ignored by this") {
        return;
    }
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(facility, message, "librdkafka");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::warn!(facility, message, "librdkafka"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(facility, message, "librdkafka"),
        RDKafkaLogLevel::Debug => tracing::debug!(facility, message, "librdkafka"),
    }
}

pub(crate) fn report(error: &KafkaError, reason: &str) {
    // The end of a partition comes this way as well as with the next poll, which is where it is heard.
    if code(error) == Some(RDKafkaErrorCode::PartitionEOF) {
        return;
    }
    if super::error::is_passing(error) {
        tracing::debug!(error = tag(error), reason, "kafka is not reachable, the client keeps trying");
    } else {
        tracing::warn!(error = tag(error), reason, "kafka");
    }
}

/// Drops a client on a thread of its own and waits for it no longer than `limit`: closing a consumer whose broker is
/// away can take for ever, and nothing that matters depends on it.
pub(crate) fn drop_within<T: Send + 'static>(client: T, limit: Duration) {
    let (done, closed) = std::sync::mpsc::channel();
    let client = Arc::new(parking_lot::Mutex::new(Some(client)));
    let theirs = Arc::clone(&client);
    let spawned = std::thread::Builder::new().name("closing".into()).spawn(move || {
        drop(theirs.lock().take());
        let _ = done.send(());
    });
    if spawned.is_ok() && closed.recv_timeout(limit).is_err() {
        tracing::warn!("a kafka client did not close in time and is left behind");
    }
}
