//! Notifications and what becomes of them (contract 10): one message to one recipient over one destination, and its
//! Delivery.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::matched::prefixed_digest;
use super::rules::{Bilingual, Level};
use super::text::{Object, wire_enum};
use super::warning::{Cause, WarnedArea};

wire_enum! {
    /// How a destination is spoken to.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Channel {
        /// JSON over HTTP, signed as Standard Webhooks.
        Webhook = "webhook",
        /// Prometheus Alertmanager.
        Alertmanager = "alertmanager",
        /// PagerDuty, or what speaks its Events API v2.
        PagerDuty = "pagerduty",
        /// A group robot of WeCom.
        WeCom = "wecom",
        /// A group robot of DingTalk.
        DingTalk = "dingtalk",
        /// A group robot of Feishu.
        Feishu = "feishu",
        /// Text messages, through any gateway that is spoken to over HTTP.
        SmsGateway = "sms_gateway",
        /// A line in the log.
        Log = "log",
    }
}

wire_enum! {
    /// Where a delivery stands.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum DeliveryState {
        /// It waits for its turn, because its destination takes no more for the moment.
        Pending = "pending",
        /// An attempt is under way.
        Sending = "sending",
        /// The receiver took it to pass it on; whether the recipient has it, only the receiver knows.
        Sent = "sent",
        /// The receiver has it.
        Delivered = "delivered",
        /// An attempt failed and there will be another.
        FailedTemp = "failed_temp",
        /// It failed, and nobody will try again.
        FailedPerm = "failed_perm",
        /// It went out as part of a summary.
        Bundled = "bundled",
    }
}

wire_enum! {
    /// Why a delivery waits, or failed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum DeliveryReason {
        /// The destination's own limit is used up.
        Limit = "limit",
        /// No answer in time.
        TimeOut = "time_out",
        /// The receiver could not be reached, or cut the connection.
        Connection = "connection",
        /// The receiver says that it gets too many.
        TooMany = "too_many",
        /// The receiver says that something is wrong with itself.
        ReceiverError = "receiver_error",
        /// The receiver refuses this message.
        Refused = "refused",
        /// The receiver wants it sent somewhere else.
        Redirect = "redirect",
        /// The receiver's address is a private one, and those are not allowed.
        PrivateAddress = "private_address",
        /// There is no address to send it to, or what there is cannot be put into a request.
        NoAddress = "no_address",
        /// No destination of this name is configured.
        NoDestination = "no_destination",
        /// It was read only after its time was over.
        TooLate = "too_late",
    }
}

wire_enum! {
    /// Who a recipient is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum RecipientKind {
        /// The person at risk.
        Resident = "resident",
        /// Whoever answers for a minor.
        Guardian = "guardian",
        /// Somebody close to the person at risk.
        TrustedContact = "trusted_contact",
        /// Somebody of the directory who has to act.
        Person = "person",
        /// The centre.
        Centre = "centre",
    }
}

impl RecipientKind {
    /// Whether it is one of the public, to whom nothing is said about anybody else.
    pub const fn is_public(self) -> bool {
        matches!(self, RecipientKind::Resident | RecipientKind::Guardian | RecipientKind::TrustedContact)
    }
}

/// Who is to get a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Who they are.
    pub kind: RecipientKind,
    /// Id in the directory, or of the registrant or member; null where the destination is its own recipient.
    #[serde(default)]
    pub person_id: Option<String>,
    /// Role in the directory.
    #[serde(default)]
    pub role: Option<String>,
    /// The step by which they came in, 1 to 3.
    #[serde(default)]
    pub step: Option<u8>,
    /// Where this destination reaches them: a phone for text messages, a user id for a robot; null where the
    /// destination has one address only.
    #[serde(default)]
    pub address: Option<String>,
}

/// One message to one recipient over one destination; a record of the topic `notifications`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// See [`Notification::id`]; the key of the record.
    pub notification_id: String,
    /// The configured destination that is to deliver it.
    pub destination: String,
    /// How that destination was spoken to when the notification was written.
    pub channel: Channel,
    /// The warning it tells of; of the closing of a case, its last one.
    pub warning_id: String,
    /// The case.
    pub case_id: String,
    /// Whose case.
    pub subject_id: String,
    /// The warning's place in its case.
    pub sequence: u64,
    /// Why the warning went out; null where it only says that the case is closed.
    #[serde(default)]
    pub cause: Option<Cause>,
    /// The level of the case.
    pub level: Level,
    /// Where; null where nobody knows.
    #[serde(default)]
    pub area: Option<WarnedArea>,
    /// Who is to get it.
    pub recipient: Recipient,
    /// Whether the case must go to the next step when this cannot be delivered.
    pub urgent: bool,
    /// One line, masked.
    pub title: Bilingual,
    /// The text in `language`, masked.
    pub text: String,
    /// Language of the text and of the recipient.
    pub language: String,
    /// The person at risk as they may be shown; null in what goes to the public.
    #[serde(default)]
    pub subject_masked: Option<String>,
    /// What to do, as the name or the address of a page.
    #[serde(default)]
    pub runbook: Option<String>,
    /// Whether the case is open: for those that show it until it is not.
    pub case_open: bool,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// After this nobody tries any more, however long the destination itself would go on; null leaves it to that.
    #[serde(default)]
    pub give_up_after: Option<DateTime<Utc>>,
    /// The notifications this one stands for, in a summary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<String>,
    /// Trace context; goes in a header.
    #[serde(skip)]
    pub traceparent: Option<String>,
}

/// The most lines a summary has; the rest are counted.
pub const MAX_SUMMARY_LINES: usize = 20;

impl Notification {
    /// `n-` + the first 32 hex digits of SHA-256(warning id 0x00 recipient id 0x00 destination): the same warning to the
    /// same recipient over the same destination is the same notification, however often it is written or sent.
    pub fn id(warning_id: &str, recipient_id: &str, destination: &str) -> String {
        prefixed_digest("n-", &[warning_id, recipient_id, destination])
    }

    /// Reads the value of a record.
    ///
    /// # Errors
    /// Line and column where it does not fit; never what stands there.
    pub fn decode(value: &[u8]) -> Result<Self, String> {
        serde_json::from_slice::<Object<Self>>(value)
            .map(|read| read.0)
            .map_err(|error| format!("not a notification: line {}, column {}", error.line(), error.column()))
    }

    /// When nobody tries any more, for a destination that goes on for `within`.
    pub fn deadline(&self, within: TimeDelta) -> DateTime<Utc> {
        let own = self.created_at.checked_add_signed(within).unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.give_up_after.map_or(own, |until| until.min(own))
    }

    /// The title in the recipient's language.
    pub fn title(&self) -> &str {
        in_language(&self.title, &self.language)
    }

    /// The name of the area in the recipient's language.
    pub fn area_name(&self) -> Option<&str> {
        self.area.as_ref().map(|area| in_language(&area.name, &self.language))
    }

    /// Who may share a summary with it: those who go to the same address, and none of the public, whose texts are
    /// chosen word by word.
    pub fn may_share_with(&self, other: &Notification) -> bool {
        !self.recipient.kind.is_public()
            && !other.recipient.kind.is_public()
            && self.recipient.address == other.recipient.address
    }

    /// One message for several that may share one: a line for each, the most urgent first. `None` of none.
    ///
    /// Its id is a function of theirs, so that the same ones sent again are the same summary.
    pub fn summary(items: &[Notification]) -> Option<Notification> {
        let mut order: Vec<&Notification> = items.iter().collect();
        order.sort_by(|a, b| {
            (b.level, b.urgent, a.created_at, &a.notification_id).cmp(&(
                a.level,
                a.urgent,
                b.created_at,
                &b.notification_id,
            ))
        });
        let first = *order.first()?;
        let mut ids: Vec<&str> = items.iter().map(|item| item.notification_id.as_str()).collect();
        ids.sort_unstable();
        let chinese = is_chinese(&first.language);
        let count = order.len();
        let mut lines: Vec<String> = order.iter().take(MAX_SUMMARY_LINES).map(|item| item.line(chinese)).collect();
        if count > MAX_SUMMARY_LINES {
            let rest = count - MAX_SUMMARY_LINES;
            lines.push(if chinese { format!("另有 {rest} 条") } else { format!("and {rest} more") });
        }
        Some(Notification {
            notification_id: prefixed_digest("s-", &ids),
            title: Bilingual { zh: format!("{count} 条预警"), en: format!("{count} warnings") },
            text: lines.join("\n"),
            urgent: order.iter().any(|item| item.urgent),
            give_up_after: order.iter().filter_map(|item| item.give_up_after).min(),
            created_at: order.iter().map(|item| item.created_at).min().unwrap_or(first.created_at),
            merged: order.iter().map(|item| item.notification_id.clone()).collect(),
            subject_masked: None,
            area: None,
            ..first.clone()
        })
    }

    fn line(&self, chinese: bool) -> String {
        let level = if chinese { self.level.zh() } else { self.level.as_str() };
        let area = self.area.as_ref().map(|area| if chinese { &area.name.zh } else { &area.name.en });
        let parts = [area.map(String::as_str), self.subject_masked.as_deref(), Some(self.case_id.as_str())];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        if chinese { format!("[{level}] {}", parts.join("，")) } else { format!("[{level}] {}", parts.join(", ")) }
    }
}

fn in_language<'a>(text: &'a Bilingual, language: &str) -> &'a str {
    if is_chinese(language) { &text.zh } else { &text.en }
}

fn is_chinese(language: &str) -> bool {
    language == "zh" || language.starts_with("zh-")
}

/// What became of a notification; a record of the topic `deliveries`, and, where an urgent one failed for good, of
/// `case-inputs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The notification, or the summary; the key of the record in `deliveries`.
    pub notification_id: String,
    /// The destination.
    pub destination: String,
    /// How it is spoken to.
    pub channel: Channel,
    /// The warning.
    pub warning_id: String,
    /// The case.
    pub case_id: String,
    /// Whose case; the key of the record in `case-inputs`.
    pub subject_id: String,
    /// The level of the case.
    pub level: Level,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts made so far.
    pub attempts: u32,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Why it waits or failed.
    pub reason: Option<DeliveryReason>,
    /// The summary it went out with.
    pub bundled_into: Option<String>,
}

impl Delivery {
    /// Where `notification` stands at `at`.
    pub fn of(notification: &Notification, channel: Channel, state: DeliveryState, at: DateTime<Utc>) -> Self {
        Delivery {
            notification_id: notification.notification_id.clone(),
            destination: notification.destination.clone(),
            channel,
            warning_id: notification.warning_id.clone(),
            case_id: notification.case_id.clone(),
            subject_id: notification.subject_id.clone(),
            level: notification.level,
            state,
            attempts: 0,
            at,
            reason: None,
            bundled_into: None,
        }
    }
}
