//! What the index knows of a registrant: the display record, the only clear text in memory (contract 4).

use chrono::{DateTime, TimeZone};
use serde::{Deserialize, Serialize};

use super::super::identifier::{Identifier, IdentifierKind, IdentifierReader};
use super::super::registrant::{Member, Registrant};
use super::words::{Word, Words};

/// What the text of a token begins with (contract 4).
const TOKEN_PREFIX: &str = "hmac-sha256:";

/// Most records are no longer, so that one is written without growing on the way.
const USUAL_BYTES: usize = 256;

/// A phone or account as a record holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stored<'a> {
    /// Its normal form.
    Clear(&'a str),
    /// The bytes of its token.
    Token([u8; 32]),
}

impl Stored<'_> {
    fn of(identifier: &Identifier) -> Stored<'_> {
        match identifier {
            Identifier::Phone(phone) => Stored::Clear(phone.as_str()),
            Identifier::Account(account) => Stored::Clear(account.as_str()),
            Identifier::PhoneToken(token) | Identifier::AccountToken(token) => Stored::Token(*token.as_bytes()),
        }
    }

    /// What may be shown or hashed of it: the normal form, or the text of the token.
    pub(crate) fn text(&self) -> String {
        match self {
            Stored::Clear(normal) => (*normal).to_owned(),
            Stored::Token(bytes) => format!("{TOKEN_PREFIX}{}", hex::encode(bytes)),
        }
    }
}

/// A moment, to the nanosecond: seconds since 1970 and what is beyond them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment(i64, u32);

impl<Z: TimeZone> From<DateTime<Z>> for Moment {
    fn from(time: DateTime<Z>) -> Self {
        Moment(time.timestamp(), time.timestamp_subsec_nanos())
    }
}

/// A registrant.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record<'a> {
    pub(crate) registrant_id: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) registered_at: Moment,
    pub(crate) consented_at: Option<Moment>,
    pub(crate) name: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) phones: Vec<Stored<'a>>,
    #[serde(borrow)]
    pub(crate) accounts: Vec<Stored<'a>>,
    #[serde(borrow)]
    pub(crate) area: Word<'a>,
    #[serde(borrow)]
    pub(crate) workplace: Option<Word<'a>>,
    #[serde(borrow)]
    pub(crate) groups: Vec<Word<'a>>,
    #[serde(borrow)]
    pub(crate) language: Option<Word<'a>>,
    #[serde(borrow)]
    pub(crate) household: Vec<MemberRecord<'a>>,
}

/// A household member.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MemberRecord<'a> {
    pub(crate) member_id: &'a str,
    pub(crate) name: Option<&'a str>,
    #[serde(borrow)]
    pub(crate) relation: Option<Word<'a>>,
    #[serde(borrow)]
    pub(crate) phones: Vec<Stored<'a>>,
    #[serde(borrow)]
    pub(crate) accounts: Vec<Stored<'a>>,
    #[serde(borrow)]
    pub(crate) groups: Vec<Word<'a>>,
    pub(crate) guardian: bool,
    pub(crate) consented_at: Option<Moment>,
}

impl<'a> Record<'a> {
    fn of(registrant: &'a Registrant<'_>, (partition, offset): (i32, i64), words: &Words) -> Self {
        Record {
            registrant_id: &registrant.registrant_id,
            partition,
            offset,
            registered_at: registrant.registered_at.into(),
            consented_at: registrant.consented_at.map(Moment::from),
            name: registrant.name.as_deref(),
            phones: registrant.phones.iter().map(Stored::of).collect(),
            accounts: registrant.accounts.iter().map(Stored::of).collect(),
            area: words.keep(&registrant.area),
            workplace: registrant.workplace.as_deref().map(|text| words.keep(text)),
            groups: registrant.groups.iter().map(|text| words.keep(text)).collect(),
            language: registrant.language.as_deref().map(|text| words.keep(text)),
            household: registrant.household.iter().map(|member| MemberRecord::of(member, words)).collect(),
        }
    }

    /// The moment an Erasure is compared with, see [`Registrant::given_at`].
    pub(super) fn given_at(&self) -> Moment {
        self.consented_at.unwrap_or(self.registered_at)
    }

    /// The identifiers of the registrant.
    pub(crate) fn own(&self) -> impl Iterator<Item = (IdentifierKind, Stored<'a>)> {
        listed(&self.phones, &self.accounts)
    }
}

impl<'a> MemberRecord<'a> {
    fn of(member: &'a Member<'_>, words: &Words) -> Self {
        MemberRecord {
            member_id: &member.member_id,
            name: member.name.as_deref(),
            relation: member.relation.as_deref().map(|text| words.keep(text)),
            phones: member.phones.iter().map(Stored::of).collect(),
            accounts: member.accounts.iter().map(Stored::of).collect(),
            groups: member.groups.iter().map(|text| words.keep(text)).collect(),
            guardian: member.guardian,
            consented_at: member.consented_at.map(Moment::from),
        }
    }

    /// The identifiers of the member.
    pub(crate) fn own(&self) -> impl Iterator<Item = (IdentifierKind, Stored<'a>)> {
        listed(&self.phones, &self.accounts)
    }
}

fn listed<'a>(phones: &[Stored<'a>], accounts: &[Stored<'a>]) -> impl Iterator<Item = (IdentifierKind, Stored<'a>)> {
    let phones = phones.iter().map(|stored| (IdentifierKind::Phone, *stored));
    phones.chain(accounts.iter().map(|stored| (IdentifierKind::Account, *stored)))
}

/// The bytes of a record, copied out of the index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecordBytes(Box<[u8]>);

impl RecordBytes {
    /// Writes a registrant down.
    pub(super) fn of(registrant: &Registrant<'_>, place: (i32, i64), words: &Words) -> Self {
        RecordBytes::write(&Record::of(registrant, place, words))
    }

    /// Writes a record down.
    pub(super) fn write(record: &Record<'_>) -> Self {
        // Writing to memory cannot fail, and nothing in a record is of unknown length; an empty record would be
        // one that nobody finds.
        let bytes = postcard::to_extend(record, Vec::with_capacity(USUAL_BYTES)).unwrap_or_default();
        RecordBytes(bytes.into_boxed_slice())
    }

    /// Reads it again; `None` for a vacant slot.
    pub(crate) fn read(&self) -> Option<Record<'_>> {
        postcard::from_bytes(&self.0).ok()
    }

    /// Whether there is none.
    pub(super) fn is_vacant(&self) -> bool {
        self.0.is_empty()
    }

    /// Its size.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The identifier a stored one was made of. A normal form reads as itself.
pub(super) fn identifier(reader: &IdentifierReader, kind: IdentifierKind, stored: Stored<'_>) -> Option<Identifier> {
    match stored {
        Stored::Clear(normal) => reader.read(kind, normal),
        Stored::Token(_) => reader.read(kind, &stored.text()),
    }
}
