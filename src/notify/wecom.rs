//! `wecom`: a group robot of WeCom (企业微信群机器人).

use serde_json::json;

use super::robot;
use super::{Request, Verdict, clip, post_json, whole_text};
use crate::config::DestinationConfig;
use crate::core::notification::{DeliveryReason, Notification};

/// The longest text, bytes.
const MAX_TEXT_BYTES: usize = 2048;

/// Too many calls of the interface; too many messages to this robot (20 a minute).
const TOO_MANY: &[i64] = &[45009, 45033];

/// The system is busy.
const BUSY: &[i64] = &[-1];

/// The request for a notification.
///
/// # Errors
/// Without a token.
pub fn request(notification: &Notification, destination: &DestinationConfig) -> Result<Request, DeliveryReason> {
    let token = destination.token.as_ref().ok_or(DeliveryReason::NoAddress)?;
    let mut text = json!({ "content": clip(&whole_text(notification), MAX_TEXT_BYTES) });
    if let Some(address) = notification.recipient.address.as_deref() {
        match robot::mobile(address) {
            Some(mobile) => text["mentioned_mobile_list"] = json!([mobile]),
            None => text["mentioned_list"] = json!([address]),
        }
    }
    let url = format!("{}?key={}", destination.url, super::address::query_value(token.expose()));
    Ok(post_json(url, &json!({ "msgtype": "text", "text": text })))
}

/// Judges the body of an answer.
pub fn judge(body: &[u8]) -> Verdict {
    robot::judge(body, &["errcode"], TOO_MANY, BUSY)
}
