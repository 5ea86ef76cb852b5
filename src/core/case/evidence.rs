//! The pieces of evidence of a case: each call and each transfer once, in its latest state.

use serde::de::{Deserializer, Error};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::bounds::{MAX_ID, MAX_WORD, clip, json_len};
use super::seen::IdHash;
use crate::core::event::{CallPhase, EventData, EventKind, EventTime, TransferState};
use crate::core::matched::MatchedEvent;
use crate::core::text::Text;
use crate::core::time::{self, Written};

/// What a piece of evidence tells of, in its latest state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A call.
    Call {
        /// Identifies it within its source.
        call_id: String,
        /// How far it has come.
        phase: CallPhase,
        /// How long it has lasted, seconds.
        duration_s: Option<u64>,
    },
    /// A transfer.
    Transfer {
        /// Identifies it within its source.
        transfer_id: String,
        /// How far it has come.
        state: TransferState,
        /// Amount in minor units of `currency`.
        amount_minor: u64,
        /// ISO 4217 code.
        currency: String,
    },
}

/// A call or a transfer, as the latest of its events tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// CloudEvents `source`.
    pub source: String,
    /// CloudEvents `id` of its latest event.
    pub id: String,
    /// CloudEvents `time` of its latest event.
    pub at: EventTime,
    /// When it began: the time of its first event.
    pub began_at: EventTime,
    /// What it is.
    pub what: What,
    /// The other side as received: the suspect's number, or the payee's account.
    pub counterparty: String,
    /// How sure the source is, 0 to 1.
    pub confidence: Option<f64>,
}

impl Evidence {
    /// The piece as this event tells it.
    pub(crate) fn of(event: &MatchedEvent<'_>) -> Self {
        let (what, counterparty) = match &event.data {
            EventData::Call(call) => (
                What::Call { call_id: clip(&call.call_id, MAX_ID), phase: call.phase, duration_s: call.duration_s },
                call.other_number(),
            ),
            EventData::Transfer(transfer) => (
                What::Transfer {
                    transfer_id: clip(&transfer.transfer_id, MAX_ID),
                    state: transfer.state,
                    amount_minor: transfer.amount_minor,
                    currency: clip(&transfer.currency, MAX_WORD),
                },
                transfer.payee.account.as_str(),
            ),
        };
        Evidence {
            source: clip(&event.source, MAX_ID),
            id: clip(&event.id, MAX_ID),
            at: event.time,
            began_at: event.time,
            what,
            counterparty: clip(counterparty, MAX_WORD),
            confidence: event.data.suspicion().and_then(|s| s.confidence),
        }
    }

    /// Which feed it came by.
    pub const fn kind(&self) -> EventKind {
        match self.what {
            What::Call { .. } => EventKind::Call,
            What::Transfer { .. } => EventKind::Transfer,
        }
    }

    /// `call_id` or `transfer_id`.
    pub fn piece_id(&self) -> &str {
        match &self.what {
            What::Call { call_id, .. } => call_id,
            What::Transfer { transfer_id, .. } => transfer_id,
        }
    }

    /// Whether both tell of the same call or transfer.
    pub(crate) fn same_piece(&self, other: &Evidence) -> bool {
        self.kind() == other.kind() && self.piece_id() == other.piece_id() && self.source == other.source
    }

    /// Whether this is the later state of the same piece: by time, then by id (contract 3).
    pub(crate) fn is_later_than(&self, other: &Evidence) -> bool {
        (self.at, &self.id) > (other.at, &other.id)
    }

    /// Whether it counts: not a call that failed nor a transfer that was reversed or rejected.
    pub(crate) const fn counts(&self) -> bool {
        match self.what {
            What::Call { phase, .. } => !matches!(phase, CallPhase::Failed),
            What::Transfer { state, .. } => !matches!(state, TransferState::Reversed | TransferState::Rejected),
        }
    }

    /// Whether this is a transfer that somebody must be told of.
    pub(crate) const fn must_be_told(&self) -> bool {
        matches!(self.what, What::Transfer { .. }) && self.counts()
    }

    /// Identifies the piece in fewer bytes.
    pub(crate) fn key(&self) -> IdHash {
        IdHash::of(&[self.kind().as_str(), &self.source, self.piece_id()])
    }

    /// The form of the topic `warnings`, without what only a case needs.
    pub(crate) fn told(&self) -> impl Serialize + '_ {
        Told(self)
    }

    pub(super) fn wire_bound(&self) -> usize {
        let currency = match &self.what {
            What::Transfer { currency, .. } => json_len(currency),
            What::Call { .. } => 0,
        };
        400 + json_len(&self.source)
            + json_len(&self.id)
            + json_len(self.piece_id())
            + json_len(&self.counterparty)
            + currency
    }

    fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("kind", &self.kind())?;
        map.serialize_entry("source", &self.source)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("at", &Written(self.at))?;
        match &self.what {
            What::Call { call_id, phase, duration_s } => {
                map.serialize_entry("call_id", call_id)?;
                map.serialize_entry("phase", phase)?;
                map.serialize_entry("counterparty", &self.counterparty)?;
                map.serialize_entry("duration_s", duration_s)?;
            }
            What::Transfer { transfer_id, state, amount_minor, currency } => {
                map.serialize_entry("transfer_id", transfer_id)?;
                map.serialize_entry("state", state)?;
                map.serialize_entry("counterparty", &self.counterparty)?;
                map.serialize_entry("amount_minor", amount_minor)?;
                map.serialize_entry("currency", currency)?;
            }
        }
        map.serialize_entry("confidence", &self.confidence)
    }
}

struct Told<'a>(&'a Evidence);

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.write(&mut map)?;
        map.end()
    }
}

impl Serialize for Evidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write(&mut map)?;
        if self.began_at != self.at {
            map.serialize_entry("began_at", &Written(self.began_at))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Evidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            kind: EventKind,
            #[serde(borrow)]
            source: Text<'a>,
            #[serde(borrow)]
            id: Text<'a>,
            #[serde(deserialize_with = "time::strict")]
            at: EventTime,
            #[serde(default, deserialize_with = "time::optional")]
            began_at: Option<EventTime>,
            #[serde(borrow, default)]
            call_id: Option<Text<'a>>,
            #[serde(borrow, default)]
            transfer_id: Option<Text<'a>>,
            #[serde(default)]
            phase: Option<CallPhase>,
            #[serde(default)]
            state: Option<TransferState>,
            #[serde(borrow, default)]
            counterparty: Text<'a>,
            #[serde(default)]
            duration_s: Option<u64>,
            #[serde(default)]
            amount_minor: Option<u64>,
            #[serde(borrow, default)]
            currency: Option<Text<'a>>,
            #[serde(default)]
            confidence: Option<f64>,
        }
        fn needed<T, E: Error>(field: Option<T>, name: &'static str) -> Result<T, E> {
            field.ok_or_else(|| E::missing_field(name))
        }
        let wire = Wire::deserialize(deserializer)?;
        let what = match wire.kind {
            EventKind::Call => What::Call {
                call_id: needed(wire.call_id, "call_id")?.0.into_owned(),
                phase: needed(wire.phase, "phase")?,
                duration_s: wire.duration_s,
            },
            EventKind::Transfer => What::Transfer {
                transfer_id: needed(wire.transfer_id, "transfer_id")?.0.into_owned(),
                state: needed(wire.state, "state")?,
                amount_minor: needed(wire.amount_minor, "amount_minor")?,
                currency: needed(wire.currency, "currency")?.0.into_owned(),
            },
        };
        Ok(Evidence {
            source: wire.source.0.into_owned(),
            id: wire.id.0.into_owned(),
            at: wire.at,
            began_at: wire.began_at.unwrap_or(wire.at),
            what,
            counterparty: wire.counterparty.0.into_owned(),
            confidence: wire.confidence,
        })
    }
}
