//! `[kafka]`: the cluster, and the names this installation has in it.

use std::time::Duration;

use serde::Deserialize;

use super::error::Problems;
use super::properties::Properties;
use super::value;

/// The longest name a Kafka topic may have is 249; the longest of the contract, with a dot, has less than 32.
const LONGEST_PREFIX: usize = 200;

/// The cluster, and the names this installation has in it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// `host:port`, several separated by commas. Default `127.0.0.1:9092`.
    pub bootstrap_servers: String,
    /// Put before every topic name. Default `golden-bell.`.
    pub topic_prefix: String,
    /// Partitions of each topic that is created. Default 6.
    pub partitions: u16,
    /// Copies of each partition that is created. Default 1.
    pub replication_factor: u16,
    /// Put before the name of every consumer group. Default `golden-bell.`.
    pub group_prefix: String,
    /// Names this process. Default none. Read it through [`super::Config::instance_id`].
    #[serde(deserialize_with = "value::optional_text")]
    pub instance_id: Option<String>,
    /// `ce_source` of what the project produces. Default `urn:golden-bell`.
    pub source: String,
    /// How long a call into Kafka may take before the process ends with exit code 75. Default 20 s.
    #[serde(deserialize_with = "value::duration")]
    pub watchdog: Duration,
    /// What librdkafka is told beside what the program tells it. Default nothing.
    pub properties: Properties,
}

impl KafkaConfig {
    /// The full name of a topic of the contract.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix)
    }

    /// The full name of a consumer group.
    pub fn group(&self, name: &str) -> String {
        format!("{}{name}", self.group_prefix)
    }

    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        if let Some(server) = self.bootstrap_servers.split(',').find(|server| !is_server(server.trim())) {
            let reason = format!("must be host:port, several separated by commas, found {server:?}");
            problems.push("kafka.bootstrap_servers", reason);
        }
        problems.kafka_name("kafka.topic_prefix", &self.topic_prefix, LONGEST_PREFIX);
        problems.range("kafka.partitions", self.partitions, 1..=10_000);
        problems.range("kafka.replication_factor", self.replication_factor, 1..=32);
        problems.kafka_name("kafka.group_prefix", &self.group_prefix, LONGEST_PREFIX);
        if let Some(id) = &self.instance_id {
            problems.kafka_name("kafka.instance_id", id, LONGEST_PREFIX);
        }
        if self.source.is_empty() || self.source.chars().any(|c| c.is_whitespace() || c.is_control()) {
            problems.push("kafka.source", "must be a URI without spaces, such as \"urn:golden-bell\"");
        }
        problems.duration("kafka.watchdog", self.watchdog, Duration::from_secs(1)..=Duration::from_secs(600));
        self.properties.check(problems);
    }
}

/// `host:port`, `[v6]:port`, with or without `PROTOCOL://`.
fn is_server(text: &str) -> bool {
    let address = text.split_once("://").map_or(text, |(_, address)| address);
    match address.rsplit_once(':') {
        Some((host, port)) => !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0),
        None => false,
    }
}

/// Host name and port: two processes of one host cannot both hold the port.
pub(super) fn default_instance_id(port: u16) -> String {
    let host = hostname::get().map_or_else(|_| "localhost".to_owned(), |host| host.to_string_lossy().into_owned());
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let host: String = host.chars().map(|c| if legal(c) { c } else { '-' }).collect();
    format!("{host}-{port}")
}
