//! Who is registered (contract 2).
//!
//! What the contract leaves open: a `registrant_id` with a `/` in it is refused, because the subject id of a household
//! member is registrant id + `/` + member id, and two persons must not share one. A member given twice in an object
//! that is read is refused, as in events. A record without any key is `schema`.

mod data;

use super::dead_letter::{Reason, Reject, check_size};
use super::envelope::{REGISTRANT_FIELDS, fault, json};
use super::event::EventTime;
use super::identifier::{Identifier, IdentifierKind, IdentifierReader};
use super::text::{Object, Text};

pub use data::{MemberData, RegistrantData};

/// The most members a household has.
pub const MAX_HOUSEHOLD: usize = 8;

/// The group whose members get no direct message.
pub const MINOR: &str = "minor";

/// What one record of the topic `registrants` says.
#[derive(Clone, Debug, PartialEq)]
pub enum RegistrantRecord<'a> {
    /// The registrant of this id is no longer registered.
    Withdrawn(&'a str),
    /// This is how the registrant is registered now.
    Registered(Box<Registrant<'a>>),
}

/// A registrant whose phones and accounts could all be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Registrant<'a> {
    /// Key of the record.
    pub registrant_id: Text<'a>,
    /// Name.
    pub name: Option<Text<'a>>,
    /// Phones, as listed.
    pub phones: Vec<Identifier>,
    /// Accounts, as listed; with the phones at least one.
    pub accounts: Vec<Identifier>,
    /// Area code of the home.
    pub area: Text<'a>,
    /// Area code of the workplace.
    pub workplace: Option<Text<'a>>,
    /// Groups; open.
    pub groups: Vec<Text<'a>>,
    /// Preferred language.
    pub language: Option<Text<'a>>,
    /// At most [`MAX_HOUSEHOLD`] members, no member id twice.
    pub household: Vec<Member<'a>>,
    /// How the registration came in; open.
    pub channel: Option<Text<'a>>,
    /// When they consented to be messaged, if they did.
    pub consented_at: Option<EventTime>,
    /// When they registered.
    pub registered_at: EventTime,
}

/// A household member whose phones and accounts could all be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Member<'a> {
    /// Unique in the household.
    pub member_id: Text<'a>,
    /// Name.
    pub name: Option<Text<'a>>,
    /// What the member is to the registrant; open.
    pub relation: Option<Text<'a>>,
    /// Phones, as listed.
    pub phones: Vec<Identifier>,
    /// Accounts, as listed.
    pub accounts: Vec<Identifier>,
    /// Groups; open.
    pub groups: Vec<Text<'a>>,
    /// Whether messages for the registrant, a minor, go to this member.
    pub guardian: bool,
    /// When they consented to be messaged, if they did.
    pub consented_at: Option<EventTime>,
}

impl Registrant<'_> {
    /// The moment an Erasure is compared with: the consent, or the registration where there is none (contract 16).
    pub fn given_at(&self) -> EventTime {
        self.consented_at.unwrap_or(self.registered_at)
    }
}

/// Reads one record of the topic `registrants`.
///
/// # Errors
/// The reason for the dead letters: `too_large`, `not_json`, `schema` or `identifier`, the first that applies.
pub fn decode_registrant<'a>(
    reader: &IdentifierReader,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
) -> Result<RegistrantRecord<'a>, Reject> {
    check_size(value)?;
    let value = value.filter(|bytes| !bytes.is_empty());
    let Some(bytes) = value else {
        return readable_key(key).map(RegistrantRecord::Withdrawn);
    };
    let Some(data) = simdutf8::basic::from_utf8(bytes)
        .ok()
        .and_then(|text| serde_json::from_str::<Object<RegistrantData<'a>>>(text).ok())
    else {
        return Err(classify(value));
    };
    let data = data.0;
    if data.registrant_id.as_bytes() != readable_key(key)?.as_bytes() {
        return Err(schema("the key is not registrant_id"));
    }
    check(&data)?;
    identified(reader, data).map(|registrant| RegistrantRecord::Registered(Box::new(registrant)))
}

/// Reads the phones and accounts of a registrant, all or none.
///
/// # Errors
/// `schema` for what [`RegistrantData`] cannot know by itself, `identifier` for any phone or account that cannot be
/// read.
pub fn read_registrant<'a>(reader: &IdentifierReader, data: RegistrantData<'a>) -> Result<Registrant<'a>, Reject> {
    check(&data)?;
    identified(reader, data)
}

pub(super) fn readable_key(key: Option<&[u8]>) -> Result<&str, Reject> {
    key.and_then(|bytes| std::str::from_utf8(bytes).ok())
        .filter(|text| !text.is_empty())
        .ok_or_else(|| schema("the key is missing or not text"))
}

pub(super) fn schema(detail: &'static str) -> Reject {
    Reject::new(Reason::Schema, detail)
}

/// Why a value is no registrant.
fn classify(value: Option<&[u8]>) -> Reject {
    match json(value) {
        Err(reject) => reject,
        Ok(raw) if raw.get().starts_with('{') => Reject::new(Reason::Schema, fault(REGISTRANT_FIELDS, raw.get())),
        Ok(_) => schema("the registrant is not an object"),
    }
}

/// The rules that no single field can break.
fn check(data: &RegistrantData<'_>) -> Result<(), Reject> {
    if data.registrant_id.contains('/') {
        return Err(schema("registrant_id has a / in it"));
    }
    if data.phones.is_empty() && data.accounts.is_empty() {
        return Err(schema("neither phones nor accounts"));
    }
    if data.household.len() > MAX_HOUSEHOLD {
        return Err(schema("household has more than 8 members"));
    }
    let doubled =
        data.household.iter().enumerate().any(|(place, member)| {
            data.household.iter().skip(place + 1).any(|other| other.member_id == member.member_id)
        });
    if doubled {
        return Err(schema("a member_id is given twice"));
    }
    Ok(())
}

fn identified<'a>(reader: &IdentifierReader, data: RegistrantData<'a>) -> Result<Registrant<'a>, Reject> {
    let own = |list: &str, place: usize| format!("{list}[{place}] cannot be read");
    let phones = read_all(reader, IdentifierKind::Phone, &data.phones, own)?;
    let accounts = read_all(reader, IdentifierKind::Account, &data.accounts, own)?;
    let mut household = Vec::with_capacity(data.household.len());
    for (number, member) in data.household.into_iter().enumerate() {
        let of_member = |list: &str, place: usize| format!("household[{number}].{list}[{place}] cannot be read");
        household.push(Member {
            phones: read_all(reader, IdentifierKind::Phone, &member.phones, of_member)?,
            accounts: read_all(reader, IdentifierKind::Account, &member.accounts, of_member)?,
            member_id: member.member_id,
            name: member.name,
            relation: member.relation,
            groups: member.groups,
            guardian: member.guardian,
            consented_at: member.consented_at,
        });
    }
    Ok(Registrant {
        registrant_id: data.registrant_id,
        name: data.name,
        phones,
        accounts,
        area: data.area,
        workplace: data.workplace,
        groups: data.groups,
        language: data.language,
        household,
        channel: data.channel,
        consented_at: data.consented_at,
        registered_at: data.registered_at,
    })
}

/// Reads a list of phones or accounts; `detail` says which one cannot be read.
fn read_all(
    reader: &IdentifierReader,
    kind: IdentifierKind,
    listed: &[Text<'_>],
    detail: impl Fn(&str, usize) -> String,
) -> Result<Vec<Identifier>, Reject> {
    let list = match kind {
        IdentifierKind::Phone => "phones",
        IdentifierKind::Account => "accounts",
    };
    let read = |(place, raw): (usize, &Text<'_>)| {
        reader.read(kind, raw).ok_or_else(|| Reject::new(Reason::Identifier, detail(list, place)))
    };
    listed.iter().enumerate().map(read).collect()
}
