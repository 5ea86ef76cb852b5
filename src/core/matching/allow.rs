//! Other sides that are known to be good (`matching.allow`, contract 5).

use std::collections::HashSet;

use super::super::event::EventData;
use super::super::identifier::{BuildIndexKeyHasher, Identifier, IndexKey};
use super::super::index::RegistrantIndex;

/// An entry of `matching.allow` that can never match anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAllowEntry {
    /// Not a phone.
    #[error("matching.allow.phones: `{0}` is not a phone number")]
    Phone(String),
    /// Not the beginning of a normal form.
    #[error(
        "matching.allow.prefixes: `{0}` is not the beginning of a phone number in normal form, such as +8695 or 955"
    )]
    Prefix(String),
    /// Not an account.
    #[error("matching.allow.payee_accounts: `{0}` is not an account")]
    PayeeAccount(String),
}

/// The allow-list, ready to look up in.
#[derive(Clone, Debug, Default)]
pub struct AllowList {
    phones: HashSet<IndexKey, BuildIndexKeyHasher>,
    prefixes: Vec<String>,
    payee_accounts: HashSet<IndexKey, BuildIndexKeyHasher>,
    phone_tails: Tails,
}

impl AllowList {
    /// Reads the three lists, phones and accounts in any spelling.
    ///
    /// # Errors
    /// The first entry that could never match.
    pub fn new<S: AsRef<str>>(
        index: &RegistrantIndex,
        phones: &[S],
        prefixes: &[S],
        payee_accounts: &[S],
    ) -> Result<Self, BadAllowEntry> {
        let mut list = AllowList::default();
        for raw in phones.iter().map(AsRef::as_ref) {
            let bad = || BadAllowEntry::Phone(raw.to_owned());
            let phone = index.reader().phone(raw).ok_or_else(bad)?;
            list.phones.insert(index.key(&phone).ok_or_else(bad)?);
            list.phone_tails.add(&phone);
        }
        for prefix in prefixes.iter().map(AsRef::as_ref) {
            let digits = prefix.strip_prefix('+').unwrap_or(prefix);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(BadAllowEntry::Prefix(prefix.to_owned()));
            }
            list.prefixes.push(prefix.to_owned());
        }
        for raw in payee_accounts.iter().map(AsRef::as_ref) {
            let bad = || BadAllowEntry::PayeeAccount(raw.to_owned());
            let account = index.reader().account(raw).ok_or_else(bad)?;
            list.payee_accounts.insert(index.key(&account).ok_or_else(bad)?);
        }
        Ok(list)
    }

    /// Whether the other side of an event is in the list.
    pub(super) fn allows(&self, data: &EventData<'_>, index: &RegistrantIndex) -> bool {
        match data {
            EventData::Call(call) => self.allows_phone(call.other_number(), index),
            EventData::Transfer(transfer) => self.allows_payee(&transfer.payee.account, index),
        }
    }

    fn allows_phone(&self, raw: &str, index: &RegistrantIndex) -> bool {
        if self.phones.is_empty() && self.prefixes.is_empty() || self.certainly_not(raw) {
            return false;
        }
        let Some(identifier) = index.reader().phone(raw) else {
            return false;
        };
        let begins = |phone: &str| self.prefixes.iter().any(|prefix| phone.starts_with(prefix.as_str()));
        matches!(&identifier, Identifier::Phone(phone) if begins(phone.as_str()))
            || index.key(&identifier).is_some_and(|key| self.phones.contains(&key))
    }

    fn allows_payee(&self, raw: &str, index: &RegistrantIndex) -> bool {
        !self.payee_accounts.is_empty()
            && index
                .reader()
                .account(raw)
                .and_then(|account| index.key(&account))
                .is_some_and(|key| self.payee_accounts.contains(&key))
    }

    /// Whether a number can be told to be none of the list without reading it, which for a foreign one takes longer
    /// than all the rest of a decision: neither its last digits nor the first of its country code are in the list.
    fn certainly_not(&self, raw: &str) -> bool {
        let Some(tail) = Tails::of(raw.as_bytes()) else {
            return false;
        };
        let may_begin = |prefix: &String| match (raw.as_bytes(), prefix.as_bytes()) {
            // The country code is never changed, and a number with one is never a short number.
            ([b'+', first, ..], [b'+', wanted, ..]) => !first.is_ascii_digit() || first == wanted,
            ([b'+', first, ..], _) => !first.is_ascii_digit(),
            _ => true,
        };
        !self.phone_tails.has(tail) && !self.prefixes.iter().any(may_begin)
    }
}

/// The last three digits of phones. Whatever prefix a spelling has, they are those of the normal form.
#[derive(Clone, Debug, Default)]
struct Tails {
    /// Every tail counts: a phone is there as a token.
    all: bool,
    tails: HashSet<u16>,
}

impl Tails {
    /// Of a plain spelling: ASCII digits, spaces, hyphens, brackets and a leading `+`. `None` for any other.
    fn of(raw: &[u8]) -> Option<u16> {
        let digits = raw.strip_prefix(b"+").unwrap_or(raw);
        let mut tail = 0;
        let mut count = 0_u32;
        for byte in digits {
            match byte {
                b'0'..=b'9' => {
                    tail = (tail * 10 + u16::from(byte - b'0')) % 1000;
                    count += 1;
                }
                b' ' | b'-' | b'(' | b')' => {}
                _ => return None,
            }
        }
        (count >= 3).then_some(tail)
    }

    fn add(&mut self, identifier: &Identifier) {
        match identifier {
            Identifier::Phone(phone) => match Tails::of(phone.as_bytes()) {
                Some(tail) => {
                    self.tails.insert(tail);
                }
                None => self.all = true,
            },
            _ => self.all = true,
        }
    }

    fn has(&self, tail: u16) -> bool {
        self.all || self.tails.contains(&tail)
    }
}
