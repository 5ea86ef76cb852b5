//! The program as a process with topics of its own on a broker: what tests of it set up and ask in the same way.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::broker::{Broker, unique};
use super::instance::{Instance, READY, Setting};
use super::model::{FeedRecord, Record};
use super::topic_io::{group_lag, read_all, send_all};

/// One worker of each kind, and a dead member given up after three seconds instead of ten.
const USUAL: [(&str, &str); 4] = [
    ("WORKERS__MATCH", "1"),
    ("WORKERS__CASES", "1"),
    ("KAFKA__PROPERTIES__SESSION_TIMEOUT_MS", "3000"),
    ("KAFKA__PROPERTIES__HEARTBEAT_INTERVAL_MS", "500"),
];

pub struct Stand {
    pub setting: Setting,
    /// How long anything is waited for.
    patience: Duration,
    _folder: tempfile::TempDir,
}

impl Stand {
    /// Nothing made yet; `more` are variables behind `GOLDEN_BELL__`.
    pub fn new(broker: &Broker, name: &str, patience: Duration, more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let setting = Setting {
            bootstrap: broker.bootstrap_servers(),
            prefix: format!("{}.", unique(name)),
            environment: Vec::new(),
            folder: folder.path().to_owned(),
        };
        let stand = Stand { setting, patience, _folder: folder };
        USUAL.iter().chain(more).fold(stand, |stand, (key, value)| stand.set(key, value))
    }

    pub fn with_topics(self) -> Self {
        self.setting.create_topics();
        self
    }

    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.setting.environment.push((format!("GOLDEN_BELL__{key}"), value.to_owned()));
        self
    }

    pub fn send(&self, records: &[FeedRecord]) {
        send_all(&self.setting.bootstrap, &self.setting.prefix, records);
    }

    pub fn read(&self, topic: &str) -> Vec<Record> {
        read_all(&self.setting.bootstrap, &self.setting.prefix, topic)
    }

    pub fn started(&self, id: &str) -> Instance {
        let mut instance = self.setting.start(id);
        instance.wait_ready(READY);
        instance
    }

    /// Waits until the topic holds this many committed records.
    #[track_caller]
    pub fn wait_for(&self, topic: &str, count: usize) -> Vec<Record> {
        let until = Instant::now() + self.patience;
        loop {
            let records = self.read(topic);
            if records.len() >= count {
                return records;
            }
            assert!(Instant::now() < until, "{topic} has {} records, {count} are wanted", records.len());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Deletes what a topic holds before these offsets, as its retention does.
    pub fn delete_before(&self, topic: &str, offsets: impl IntoIterator<Item = (i32, i64)>) {
        let topic = format!("{}{topic}", self.setting.prefix);
        let mut before = TopicPartitionList::new();
        for (partition, offset) in offsets {
            before.add_partition_offset(&topic, partition, Offset::Offset(offset)).expect("an offset");
        }
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.setting.bootstrap).create().expect("an admin client");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(admin.delete_records(&before, &AdminOptions::new())).expect("records deleted");
    }

    /// Waits until a group has committed all there is of these topics.
    #[track_caller]
    pub fn wait_for_group(&self, group: &str, topics: &[&str]) {
        let Setting { bootstrap, prefix, .. } = &self.setting;
        let at_end = |topic: &&str| group_lag(bootstrap, &format!("{prefix}{group}"), &format!("{prefix}{topic}")) == 0;
        wait_until(self.patience, &format!("{group} to get to the end of {topics:?}"), || topics.iter().all(at_end));
    }
}

#[track_caller]
pub fn wait_until(within: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A record without headers.
pub fn record(topic: &'static str, key: &str, value: Option<&str>) -> FeedRecord {
    FeedRecord {
        topic,
        key: Some(key.as_bytes().to_vec()),
        headers: Vec::new(),
        value: value.map(|v| v.as_bytes().to_vec()),
    }
}
