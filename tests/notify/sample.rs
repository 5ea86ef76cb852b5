//! Notifications and destinations to test with.
#![allow(dead_code, reason = "the benchmark uses its own part of this")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a sample that is wrong ends the test")]

use std::fs;

use golden_bell::config::{Config, DestinationConfig, Environment};
use golden_bell::core::notification::Notification;
use serde_json::{Value, json};

/// Two signing keys.
pub const SECRETS: [&str; 2] =
    ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "whsec_YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqYWI="];

/// A notification for a destination, as JSON.
pub fn json_of(destination: &str, case: &str, sequence: u64) -> Value {
    let warning_id = format!("{case}-{sequence}");
    json!({
        "notification_id": Notification::id(&warning_id, "officer-1", destination),
        "destination": destination,
        "channel": "webhook",
        "warning_id": warning_id,
        "case_id": case,
        "subject_id": format!("r-{case}"),
        "sequence": sequence,
        "cause": "opened",
        "level": "high",
        "area": {"code": "kfq/huangchengli", "name": {"zh": "黄城里", "en": "Huangchengli"}},
        "recipient": {"kind": "person", "person_id": "officer-1", "role": "officer", "step": 1, "address": null},
        "urgent": false,
        "title": {"zh": "高：冒充客服，黄城里", "en": "high: fake customer service, Huangchengli"},
        "text": "张* 131****6789 正在通话，请立即联系。",
        "language": "zh-cmn",
        "subject_masked": "张* 131****6789",
        "runbook": "https://runbooks.example/fake-customer-service",
        "case_open": true,
        "created_at": chrono::Utc::now(),
        "give_up_after": null,
    })
}

/// The same at a fixed time, with some fields replaced.
pub fn notification(replaced: Value) -> Notification {
    let mut value = json_of("hook", "c-1", 1);
    value["created_at"] = json!("2021-07-15T06:03:10Z");
    for (key, new) in replaced.as_object().unwrap() {
        value[key] = new.clone();
    }
    serde_json::from_value(value).unwrap()
}

/// A destination as `[notify.destinations.hook]` with these lines has it.
pub fn destination(lines: &str) -> DestinationConfig {
    config(lines).notify.destinations.remove("hook").expect("a destination")
}

/// The configuration with these lines for a destination `hook`.
pub fn config(lines: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("golden-bell.toml");
    fs::write(&path, format!("[notify.destinations.hook]\n{lines}\n")).unwrap();
    Config::load(Some(&path), &Environment::default()).unwrap()
}
