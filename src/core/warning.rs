//! A Warning: what an officer is told, as it stands in the topic `warnings` (contract 7).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use super::case::{Contact, Evidence};
use super::event::EventTime;
use super::matched::Programme;
use super::message::Recipient;
use super::rules::{Bilingual, Level, Rule};
use super::text::wire_enum;

wire_enum! {
    /// Why a warning went out. Of several that apply to an event, the first.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Cause {
        /// A case was opened.
        Opened = "opened",
        /// A case that had an outcome or was closed is open again.
        Reopened = "reopened",
        /// The level rose.
        Raised = "raised",
        /// A transfer that was not told before.
        Transfer = "transfer",
        /// New evidence, a good while after the last warning.
        Repeated = "repeated",
        /// A deadline was missed, or somebody could not be stopped, found or told.
        Escalated = "escalated",
        /// Another unit of the directory is now in charge.
        Reassigned = "reassigned",
    }
}

/// A rule that held, and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Id of the rule.
    pub rule: String,
    /// Its points.
    pub points: i32,
    /// Its text.
    pub text: Bilingual,
}

impl From<&Rule> for Reason {
    fn from(rule: &Rule) -> Self {
        Reason { rule: rule.id().to_owned(), points: rule.points(), text: rule.reason().clone() }
    }
}

/// The person at risk, as a warning shows them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WarnedSubject {
    /// Whose case this is.
    pub subject_id: String,
    /// The registrant, or the one whose household this is; null for `precise`.
    pub registrant_id: Option<String>,
    /// The household member; null for the registrant.
    pub member_id: Option<String>,
    /// Name, in full: for whoever handles the case, not for messages.
    pub name: Option<String>,
    /// Phone, in full.
    pub phone: Option<String>,
    /// Phone as it may be shown, see [`mask_phone`].
    pub phone_masked: Option<String>,
    /// Preferred language.
    pub language: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
}

/// Where the case belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarnedArea {
    /// Code.
    pub code: String,
    /// Name of the area, or of the nearest one above it that the directory knows; the code where it knows none.
    pub name: Bilingual,
}

/// Somebody who has to act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assigned {
    /// Id in the directory.
    pub person_id: String,
    /// Their role there.
    pub role: String,
    /// Whose people they are: 1 the field, 2 the chief, 3 the centre.
    pub step: u8,
}

/// The text for the person at risk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResidentMessage {
    /// Language of the text.
    pub language: String,
    /// The text.
    pub text: String,
}

/// A text for one person, not an officer: what a notification carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalMessage {
    /// In what part they are told.
    pub recipient: Recipient,
    /// The subject, or the trusted contact.
    pub person_id: String,
    /// The first phone listed, as listed; may be missing or stand there as a token.
    pub phone: Option<String>,
    /// The text.
    pub message: ResidentMessage,
}

/// The texts that go out with a warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Messages {
    /// For the person at risk; null where they must not or need not be told.
    pub resident: Option<ResidentMessage>,
    /// For whoever handles the case: masked, no amounts.
    pub officer: Bilingual,
}

/// What an officer is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Warning {
    /// Case id + `-` + sequence.
    pub warning_id: String,
    /// The case.
    pub case_id: String,
    /// 1 for the first warning of the case, then without gaps.
    pub sequence: u64,
    /// Why.
    pub cause: Cause,
    /// Under which programme.
    pub programme: Programme,
    /// The level of the case.
    pub level: Level,
    /// The score of the case.
    pub score: u32,
    /// The rules that held for the event that caused it, or for the one that gave the case its score.
    pub reasons: Vec<Reason>,
    /// What kind of fraud it looks like; a code of the fraud type table.
    pub fraud_type: Option<String>,
    /// Who is at risk.
    pub subject: WarnedSubject,
    /// Who is close to them.
    pub trusted_contacts: Vec<Contact>,
    /// Where; null where nobody knows.
    pub area: Option<WarnedArea>,
    /// Who has to act: those of every step so far, each person once.
    pub assigned: Vec<Assigned>,
    /// Whether nobody but the centre answers for it: the queue of warnings without an owner.
    pub unowned: bool,
    /// By when something must have been done.
    pub respond_by: Option<DateTime<Utc>>,
    /// The piece that caused it first, then the others, newest first; at most [`MAX_WARNED_EVIDENCE`].
    #[serde(serialize_with = "told_evidence")]
    pub evidence: Vec<Evidence>,
    /// How many pieces the case has had in all.
    pub evidence_count: u64,
    /// Texts.
    pub messages: Messages,
    /// Hash of the rules that were in force.
    pub rules_version: String,
    /// Hash of the directory that was in force.
    pub directory_version: String,
    /// The `time` of the event that caused it; null if none did.
    pub event_time: Option<EventTime>,
    /// When it was published, by the wall clock.
    pub published_at: DateTime<Utc>,
    /// Whether the registration came after the event.
    pub retroactive: bool,
    /// Who else is told with it, in what words: the person at risk (whose text is in `messages` too), a minor's
    /// guardians, the trusted contacts. For the notifications; it stands in no topic.
    #[serde(skip)]
    pub personal: Vec<PersonalMessage>,
    /// Trace context of the event that caused it; goes in a header.
    #[serde(skip)]
    pub traceparent: Option<String>,
}

/// The most pieces of evidence a warning carries.
pub const MAX_WARNED_EVIDENCE: usize = 20;

fn told_evidence<S: Serializer>(evidence: &[Evidence], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(evidence.iter().map(Evidence::told))
}

/// A phone number as it may be shown (contract 16): `131****6789`.
///
/// The Chinese country code is left out, as everybody there knows the number without it. Of a short number less is
/// shown, of anything without digits nothing.
pub fn mask_phone(phone: &str) -> String {
    if phone.starts_with("hmac-sha256:") {
        return "****".to_owned();
    }
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let national = ["0086", "86"]
        .iter()
        .find_map(|code| digits.strip_prefix(code).filter(|rest| rest.len() == 11 && rest.starts_with('1')));
    let shown = national.unwrap_or(&digits);
    let (head, tail) = match shown.len() {
        11.. => (3, 4),
        8..=10 => (2, 2),
        5..=7 => (0, 2),
        _ => (0, 0),
    };
    let start = shown.get(..head).unwrap_or_default();
    let end = shown.get(shown.len() - tail..).unwrap_or_default();
    format!("{start}****{end}")
}

/// A name as it may be shown: `张*`.
pub fn mask_name(name: &str) -> String {
    match name.trim().chars().next() {
        Some(first) => format!("{first}*"),
        None => "*".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_hides_the_middle() {
        for (phone, masked) in [
            ("13123456789", "131****6789"),
            ("+8613123456789", "131****6789"),
            ("0086 131-2345-6789", "131****6789"),
            ("8613123456789", "131****6789"),
            ("+96890000000", "968****0000"),
            ("0579-8712345", "057****2345"),
            ("87123456", "87****56"),
            ("96110", "****10"),
            ("110", "****"),
            ("", "****"),
            ("hmac-sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "****"),
        ] {
            assert_eq!(mask_phone(phone), masked, "{phone}");
        }
        assert_eq!(mask_name("张三"), "张*");
        assert_eq!(mask_name("Zhang San"), "Z*");
        assert_eq!(mask_name(" "), "*");
    }
}
