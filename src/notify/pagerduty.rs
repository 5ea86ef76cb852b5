//! `pagerduty`: Events API v2. The case is the incident: opened by its first warning, resolved when it closes.

use serde_json::{Value, json};

use super::{Request, clip, post_json};
use crate::config::DestinationConfig;
use crate::core::notification::{DeliveryReason, Notification};
use crate::core::rules::Level;

/// The longest summary, characters; bytes are at least as many.
const MAX_SUMMARY_BYTES: usize = 1024;

/// The request for a notification.
///
/// # Errors
/// None; like the others.
pub fn request(notification: &Notification, destination: &DestinationConfig) -> Result<Request, DeliveryReason> {
    let mut event = json!({
        "routing_key": destination.token.as_ref().map(|token| token.expose()),
        "dedup_key": notification.case_id,
        "event_action": if notification.case_open { "trigger" } else { "resolve" },
    });
    if notification.case_open {
        event["client"] = json!("Golden Bell");
        event["payload"] = json!({
            "summary": clip(notification.title(), MAX_SUMMARY_BYTES),
            "source": "golden-bell",
            "severity": severity(notification.level),
            "timestamp": notification.created_at,
            "component": notification.area.as_ref().map(|area| &area.code),
            "class": notification.cause,
            "custom_details": {
                "notification_id": notification.notification_id,
                "warning_id": notification.warning_id,
                "level": notification.level,
                "area": notification.area_name(),
                "subject": notification.subject_masked,
                "text": notification.text,
                "runbook": notification.runbook,
            },
        });
        // What is not known is left out: a null is no string.
        for part in ["/payload", "/payload/custom_details"] {
            if let Some(members) = event.pointer_mut(part).and_then(Value::as_object_mut) {
                members.retain(|_, value| !value.is_null());
            }
        }
        if let Some(page) = notification.runbook.as_deref().filter(|page| page.starts_with("https://")) {
            event["links"] = json!([{ "href": page, "text": "runbook" }]);
        }
    }
    Ok(post_json(destination.url.clone(), &event))
}

const fn severity(level: Level) -> &'static str {
    match level {
        Level::Urgent => "critical",
        Level::High => "error",
        Level::Medium => "warning",
        Level::Low => "info",
    }
}
