//! A registrant as written to the topic `registrants` (contract 2).

use super::json::Object;
use super::record::{Feed, Record};
use super::stamp::Stamp;

/// A made-up registrant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrantRecord {
    /// `r-` + number.
    pub registrant_id: String,
    /// Name.
    pub name: String,
    /// Phones, the mobile first.
    pub phones: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Code of the area they live in.
    pub area: String,
    /// Code of the area they work in.
    pub workplace: Option<String>,
    /// Groups.
    pub groups: Vec<&'static str>,
    /// Preferred language; the operator's default where absent.
    pub language: Option<&'static str>,
    /// Family.
    pub household: Vec<MemberRecord>,
    /// How they came to register.
    pub channel: &'static str,
    /// When they agreed to be messaged.
    pub consented_at: Option<Stamp>,
    /// When they registered.
    pub registered_at: Stamp,
}

/// A made-up member of a household.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// `m1` and so on.
    pub member_id: String,
    /// Name.
    pub name: String,
    /// What they are to the registrant.
    pub relation: &'static str,
    /// Phones.
    pub phones: Vec<String>,
    /// Accounts.
    pub accounts: Vec<String>,
    /// Groups.
    pub groups: Vec<&'static str>,
    /// Whether they are the guardian of a minor registrant.
    pub guardian: bool,
    /// When they agreed to be messaged.
    pub consented_at: Option<Stamp>,
}

impl RegistrantRecord {
    /// Appends the record's JSON, what is absent or empty left out.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.text("registrant_id", &self.registrant_id);
        object.text("name", &self.name);
        object.texts("phones", &self.phones);
        if !self.accounts.is_empty() {
            object.texts("accounts", &self.accounts);
        }
        object.text("area", &self.area);
        object.text_if("workplace", self.workplace.as_deref());
        if !self.groups.is_empty() {
            object.texts("groups", &self.groups);
        }
        object.text_if("language", self.language);
        if !self.household.is_empty() {
            let list = object.value("household");
            list.push(b'[');
            for (at, member) in self.household.iter().enumerate() {
                if at > 0 {
                    list.push(b',');
                }
                member.write_json(list);
            }
            list.push(b']');
        }
        object.text("channel", self.channel);
        if let Some(time) = self.consented_at {
            object.time("consented_at", time);
        }
        object.time("registered_at", self.registered_at);
        object.end();
    }

    /// The record to send, with the id as key.
    pub fn to_record(&self) -> Record {
        let mut value = Vec::with_capacity(768);
        self.write_json(&mut value);
        Record {
            topic: Feed::Registrants,
            key: Some(self.registrant_id.clone().into_bytes()),
            headers: Vec::new(),
            value: Some(value),
        }
    }
}

impl MemberRecord {
    fn write_json(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.text("member_id", &self.member_id);
        object.text("name", &self.name);
        object.text("relation", self.relation);
        object.texts("phones", &self.phones);
        if !self.accounts.is_empty() {
            object.texts("accounts", &self.accounts);
        }
        if !self.groups.is_empty() {
            object.texts("groups", &self.groups);
        }
        if self.guardian {
            object.raw("guardian", "true");
        }
        if let Some(time) = self.consented_at {
            object.time("consented_at", time);
        }
        object.end();
    }
}

/// The id of registrant `i`.
pub(super) fn id(i: u64) -> String {
    format!("r-{i:06}")
}
