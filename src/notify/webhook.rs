//! `webhook`: JSON, signed as [Standard Webhooks](https://www.standardwebhooks.com/) has it.
//!
//! `webhook-id` is the notification id, so that a receiver can tell what it has seen; while a key is exchanged for
//! another, the message bears a signature of each.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Request, signature};
use crate::config::DestinationConfig;
use crate::core::notification::{DeliveryReason, Notification};

/// The type of every message.
pub const TYPE: &str = "golden-bell.notification.v1";

/// The size of a signing key, bytes, by the specification.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

#[derive(Serialize)]
struct Payload<'a> {
    r#type: &'static str,
    timestamp: DateTime<Utc>,
    data: &'a Notification,
}

/// The key of a secret written as `whsec_` and base64, the prefix being optional.
pub fn signing_key(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?;
    KEY_BYTES.contains(&key.len()).then_some(key)
}

/// The request for a notification.
///
/// # Errors
/// When it cannot be written.
pub fn request(
    notification: &Notification,
    destination: &DestinationConfig,
    now: DateTime<Utc>,
) -> Result<Request, DeliveryReason> {
    let payload = Payload { r#type: TYPE, timestamp: notification.created_at, data: notification };
    let body = serde_json::to_vec(&payload).map_err(|_| DeliveryReason::Refused)?;
    let (id, timestamp) = (&notification.notification_id, now.timestamp());
    let keys = destination.secrets.iter().filter_map(|secret| signing_key(secret.expose()));
    let signatures: Vec<String> = keys.filter_map(|key| sign(&key, id, timestamp, &body)).collect();
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.clone()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ];
    if let Some(token) = &destination.token {
        headers.push(("authorization", format!("Bearer {}", token.expose())));
    }
    if let Some(trace) = &notification.traceparent {
        headers.push(("traceparent", trace.clone()));
    }
    Ok(Request { post: true, url: destination.url.clone(), headers, body })
}

fn sign(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    signature(key, &[format!("{id}.{timestamp}.").as_bytes(), body]).map(|signature| format!("v1,{signature}"))
}
