//! A Match: an event and the person at risk in it, with all that stage 2 needs to know of them (contract 5).

use chrono::{DateTime, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::case::IdHash;
use super::event::{CallData, EventData, EventKind, EventTime, TransferData};
use super::text::{Object, Text, is_false, objects, or_default, wire_enum};
use super::time;

pub use super::identifier::IdentifierKind;

wire_enum! {
    /// Under which programme a person is warned.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Programme {
        /// Registered, or of a registrant's household.
        GoldenBell = "golden_bell",
        /// Not registered, but within the zone.
        Precise = "precise",
    }
}

wire_enum! {
    /// How the subject was found.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum MatchedBy {
        /// A registrant owns the identifier.
        Own = "own",
        /// A household member has it.
        Household = "household",
        /// Nobody registered has it, but the event names an area of the directory.
        Area = "area",
    }
}

/// The person at risk, as far as a case must know them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject<'a> {
    /// The registrant, or the one whose household this is; null for `precise`.
    #[serde(borrow)]
    pub registrant_id: Option<Text<'a>>,
    /// The household member; null for the registrant.
    #[serde(borrow)]
    pub member_id: Option<Text<'a>>,
    /// Name.
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    /// The first phone listed, or the one of the event for `precise`.
    #[serde(borrow)]
    pub phone: Option<Text<'a>>,
    /// Preferred language, the registrant's.
    #[serde(borrow)]
    pub language: Option<Text<'a>>,
    /// Groups, their own.
    #[serde(borrow, deserialize_with = "or_default")]
    pub groups: Vec<Text<'a>>,
    /// Area code, the registrant's, or `victim_area`.
    #[serde(borrow)]
    pub area: Option<Text<'a>>,
    /// Workplace code, the registrant's.
    #[serde(borrow)]
    pub workplace: Option<Text<'a>>,
    /// Whether `groups` has `minor`.
    #[serde(deserialize_with = "or_default")]
    pub minor: bool,
    /// Whether they consented to be messaged.
    #[serde(deserialize_with = "or_default")]
    pub consented: bool,
}

/// Somebody close to the subject who may be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedContact<'a> {
    /// Registrant id, or registrant id + `/` + member id.
    #[serde(borrow)]
    pub person_id: Text<'a>,
    /// The relation written in the listing.
    #[serde(borrow, default)]
    pub relation: Option<Text<'a>>,
    /// Name.
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
    /// The first phone listed.
    #[serde(borrow, default)]
    pub phone: Option<Text<'a>>,
    /// Whether they consented to be messaged.
    #[serde(default, deserialize_with = "or_default")]
    pub consented: bool,
    /// Whether messages for the subject go to them, because the subject is a minor (contract 2); left out where not.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_false")]
    pub guardian: bool,
    /// Whether they are a minor themselves, so that no message goes to them (contract 2); left out where not.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_false")]
    pub minor: bool,
    /// Who is told instead of a minor: those of their guardians who consented and are no minors; left out where none.
    #[serde(borrow, default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub guardians: Vec<StandIn<'a>>,
}

/// Somebody who is told instead of a minor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandIn<'a> {
    /// Registrant id + `/` + member id.
    #[serde(borrow)]
    pub person_id: Text<'a>,
    /// Name.
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
    /// The first phone listed.
    #[serde(borrow, default)]
    pub phone: Option<Text<'a>>,
}

/// The most trusted contacts a Match or a Case carries, first by person id (contract 7, Bounds).
pub const MAX_TRUSTED_CONTACTS: usize = 32;

/// The event of a Match.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatchedEvent<'a> {
    /// The feed it came by.
    pub kind: EventKind,
    /// CloudEvents `source`.
    pub source: Text<'a>,
    /// CloudEvents `id`.
    pub id: Text<'a>,
    /// CloudEvents `time`.
    pub time: EventTime,
    /// Its data, fields of the contract only.
    pub data: EventData<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for MatchedEvent<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw<'a> {
            kind: EventKind,
            #[serde(borrow)]
            source: Text<'a>,
            #[serde(borrow)]
            id: Text<'a>,
            #[serde(deserialize_with = "time::strict")]
            time: EventTime,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let raw = Object::<Raw<'_>>::deserialize(deserializer)?.0;
        let data = match raw.kind {
            EventKind::Call => {
                serde_json::from_str::<Object<CallData<'_>>>(raw.data.get()).map(|d| EventData::Call(d.0))
            }
            EventKind::Transfer => {
                serde_json::from_str::<Object<TransferData<'_>>>(raw.data.get()).map(|d| EventData::Transfer(d.0))
            }
        }
        .map_err(|_| D::Error::custom("event.data does not fit its kind"))?;
        Ok(MatchedEvent { kind: raw.kind, source: raw.source, id: raw.id, time: raw.time, data })
    }
}

/// An event and a person at risk in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Match<'a> {
    /// `m-` + 32 hex digits, see [`match_id`].
    #[serde(borrow)]
    pub match_id: Text<'a>,
    /// Whose case this belongs to; the key of the record.
    #[serde(borrow)]
    pub subject_id: Text<'a>,
    /// Registered or not.
    pub programme: Programme,
    /// How the subject was found.
    pub matched_by: MatchedBy,
    /// By which kind of identifier; phone if both.
    pub identifier: IdentifierKind,
    /// The person at risk.
    #[serde(borrow)]
    pub subject: Object<Subject<'a>>,
    /// Who is close to them, by person id.
    #[serde(borrow, default, deserialize_with = "objects")]
    pub trusted_contacts: Vec<TrustedContact<'a>>,
    /// What happened.
    #[serde(borrow)]
    pub event: MatchedEvent<'a>,
    /// Offset of the registrant record that said who this is; null for `precise`.
    #[serde(default)]
    pub registrant_offset: Option<i64>,
    /// When stage 1 matched it.
    #[serde(deserialize_with = "time::strict_utc")]
    pub matched_at: DateTime<Utc>,
    /// Whether the registration came after the event.
    #[serde(default, deserialize_with = "or_default")]
    pub retroactive: bool,
}

/// `m-` + the first 32 hex digits of SHA-256(source 0x00 id 0x00 subject_id): the same event and subject give the
/// same match, whoever computes it and however often.
pub fn match_id(source: &str, id: &str, subject_id: &str) -> String {
    prefixed_digest("m-", &[source, id, subject_id])
}

/// `prefix` + the first 32 hex digits of SHA-256 over the parts, joined by a zero byte.
pub fn prefixed_digest(prefix: &str, parts: &[&str]) -> String {
    format!("{prefix}{}", hex::encode(IdHash::of(parts).to_bytes()))
}
