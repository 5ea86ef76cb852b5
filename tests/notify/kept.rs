//! A case that is open for longer than Kafka keeps what was said of it.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use rdkafka::producer::{BaseRecord, Producer};
use serde_json::json;

use super::receiver::Receiver;
use super::sample::json_of;
use super::stage::{SOON, Stage, id_of, wait_until};
use super::support::broker::broker_or_skip;
use super::support::topic_io::producer;

#[test]
fn its_newest_notification_is_written_once_more_and_it_is_told_of_after_the_first_is_gone() {
    broker_or_skip!("that a case nothing is said of for a week is still shown after a restart");
    let receiver = Receiver::good();
    let lines = format!("kind = \"alertmanager\"\nurl = \"{}\"\nresend_every = \"2s\"", receiver.url(""));
    let stage = Stage::new("kept", &[("am", lines)]);
    let topic = format!("{}notifications", stage.setting.prefix);
    let long_ago = Utc::now() - TimeDelta::days(6);
    let mut old = json_of("am", "c-old", 1);
    old["created_at"] = json!(long_ago);
    let (key, value) = (id_of(&old).to_owned(), old.to_string());
    let writer = producer(&stage.setting.bootstrap);
    let record = BaseRecord::<str, str>::to(&topic).key(&key).payload(&value).timestamp(long_ago.timestamp_millis());
    writer.send(record).map_err(|(error, _)| error).unwrap();
    writer.flush(SOON).unwrap();

    let instance = stage.start("one", "notify");
    wait_until("it to be written once more", || stage.read("notifications").len() == 2);
    let [first, again] = &stage.read("notifications")[..] else { panic!("two records") };
    assert_eq!((&again.key, &again.value), (&first.key, &Some(serde_json::to_vec(&as_written(&old)).unwrap())));
    assert_eq!(again.header_text("kept"), Some("1"));
    stage.wait_committed();
    assert!(instance.terminate(Duration::from_secs(15)).success());

    // What retention does a day later.
    stage.delete_before("notifications", [(first.partition, again.offset)]);
    let told = receiver.got().len();
    let instance = stage.start("one", "notify");
    wait_until("it to be told of again", || receiver.got().len() >= told + 2);
    assert!(receiver.got().iter().skip(told).all(|got| String::from_utf8_lossy(&got.body).contains("c-old")));
    // Written again, it is fresh, and it was delivered by nobody.
    assert_eq!(stage.read("notifications").len(), 1);
    assert_eq!(stage.deliveries()[&key].len(), 1);
    assert!(instance.terminate(Duration::from_secs(15)).success());
}

/// As the program writes what it has read.
fn as_written(notification: &serde_json::Value) -> golden_bell::core::notification::Notification {
    serde_json::from_value(notification.clone()).unwrap()
}
