//! From the bytes and headers of a Kafka record to an event or a case input (contract 1, 3 and 11).
//!
//! A good message is read in one pass, borrowing from the record: plain JSON by a reader that knows nothing else
//! (`quick`), any other by serde_json. Only when that fails is it read again, step by step in the order of the
//! contract, to find the reason for the dead letters (`classify`).
//!
//! What the contract leaves open: a member given twice in an object that is read is refused (`envelope` among the
//! attributes, `schema` in the data), because two readers could take two different values for the truth; among unknown
//! members it does not matter. A record header given twice counts as last written. Control characters in `id` and
//! `source` are refused, as CloudEvents 1.0 says. A trace context that cannot be carried on is dropped: it must never
//! cost a warning.

mod attributes;
mod case_input;
mod classify;
mod headers;
mod quick;
mod schema;
mod structured;

pub use attributes::{Attributes, MAX_TRACEPARENT_BYTES};
pub use case_input::{CaseInput, CaseInputBody, CaseInputKind, decode_case_input};
pub use headers::{Headers, Mode};

pub(crate) use classify::json;
pub(crate) use schema::{REGISTRANT as REGISTRANT_FIELDS, fault};

use super::dead_letter::{Reject, check_size};
use super::event::{CallData, Event, EventData, EventKind, TransferData};
use super::text::Object;

/// Reads one record of a feed.
///
/// `headers` are the record's headers in order, a header without a value as an empty one.
///
/// # Errors
/// The reason for the dead letters, the first that applies in the order of contract 11, `identifier` apart: whether
/// there is a usable victim identifier is for [`matching`](crate::core::matching) to say.
pub fn decode_event<'a>(
    kind: EventKind,
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    value: Option<&'a [u8]>,
) -> Result<Event<'a>, Reject> {
    check_size(value)?;
    let headers = Headers::collect(headers);
    if let Ok(text) = simdutf8::basic::from_utf8(value.unwrap_or_default()) {
        let mut event = quick::blank(kind);
        if quick::fill(&headers, text, &mut event).is_some() {
            return Ok(event);
        }
        if let Some(event) = thorough(kind, &headers, text) {
            return Ok(event);
        }
    }
    Err(classify::event(kind, &headers, value))
}

/// Reads an event from whatever JSON allows.
fn thorough<'a>(kind: EventKind, headers: &Headers<'a>, text: &'a str) -> Option<Event<'a>> {
    let (attributes, data) = match headers.mode() {
        Mode::Binary => (headers.attributes().ok()?, bare_data(kind, text)?),
        Mode::Structured => structured_data(kind, text, headers)?,
    };
    let Attributes { source, id, event_type, time, traceparent } = attributes;
    (event_type == kind.event_type()).then_some(Event { source, id, time, traceparent, data })
}

fn bare_data(kind: EventKind, text: &str) -> Option<EventData<'_>> {
    match kind {
        EventKind::Call => serde_json::from_str::<Object<CallData<'_>>>(text).ok().map(|data| EventData::Call(data.0)),
        EventKind::Transfer => {
            serde_json::from_str::<Object<TransferData<'_>>>(text).ok().map(|data| EventData::Transfer(data.0))
        }
    }
}

fn structured_data<'a>(
    kind: EventKind,
    text: &'a str,
    headers: &Headers<'a>,
) -> Option<(Attributes<'a>, EventData<'a>)> {
    match kind {
        EventKind::Call => structured::read::<CallData<'a>>(text, kind.event_type(), headers)
            .map(|(attributes, data)| (attributes, EventData::Call(data))),
        EventKind::Transfer => structured::read::<TransferData<'a>>(text, kind.event_type(), headers)
            .map(|(attributes, data)| (attributes, EventData::Transfer(data))),
    }
}

#[cfg(test)]
mod tests;
