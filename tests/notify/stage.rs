//! The role `notify` as a process on the shared broker, with destinations of a test's own.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::Value;

use super::support::broker::{Broker, unique};
use super::support::instance::{Instance, READY, Setting};
use super::support::model::{FeedRecord, Record};
use super::support::topic_io::{group_lag, read_all, send_all};

/// Longest that anything expected may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(60);

/// States after which nothing more happens.
const FINAL: [&str; 4] = ["sent", "delivered", "failed_perm", "bundled"];

pub struct Stage {
    pub setting: Setting,
    config: String,
    destinations: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// Topics of its own, and a configuration with these destinations: names, and their lines.
    pub fn new(name: &str, destinations: &[(&str, String)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text: String = (destinations.iter())
            .map(|(name, lines)| format!("[notify.destinations.{name}]\nallow_private = \"on\"\n{lines}\n"))
            .collect();
        let config = folder.path().join("golden-bell.toml");
        std::fs::write(&config, text).expect("a file");
        let environment = [
            ("WORKERS__MATCH", "1"),
            ("WORKERS__CASES", "1"),
            ("KAFKA__PARTITIONS", "3"),
            // A dead member is given up after three seconds instead of ten.
            ("KAFKA__PROPERTIES__SESSION_TIMEOUT_MS", "3000"),
            ("KAFKA__PROPERTIES__HEARTBEAT_INTERVAL_MS", "500"),
        ];
        let setting = Setting {
            bootstrap: Broker::shared().bootstrap_servers(),
            prefix: format!("{}.", unique(name)),
            environment: environment.iter().map(|(k, v)| (format!("GOLDEN_BELL__{k}"), (*v).to_owned())).collect(),
            folder: folder.path().to_owned(),
        };
        setting.create_topics();
        wait_for_leaders(&setting);
        Stage {
            setting,
            config: config.display().to_string(),
            destinations: destinations.iter().map(|(name, _)| (*name).to_owned()).collect(),
            _folder: folder,
        }
    }

    /// Starts the program and waits until it is ready.
    pub fn start(&self, id: &str, roles: &str) -> Instance {
        let mut instance = self.setting.start_with(id, &["--config", &self.config, "run", "--roles", roles]);
        instance.wait_ready(READY);
        instance
    }

    pub fn send_records(&self, records: &[FeedRecord]) {
        send_all(&self.setting.bootstrap, &self.setting.prefix, records);
    }

    /// Writes notifications as the case engine does.
    pub fn send(&self, notifications: &[Value]) {
        let records: Vec<FeedRecord> = notifications.iter().map(record).collect();
        self.send_records(&records);
    }

    pub fn read(&self, topic: &str) -> Vec<Record> {
        read_all(&self.setting.bootstrap, &self.setting.prefix, topic)
    }

    /// Deliveries by notification, in order.
    pub fn deliveries(&self) -> BTreeMap<String, Vec<Value>> {
        let mut by_id: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for record in self.read("deliveries") {
            let delivery: Value = serde_json::from_slice(record.value.as_deref().expect("a value")).expect("JSON");
            assert_eq!(record.key_text(), delivery["notification_id"].as_str().expect("an id"));
            assert_eq!(record.header_text("ce_type"), Some("golden-bell.delivery.v1"));
            by_id.entry(record.key_text()).or_default().push(delivery);
        }
        by_id
    }

    /// Waits until each of these has come to its end, and returns all deliveries.
    #[track_caller]
    pub fn settled(&self, notifications: &[Value]) -> BTreeMap<String, Vec<Value>> {
        let until = Instant::now() + SOON;
        loop {
            let deliveries = self.deliveries();
            let open = notifications.iter().filter(|n| ended(&deliveries, id_of(n)).is_none()).count();
            if open == 0 {
                return deliveries;
            }
            assert!(Instant::now() < until, "{open} of {} are not settled", notifications.len());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until every destination has committed all there is to read.
    #[track_caller]
    pub fn wait_committed(&self) {
        let topic = format!("{}notifications", self.setting.prefix);
        for name in &self.destinations {
            let group = format!("{}notify.{name}", self.setting.prefix);
            wait_until(&format!("{name} to commit"), || group_lag(&self.setting.bootstrap, &group, &topic) == 0);
        }
    }
}

/// Topics just made are not known to every part of the broker at once.
fn wait_for_leaders(setting: &Setting) {
    let consumer: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &setting.bootstrap)
        .set("group.id", "an-observer")
        .create()
        .expect("a consumer");
    wait_until("the topics to have leaders", || {
        let Ok(metadata) = consumer.fetch_metadata(None, SOON) else { return false };
        let topics = metadata.topics().iter().filter(|topic| topic.name().starts_with(&setting.prefix));
        let places: Vec<(&str, i32)> =
            topics.flat_map(|topic| topic.partitions().iter().map(|p| (topic.name(), p.id()))).collect();
        let known = |(topic, partition): &(&str, i32)| consumer.fetch_watermarks(topic, *partition, SOON).is_ok();
        places.len() >= 14 && places.iter().all(known)
    });
}

pub fn record(notification: &Value) -> FeedRecord {
    FeedRecord {
        topic: "notifications",
        key: Some(id_of(notification).as_bytes().to_vec()),
        headers: vec![(
            "traceparent".into(),
            Some(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_vec()),
        )],
        value: Some(notification.to_string().into_bytes()),
    }
}

pub fn id_of(notification: &Value) -> &str {
    notification["notification_id"].as_str().expect("an id")
}

/// The delivery a notification ended with.
pub fn ended<'a>(deliveries: &'a BTreeMap<String, Vec<Value>>, id: &str) -> Option<&'a Value> {
    deliveries.get(id)?.iter().find(|delivery| FINAL.contains(&delivery["state"].as_str().expect("a state")))
}

#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
