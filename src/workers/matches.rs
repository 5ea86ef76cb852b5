//! Matches as they go to `case-inputs`, live and retroactive alike.

use super::envelope;
use crate::core::dead_letter::{MAX_MATCH_BYTES, Reason, Reject};
use crate::core::matched::Match;
use crate::kafka::error::Error;
use crate::kafka::record::Outgoing;

/// The matches of an event as JSON.
///
/// # Errors
/// Nothing a match can hold causes one.
pub fn written(matches: &[Match<'_>]) -> Result<Vec<Vec<u8>>, Error> {
    let written: Result<Vec<_>, _> = matches.iter().map(serde_json::to_vec).collect();
    written.map_err(|error| Error::Layout(format!("a match cannot be written: {error}")))
}

/// Why an event is put aside instead, if one of its matches is too large to be read again.
pub fn too_large(written: &[Vec<u8>]) -> Option<Reject> {
    let large = written.iter().any(|value| value.len() > MAX_MATCH_BYTES);
    large.then(|| Reject::new(Reason::TooLarge, "its match would be too large to be read again"))
}

/// A match as a record of `inputs`; `source` is `kafka.source`.
pub fn record<'a>(
    source: &str,
    inputs: &'a str,
    matched: &'a Match<'_>,
    value: &'a [u8],
    trace: Option<&str>,
) -> Outgoing<'a> {
    Outgoing {
        topic: inputs,
        partition: None,
        key: Some(matched.subject_id.as_bytes()),
        value: Some(value),
        headers: envelope::headers(source, "match", &matched.match_id, matched.matched_at, trace),
    }
}
