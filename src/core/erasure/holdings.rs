//! All that the topics hold of one subject, gathered record by record.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::SubjectId;
use crate::core::envelope::CaseInputKind;

/// A record of the topic `registrants` under the subject's registrant id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Where it stands; another program may have put it where the key does not belong.
    pub partition: i32,
    /// Its record time, milliseconds since 1970, and its offset: what comes later is newer.
    pub written: (i64, i64),
    /// Its value; empty for a withdrawal.
    pub value: Vec<u8>,
}

/// A topic whose records leave by themselves after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Passing {
    /// `case-inputs`, Erasures left out.
    CaseInputs,
    /// `warnings`.
    Warnings,
    /// `notifications`.
    Notifications,
    /// `dead-letters`.
    DeadLetters,
}

impl Passing {
    /// All of them, in the order of the contract.
    pub const ALL: [Passing; 4] =
        [Passing::CaseInputs, Passing::Warnings, Passing::Notifications, Passing::DeadLetters];

    /// The name of the topic, without the prefix.
    pub const fn topic(self) -> &'static str {
        match self {
            Passing::CaseInputs => "case-inputs",
            Passing::Warnings => "warnings",
            Passing::Notifications => "notifications",
            Passing::DeadLetters => "dead-letters",
        }
    }

    const fn field(self) -> &'static str {
        match self {
            Passing::CaseInputs => "case_inputs",
            Passing::Warnings => "warnings",
            Passing::Notifications => "notifications",
            Passing::DeadLetters => "dead_letters",
        }
    }
}

/// All that is held of one subject.
#[derive(Clone, Debug)]
pub struct Holdings {
    subject_id: String,
    /// Every record of the registrant that the topic still has, in the order in which they were read.
    pub versions: Vec<Version>,
    /// The cases of the subject that are not stripped, by id.
    pub cases: BTreeMap<String, Value>,
    /// Until when the subject is forgotten, if at all.
    pub forgotten_until: Option<DateTime<Utc>>,
    contact_in: BTreeSet<String>,
    passing: BTreeMap<Passing, Vec<Value>>,
}

/// What must be known of a case to see whose it is.
#[derive(Deserialize)]
struct Whose<'a> {
    #[serde(borrow)]
    subject_id: Cow<'a, str>,
    #[serde(default, borrow)]
    trusted_contacts: Vec<Named<'a>>,
    #[serde(default)]
    erased: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    person_id: Cow<'a, str>,
    #[serde(default, borrow)]
    guardians: Vec<Named<'a>>,
}

impl Named<'_> {
    fn is(&self, subject: SubjectId<'_>) -> bool {
        subject.covers(&self.person_id) || self.guardians.iter().any(|guardian| guardian.is(subject))
    }
}

impl Holdings {
    /// Nothing gathered yet; `None` if that is no subject id.
    pub fn of(subject_id: &str) -> Option<Self> {
        SubjectId::parse(subject_id)?;
        Some(Holdings {
            subject_id: subject_id.to_owned(),
            versions: Vec::new(),
            cases: BTreeMap::new(),
            forgotten_until: None,
            contact_in: BTreeSet::new(),
            passing: BTreeMap::new(),
        })
    }

    /// The subject as it was given.
    pub fn subject_id(&self) -> &str {
        &self.subject_id
    }

    /// Whom it is about. What could be read once can be read again; else it is nobody.
    pub fn subject(&self) -> SubjectId<'_> {
        SubjectId::parse(&self.subject_id).unwrap_or(SubjectId::Precise(&self.subject_id))
    }

    /// Takes in a record of `registrants`.
    pub fn take_registrant(&mut self, key: Option<&[u8]>, version: impl FnOnce() -> Version) {
        if key.is_some() && key == self.subject().registrant_id().map(str::as_bytes) {
            self.versions.push(version());
        }
    }

    /// Takes in a record of `cases`; without a value the case is gone.
    pub fn take_case(&mut self, case_id: &str, value: Option<&[u8]>) {
        self.cases.remove(case_id);
        self.contact_in.remove(case_id);
        let Some(value) = value else { return };
        let Ok(whose) = serde_json::from_slice::<Whose<'_>>(value) else { return };
        if whose.erased.is_some() {
            return;
        }
        if self.subject().covers(&whose.subject_id) {
            self.cases.insert(case_id.to_owned(), readable(value));
        } else if whose.trusted_contacts.iter().any(|contact| contact.is(self.subject())) {
            self.contact_in.insert(case_id.to_owned());
        }
    }

    /// Takes in a record of a topic whose records leave by themselves.
    pub fn take_passing<'h>(
        &mut self,
        topic: Passing,
        key: Option<&[u8]>,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
        value: Option<&[u8]>,
    ) {
        let value = value.unwrap_or_default();
        let key = key.and_then(|key| std::str::from_utf8(key).ok());
        let named = key.is_some_and(|key| self.subject().covers(key));
        if !(named || topic == Passing::Notifications && self.is_about(value)) {
            return;
        }
        let headers: BTreeMap<&str, Cow<'_, str>> =
            headers.map(|(name, value)| (name, String::from_utf8_lossy(value))).collect();
        let value = readable(value);
        let shown = match topic {
            Passing::CaseInputs => {
                let attribute = |name: &str| {
                    let structured = || value.get(name).and_then(Value::as_str).map(Cow::Borrowed);
                    headers.get(format!("ce_{name}").as_str()).cloned().or_else(structured)
                };
                let kind = attribute("type");
                if kind.as_deref() == Some(CaseInputKind::Erasure.as_str()) {
                    return;
                }
                json!({"type": kind, "id": attribute("id"), "time": attribute("time"), "value": value})
            }
            Passing::DeadLetters => {
                json!({"topic": headers.get("dlq_topic"), "reason": headers.get("dlq_reason"), "value": value})
            }
            Passing::Warnings | Passing::Notifications => value,
        };
        self.passing.entry(topic).or_default().push(shown);
    }

    fn is_about(&self, value: &[u8]) -> bool {
        let Ok(value) = serde_json::from_slice::<Value>(value) else { return false };
        let ids = [value.get("subject_id"), value.pointer("/subject/subject_id")];
        ids.into_iter().flatten().filter_map(Value::as_str).any(|id| self.subject().covers(id))
    }

    /// The newest record of the registrant in each partition that has any.
    pub fn newest_by_partition(&self) -> BTreeMap<i32, &Version> {
        let mut newest: BTreeMap<i32, &Version> = BTreeMap::new();
        for version in &self.versions {
            let held = newest.entry(version.partition).or_insert(version);
            if version.written.1 >= held.written.1 {
                *held = version;
            }
        }
        newest
    }

    /// What the newest record says of the subject; of a household member what the household record says of that one
    /// alone, and what the member has from the registrant.
    fn registrant(&self) -> Value {
        let newest = self.newest_by_partition().into_values().max_by_key(|version| version.written);
        let Some(version) = newest.filter(|version| !version.value.is_empty()) else {
            return Value::Null;
        };
        let whole = readable(&version.value);
        let SubjectId::Member { member_id, .. } = self.subject() else {
            return whole;
        };
        let household = whole.get("household").and_then(Value::as_array).into_iter().flatten();
        let own: Vec<&Value> = household.filter(|member| member.get("member_id") == Some(&member_id.into())).collect();
        if own.is_empty() {
            return Value::Null;
        }
        let mut shown = json!({"registrant_id": whole.get("registrant_id"), "household": own});
        for shared in ["area", "workplace", "language"] {
            if let Some(value) = whole.get(shared) {
                shown[shared] = value.clone();
            }
        }
        shown
    }

    /// Whether nothing is held but, perhaps, the wish to be forgotten.
    pub fn is_empty(&self) -> bool {
        self.registrant().is_null() && self.cases.is_empty() && self.contact_in.is_empty() && self.passing.is_empty()
    }

    /// All of it, to be read by people and programs.
    pub fn export(&self, now: DateTime<Utc>) -> Value {
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut export = json!({
            "subject_id": self.subject_id,
            "as_of": time(now),
            "registrant": self.registrant(),
            "forgotten_until": self.forgotten_until.map(time),
            "cases": self.cases.values().collect::<Vec<_>>(),
            "trusted_contact_in": self.contact_in,
        });
        for topic in Passing::ALL {
            export[topic.field()] = self.passing.get(&topic).cloned().unwrap_or_default().into();
        }
        export
    }
}

/// JSON as it is, anything else as text.
fn readable(value: &[u8]) -> Value {
    serde_json::from_slice(value).unwrap_or_else(|_| String::from_utf8_lossy(value).into())
}
