//! The case engine through its public interface: what becomes of cases by matches, follow-ups and time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first thing that does not hold")]

#[path = "case_engine/assigned.rs"]
mod assigned;
#[path = "case_engine/deadlines.rs"]
mod deadlines;
#[path = "case_engine/erasure.rs"]
mod erasure;
#[path = "case_engine/evidence.rs"]
mod evidence;
#[path = "case_engine/facts.rs"]
mod facts;
#[path = "case_engine/follow_ups.rs"]
mod follow_ups;
#[path = "case_engine/messages.rs"]
mod messages;
#[path = "case_engine/notifications.rs"]
mod notifications;
#[path = "case_engine/properties.rs"]
mod properties;
#[path = "case_engine/reopening.rs"]
mod reopening;
#[path = "case_engine/scale.rs"]
mod scale;
#[path = "case_engine/support.rs"]
mod support;
#[path = "case_engine/transitions.rs"]
mod transitions;
#[path = "case_engine/wire.rs"]
mod wire;
