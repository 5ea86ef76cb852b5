//! Who is registered (contract 2), told from the records of the topic `registrants` alone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::identifier::Identifier;
use super::{Reason, Record};

/// A registrant, or a member of one's household.
#[derive(Clone, Debug)]
pub struct Person {
    /// Registrant id, or registrant id + `/` + member id.
    pub person_id: String,
    /// Member id; null for the registrant.
    pub member_id: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// What they are to the registrant.
    pub relation: Option<String>,
    /// The first phone listed, as written.
    pub phone: Option<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Whether `consented_at` is there.
    pub consented: bool,
    /// All phones and accounts.
    pub identifiers: BTreeSet<Identifier>,
}

/// A registrant with their household.
#[derive(Clone, Debug)]
pub struct Registrant {
    /// The registrant; `person_id` is the registrant id.
    pub person: Person,
    /// The household, as listed.
    pub household: Vec<Person>,
    /// Area code.
    pub area: String,
    /// Workplace code.
    pub workplace: Option<String>,
    /// Preferred language.
    pub language: Option<String>,
    /// When they registered.
    pub registered_at: DateTime<Utc>,
    /// Offsets of the records that say all this.
    pub offsets: BTreeSet<i64>,
}

/// All who are registered at the end of the topic, and the records that say nothing usable.
#[derive(Debug, Default)]
pub struct Registry {
    /// By registrant id.
    pub registrants: BTreeMap<String, Registrant>,
    /// Which record is bad, as its index in the input, and why.
    pub bad: Vec<(usize, Reason)>,
}

impl Registry {
    /// Reads the topic. Records of one key must come in their order; of different keys in any.
    pub fn read(records: &[Record]) -> Registry {
        let mut registry = Registry::default();
        let mut in_force: BTreeMap<String, &[u8]> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            let key = record.key.as_deref().and_then(|k| std::str::from_utf8(k).ok());
            let value = record.value.as_deref().unwrap_or_default();
            if value.is_empty() {
                if let Some(key) = key {
                    registry.registrants.remove(key);
                }
                continue;
            }
            match registrant(key, value) {
                Ok(mut new) => {
                    new.offsets.insert(record.offset);
                    let id = new.person.person_id.clone();
                    // The same said again at another offset: a match may name either.
                    if let Some(old) = registry.registrants.get(&id)
                        && in_force.get(&id) == Some(&value)
                    {
                        new.offsets.extend(&old.offsets);
                    }
                    in_force.insert(id.clone(), value);
                    registry.registrants.insert(id, new);
                }
                Err(reason) => registry.bad.push((index, reason)),
            }
        }
        registry
    }
}

/// Reads one record: first its form, then whether every phone and account can be read.
fn registrant(key: Option<&str>, value: &[u8]) -> Result<Registrant, Reason> {
    let json: Value = serde_json::from_slice(value).map_err(|_| Reason::NotJson)?;
    let fields = json.as_object().ok_or(Reason::Schema)?;
    let id = fields.get("registrant_id").and_then(Value::as_str).ok_or(Reason::Schema)?;
    let registered_at = time(fields, "registered_at")?.ok_or(Reason::Schema)?;
    let area = text(fields, "area")?.ok_or(Reason::Schema)?;
    text(fields, "channel")?;
    let mut unreadable = false;
    let person = person(fields, id.to_owned(), None, &mut unreadable)?;
    let listed = |name| fields.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    if key != Some(id) || listed("phones") + listed("accounts") == 0 {
        return Err(Reason::Schema);
    }
    let household = household(fields, id, &mut unreadable)?;
    let (workplace, language) = (text(fields, "workplace")?, text(fields, "language")?);
    if unreadable {
        return Err(Reason::Identifier);
    }
    let offsets = BTreeSet::new();
    Ok(Registrant { person, household, area, workplace, language, registered_at, offsets })
}

fn household(fields: &Map<String, Value>, registrant_id: &str, unreadable: &mut bool) -> Result<Vec<Person>, Reason> {
    let empty = Vec::new();
    let members = match fields.get("household") {
        None | Some(Value::Null) => &empty,
        Some(Value::Array(members)) if members.len() <= 8 => members,
        Some(_) => return Err(Reason::Schema),
    };
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for member in members {
        let fields = member.as_object().ok_or(Reason::Schema)?;
        let member_id = text(fields, "member_id")?.ok_or(Reason::Schema)?;
        if !seen.insert(member_id.clone()) {
            return Err(Reason::Schema);
        }
        if !matches!(fields.get("guardian"), None | Some(Value::Null | Value::Bool(_))) {
            return Err(Reason::Schema);
        }
        let id = format!("{registrant_id}/{member_id}");
        out.push(person(fields, id, Some(member_id), unreadable)?);
    }
    Ok(out)
}

fn person(
    fields: &Map<String, Value>,
    person_id: String,
    member_id: Option<String>,
    unreadable: &mut bool,
) -> Result<Person, Reason> {
    let (phones, accounts) = (texts(fields, "phones")?, texts(fields, "accounts")?);
    let mut identifiers = BTreeSet::new();
    let read = phones.iter().map(|p| Identifier::phone(p));
    for identifier in read.chain(accounts.iter().map(|a| Identifier::account(a))) {
        match identifier {
            Some(identifier) => drop(identifiers.insert(identifier)),
            None => *unreadable = true,
        }
    }
    Ok(Person {
        person_id,
        member_id,
        name: text(fields, "name")?,
        relation: text(fields, "relation")?,
        phone: phones.into_iter().next(),
        groups: texts(fields, "groups")?,
        consented: time(fields, "consented_at")?.is_some(),
        identifiers,
    })
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, Reason> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Reason::Schema),
    }
}

fn texts(fields: &Map<String, Value>, name: &str) -> Result<Vec<String>, Reason> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(|v| v.as_str().map(str::to_owned).ok_or(Reason::Schema)).collect(),
        Some(_) => Err(Reason::Schema),
    }
}

fn time(fields: &Map<String, Value>, name: &str) -> Result<Option<DateTime<Utc>>, Reason> {
    match text(fields, name)? {
        None => Ok(None),
        Some(text) => match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Ok(Some(time.to_utc())),
            Err(_) => Err(Reason::Schema),
        },
    }
}
