//! How each channel is spoken to: a file for each, with pure functions that make a request of a notification and judge
//! the answer. [`client`] sends it; [`address`] keeps it away from private networks; [`board`] knows which cases an
//! Alertmanager is to show.
//!
//! Nothing is redirected, and nothing but a time-out, a broken connection, 429 and 5xx (or what a robot answers in
//! their stead) is tried again.

pub mod address;
pub mod alertmanager;
pub mod board;
pub mod client;
pub mod dingtalk;
pub mod feishu;
pub mod pagerduty;
mod robot;
pub mod sms_gateway;
pub mod webhook;
pub mod wecom;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::DestinationConfig;
use crate::core::notification::{Channel, DeliveryReason, DeliveryState, Notification};

/// A request before it is sent. Its URL and headers may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Whether it is a POST, else a GET.
    pub post: bool,
    /// Where to.
    pub url: String,
    /// Headers of the channel, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What a receiver answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status of HTTP.
    pub status: u16,
    /// `Retry-After` as it stands.
    pub retry_after: Option<&'a str>,
    /// The beginning of the body.
    pub body: &'a [u8],
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver took it.
    Accepted,
    /// Another attempt may help.
    Retry {
        /// Why this one did not.
        reason: DeliveryReason,
        /// How long the receiver wants to be left alone.
        after: Option<Duration>,
    },
    /// No attempt will help.
    Refused(DeliveryReason),
}

/// The request for one notification, for every channel but `alertmanager`, whose requests hold cases, and `log`, which
/// has none.
///
/// # Errors
/// Why there can be no request.
pub fn request(
    notification: &Notification,
    destination: &DestinationConfig,
    now: DateTime<Utc>,
) -> Result<Request, DeliveryReason> {
    match destination.kind {
        Channel::Webhook => webhook::request(notification, destination, now),
        Channel::PagerDuty => pagerduty::request(notification, destination),
        Channel::WeCom => wecom::request(notification, destination),
        Channel::DingTalk => dingtalk::request(notification, destination, now),
        Channel::Feishu => feishu::request(notification, destination, now),
        Channel::SmsGateway => sms_gateway::request(notification, destination, now),
        Channel::Alertmanager | Channel::Log => Err(DeliveryReason::Refused),
    }
}

/// The state of what the channel's receiver accepted: whether it is the end of the way.
pub const fn accepted_state(channel: Channel) -> DeliveryState {
    match channel {
        Channel::Webhook | Channel::Alertmanager | Channel::Log => DeliveryState::Delivered,
        Channel::PagerDuty | Channel::WeCom | Channel::DingTalk | Channel::Feishu | Channel::SmsGateway => {
            DeliveryState::Sent
        }
    }
}

/// Judges an answer: its status first, then, where the channel says more there, its body.
pub fn judge(destination: &DestinationConfig, answer: &Answer<'_>, now: DateTime<Utc>) -> Verdict {
    let after = answer.retry_after.and_then(|text| retry_after(text, now));
    match answer.status {
        200..=299 => match destination.kind {
            Channel::WeCom => wecom::judge(answer.body),
            Channel::DingTalk => dingtalk::judge(answer.body),
            Channel::Feishu => feishu::judge(answer.body),
            Channel::SmsGateway => sms_gateway::judge(destination, answer.body),
            Channel::Webhook | Channel::Alertmanager | Channel::PagerDuty | Channel::Log => Verdict::Accepted,
        },
        300..=399 => Verdict::Refused(DeliveryReason::Redirect),
        // The receiver's own way to say that it was a time-out.
        408 => Verdict::Retry { reason: DeliveryReason::TimeOut, after },
        429 => Verdict::Retry { reason: DeliveryReason::TooMany, after },
        500..=599 => Verdict::Retry { reason: DeliveryReason::ReceiverError, after },
        _ => Verdict::Refused(DeliveryReason::Refused),
    }
}

/// Whether the channel's answer must be read to know what it says.
pub const fn needs_body(channel: Channel) -> bool {
    matches!(channel, Channel::WeCom | Channel::DingTalk | Channel::Feishu | Channel::SmsGateway)
}

/// `Retry-After`: seconds, or a date of HTTP.
fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    Some((at.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

/// Title and text, as one text for those who show nothing else.
fn whole_text(notification: &Notification) -> String {
    match (notification.title(), notification.text.as_str()) {
        (title, "") => title.to_owned(),
        ("", text) => text.to_owned(),
        (title, text) => format!("{title}\n{text}"),
    }
}

/// The beginning of a text that fits into so many bytes, with an ellipsis where something is left out.
fn clip(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut end = bytes.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// A POST of JSON.
fn post_json(url: String, body: &serde_json::Value) -> Request {
    let headers = vec![("content-type", "application/json".to_owned())];
    Request { post: true, url, headers, body: body.to_string().into_bytes() }
}

/// HMAC-SHA256 over `parts` one after the other, in base64: what all signatures here are made of.
fn signature(key: &[u8], parts: &[&[u8]]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_says_so() {
        assert_eq!(clip("预警", 6), "预警");
        assert_eq!(clip("预警通知", 10), "预警…");
        assert_eq!(clip("abcdef", 5), "ab…");
        assert_eq!(clip("预警", 1), "…");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2021-07-15T06:00:00Z".parse().unwrap();
        assert_eq!(retry_after(" 30 ", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Thu, 15 Jul 2021 06:02:00 GMT", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("Thu, 15 Jul 2021 05:02:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
        assert_eq!(retry_after("-1", now), None);
    }
}
