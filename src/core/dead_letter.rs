//! Why a message is put aside (contract 11).

use std::borrow::Cow;
use std::fmt;

use super::text::wire_enum;

/// The largest value that is read, bytes; one above it is `too_large`.
pub const MAX_VALUE_BYTES: usize = 1_048_576;

/// The largest Match that is read, bytes. An event of [`MAX_VALUE_BYTES`] stands in it whole, beside the people: what may
/// come in must get through. The topic takes 2 MiB, headers included.
pub const MAX_MATCH_BYTES: usize = 2 * 1024 * 1024 - 64 * 1024;

/// The longest `dlq_detail`, bytes: details are made of field names, and a flood of bad messages must stay cheap.
pub const MAX_DETAIL_BYTES: usize = 200;

wire_enum! {
    /// The header `dlq_reason`, in the order in which the first that applies is given.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Reason {
        /// The value is over [`MAX_VALUE_BYTES`].
        TooLarge = "too_large",
        /// The value is empty, not UTF-8 or not JSON.
        NotJson = "not_json",
        /// An attribute is missing or bad, or its `time` has no offset.
        Envelope = "envelope",
        /// No type of this topic.
        UnknownType = "unknown_type",
        /// A missing field, a wrong type or an unknown value of an enumeration.
        Schema = "schema",
        /// No usable victim identifier; in a registrant, any that cannot be read.
        Identifier = "identifier",
        /// A follow-up for a case that is not there.
        UnknownCase = "unknown_case",
        /// A follow-up the state of its case does not allow.
        InvalidTransition = "invalid_transition",
    }
}

/// A message that is put aside, and why.
///
/// The detail names fields and rules, never what a message holds: it goes to headers, logs and screens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Reject {
    /// The header `dlq_reason`.
    pub reason: Reason,
    /// The header `dlq_detail`.
    pub detail: Cow<'static, str>,
}

impl Reject {
    /// A reject with a detail that must not repeat any value of the message; cut at [`MAX_DETAIL_BYTES`].
    pub fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        let mut detail = detail.into();
        if detail.len() > MAX_DETAIL_BYTES {
            let end = detail.floor_char_boundary(MAX_DETAIL_BYTES);
            detail.to_mut().truncate(end);
        }
        Reject { reason, detail }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a value is too large to be read at all.
pub(crate) fn check_size(value: Option<&[u8]>) -> Result<(), Reject> {
    check_size_up_to(MAX_VALUE_BYTES, value)
}

/// Whether a value is larger than this.
pub(crate) fn check_size_up_to(max: usize, value: Option<&[u8]>) -> Result<(), Reject> {
    match value {
        Some(bytes) if bytes.len() > max => {
            Err(Reject::new(Reason::TooLarge, format!("the value has {} bytes, more than {max}", bytes.len())))
        }
        _ => Ok(()),
    }
}
