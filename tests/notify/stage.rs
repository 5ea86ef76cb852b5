//! The role `notify` as a process on the shared broker, with destinations of a test's own.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::Value;

use super::support::broker::Broker;
use super::support::instance::{Instance, READY, Setting};
use super::support::model::FeedRecord;
use super::support::stand::{self, Stand};
use super::support::topic_io::committed;

/// Longest that anything expected may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(60);

/// States after which nothing more happens.
const FINAL: [&str; 4] = ["sent", "delivered", "failed_perm", "bundled"];

pub struct Stage {
    pub stand: Stand,
    config: String,
    destinations: Vec<String>,
}

impl Deref for Stage {
    type Target = Stand;

    fn deref(&self) -> &Stand {
        &self.stand
    }
}

impl Stage {
    /// Topics of its own, and a configuration with these destinations: names, and their lines.
    pub fn new(name: &str, destinations: &[(&str, String)]) -> Self {
        let stand = Stand::new(Broker::shared(), name, SOON, &[("KAFKA__PARTITIONS", "3")]).with_topics();
        wait_for_leaders(&stand.setting);
        let text: String = (destinations.iter())
            .map(|(name, lines)| format!("[notify.destinations.{name}]\nallow_private = \"on\"\n{lines}\n"))
            .collect();
        let config = stand.setting.folder.join("golden-bell.toml");
        std::fs::write(&config, text).expect("a file");
        Stage {
            stand,
            config: config.display().to_string(),
            destinations: destinations.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }
    }

    /// Starts the program and waits until it is ready.
    pub fn start(&self, id: &str, roles: &str) -> Instance {
        let mut instance = self.setting.start_with(id, &["--config", &self.config, "run", "--roles", roles]);
        instance.wait_ready(READY);
        instance
    }

    /// Writes notifications as the case engine does.
    pub fn send(&self, notifications: &[Value]) {
        self.send_records(&notifications.iter().map(record).collect::<Vec<_>>());
    }

    pub fn send_records(&self, records: &[FeedRecord]) {
        self.stand.send(records);
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

    /// How many records a destination has done beyond its committed offsets, by what it committed beside them: lengths of
    /// runs to do and done by turns.
    pub fn beyond(&self, destination: &str) -> usize {
        let prefix = &self.setting.prefix;
        let (group, topic) = (format!("{prefix}notify.{destination}"), format!("{prefix}notifications"));
        let committed = committed(&self.setting.bootstrap, &group, &topic, 0..3).expect("committed offsets");
        let done =
            |marker: &str| marker.split('.').skip(1).step_by(2).filter_map(|n| n.parse::<usize>().ok()).sum::<usize>();
        committed.elements().iter().map(|element| done(element.metadata())).sum()
    }

    /// Waits until every destination has committed all there is to read.
    #[track_caller]
    pub fn wait_committed(&self) {
        for name in &self.destinations {
            self.wait_for_group(&format!("notify.{name}"), &["notifications"]);
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
pub fn wait_until(what: &str, holds: impl FnMut() -> bool) {
    stand::wait_until(SOON, what, holds);
}
