//! What the windows of the rules need to know of a piece of evidence, and of those that fell out of the case.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chrono::TimeDelta;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::evidence::{Evidence, What};
use super::seen::IdHash;
use crate::core::event::EventKind;

/// How far back the windows of the rules look (contract 6).
pub const WINDOW: TimeDelta = TimeDelta::hours(2);

/// The most pieces that count in the windows after they fell out of the evidence.
pub const MAX_FALLEN: usize = 256;

/// The figures of one call or transfer that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    /// Time of its latest event, milliseconds since 1970.
    pub at: i64,
    /// Time of its first event, milliseconds since 1970.
    pub began_at: i64,
    /// Call or transfer.
    pub kind: EventKind,
    /// Amount in minor units; 0 for a call.
    pub amount_minor: u64,
    /// Stands for the currency, see [`currency_tag`]; 0 for a call.
    pub currency: u32,
    /// Hash of the payee's account without its punctuation; 0 for a call.
    pub payee: u64,
}

/// The bytes of a figure and the hash of its piece in the wire form.
const LEN: usize = 45;

impl Figure {
    /// The figures of a piece.
    pub(crate) fn of(piece: &Evidence) -> Self {
        let (amount_minor, currency, payee) = match &piece.what {
            What::Call { .. } => (0, 0, 0),
            What::Transfer { amount_minor, currency, .. } => {
                (*amount_minor, currency_tag(currency), payee_hash(&piece.counterparty))
            }
        };
        Figure {
            at: piece.at.timestamp_millis(),
            began_at: piece.began_at.timestamp_millis(),
            kind: piece.kind(),
            amount_minor,
            currency,
            payee,
        }
    }

    fn to_bytes(self, key: u64) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let (fields, kind) = bytes.split_at_mut(LEN - 1);
        let values = [
            &key.to_be_bytes()[..],
            &self.at.to_be_bytes(),
            &self.began_at.to_be_bytes(),
            &self.amount_minor.to_be_bytes(),
            &self.payee.to_be_bytes(),
            &self.currency.to_be_bytes(),
        ];
        for (to, from) in fields.iter_mut().zip(values.into_iter().flatten()) {
            *to = *from;
        }
        kind.fill(u8::from(self.kind == EventKind::Transfer));
        bytes
    }

    fn from_bytes(bytes: &[u8; LEN]) -> (u64, Self) {
        let word = |at: usize| {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(bytes.iter().skip(at)) {
                *to = *from;
            }
            word
        };
        let [a, b, c, d, kind, ..] = word(40);
        let figure = Figure {
            at: i64::from_be_bytes(word(8)),
            began_at: i64::from_be_bytes(word(16)),
            kind: if kind == 0 { EventKind::Call } else { EventKind::Transfer },
            amount_minor: u64::from_be_bytes(word(24)),
            payee: u64::from_be_bytes(word(32)),
            currency: u32::from_be_bytes([a, b, c, d]),
        };
        (u64::from_be_bytes(word(0)), figure)
    }
}

/// Stands for a currency in 4 bytes: its code, or a hash of what is longer than a code.
pub(crate) fn currency_tag(currency: &str) -> u32 {
    match *currency.as_bytes() {
        [a, b, c] => u32::from_be_bytes([0, a, b, c]),
        _ => (IdHash::of(&[currency]).short() >> 32) as u32 | 1 << 31,
    }
}

/// A payee's account in 8 bytes, all its spellings alike.
fn payee_hash(account: &str) -> u64 {
    let plain: String =
        account.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_uppercase).collect();
    IdHash::of(&[&plain]).short()
}

/// The figures of the newest pieces that fell out of the evidence, as long as a window may reach them; the oldest
/// first. On the wire: one base64 text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fallen(Vec<(u64, Figure)>);

impl Fallen {
    /// Keeps the figures of a piece that fell out, and lets go of those no later event can see.
    pub(crate) fn push(&mut self, piece: &Evidence, newest: i64) {
        let oldest = newest.saturating_sub(WINDOW.num_milliseconds());
        self.0.retain(|(_, figure)| figure.at > oldest);
        if piece.counts() && piece.at.timestamp_millis() > oldest {
            if self.0.len() >= MAX_FALLEN {
                self.0.remove(0);
            }
            self.0.push((piece.key().short(), Figure::of(piece)));
        }
    }

    /// Takes out the figures of a piece that has come back.
    pub(crate) fn take(&mut self, key: IdHash) -> Option<Figure> {
        let index = self.0.iter().position(|(known, _)| *known == key.short())?;
        Some(self.0.remove(index).1)
    }

    /// The figures of a piece.
    pub(crate) fn get(&self, key: IdHash) -> Option<&Figure> {
        self.0.iter().find(|(known, _)| *known == key.short()).map(|(_, figure)| figure)
    }

    /// The figures of all pieces but this one.
    pub(crate) fn without(&self, key: IdHash) -> impl Iterator<Item = Figure> {
        self.0.iter().filter(move |(known, _)| *known != key.short()).map(|(_, figure)| *figure)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn wire_len(&self) -> usize {
        (self.0.len() * LEN).div_ceil(3) * 4
    }
}

impl Serialize for Fallen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|(key, figure)| figure.to_bytes(*key)).collect();
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Fallen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FallenVisitor;

        impl Visitor<'_> for FallenVisitor {
            type Value = Fallen;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "figures of {LEN} bytes each, in base64")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Fallen, E> {
                let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| E::custom("not base64"))?;
                let (figures, rest) = bytes.as_chunks::<LEN>();
                if !rest.is_empty() {
                    return Err(E::custom("not a whole number of figures"));
                }
                Ok(Fallen(figures.iter().map(Figure::from_bytes).collect()))
            }
        }

        deserializer.deserialize_str(FallenVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_survive_the_wire() {
        let figure = |kind, n: u64| Figure {
            at: -5,
            began_at: i64::MAX,
            kind,
            amount_minor: u64::MAX - n,
            currency: currency_tag("CNY"),
            payee: payee_hash("6217-0000"),
        };
        let fallen = Fallen(vec![(7 << 40, figure(EventKind::Call, 1)), (8, figure(EventKind::Transfer, 2))]);
        let wire = serde_json::to_string(&fallen).unwrap();
        assert_eq!(serde_json::from_str::<Fallen>(&wire).unwrap(), fallen);
        assert!(serde_json::from_str::<Fallen>("\"AAAA\"").is_err());
        assert_eq!(payee_hash("62 17-0000a"), payee_hash("62170000A"));
    }
}
