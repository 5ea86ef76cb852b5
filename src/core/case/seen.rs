//! What a case remembers to have had: hashes of ids, the newest of them (contract 7, Bounds).

use std::collections::VecDeque;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The most hashes of each kind a case remembers.
pub const MAX_SEEN: usize = 4096;

/// The bytes a remembered hash takes.
const LEN: usize = 16;

/// The first 16 bytes of SHA-256 over the parts of an id, joined by a zero byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdHash([u8; LEN]);

impl IdHash {
    /// Hashes the parts of an id.
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                hash.update([0]);
            }
            hash.update(part.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut head = [0; LEN];
        head.copy_from_slice(digest.split_at(LEN).0);
        IdHash(head)
    }

    /// The hash itself.
    pub(crate) const fn to_bytes(self) -> [u8; LEN] {
        self.0
    }

    /// The first half, for where 8 bytes are enough.
    pub(super) fn short(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// The newest hashes of one kind, oldest first. On the wire: one base64 text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen(VecDeque<IdHash>);

impl Seen {
    /// Whether this one is among them.
    pub fn contains(&self, id: IdHash) -> bool {
        // From the newest on: what is sent again is mostly sent again soon.
        self.0.iter().rev().any(|known| *known == id)
    }

    /// Remembers one; true if the oldest had to go for it.
    pub fn push(&mut self, id: IdHash) -> bool {
        self.0.push_back(id);
        if self.0.len() > MAX_SEEN {
            self.0.pop_front();
            return true;
        }
        false
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the oldest of them.
    pub(super) fn forget_oldest(&mut self, count: usize) {
        self.0.drain(..count.min(self.0.len()));
    }

    /// The bytes this many hashes take in the wire form, not less.
    pub(super) const fn wire_len(count: usize) -> usize {
        (count * LEN).div_ceil(3) * 4
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|hash| hash.0).collect();
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SeenVisitor;

        impl Visitor<'_> for SeenVisitor {
            type Value = Seen;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("hashes of 16 bytes each, in base64")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Seen, E> {
                let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| E::custom("not base64"))?;
                let (hashes, rest) = bytes.as_chunks::<LEN>();
                if !rest.is_empty() {
                    return Err(E::custom("not a whole number of hashes"));
                }
                Ok(Seen(hashes.iter().map(|hash| IdHash(*hash)).collect()))
            }
        }

        deserializer.deserialize_str(SeenVisitor)
    }
}

/// All that a case remembers to have had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeenIds {
    /// Events, by source and id.
    #[serde(skip_serializing_if = "Seen::is_empty")]
    pub events: Seen,
    /// Follow-ups, and deliveries that failed.
    #[serde(skip_serializing_if = "Seen::is_empty")]
    pub follow_ups: Seen,
    /// Transfers that were told, by source and transfer id.
    #[serde(skip_serializing_if = "Seen::is_empty")]
    pub transfers: Seen,
}
