//! The people of a case.

use serde::{Deserialize, Serialize};

use super::bounds::{MAX_GROUPS, MAX_ID, MAX_WORD, clip, json_len, json_lens};
use crate::core::matched::{StandIn, Subject, TrustedContact};
use crate::core::registrant::MAX_HOUSEHOLD;
use crate::core::text::is_false;

/// The person at risk, as a case keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// The registrant, or the one whose household this is; null for `precise`.
    pub registrant_id: Option<String>,
    /// The household member; null for the registrant.
    pub member_id: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// The first phone listed, or the one of the event for `precise`.
    pub phone: Option<String>,
    /// Preferred language.
    pub language: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Area code where they live now; the case's own `area` says who handles it.
    pub area: Option<String>,
    /// Workplace code.
    pub workplace: Option<String>,
    /// Whether `groups` has `minor`.
    pub minor: bool,
    /// Whether they consented to be messaged.
    pub consented: bool,
}

impl From<&Subject<'_>> for Person {
    fn from(subject: &Subject<'_>) -> Self {
        let id = |text: &Option<_>| text.as_deref().map(|t: &str| clip(t, MAX_ID));
        let word = |text: &Option<_>| word(text.as_deref());
        Person {
            registrant_id: id(&subject.registrant_id),
            member_id: id(&subject.member_id),
            name: word(&subject.name),
            phone: word(&subject.phone),
            language: word(&subject.language),
            groups: subject.groups.iter().take(MAX_GROUPS).map(|group| clip(group, MAX_WORD)).collect(),
            area: id(&subject.area),
            workplace: id(&subject.workplace),
            minor: subject.minor,
            consented: subject.consented,
        }
    }
}

impl Person {
    pub(super) fn wire_bound(&self) -> usize {
        let texts = [
            &self.registrant_id,
            &self.member_id,
            &self.name,
            &self.phone,
            &self.language,
            &self.area,
            &self.workplace,
        ];
        256 + texts.into_iter().flatten().chain(&self.groups).map(|t| json_len(t) + 3).sum::<usize>()
    }
}

/// Somebody close to the person at risk who may be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Registrant id, or registrant id + `/` + member id.
    pub person_id: String,
    /// The relation written in the listing.
    #[serde(default)]
    pub relation: Option<String>,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// The first phone listed.
    #[serde(default)]
    pub phone: Option<String>,
    /// Whether they consented to be messaged.
    #[serde(default)]
    pub consented: bool,
    /// Whether messages for the person at risk, a minor, go to them; left out where not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub guardian: bool,
    /// Whether they are a minor themselves, so that no message goes to them; left out where not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub minor: bool,
    /// Who is told instead of a minor, all with their consent; left out where none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guardians: Vec<Guardian>,
}

/// Somebody who is told instead of a minor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardian {
    /// Registrant id + `/` + member id.
    pub person_id: String,
    /// Name.
    #[serde(default)]
    pub name: Option<String>,
    /// The first phone listed.
    #[serde(default)]
    pub phone: Option<String>,
}

impl From<&StandIn<'_>> for Guardian {
    fn from(guardian: &StandIn<'_>) -> Self {
        Guardian {
            person_id: clip(&guardian.person_id, 2 * MAX_ID),
            name: word(guardian.name.as_deref()),
            phone: word(guardian.phone.as_deref()),
        }
    }
}

fn word(text: Option<&str>) -> Option<String> {
    text.map(|text| clip(text, MAX_WORD))
}

impl From<&TrustedContact<'_>> for Contact {
    fn from(contact: &TrustedContact<'_>) -> Self {
        Contact {
            person_id: clip(&contact.person_id, 2 * MAX_ID),
            relation: word(contact.relation.as_deref()),
            name: word(contact.name.as_deref()),
            phone: word(contact.phone.as_deref()),
            consented: contact.consented,
            guardian: contact.guardian,
            minor: contact.minor,
            guardians: contact.guardians.iter().take(MAX_HOUSEHOLD).map(Guardian::from).collect(),
        }
    }
}

impl Contact {
    pub(super) fn wire_bound(&self) -> usize {
        let guardians = self.guardians.iter().map(Guardian::wire_bound).sum::<usize>();
        192 + json_len(&self.person_id) + json_lens(&[&self.relation, &self.name, &self.phone]) + guardians
    }
}

impl Guardian {
    fn wire_bound(&self) -> usize {
        64 + json_len(&self.person_id) + json_lens(&[&self.name, &self.phone])
    }
}
