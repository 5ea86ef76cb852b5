//! The data of a call event.

use serde::{Deserialize, Serialize};

use super::super::text::{Object, Text, non_empty, wire_enum};
use super::super::time;
use super::{EventTime, Suspicion, fields};

wire_enum! {
    /// How far a call has come.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum CallPhase {
        /// Set up by the caller.
        Initiated = "initiated",
        /// Ringing at the callee.
        Ringing = "ringing",
        /// Just picked up.
        Answered = "answered",
        /// Still talking.
        Ongoing = "ongoing",
        /// Hung up.
        Ended = "ended",
        /// The callee's line was busy.
        Busy = "busy",
        /// It never came about.
        Failed = "failed",
        /// Sent on to another number.
        Forwarded = "forwarded",
    }
}

wire_enum! {
    /// Which side of a call is the person at risk.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum Side {
        /// The person called.
        #[default]
        Callee = "callee",
        /// The person calling.
        Caller = "caller",
    }
}

/// The data of a `golden-bell.call.v1` event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallData<'a> {
    /// Identifies the call within its source.
    #[serde(borrow, deserialize_with = "non_empty")]
    pub call_id: Text<'a>,
    /// How far it has come.
    pub phase: CallPhase,
    /// Who calls, as received.
    #[serde(borrow)]
    pub caller: Text<'a>,
    /// Who is called, as received.
    #[serde(borrow)]
    pub callee: Text<'a>,
    /// Which side is at risk; the callee where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub victim: Option<Side>,
    /// When it was set up.
    #[serde(default, deserialize_with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<EventTime>,
    /// When it was picked up.
    #[serde(default, deserialize_with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<EventTime>,
    /// When it was hung up.
    #[serde(default, deserialize_with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<EventTime>,
    /// How long it has lasted, seconds.
    #[serde(default, deserialize_with = "fields::whole_seconds", skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u64>,
    /// Where it was sent on to, as received.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub forwarded_to: Option<Text<'a>>,
    /// Where the person at risk is, as the source knows it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub victim_area: Option<Text<'a>>,
    /// Why it is suspected; absent where the source does not say.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub suspicion: Option<Object<Suspicion<'a>>>,
}

impl CallData<'_> {
    /// The number of the person at risk, as received.
    pub fn victim_number(&self) -> &str {
        match self.victim.unwrap_or_default() {
            Side::Callee => &self.callee,
            Side::Caller => &self.caller,
        }
    }

    /// The number of the other side, as received.
    pub fn other_number(&self) -> &str {
        match self.victim.unwrap_or_default() {
            Side::Callee => &self.caller,
            Side::Caller => &self.callee,
        }
    }
}
