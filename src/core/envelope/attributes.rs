//! The attributes of a CloudEvent.

use super::super::event::EventTime;
use super::super::text::Text;

/// The only version of CloudEvents there is.
pub(super) const SPEC_VERSION: &str = "1.0";

/// The longest trace context that is carried on, bytes. The W3C form of version 00 has 55.
pub const MAX_TRACEPARENT_BYTES: usize = 256;

/// The attributes every message must have, and its trace context.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributes<'a> {
    /// `source`: who says it.
    pub source: Text<'a>,
    /// `id`: identifies it together with `source`.
    pub id: Text<'a>,
    /// `type`: which kind of message it is.
    pub event_type: Text<'a>,
    /// `time`: when it happened, by its source.
    pub time: EventTime,
    /// `traceparent`: trace context to carry on, if any.
    pub traceparent: Option<Text<'a>>,
}

/// Whether a text may be an attribute: not empty, and no control characters (CloudEvents 1.0, 3.2). The zero byte
/// among them would let two pairs of source and id share one match id.
pub(super) fn is_clean(text: &str) -> bool {
    // Without an early end, so that the loop over plain text takes many bytes at a time.
    let plain = text.bytes().fold(true, |plain, byte| plain & matches!(byte, 0x20..=0x7e));
    !text.is_empty() && (plain || !text.chars().any(char::is_control))
}

/// The trace context, if it can go into a header again.
pub(super) fn trace(text: Text<'_>) -> Option<Text<'_>> {
    let usable = !text.is_empty() && text.len() <= MAX_TRACEPARENT_BYTES && text.bytes().all(|b| b.is_ascii_graphic());
    usable.then_some(text)
}
