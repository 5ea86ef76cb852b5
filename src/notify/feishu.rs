//! `feishu`: a group robot of Feishu (飞书自定义机器人), with its signature where a secret is set.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::address::query_value;
use super::{Request, Verdict, clip, post_json, robot, signature, whole_text};
use crate::config::DestinationConfig;
use crate::core::notification::{DeliveryReason, Notification};

/// The longest message is 20 KB; the rest is for what is around the text.
const MAX_TEXT_BYTES: usize = 18_000;

/// Too many calls, too many messages to this robot (100 a minute, 5 a second).
const TOO_MANY: &[i64] = &[11232, 99_991_400];

/// Something is wrong inside.
const BUSY: &[i64] = &[-1, 11233];

/// The request for a notification.
///
/// # Errors
/// Without a token.
pub fn request(
    notification: &Notification,
    destination: &DestinationConfig,
    now: DateTime<Utc>,
) -> Result<Request, DeliveryReason> {
    let token = destination.token.as_ref().ok_or(DeliveryReason::NoAddress)?;
    // What looks like a mention in the text must not become one.
    let mut text = clip(&whole_text(notification), MAX_TEXT_BYTES).replace("<at", "＜at");
    if let Some(user) = notification.recipient.address.as_deref().filter(|user| is_user_id(user)) {
        text = format!("<at user_id=\"{user}\"></at> {text}");
    }
    let mut body = json!({ "msg_type": "text", "content": { "text": text } });
    if let Some(secret) = destination.secrets.first() {
        let timestamp = now.timestamp();
        body["timestamp"] = json!(timestamp.to_string());
        body["sign"] = json!(sign(secret.expose(), timestamp).ok_or(DeliveryReason::Refused)?);
    }
    let url = format!("{}/{}", destination.url.trim_end_matches('/'), query_value(token.expose()));
    Ok(post_json(url, &body))
}

/// HMAC-SHA256 over nothing, with the time, a line feed and the secret as key.
fn sign(secret: &str, timestamp: i64) -> Option<String> {
    signature(format!("{timestamp}\n{secret}").as_bytes(), &[])
}

fn is_user_id(address: &str) -> bool {
    address != "all" && address.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// Judges the body of an answer.
pub fn judge(body: &[u8]) -> Verdict {
    robot::judge(body, &["code", "StatusCode"], TOO_MANY, BUSY)
}
