//! New message templates while the program runs: used by the next warning, or refused as a whole.

use std::fs;
use std::path::Path;

use chrono::Utc;
use serde_json::{Value, json};

use super::stage::{SOON, wait_until};
use super::support::broker::{Broker, broker_or_skip};
use super::support::model::FeedRecord;
use super::support::stand::{Stand, record};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/messages");

fn write(folder: &Path, name: &str, change: impl FnOnce(String) -> String) {
    let shipped = fs::read_to_string(Path::new(SHIPPED).join(name)).unwrap();
    fs::write(folder.join(name), change(shipped)).unwrap();
}

fn opening(opening: &str) -> impl FnOnce(String) -> String {
    move |text| {
        assert!(text.contains("\"【反诈预警】\""));
        text.replace("\"【反诈预警】\"", &format!("\"{opening}\""))
    }
}

/// A new transfer, of which the person at risk is always told.
fn transfer(id: &str) -> FeedRecord {
    let event = json!({"specversion": "1.0", "id": id, "source": "urn:test", "type": "golden-bell.transfer.v1",
        "time": Utc::now(), "data": {"transfer_id": id, "state": "accepted", "payer": {"account": "6200000000000005"},
        "payee": {"account": "6217000000000000004"}, "amount_minor": 1_000_000, "currency": "CNY",
        "suspicion": {"confidence": 0.9}}});
    record("transfers", id, Some(&event.to_string()))
}

/// What the person at risk is told by the newest of so many warnings.
fn told(stand: &Stand, warnings: usize) -> String {
    let all = stand.wait_for("warnings", warnings);
    let values = all.iter().map(|one| serde_json::from_slice::<Value>(one.value.as_deref().unwrap()).unwrap());
    let newest = values.max_by_key(|warning| warning["sequence"].as_u64()).unwrap();
    newest["messages"]["resident"]["text"].as_str().expect("a text").to_owned()
}

#[test]
fn new_templates_are_used_by_the_next_warning_and_bad_ones_are_refused_whole() {
    broker_or_skip!("that a reload never leaves the program without messages, or with half of them");
    let folder = tempfile::tempdir().unwrap();
    for name in ["zh-cmn.toml", "zh-yongkang.toml", "en.toml"] {
        write(folder.path(), name, |text| text);
    }
    let path = folder.path().display().to_string();
    let stand = Stand::new(Broker::shared(), "templates", SOON, &[("MESSAGES__PATH", &path)]).with_topics();
    let person = json!({"registrant_id": "r-1", "accounts": ["6200000000000005"], "area": "kfq", "language": "zh-cmn",
        "consented_at": "2021-06-01T09:00:00+08:00", "registered_at": "2021-06-01T09:00:00+08:00"});
    stand.send(&[record("registrants", "r-1", Some(&person.to_string()))]);
    let instance = stand.started("templates");
    let reloads = |result: &str| instance.metric("golden_bell_reloads_total", result);
    stand.send(&[transfer("t1")]);
    assert!(told(&stand, 1).starts_with("【反诈预警】"));

    // One file is good and new, the other has a link in it: neither takes effect.
    write(folder.path(), "zh-cmn.toml", opening("【新预警】"));
    let mut line = 0;
    write(folder.path(), "en.toml", |text| {
        let at = text.find("This message has no link.").expect("something to spoil");
        line = text[..at].lines().count();
        text.replace("This message has no link.", "See https://a.cn")
    });
    let (status, body) = instance.post("/-/reload").expect("an answer");
    assert_eq!(status, 422);
    let place = format!("en.toml:{line}: a link");
    assert!(body.contains("messages.path") && body.contains(&place), "{place}: {body}");
    assert!(!body.contains("a.cn"), "an error carries no text: {body}");
    assert_eq!((reloads("refused"), reloads("applied")), (1.0, 0.0));
    assert!(instance.log_text().contains(&place));
    stand.send(&[transfer("t2")]);
    assert!(told(&stand, 2).starts_with("【反诈预警】"), "the old ones stay");

    write(folder.path(), "en.toml", |text| text);
    let (status, body) = instance.post("/-/reload").expect("an answer");
    assert_eq!(status, 200, "{body}");
    wait_until("the reload", || reloads("applied") == 1.0);
    stand.send(&[transfer("t3")]);
    assert!(told(&stand, 3).starts_with("【新预警】"), "the new ones are used");
}
