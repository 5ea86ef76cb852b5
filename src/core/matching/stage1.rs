//! Stage 1, from the bytes of a feed record to its outcome.

use chrono::{DateTime, Utc};

use super::super::dead_letter::{Reason, Reject};
use super::super::envelope::decode_event;
use super::super::event::{Event, EventKind, EventTime};
use super::super::lookback::Positions;
use super::super::matched::Match;
use super::super::text::Text;
use super::{Again, Decision, Matcher, VictimKeys};

/// What became of a feed record, and what is to be known of the event in it.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "every record ends in one outcome, and each outcome is counted"]
pub struct Stage1<'a> {
    /// Of the event, unless the record could not be read.
    pub event: Option<EventFacts<'a>>,
    /// What became of it.
    pub outcome: Outcome<'a>,
}

/// What a worker counts and carries on of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventFacts<'a> {
    /// CloudEvents `source`.
    pub source: Text<'a>,
    /// CloudEvents `id`.
    pub id: Text<'a>,
    /// CloudEvents `time`.
    pub time: EventTime,
    /// Trace context to carry on, if any.
    pub traceparent: Option<Text<'a>>,
}

/// The one outcome of a feed record.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<'a> {
    /// Somebody is at risk.
    Matched {
        /// One match per subject, own first, then household.
        matches: Vec<Match<'a>>,
        /// Subjects beyond `matching.max_subjects`, for whom there is no match.
        beyond: usize,
    },
    /// Nobody of the zone: kept for a while under these keys, in case of a registration.
    Unmatched(VictimKeys),
    /// The other side is in the allow-list.
    Allowed,
    /// The record is bad.
    DeadLettered(Reject),
}

impl Outcome<'_> {
    /// The label `outcome` of `events_total`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Outcome::Matched { .. } => "matched",
            Outcome::Unmatched(_) => "unmatched",
            Outcome::Allowed => "allowed",
            Outcome::DeadLettered(_) => "dead_lettered",
        }
    }
}

/// Reads a record of a feed and decides about it.
pub fn stage1<'a>(
    kind: EventKind,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    value: Option<&'a [u8]>,
    matcher: &Matcher<'_>,
    now: DateTime<Utc>,
) -> Stage1<'a> {
    let event = match decode_event(kind, headers, value) {
        Ok(event) => event,
        Err(reject) => return Stage1 { event: None, outcome: Outcome::DeadLettered(reject) },
    };
    let outcome = match matcher.decide(&event, now) {
        Decision::Matched { matches, beyond } => Outcome::Matched { matches, beyond },
        Decision::Unmatched(keys) => Outcome::Unmatched(keys),
        Decision::Allowed => Outcome::Allowed,
        Decision::Rejected => Outcome::DeadLettered(Reject::new(Reason::Identifier, "no usable victim identifier")),
    };
    let Event { source, id, time, traceparent, .. } = event;
    Stage1 { event: Some(EventFacts { source, id, time, traceparent }), outcome }
}

/// Reads a record of a feed that was decided about before, and decides again: see [`Matcher::decide_again`]. What
/// cannot be read was put aside then.
pub fn stage1_again<'a>(
    kind: EventKind,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    value: Option<&'a [u8]>,
    matcher: &Matcher<'_>,
    now: DateTime<Utc>,
    before: Option<&Positions>,
) -> (Again<'a>, Option<Text<'a>>) {
    match decode_event(kind, headers, value) {
        Ok(event) => (matcher.decide_again(&event, now, before), event.traceparent),
        Err(_) => (Again::Settled, None),
    }
}
