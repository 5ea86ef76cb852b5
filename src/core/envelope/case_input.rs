//! The envelope of `case-inputs`: all that can change a case (contract 1).

use serde_json::value::RawValue;

use super::super::dead_letter::{MAX_MATCH_BYTES, MAX_VALUE_BYTES, Reason, Reject, check_size_up_to};
use super::super::event::EventTime;
use super::super::matched::Match;
use super::super::text::{Object, Text, wire_enum};
use super::attributes::Attributes;
use super::classify;
use super::headers::Headers;

wire_enum! {
    /// What kind of input it is, named by its CloudEvents type.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum CaseInputKind {
        /// A person at risk in an event.
        Match = "golden-bell.match.v1",
        /// What somebody did about a case.
        FollowUp = "golden-bell.follow-up.v1",
        /// A notification that failed for good.
        Delivery = "golden-bell.delivery.v1",
        /// A person who is to be forgotten.
        Erasure = "golden-bell.erasure.v1",
    }
}

/// One record of `case-inputs`.
#[derive(Clone, Debug)]
pub struct CaseInput<'a> {
    /// Who says it (CloudEvents `source`).
    pub source: Text<'a>,
    /// Identifies it: match id, follow-up id, … (CloudEvents `id`).
    pub id: Text<'a>,
    /// When it was said (CloudEvents `time`).
    pub time: EventTime,
    /// Trace context to carry on, if any.
    pub traceparent: Option<Text<'a>>,
    /// What it says.
    pub body: CaseInputBody<'a>,
}

/// The data of a case input.
#[derive(Clone, Debug)]
pub enum CaseInputBody<'a> {
    /// A Match, read.
    Match(Box<Match<'a>>),
    /// A FollowUp, an object still to be read.
    FollowUp(&'a RawValue),
    /// A Delivery, an object still to be read.
    Delivery(&'a RawValue),
    /// An Erasure, an object still to be read.
    Erasure(&'a RawValue),
}

impl CaseInputBody<'_> {
    /// What kind of input it is.
    pub const fn kind(&self) -> CaseInputKind {
        match self {
            CaseInputBody::Match(_) => CaseInputKind::Match,
            CaseInputBody::FollowUp(_) => CaseInputKind::FollowUp,
            CaseInputBody::Delivery(_) => CaseInputKind::Delivery,
            CaseInputBody::Erasure(_) => CaseInputKind::Erasure,
        }
    }
}

/// Reads one record of `case-inputs`, in either mode.
///
/// `headers` are the record's headers in order, a header without a value as an empty one.
///
/// # Errors
/// The reason for the dead letters, the first that applies in the order of contract 11.
pub fn decode_case_input<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    value: Option<&'a [u8]>,
) -> Result<CaseInput<'a>, Reject> {
    let headers = Headers::collect(headers);
    let max = if headers.names_type(CaseInputKind::Match.as_str()) { MAX_MATCH_BYTES } else { MAX_VALUE_BYTES };
    check_size_up_to(max, value)?;
    let (attributes, data) = classify::open(&headers, value)?;
    let Attributes { source, id, event_type, time, traceparent } = attributes;
    let kind = CaseInputKind::from_name(&event_type)
        .ok_or_else(|| Reject::new(Reason::UnknownType, "type is none of this topic"))?;
    let data = data?;
    let body = match kind {
        CaseInputKind::Match => CaseInputBody::Match(Box::new(read_match(data.get())?)),
        CaseInputKind::FollowUp => CaseInputBody::FollowUp(data),
        CaseInputKind::Delivery => CaseInputBody::Delivery(data),
        CaseInputKind::Erasure => CaseInputBody::Erasure(data),
    };
    Ok(CaseInput { source, id, time, traceparent, body })
}

/// A Match is made by this project, so that a fault in one is rare: the place in the text is detail enough.
fn read_match(object: &str) -> Result<Match<'_>, Reject> {
    serde_json::from_str::<Object<Match<'_>>>(object).map(|read| read.0).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Reject::new(Reason::Schema, format!("the match does not fit its type: line {line}, column {column}"))
    })
}
