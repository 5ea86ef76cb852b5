//! What the operators and banks say: calls and transfers (contract 3).

mod call;
mod fields;
mod transfer;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::text::{Text, wire_enum};

pub use call::{CallData, CallPhase, Side};
pub use transfer::{Payee, Payer, TransferData, TransferState};

/// The time of an event as its source wrote it, its offset kept.
pub type EventTime = DateTime<FixedOffset>;

wire_enum! {
    /// Which of the two feeds an event belongs to.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum EventKind {
        /// A telephone call.
        Call = "call",
        /// A movement of money.
        Transfer = "transfer",
    }
}

impl EventKind {
    /// The CloudEvents type of this feed's events.
    pub const fn event_type(self) -> &'static str {
        match self {
            EventKind::Call => "golden-bell.call.v1",
            EventKind::Transfer => "golden-bell.transfer.v1",
        }
    }

    /// The topic of this feed, behind the prefix (contract 1).
    pub const fn topic(self) -> &'static str {
        match self {
            EventKind::Call => "calls",
            EventKind::Transfer => "transfers",
        }
    }
}

/// Why the source thinks this is fraud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Suspicion<'a> {
    /// How sure the source is, 0 to 1.
    #[serde(default, deserialize_with = "fields::confidence", skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// A code of the fraud type table; open.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub fraud_type: Option<Text<'a>>,
    /// The list the other side stands on; open.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Text<'a>>,
}

/// The data of an event of either feed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EventData<'a> {
    /// Of the topic `calls`.
    Call(CallData<'a>),
    /// Of the topic `transfers`.
    Transfer(TransferData<'a>),
}

impl<'a> EventData<'a> {
    /// Which feed it belongs to.
    pub const fn kind(&self) -> EventKind {
        match self {
            EventData::Call(_) => EventKind::Call,
            EventData::Transfer(_) => EventKind::Transfer,
        }
    }

    /// `call_id` or `transfer_id`: what several events of one source tell of.
    pub fn piece_id(&self) -> &str {
        match self {
            EventData::Call(call) => &call.call_id,
            EventData::Transfer(transfer) => &transfer.transfer_id,
        }
    }

    /// Where the person at risk is, as the source knows it.
    pub fn victim_area(&self) -> Option<&str> {
        match self {
            EventData::Call(call) => call.victim_area.as_deref(),
            EventData::Transfer(transfer) => transfer.victim_area.as_deref(),
        }
    }

    /// Why it is suspected.
    pub fn suspicion(&self) -> Option<&Suspicion<'a>> {
        match self {
            EventData::Call(call) => call.suspicion.as_ref().map(|s| &s.0),
            EventData::Transfer(transfer) => transfer.suspicion.as_ref().map(|s| &s.0),
        }
    }
}

/// One call or transfer event with the attributes of its envelope.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// Who says it (CloudEvents `source`).
    pub source: Text<'a>,
    /// Identifies it together with `source` (CloudEvents `id`).
    pub id: Text<'a>,
    /// When it happened, by its source.
    pub time: EventTime,
    /// Trace context to carry on, if any.
    pub traceparent: Option<Text<'a>>,
    /// What happened.
    pub data: EventData<'a>,
}
