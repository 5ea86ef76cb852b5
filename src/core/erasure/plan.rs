//! What must be written so that a subject is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde_json::value::{RawValue, to_raw_value};

use super::super::identifier::{Identifier, IdentifierReader, TokenKey};
use super::super::matched::prefixed_digest;
use super::super::registrant::{Registrant, RegistrantRecord, decode_registrant};
use super::{Erasure, Holdings, SubjectId, Version};

/// There is nothing to forget.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Nothing {
    /// Who was meant.
    pub subject_id: String,
    /// Until when the subject is forgotten already, if at all.
    pub forgotten_until: Option<DateTime<Utc>>,
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing is held of {}", self.subject_id)?;
        match self.forgotten_until {
            Some(until) => write!(f, ", forgotten at {}", until.to_rfc3339_opts(SecondsFormat::Millis, true)),
            None => Ok(()),
        }
    }
}

/// What must be written, all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Up to when everything is forgotten: now, or the last consent that is known if that is later, so that the records
    /// there are do not outlive the Erasure.
    pub at: DateTime<Utc>,
    /// For `erasures`, under its `subject_id`; none for the programme `precise`.
    pub erasure: Option<Erasure>,
    /// For `registrants`, under the registrant's id: partition and value, without one where all of it goes.
    pub registrants: Vec<(i32, Option<Vec<u8>>)>,
    /// For `case-inputs`, each under its `subject_id`.
    pub inputs: Vec<Erasure>,
    /// How many cases there are to be stripped.
    pub cases: usize,
}

/// What the records say of the subject, over all of them.
#[derive(Default)]
struct Known {
    subjects: BTreeSet<String>,
    hashes: BTreeSet<String>,
    last_given: Option<DateTime<Utc>>,
    /// Whether there is a record that no Erasure covers.
    uncovered: bool,
}

impl Plan {
    /// Decides what to write about `holdings`.
    ///
    /// # Errors
    /// [`Nothing`] where nothing is held of the subject that an Erasure could reach.
    pub fn of(
        holdings: &Holdings,
        reader: &IdentifierReader,
        tokens: &TokenKey,
        now: DateTime<Utc>,
    ) -> Result<Self, Nothing> {
        let subject = holdings.subject();
        let mut known = Known::default();
        for version in &holdings.versions {
            known.read(holdings, version, reader, tokens);
        }
        for case in holdings.cases.values() {
            let text = |pointer: &str| case.pointer(pointer).and_then(serde_json::Value::as_str);
            known.subjects.extend(text("/subject_id").map(str::to_owned));
            let phone = text("/subject/phone").and_then(|phone| reader.phone(phone));
            known.hashes.extend(phone.map(|phone| tokens.token(&phone).to_string()));
        }
        let registrants = changed_records(holdings);
        if holdings.cases.is_empty() && registrants.is_empty() && !known.uncovered {
            let forgotten_until = holdings.forgotten_until;
            return Err(Nothing { subject_id: holdings.subject_id().to_owned(), forgotten_until });
        }
        known.subjects.insert(holdings.subject_id().to_owned());
        let at = [known.last_given, holdings.forgotten_until].into_iter().flatten().fold(now, DateTime::max);
        let at = whole_milliseconds(at);
        let hashes: Vec<String> = known.hashes.into_iter().collect();
        let erasure = |subject_id: String| Erasure {
            registrant_id: subject.registrant_id().map(str::to_owned),
            subject_id,
            at,
            hashes: hashes.clone(),
        };
        Ok(Plan {
            at,
            erasure: subject.registrant_id().map(|_| erasure(holdings.subject_id().to_owned())),
            registrants,
            inputs: known.subjects.iter().cloned().map(erasure).collect(),
            cases: holdings.cases.len(),
        })
    }

    /// The id of an Erasure as an event (CloudEvents `id`).
    pub fn event_id(erasure: &Erasure) -> String {
        prefixed_digest("e-", &[&erasure.subject_id, &erasure.at.to_rfc3339()])
    }
}

impl Known {
    fn read(&mut self, holdings: &Holdings, version: &Version, reader: &IdentifierReader, tokens: &TokenKey) {
        let key = holdings.subject().registrant_id().map(str::as_bytes);
        // A record that is bad in some way was never in force; that it goes is enough.
        let Ok(RegistrantRecord::Registered(registrant)) = decode_registrant(reader, key, Some(&version.value)) else {
            return;
        };
        let Registrant { phones, accounts, household, .. } = &*registrant;
        let mut given_at = registrant.given_at().to_utc();
        let mut identifiers: Vec<&Identifier> = Vec::new();
        if let SubjectId::Member { member_id, .. } = holdings.subject() {
            let Some(member) = household.iter().find(|member| *member.member_id == *member_id) else { return };
            given_at = member.consented_at.map_or(given_at, |consented_at| consented_at.to_utc());
            identifiers.extend(member.phones.iter().chain(&member.accounts));
        } else {
            identifiers.extend(phones.iter().chain(accounts));
            for member in household {
                identifiers.extend(member.phones.iter().chain(&member.accounts));
                self.subjects.insert(format!("{}/{}", &*registrant.registrant_id, &*member.member_id));
            }
        }
        self.hashes.extend(identifiers.into_iter().map(|identifier| tokens.token(identifier).to_string()));
        self.last_given = self.last_given.max(Some(given_at));
        self.uncovered |= holdings.forgotten_until.is_none_or(|until| given_at > until);
    }
}

/// The records that must be written over those there are.
fn changed_records(holdings: &Holdings) -> Vec<(i32, Option<Vec<u8>>)> {
    match holdings.subject() {
        SubjectId::Registrant(_) => {
            let newest = holdings.newest_by_partition().into_iter();
            newest.filter(|(_, version)| !version.value.is_empty()).map(|(partition, _)| (partition, None)).collect()
        }
        SubjectId::Member { member_id, .. } => {
            let mut latest: BTreeMap<i32, Option<Vec<u8>>> = BTreeMap::new();
            for version in &holdings.versions {
                // A withdrawal ends what was before it; what cannot be read leaves it in force.
                if version.value.is_empty() {
                    latest.remove(&version.partition);
                } else if let Some(without) = without_member(&version.value, member_id) {
                    latest.insert(version.partition, without);
                }
            }
            latest.into_iter().filter_map(|(partition, without)| Some((partition, Some(without?)))).collect()
        }
        SubjectId::Precise(_) => Vec::new(),
    }
}

/// The record without this member, all else as it was written; `Some(None)` if the member is not in it, `None` if it
/// is no record that could be read.
fn without_member(value: &[u8], member_id: &str) -> Option<Option<Vec<u8>>> {
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(value).ok()?;
    let Some(household) = fields.get("household") else { return Some(None) };
    let mut members: Vec<Box<RawValue>> = match serde_json::from_str(household.get()) {
        Ok(Some(members)) => members,
        Ok(None) => return Some(None),
        Err(_) => return None,
    };
    let before = members.len();
    members.retain(|member| {
        let member: serde_json::Value = serde_json::from_str(member.get()).unwrap_or_default();
        member.get("member_id").and_then(serde_json::Value::as_str) != Some(member_id)
    });
    if members.len() == before {
        return Some(None);
    }
    fields.insert("household".to_owned(), to_raw_value(&members).ok()?);
    serde_json::to_vec(&fields).ok().map(Some)
}

/// The moment in whole milliseconds, not earlier.
fn whole_milliseconds(at: DateTime<Utc>) -> DateTime<Utc> {
    let step = TimeDelta::milliseconds(1);
    match at.duration_trunc(step) {
        Ok(cut) if cut < at => cut + step,
        Ok(cut) => cut,
        Err(_) => at,
    }
}
