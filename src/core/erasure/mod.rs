//! The wish to be forgotten (contract 16).
//!
//! What the contract leaves open: an Erasure in `erasures` is kept under its `subject_id`, which is the registrant's id
//! where a registrant is forgotten, and registrant id + `/` + member id where only a household member is. So neither
//! replaces the other when the topic is compacted. A subject of the programme `precise` has no record that could come
//! back, and hence no Erasure there.

mod holdings;
mod plan;
mod store;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::dead_letter::{Reject, check_size};
use super::registrant::{readable_key, schema};
use super::text::Object;
use super::time;

pub use holdings::{Holdings, Passing, Version};
pub use plan::{Nothing, Plan};
pub use store::{Admission, Erasures};

/// The wish of a person to be forgotten, for one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The registrant, or whose household this is; null for the programme `precise`.
    #[serde(default)]
    pub registrant_id: Option<String>,
    /// Whose cases are stripped: the registrant, a member of the household, or a subject of `precise`.
    pub subject_id: String,
    /// Up to when: what was consented to later stays.
    #[serde(deserialize_with = "time::strict_utc")]
    pub at: DateTime<Utc>,
    /// The tokens of what the person could be recognised by, so that it can be checked that it has not come back.
    #[serde(default)]
    pub hashes: Vec<String>,
}

/// Whom a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectId<'a> {
    /// A registrant, with the household.
    Registrant(&'a str),
    /// One member of a household.
    Member {
        /// Whose household.
        registrant_id: &'a str,
        /// Which member of it.
        member_id: &'a str,
    },
    /// Somebody who is not registered, of the programme `precise`.
    Precise(&'a str),
}

impl<'a> SubjectId<'a> {
    /// Reads a subject id; `None` where it is empty or one of its two parts is.
    pub fn parse(text: &'a str) -> Option<Self> {
        let precise = text.strip_prefix("p-").is_some_and(|hash| {
            hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        });
        match text.split_once('/') {
            _ if text.is_empty() => None,
            Some(("", _) | (_, "")) => None,
            Some((registrant_id, member_id)) => Some(SubjectId::Member { registrant_id, member_id }),
            None if precise => Some(SubjectId::Precise(text)),
            None => Some(SubjectId::Registrant(text)),
        }
    }

    /// The registrant it is about, or belongs to.
    pub const fn registrant_id(&self) -> Option<&'a str> {
        match self {
            SubjectId::Registrant(id) | SubjectId::Member { registrant_id: id, .. } => Some(id),
            SubjectId::Precise(_) => None,
        }
    }

    /// Whether what is held under `subject_id` is about this one: a registrant's household belongs to the registrant.
    pub fn covers(&self, subject_id: &str) -> bool {
        match self {
            SubjectId::Registrant(id) => {
                subject_id.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            SubjectId::Member { registrant_id, member_id } => {
                subject_id.split_once('/') == Some((registrant_id, member_id))
            }
            SubjectId::Precise(id) => subject_id == *id,
        }
    }
}

/// What a record of the topic `erasures` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErasureRecord<'a> {
    /// This one is forgotten.
    Forgotten(Erasure),
    /// The Erasure under this key was taken back.
    Lifted(&'a str),
}

/// Reads a record of the topic `erasures`.
///
/// # Errors
/// `too_large`, or `schema` for all else that it can be but an Erasure under the id of its subject.
pub fn decode_erasure<'a>(key: Option<&'a [u8]>, value: Option<&[u8]>) -> Result<ErasureRecord<'a>, Reject> {
    check_size(value)?;
    let key = readable_key(key)?;
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(ErasureRecord::Lifted(key));
    };
    let read: Object<Erasure> = serde_json::from_slice(value).map_err(|_| schema("not an Erasure"))?;
    let erasure = read.0;
    let of_registrant = SubjectId::parse(&erasure.subject_id).and_then(|id| id.registrant_id());
    if key != erasure.subject_id || of_registrant.is_none() || of_registrant != erasure.registrant_id.as_deref() {
        return Err(schema("the key, subject_id and registrant_id do not belong together"));
    }
    Ok(ErasureRecord::Forgotten(erasure))
}
