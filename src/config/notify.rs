//! `[notify]`: the destinations notifications go to (contract 10).

use std::collections::BTreeMap;
use std::time::Duration;
use std::{fmt, fs};

use serde::{Deserialize, Deserializer};

use super::error::Problems;
use super::outlets::Runbooks;
use super::secret::Secret;
use super::value;
use crate::core::notification::Channel;
use crate::core::rules::Level;
use crate::notify::{address, sms_gateway, webhook};

/// The section; the names in it are not the program's.
pub(super) const KEY: &str = "notify.destinations";

/// Keys of a destination that are numbers, for the environment, where nothing has a type.
pub(super) const NUMBERS: &[&str] = &["rate_per_minute", "burst", "concurrency"];

/// The kind of a destination that is not there, whatever a weaker layer says of it.
const OFF: &str = "off";

/// How long `notifications` keeps a record (contract 1): what waits longer is gone.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

/// Where notifications go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyConfig {
    /// Destinations by name. Default one, `log`.
    pub destinations: BTreeMap<String, DestinationConfig>,
    /// For people of the directory without channels of their own, and for what there is nobody for. Default `log`.
    pub default: Vec<String>,
    /// For residents, guardians and trusted contacts. Default `log`.
    pub residents: Vec<String>,
    /// For what shows a case until it is closed. Default none.
    pub alerts: Vec<String>,
    /// The name or address of what to do, by level. Default none.
    pub runbooks: BTreeMap<Level, String>,
}

/// One destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationConfig {
    /// How it is spoken to.
    pub kind: Channel,
    /// Where it is; a template for `sms_gateway`, empty for `log`. The robots and PagerDuty have a default.
    pub url: String,
    /// What stands in the URL of a robot, the routing key of PagerDuty, a bearer token elsewhere.
    pub token: Option<SecretText>,
    /// Keys of signatures, at most two live ones, the newer one first.
    pub secrets: Vec<SecretText>,
    /// Headers of every request beside those of the channel.
    pub headers: RequestHeaders,
    /// How long one attempt may take in all. Default 10 s.
    pub timeout: Duration,
    /// How long a notification is tried, from when it was written. Default 24 h.
    pub give_up_after: Duration,
    /// The pause before the second attempt; it doubles from attempt to attempt. Default 500 ms.
    pub retry_from: Duration,
    /// The longest pause between attempts. Default 1 min.
    pub retry_up_to: Duration,
    /// Messages a minute. Default none: no limit.
    pub rate_per_minute: Option<u32>,
    /// Messages that may go out at once before the rate counts. Default 1.
    pub burst: u32,
    /// Attempts under way at the same time. Default 16.
    pub concurrency: usize,
    /// Whether addresses of private networks and of this host may be spoken to. Default `"off"`.
    pub allow_private: bool,
    /// For `sms_gateway`: whether the request is a POST with a body. Default yes.
    pub post: bool,
    /// For `sms_gateway`: the type of the body. Default JSON.
    pub content_type: String,
    /// For `sms_gateway`: the template of the body.
    pub body: String,
    /// For `sms_gateway`: what stands in the answer where the message was accepted. Default none: the status counts.
    pub accepted_if: Option<String>,
    /// For `alertmanager`: how often open cases are told again. Default 1 min.
    pub resend_every: Duration,
}

/// A secret that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        SecretText(text.into())
    }

    /// The secret. Whoever takes it must not print it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Headers by name; their values may be secret and are never printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeaders(BTreeMap<String, SecretText>);

impl RequestHeaders {
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose()))
    }
}

/// `[notify]` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    default: Vec<String>,
    residents: Vec<String>,
    alerts: Vec<String>,
    runbooks: Runbooks,
    destinations: BTreeMap<String, DestinationDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DestinationDocument {
    kind: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    token: Secret,
    #[serde(default)]
    token_file: String,
    #[serde(default)]
    secret: Secret,
    #[serde(default)]
    secret_file: String,
    #[serde(default)]
    old_secret: Secret,
    #[serde(default)]
    old_secret_file: String,
    #[serde(default)]
    headers: BTreeMap<String, Secret>,
    #[serde(default, deserialize_with = "duration")]
    timeout: Option<Duration>,
    #[serde(default, deserialize_with = "duration")]
    give_up_after: Option<Duration>,
    #[serde(default, deserialize_with = "duration")]
    retry_from: Option<Duration>,
    #[serde(default, deserialize_with = "duration")]
    retry_up_to: Option<Duration>,
    rate_per_minute: Option<i64>,
    burst: Option<i64>,
    concurrency: Option<i64>,
    #[serde(default, deserialize_with = "switch")]
    allow_private: Option<bool>,
    method: Option<String>,
    content_type: Option<String>,
    body: Option<String>,
    accepted_if: Option<String>,
    #[serde(default, deserialize_with = "duration")]
    resend_every: Option<Duration>,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    value::duration(deserializer).map(Some)
}

fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    value::switch(deserializer).map(Some)
}

impl Document {
    pub(super) fn resolve(self, problems: &mut Problems<'_>) -> NotifyConfig {
        let mut destinations = BTreeMap::new();
        for (name, document) in self.destinations {
            let key = format!("{KEY}.{name}");
            let first = name.chars().next().is_some_and(|c| c.is_ascii_lowercase());
            let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
            if !first || name.len() > 40 || !name.chars().all(legal) {
                let reason = "the name may hold up to 40 of a-z, 0-9, \"_\" and \"-\", a letter first";
                problems.push(&key, reason);
            }
            if document.kind == OFF {
                continue;
            }
            if let Some(destination) = document.resolve(&key, problems) {
                destinations.insert(name, destination);
            }
        }
        let runbooks = self.runbooks.by_level();
        let (default, residents, alerts) = (self.default, self.residents, self.alerts);
        let config = NotifyConfig { destinations, default, residents, alerts, runbooks };
        config.check(problems);
        config
    }
}

impl DestinationDocument {
    fn resolve(self, key: &str, problems: &mut Problems<'_>) -> Option<DestinationConfig> {
        let Some(kind) = Channel::from_name(&self.kind) else {
            problems.push(&format!("{key}.kind"), format!("must be one of {}, {OFF}", Channel::NAMES.join(", ")));
            return None;
        };
        self.refuse_strangers(key, kind, problems);
        let at = |name: &str| format!("{key}.{name}");
        let token = secret(&at("token"), &self.token, &self.token_file, problems);
        let newer = secret(&at("secret"), &self.secret, &self.secret_file, problems);
        let older = secret(&at("old_secret"), &self.old_secret, &self.old_secret_file, problems);
        let rate = self.rate_per_minute.unwrap_or(0);
        let (burst, concurrency) = (self.burst.unwrap_or(1), self.concurrency.unwrap_or(16));
        problems.range(&at("rate_per_minute"), rate, 0..=1_000_000);
        problems.range(&at("burst"), burst, 1..=10_000);
        problems.range(&at("concurrency"), concurrency, 1..=256);
        let method = self.method.as_deref().unwrap_or("POST");
        if !matches!(method, "GET" | "POST") {
            problems.push(&at("method"), "must be GET or POST");
        }
        let destination = DestinationConfig {
            kind,
            url: if self.url.is_empty() { default_url(kind).to_owned() } else { self.url },
            token,
            secrets: newer.into_iter().chain(older).collect(),
            headers: headers(&at("headers"), self.headers, problems),
            timeout: self.timeout.unwrap_or(Duration::from_secs(10)),
            give_up_after: self.give_up_after.unwrap_or(Duration::from_secs(24 * 3600)),
            retry_from: self.retry_from.unwrap_or(Duration::from_millis(500)),
            retry_up_to: self.retry_up_to.unwrap_or(Duration::from_secs(60)),
            rate_per_minute: u32::try_from(rate).ok().filter(|rate| *rate > 0),
            burst: u32::try_from(burst).unwrap_or(1),
            concurrency: usize::try_from(concurrency).unwrap_or(1),
            allow_private: self.allow_private.unwrap_or(false),
            post: method == "POST",
            content_type: self.content_type.unwrap_or_else(|| "application/json".to_owned()),
            body: self.body.unwrap_or_default(),
            accepted_if: self.accepted_if.filter(|text| !text.is_empty()),
            resend_every: self.resend_every.unwrap_or(Duration::from_secs(60)),
        };
        destination.check(key, problems);
        Some(destination)
    }

    /// A key that its kind has no use for is a mistake somebody would look for in vain.
    fn refuse_strangers(&self, key: &str, kind: Channel, problems: &mut Problems<'_>) {
        use Channel::{Alertmanager, DingTalk, Feishu, Log, PagerDuty, SmsGateway, Webhook};
        let secret = self.secret.expose().is_some() || !self.secret_file.is_empty();
        let older = self.old_secret.expose().is_some() || !self.old_secret_file.is_empty();
        let sms: &[Channel] = &[SmsGateway];
        for (name, set, kinds) in [
            ("secret", secret, &[Webhook, DingTalk, Feishu] as &[Channel]),
            ("old_secret", older, &[Webhook]),
            ("method", self.method.is_some(), sms),
            ("content_type", self.content_type.is_some(), sms),
            ("body", self.body.is_some(), sms),
            ("accepted_if", self.accepted_if.is_some(), sms),
            ("resend_every", self.resend_every.is_some(), &[Alertmanager]),
        ] {
            if set && !kinds.contains(&kind) {
                problems.push(&format!("{key}.{name}"), format!("is not for the kind {}", kind.as_str()));
            }
        }
        if kind == Log && !self.url.is_empty() {
            problems.push(&format!("{key}.url"), "is not for the kind log");
        }
        // What these two show must be resolved one by one; they group by themselves.
        if matches!(kind, Alertmanager | PagerDuty) && self.rate_per_minute.is_some_and(|rate| rate > 0) {
            let reason = format!("is not for the kind {}, which groups by itself", kind.as_str());
            problems.push(&format!("{key}.rate_per_minute"), reason);
        }
    }
}

impl DestinationConfig {
    fn check(&self, key: &str, problems: &mut Problems<'_>) {
        let at = |name: &str| format!("{key}.{name}");
        let second = Duration::from_secs(1);
        problems.duration(&at("timeout"), self.timeout, Duration::from_millis(10)..=60 * second);
        problems.duration(&at("give_up_after"), self.give_up_after, second..=RETENTION);
        problems.duration(&at("retry_from"), self.retry_from, Duration::from_millis(10)..=3600 * second);
        problems.duration(&at("retry_up_to"), self.retry_up_to, self.retry_from..=3600 * second);
        problems.duration(&at("resend_every"), self.resend_every, second..=3600 * second);
        if self.kind != Channel::Log
            && let Err(reason) = self.check_url()
        {
            problems.push(&at("url"), reason);
        }
        let needs_token =
            matches!(self.kind, Channel::PagerDuty | Channel::WeCom | Channel::DingTalk | Channel::Feishu);
        if needs_token && self.token.is_none() {
            problems.push(&at("token"), format!("is required by the kind {}", self.kind.as_str()));
        }
        match self.kind {
            Channel::Webhook => self.check_webhook_secrets(key, problems),
            Channel::SmsGateway => {
                for (name, template) in [("url", &self.url), ("body", &self.body)] {
                    if let Err(reason) = sms_gateway::check(template) {
                        problems.push(&at(name), reason);
                    }
                }
                if self.post && self.body.is_empty() {
                    problems.push(&at("body"), "is required with the method POST");
                }
            }
            _ => {}
        }
    }

    fn check_url(&self) -> Result<(), String> {
        if self.url.is_empty() {
            return Err(format!("is required by the kind {}", self.kind.as_str()));
        }
        let url = match self.kind {
            Channel::SmsGateway => sms_gateway::sample_url(&self.url)?,
            _ => self.url.clone(),
        };
        address::check_url(&url, self.allow_private)
    }

    fn check_webhook_secrets(&self, key: &str, problems: &mut Problems<'_>) {
        if self.secrets.is_empty() {
            problems
                .push(&format!("{key}.secret"), "is required by the kind webhook: whsec_ and 24 to 64 bytes in base64");
        }
        if self.secrets.iter().any(|secret| webhook::signing_key(secret.expose()).is_none()) {
            problems.push(&format!("{key}.secret"), "must be whsec_ and 24 to 64 bytes in base64");
        }
    }
}

const fn default_url(kind: Channel) -> &'static str {
    match kind {
        Channel::PagerDuty => "https://events.pagerduty.com/v2/enqueue",
        Channel::WeCom => "https://qyapi.weixin.qq.com/cgi-bin/webhook/send",
        Channel::DingTalk => "https://oapi.dingtalk.com/robot/send",
        Channel::Feishu => "https://open.feishu.cn/open-apis/bot/v2/hook",
        Channel::Webhook | Channel::Alertmanager | Channel::SmsGateway | Channel::Log => "",
    }
}

fn secret(key: &str, written: &Secret, file: &str, problems: &mut Problems<'_>) -> Option<SecretText> {
    match (written.expose(), file) {
        (None, "") => None,
        (Some(text), "") => Some(SecretText::new(text)),
        (Some(_), _) => {
            problems.push(key, format!("is set, and so is {key}_file; which of them counts is unclear, set one"));
            None
        }
        (None, path) => match fs::read_to_string(path) {
            Ok(text) if !text.trim().is_empty() => Some(SecretText::new(text.trim())),
            Ok(_) => {
                problems.push(&format!("{key}_file"), format!("{path} is empty"));
                None
            }
            Err(error) => {
                problems.push(&format!("{key}_file"), format!("cannot read {path}: {error}"));
                None
            }
        },
    }
}

fn headers(key: &str, written: BTreeMap<String, Secret>, problems: &mut Problems<'_>) -> RequestHeaders {
    let mut headers = BTreeMap::new();
    for (name, value) in written {
        let at = format!("{key}.{name}");
        let bare = name.strip_suffix("_file").unwrap_or(&name).to_ascii_lowercase();
        let text = match value.expose() {
            Some(path) if name.ends_with("_file") => secret(&at, &Secret::default(), path, problems),
            text => text.map(SecretText::new),
        };
        let Some(text) = text else { continue };
        let good = hyper::header::HeaderName::from_bytes(bare.as_bytes()).is_ok()
            && hyper::header::HeaderValue::from_str(text.expose()).is_ok();
        if !good {
            problems.push(&at, "is no header of HTTP");
        } else if bare.starts_with("webhook-") || matches!(bare.as_str(), "host" | "content-length" | "content-type") {
            problems.push(&at, "belongs to the program");
        } else {
            headers.insert(bare, text);
        }
    }
    RequestHeaders(headers)
}
