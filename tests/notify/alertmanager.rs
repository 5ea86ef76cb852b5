//! Against a real Alertmanager, which pages a receiver of the test.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::receiver::{Receiver, Reserved};
use super::sample::json_of;
use super::stage::{Stage, wait_until};
use super::support::broker::broker_or_skip;

/// The binary's names: Debian's, and its authors'.
const BINARIES: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];

/// After how many seconds Alertmanager takes an alert that came without an end for resolved.
pub(super) const RESOLVE_TIMEOUT_S: u64 = 5;

pub(super) struct Alertmanager {
    process: Child,
    pub(super) address: SocketAddr,
    _place: Reserved,
    _folder: tempfile::TempDir,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The binary, or a line that says what is left out; a failure where `GOLDEN_BELL_REQUIRE_ALERTMANAGER` is 1.
pub(super) fn binary() -> Option<&'static str> {
    let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let found = BINARIES.iter().copied().find(|name| runs(name));
    if found.is_none() {
        let line = "left out: alertmanager needs prometheus-alertmanager to show that it takes our alerts";
        assert!(std::env::var("GOLDEN_BELL_REQUIRE_ALERTMANAGER").is_ok_and(|value| value == "1").eq(&false), "{line}");
        let _ = writeln!(std::io::stderr(), "{line}");
    }
    found
}

impl Alertmanager {
    pub(super) fn start(binary: &str, pager: &Receiver) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("alertmanager.yml");
        let text = format!(
            "global:\n  resolve_timeout: {RESOLVE_TIMEOUT_S}s\nroute:\n  receiver: pager\n  group_by: ['...']\n  group_wait: 0s\n  group_interval: 1s\n  repeat_interval: 1h\n\
             receivers:\n- name: pager\n  webhook_configs:\n  - url: '{}'\n    send_resolved: true\n",
            pager.url("/page")
        );
        std::fs::write(&config, text).unwrap();
        let place = Reserved::new();
        let address = place.address;
        let process = Command::new(binary)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let alertmanager = Alertmanager { process, address, _place: place, _folder: folder };
        wait_until("alertmanager", || alertmanager.get("/-/ready").is_some());
        alertmanager
    }

    fn get(&self, path: &str) -> Option<String> {
        ureq::get(format!("http://{}{path}", self.address)).call().ok()?.body_mut().read_to_string().ok()
    }

    /// Active alerts of a case.
    pub(super) fn active(&self, case: &str) -> Vec<Value> {
        let all = self.get("/api/v2/alerts").map_or(json!([]), |text| serde_json::from_str(&text).unwrap());
        let all: Vec<Value> = serde_json::from_value(all).unwrap();
        all.into_iter().filter(|alert| alert["labels"]["case_id"] == case).collect()
    }

    pub(super) fn ends_at(&self, case: &str) -> Option<DateTime<Utc>> {
        self.active(case).first()?["endsAt"].as_str()?.parse().ok()
    }
}

/// Whether the pager was told this of the case, by level and status.
pub(super) fn paged(pager: &Receiver, case: &str, level: &str, status: &str) -> bool {
    pager.got().iter().any(|got| {
        let page = got.json();
        let alerts = page["alerts"].as_array().cloned().unwrap_or_default();
        alerts.iter().any(|alert| {
            alert["status"] == status && alert["labels"]["case_id"] == case && alert["labels"]["level"] == level
        })
    })
}

fn told(case: &str, sequence: u64, level: &str, open: bool) -> Value {
    let mut notification = json_of("am", case, sequence);
    notification["level"] = json!(level);
    notification["case_open"] = json!(open);
    if !open {
        let id = notification["notification_id"].as_str().unwrap().replace("n-", "n-closed-");
        notification["notification_id"] = json!(id);
    }
    notification
}

#[test]
fn a_case_is_an_alert_while_it_is_open_and_resolved_when_it_closes() {
    broker_or_skip!("that a case is an alert of a real alertmanager");
    let Some(binary) = binary() else { return };
    let pager = Receiver::good();
    let alertmanager = Alertmanager::start(binary, &pager);
    let lines = format!("kind = \"alertmanager\"\nurl = \"http://{}\"\nresend_every = \"4s\"", alertmanager.address);
    let stage = Stage::new("alerts", &[("am", lines)]);
    let instance = stage.start("one", "notify");
    let (opened, other) = (told("c-1", 1, "high", true), told("c-2", 1, "medium", true));
    stage.send(&[opened.clone(), other.clone()]);
    stage.settled(&[opened, other]);
    wait_until("the alert", || !alertmanager.active("c-1").is_empty());
    let alert = alertmanager.active("c-1").remove(0);
    assert_eq!(alert["status"]["state"], "active");
    assert_eq!(
        alert["labels"],
        json!({
            "alertname": "GoldenBellCase", "case_id": "c-1", "level": "high", "severity": "warning",
            "area": "kfq/huangchengli", "runbook": "https://runbooks.example/fake-customer-service",
        })
    );
    wait_until("the page", || paged(&pager, "c-1", "high", "firing"));

    // It lives on only because it is told again: beyond the end it was first told with.
    let first_end = alertmanager.ends_at("c-1").unwrap();
    wait_until("the alert to be told again", || alertmanager.ends_at("c-1").is_some_and(|end| end > first_end));

    // Another process tells it again, from what Kafka has.
    instance.kill();
    let instance = stage.start("two", "notify");
    let beyond_the_first = Utc::now() + Duration::from_secs(16);
    for case in ["c-1", "c-2"] {
        wait_until("the alert to be told again by another", || {
            alertmanager.ends_at(case).is_some_and(|end| end > beyond_the_first)
        });
    }

    // A level that rises is a new alert to Alertmanager; the old one must not stay.
    let raised = told("c-1", 2, "urgent", true);
    stage.send(std::slice::from_ref(&raised));
    wait_until("the page of the new level", || paged(&pager, "c-1", "urgent", "firing"));
    wait_until("the old level to be over", || paged(&pager, "c-1", "high", "resolved"));
    let active = alertmanager.active("c-1");
    assert!(active.iter().all(|alert| alert["labels"]["level"] == "urgent"), "{active:?}");

    let closed = told("c-1", 2, "urgent", false);
    stage.send(std::slice::from_ref(&closed));
    wait_until("the page that it is over", || paged(&pager, "c-1", "urgent", "resolved"));
    wait_until("the alert to go", || alertmanager.active("c-1").is_empty());
    wait_until("the other case, which is open, to be an alert", || !alertmanager.active("c-2").is_empty());
    assert!(instance.terminate(Duration::from_secs(15)).success());
}
