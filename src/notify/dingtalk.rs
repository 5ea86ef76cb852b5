//! `dingtalk`: a group robot of DingTalk (钉钉自定义机器人), with its signature where a secret is set.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::address::query_value;
use super::robot;
use super::{Request, Verdict, clip, post_json, signature, whole_text};
use crate::config::DestinationConfig;
use crate::core::notification::{DeliveryReason, Notification};

/// The longest message is 20,000 bytes; the rest is for what is around the text.
const MAX_TEXT_BYTES: usize = 18_000;

/// Too many calls a second, too many messages to this robot (20 a minute), in the wordings of several years.
const TOO_MANY: &[i64] = &[90018, 90030, 130_101, 410_100, 660_026];

/// The system is busy.
const BUSY: &[i64] = &[-1];

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
    let mut url = format!("{}?access_token={}", destination.url, query_value(token.expose()));
    if let Some(secret) = destination.secrets.first() {
        let timestamp = now.timestamp_millis();
        let signature = sign(secret.expose(), timestamp).ok_or(DeliveryReason::Refused)?;
        url = format!("{url}&timestamp={timestamp}&sign={}", query_value(&signature));
    }
    let mut body = json!({
        "msgtype": "text",
        "text": { "content": clip(&whole_text(notification), MAX_TEXT_BYTES) },
    });
    if let Some(address) = notification.recipient.address.as_deref() {
        match robot::mobile(address) {
            Some(mobile) => body["at"] = json!({ "atMobiles": [mobile], "isAtAll": false }),
            None => body["at"] = json!({ "atUserIds": [address], "isAtAll": false }),
        }
    }
    Ok(post_json(url, &body))
}

/// HMAC-SHA256 with the secret as key over the time, a line feed and the secret.
fn sign(secret: &str, timestamp: i64) -> Option<String> {
    signature(secret.as_bytes(), &[format!("{timestamp}\n{secret}").as_bytes()])
}

/// Judges the body of an answer.
pub fn judge(body: &[u8]) -> Verdict {
    robot::judge(body, &["errcode"], TOO_MANY, BUSY)
}
