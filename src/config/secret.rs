//! Values that are never printed.

use std::fmt;

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// A secret string, or none where it is empty. What is wrong with it is said without showing it.
#[derive(Clone, Default)]
pub(super) struct Secret(Option<String>);

impl Secret {
    pub(super) fn expose(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // serde names the value it found in its own errors; hence anything is taken here and refused without it.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Other(IgnoredAny),
        }

        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(Secret(Some(text).filter(|text| !text.is_empty()))),
            Written::Other(_) => Err(D::Error::custom("must be a string in quotes")),
        }
    }
}

/// A key of 32 bytes, written as 64 hex digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// Reads 64 hex digits, white space around them ignored; `None` if it is anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// The bytes. Whoever takes them must not print them.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
