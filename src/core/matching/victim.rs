//! The identifiers of the person at risk in an event.

use super::super::event::EventData;
use super::super::identifier::{Identifier, IdentifierKind, IndexKey};
use super::super::index::{RegistrantIndex, Stored};

/// An identifier that could be read, and its look-up key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) identifier: Identifier,
    pub(super) key: IndexKey,
}

/// Who is at risk, as far as the event says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Victim {
    phone: Option<Known>,
    account: Option<Known>,
}

/// The look-up keys of the person at risk in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VictimKeys {
    /// Of the phone.
    pub phone: Option<IndexKey>,
    /// Of the account.
    pub account: Option<IndexKey>,
}

impl VictimKeys {
    /// Those there are.
    pub fn iter(&self) -> impl Iterator<Item = IndexKey> {
        [self.phone, self.account].into_iter().flatten()
    }
}

impl Victim {
    /// Reads the identifiers of an event; one that cannot be read is left out.
    pub(super) fn of(data: &EventData<'_>, index: &RegistrantIndex) -> Self {
        let known = |identifier: Identifier| index.key(&identifier).map(|key| Known { identifier, key });
        let phone = |raw: &str| index.reader().phone(raw).and_then(known);
        let account = |raw: &str| index.reader().account(raw).and_then(known);
        match data {
            EventData::Call(call) => Victim { phone: phone(call.victim_number()), account: None },
            EventData::Transfer(transfer) => Victim {
                phone: transfer.payer.phone.as_deref().and_then(phone),
                account: transfer.payer.account.as_deref().and_then(account),
            },
        }
    }

    /// Whether none could be read.
    pub(super) fn is_nobody(&self) -> bool {
        self.phone.is_none() && self.account.is_none()
    }

    /// Those that could be read, the phone first.
    pub(super) fn known(&self) -> impl Iterator<Item = &Known> {
        self.phone.iter().chain(&self.account)
    }

    /// The phone, or the account where there is none.
    pub(super) fn first(&self) -> Option<&Identifier> {
        self.known().next().map(|known| &known.identifier)
    }

    pub(super) fn keys(&self) -> VictimKeys {
        VictimKeys { phone: self.phone.map(|known| known.key), account: self.account.map(|known| known.key) }
    }
}

impl Known {
    pub(super) fn kind(&self) -> IdentifierKind {
        self.identifier.kind()
    }

    /// Whether an identifier in a record is this one. Postings may be stale, so the record is what counts.
    pub(super) fn is(&self, (kind, stored): (IdentifierKind, Stored<'_>), index: &RegistrantIndex) -> bool {
        match (stored, &self.identifier) {
            (Stored::Clear(normal), Identifier::Phone(phone)) => {
                kind == IdentifierKind::Phone && normal == phone.as_str()
            }
            (Stored::Clear(normal), Identifier::Account(account)) => {
                kind == IdentifierKind::Account && normal == account.as_str()
            }
            _ => index.stored_key(kind, stored) == Some(self.key),
        }
    }
}
