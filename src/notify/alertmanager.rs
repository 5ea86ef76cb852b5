//! `alertmanager`: a case is an alert, told again while it is open and resolved when it closes
//! (`POST /api/v2/alerts`).
//!
//! An alert is told with an end: should nobody be left to tell it again, it resolves by itself after
//! [`ENDS_AFTER`] times `resend_every`.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{Request, post_json};
use crate::config::DestinationConfig;
use crate::core::notification::Notification;
use crate::core::rules::Level;

/// How many times `resend_every` an alert lives without being told again.
pub const ENDS_AFTER: u32 = 4;

/// The name of every alert.
pub const ALERT_NAME: &str = "GoldenBellCase";

/// The labels of an alert, by which Alertmanager knows it again.
pub type Labels = BTreeMap<&'static str, String>;

/// An alert as Alertmanager takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// What identifies it, and what routes go by.
    pub labels: Labels,
    /// What is read.
    pub annotations: BTreeMap<&'static str, String>,
    /// Since when.
    pub starts_at: DateTime<Utc>,
    /// Until when; in the past for one that is resolved.
    pub ends_at: DateTime<Utc>,
}

/// The labels of the case as a notification has it. None holds personal data: they end up in URLs and metrics.
pub fn labels(notification: &Notification) -> Labels {
    let mut labels = Labels::from([
        ("alertname", ALERT_NAME.to_owned()),
        ("case_id", notification.case_id.clone()),
        ("level", notification.level.as_str().to_owned()),
        ("severity", severity(notification.level).to_owned()),
    ]);
    // An empty label is none.
    if let Some(area) = &notification.area {
        labels.insert("area", area.code.clone());
    }
    if let Some(runbook) = &notification.runbook {
        labels.insert("runbook", runbook.clone());
    }
    labels
}

/// The annotations of the case as a notification has it.
pub fn annotations(notification: &Notification) -> BTreeMap<&'static str, String> {
    let cause = notification.cause.map(|cause| cause.as_str().to_owned());
    [
        ("summary", Some(notification.title().to_owned())),
        ("description", Some(notification.text.clone())),
        ("area_name", notification.area_name().map(str::to_owned)),
        ("subject", notification.subject_masked.clone()),
        ("warning_id", Some(notification.warning_id.clone())),
        ("cause", cause),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)))
    .collect()
}

/// When an alert told at `now` ends unless it is told again.
pub fn ends_at(destination: &DestinationConfig, now: DateTime<Utc>) -> DateTime<Utc> {
    let span = TimeDelta::from_std(destination.resend_every * ENDS_AFTER).unwrap_or(TimeDelta::zero());
    now.checked_add_signed(span).unwrap_or(now)
}

/// The request that tells these alerts.
pub fn request(destination: &DestinationConfig, alerts: &[Alert]) -> Request {
    let url = format!("{}/api/v2/alerts", destination.url.trim_end_matches('/'));
    let mut request = post_json(url, &serde_json::json!(alerts));
    if let Some(token) = &destination.token {
        request.headers.push(("authorization", format!("Bearer {}", token.expose())));
    }
    request
}

const fn severity(level: Level) -> &'static str {
    match level {
        Level::Urgent => "critical",
        Level::High | Level::Medium => "warning",
        Level::Low => "info",
    }
}
