//! Phones, accounts and tokens: reading them, hiding them, and hashing them (contract 4 and 16).
//!
//! Nothing here prints an identifier, a key or a secret through `Debug`; `Identifier::masked` is
//! what may be shown.

mod account;
mod inline;
mod key;
mod phone;
mod region;
mod token;
mod written;

pub use account::Account;
pub use key::{BuildIndexKeyHasher, IndexKey, IndexKeyHasher, IndexSecret, KeyHasher};
pub use phone::Phone;
pub use region::{Region, UnknownRegion};
pub use token::{BadTokenKey, Token, TokenKey};

use serde::{Deserialize, Serialize};

/// What an identifier is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierKind {
    /// A telephone line.
    Phone,
    /// A bank account or card.
    Account,
}

impl IdentifierKind {
    /// The name used in fields and in what is hashed.
    pub const fn as_str(self) -> &'static str {
        match self {
            IdentifierKind::Phone => "phone",
            IdentifierKind::Account => "account",
        }
    }

    /// What stands before the normal form in what is hashed, so that a phone and an account of
    /// the same digits have nothing in common.
    const fn prefix(self) -> &'static [u8] {
        match self {
            IdentifierKind::Phone => b"phone:",
            IdentifierKind::Account => b"account:",
        }
    }
}

/// An identifier that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// A phone in clear.
    Phone(Phone),
    /// An account in clear.
    Account(Account),
    /// A token that stands for a phone.
    PhoneToken(Token),
    /// A token that stands for an account.
    AccountToken(Token),
}

impl Identifier {
    /// Whether this is a phone or an account.
    pub const fn kind(&self) -> IdentifierKind {
        match self {
            Identifier::Phone(_) | Identifier::PhoneToken(_) => IdentifierKind::Phone,
            Identifier::Account(_) | Identifier::AccountToken(_) => IdentifierKind::Account,
        }
    }

    /// What may be shown of it: of a token nothing.
    pub fn masked(&self) -> String {
        match self {
            Identifier::Phone(phone) => phone.masked(),
            Identifier::Account(account) => account.masked(),
            Identifier::PhoneToken(_) | Identifier::AccountToken(_) => "****".to_owned(),
        }
    }
}

/// `privacy.tokens`: whether a token may stand for an identifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tokens {
    /// A token is no usable identifier.
    #[default]
    Off,
    /// A token and the clear identifier match each other.
    On,
}

/// Reads the fields that hold a phone or an account.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdentifierReader {
    /// Where a phone without a country code belongs (`matching.default_region`).
    pub default_region: Region,
    /// Whether tokens are read (`privacy.tokens`).
    pub tokens: Tokens,
}

impl IdentifierReader {
    /// Reads a phone field; `None` if it holds no usable identifier.
    pub fn phone(&self, raw: &str) -> Option<Identifier> {
        Phone::parse(raw, self.default_region)
            .map(Identifier::Phone)
            .or_else(|| self.token(raw).map(Identifier::PhoneToken))
    }

    /// Reads an account field; `None` if it holds no usable identifier.
    pub fn account(&self, raw: &str) -> Option<Identifier> {
        Account::parse(raw).map(Identifier::Account).or_else(|| self.token(raw).map(Identifier::AccountToken))
    }

    /// Reads a field of either kind.
    pub fn read(&self, kind: IdentifierKind, raw: &str) -> Option<Identifier> {
        match kind {
            IdentifierKind::Phone => self.phone(raw),
            IdentifierKind::Account => self.account(raw),
        }
    }

    fn token(&self, raw: &str) -> Option<Token> {
        match self.tokens {
            Tokens::Off => None,
            Tokens::On => Token::parse(raw),
        }
    }
}
