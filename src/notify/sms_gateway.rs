//! `sms_gateway`: text messages through any gateway that is spoken to over HTTP, by templates of URL and body.
//!
//! `{phone}`, `{text}`, `{title}`, `{id}`, `{level}`, `{time}` (seconds since 1970) and `{token}` are filled in, each
//! escaped for the place where it stands.

use chrono::{DateTime, Utc};

use super::address::query_value;
use super::{Request, Verdict};
use crate::config::DestinationConfig;
use crate::core::notification::{DeliveryReason, Notification};

/// What can be filled in.
pub const PLACEHOLDERS: [&str; 7] = ["phone", "text", "title", "id", "level", "time", "token"];

/// How values are escaped.
#[derive(Clone, Copy)]
enum Escape {
    Query,
    Json,
    Xml,
    Plain,
}

impl Escape {
    fn of(content_type: &str) -> Self {
        let bare = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if bare.ends_with("json") {
            Escape::Json
        } else if bare.ends_with("xml") {
            Escape::Xml
        } else if bare.ends_with("x-www-form-urlencoded") {
            Escape::Query
        } else {
            Escape::Plain
        }
    }

    fn apply(self, value: &str) -> String {
        match self {
            Escape::Query => query_value(value),
            Escape::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
            }
            Escape::Xml => value
                .chars()
                .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
                .map(|c| match c {
                    '&' => "&amp;".to_owned(),
                    '<' => "&lt;".to_owned(),
                    '>' => "&gt;".to_owned(),
                    '"' => "&quot;".to_owned(),
                    '\'' => "&apos;".to_owned(),
                    c => c.to_string(),
                })
                .collect(),
            Escape::Plain => value.chars().filter(|c| !c.is_control()).collect(),
        }
    }
}

/// Fills a template; `None` names a placeholder that does not exist.
fn fill(template: &str, mut value: impl FnMut(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        let (before, after) = rest.split_at(start);
        filled.push_str(before);
        let inner = after.get(1..).unwrap_or_default();
        let name = inner.split('}').next().unwrap_or_default();
        let closed = inner.len() > name.len();
        // A brace of JSON is not followed by a bare word and its closing brace.
        if closed && !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            filled.push_str(&value(name).ok_or_else(|| name.to_owned())?);
            rest = inner.get(name.len() + 1..).unwrap_or_default();
        } else {
            filled.push('{');
            rest = inner;
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// That a template names only what there is.
///
/// # Errors
/// What it names instead.
pub fn check(template: &str) -> Result<(), String> {
    fill(template, |name| PLACEHOLDERS.contains(&name).then(String::new)).map(drop).map_err(|name| {
        format!("has {{{name}}}, which is none of {}", PLACEHOLDERS.map(|known| format!("{{{known}}}")).join(", "))
    })
}

/// The URL as it may come out, to be checked; the host must not depend on a notification.
///
/// # Errors
/// When it does, or a placeholder is unknown.
pub fn sample_url(template: &str) -> Result<String, String> {
    let host = template.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
    if host.contains('{') {
        return Err("the host may hold no placeholder".to_owned());
    }
    check(template)?;
    fill(template, |_| Some("0".to_owned())).map_err(|name| format!("has {{{name}}}"))
}

/// The request for a notification.
///
/// # Errors
/// Without a phone.
pub fn request(
    notification: &Notification,
    destination: &DestinationConfig,
    now: DateTime<Utc>,
) -> Result<Request, DeliveryReason> {
    let phone = notification.recipient.address.as_deref().filter(|phone| !phone.is_empty());
    let phone = phone.ok_or(DeliveryReason::NoAddress)?;
    let value = |name: &str| match name {
        "phone" => Some(phone.to_owned()),
        "text" => Some(notification.text.clone()),
        "title" => Some(notification.title().to_owned()),
        "id" => Some(notification.notification_id.clone()),
        "level" => Some(notification.level.as_str().to_owned()),
        "time" => Some(now.timestamp().to_string()),
        "token" => Some(destination.token.as_ref().map_or("", |token| token.expose()).to_owned()),
        _ => None,
    };
    let filled = |template: &str, escape: Escape| {
        fill(template, |name| value(name).map(|text| escape.apply(&text))).map_err(|_| DeliveryReason::Refused)
    };
    let url = filled(&destination.url, Escape::Query)?;
    if !destination.post {
        return Ok(Request { post: false, url, headers: Vec::new(), body: Vec::new() });
    }
    let body = filled(&destination.body, Escape::of(&destination.content_type))?;
    let headers = vec![("content-type", destination.content_type.clone())];
    Ok(Request { post: true, url, headers, body: body.into_bytes() })
}

/// Judges the body of an answer by `accepted_if`.
pub fn judge(destination: &DestinationConfig, body: &[u8]) -> Verdict {
    match &destination.accepted_if {
        Some(sign) if !String::from_utf8_lossy(body).contains(sign.as_str()) => {
            Verdict::Refused(DeliveryReason::Refused)
        }
        _ => Verdict::Accepted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_of_json_are_no_placeholders() {
        let filled = fill(r#"{"to":"{phone}","n":{"a":{}},"t":"{text}"}"#, |name| Some(name.to_uppercase()));
        assert_eq!(filled.unwrap(), r#"{"to":"PHONE","n":{"a":{}},"t":"TEXT"}"#);
        assert_eq!(fill("a{", |_| None).unwrap(), "a{");
        assert!(check("{phone} {name}").unwrap_err().starts_with("has {name}, which is none of {phone}, "));
        assert!(sample_url("https://{phone}.example/").is_err());
        assert_eq!(sample_url("https://sms.example/a?p={phone}").unwrap(), "https://sms.example/a?p=0");
    }

    #[test]
    fn a_value_cannot_break_out_of_its_place() {
        let value = "a\"b\\c&<>\n'";
        assert_eq!(Escape::Json.apply(value), r#"a\"b\\c&<>\n'"#);
        assert_eq!(Escape::Query.apply(value), "a%22b%5Cc%26%3C%3E%0A%27");
        assert_eq!(Escape::Xml.apply(value), "a&quot;b\\c&amp;&lt;&gt;\n&apos;");
        assert_eq!(Escape::Plain.apply(value), "a\"b\\c&<>'");
    }
}
