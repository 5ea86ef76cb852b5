//! Tokens: keyed hashes that may stand where a phone or account does (contract 4).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Sha256;

use super::{Identifier, IdentifierKind};

/// What a token in text form begins with.
const PREFIX: &str = "hmac-sha256:";

/// The token of an identifier: HMAC-SHA-256(`privacy.token_key`, kind + ":" + normal form).
///
/// Its text form is `hmac-sha256:` and 64 lower-case hex digits. `Debug` does not print it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token([u8; 32]);

impl Token {
    /// Reads the text form; `None` if it is anything else, upper-case digits included.
    pub fn parse(raw: &str) -> Option<Self> {
        let digits = raw.strip_prefix(PREFIX)?;
        if digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 bytes of the hash, as 32 hex digits: what `subject_id` of the programme
    /// `precise` is made of (contract 5).
    pub fn short_hex(&self) -> String {
        hex::encode(self.head())
    }

    /// The first 16 bytes of the hash.
    pub(super) fn head(&self) -> [u8; 16] {
        let (head, _) = self.0.split_at(16);
        let mut key = [0; 16];
        key.copy_from_slice(head);
        key
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        Token::parse(&raw)
            .ok_or_else(|| serde::de::Error::custom("a token is `hmac-sha256:` and 64 lower-case hex digits"))
    }
}

/// `privacy.token_key` is not 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token key is 32 bytes, written as 64 hex digits")]
pub struct BadTokenKey;

/// `privacy.token_key`, ready to hash with. `Debug` does not print it.
#[derive(Clone)]
pub struct TokenKey {
    /// The state after the key, so that each token costs two blocks less.
    keyed: Hmac<Sha256>,
}

impl TokenKey {
    /// Takes the 32 bytes of the key.
    pub fn new(key: &[u8; 32]) -> Self {
        // A key of half a block is padded with zeros (RFC 2104), which is why the whole block can
        // be given and no length can be refused.
        let mut block = [0; 64];
        let (head, _) = block.split_at_mut(32);
        head.copy_from_slice(key);
        Self { keyed: Hmac::new(&block.into()) }
    }

    /// Takes the key as 64 hex digits of either case, the form of the configuration.
    ///
    /// # Errors
    /// [`BadTokenKey`], which does not repeat the text.
    pub fn from_hex(text: &str) -> Result<Self, BadTokenKey> {
        let mut key = [0; 32];
        hex::decode_to_slice(text, &mut key).map_err(|_| BadTokenKey)?;
        Ok(Self::new(&key))
    }

    /// The token of a normal form.
    pub fn token_of(&self, kind: IdentifierKind, normal: &str) -> Token {
        let mut mac = self.keyed.clone();
        mac.update(kind.prefix());
        mac.update(normal.as_bytes());
        Token(mac.finalize().into_bytes().into())
    }

    /// The token of an identifier: its own if it came as one.
    pub fn token(&self, identifier: &Identifier) -> Token {
        match identifier {
            Identifier::Phone(phone) => self.token_of(IdentifierKind::Phone, phone.as_str()),
            Identifier::Account(account) => self.token_of(IdentifierKind::Account, account.as_str()),
            Identifier::PhoneToken(token) | Identifier::AccountToken(token) => *token,
        }
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}
