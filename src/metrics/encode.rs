//! The exposition.

use prometheus::{Registry, TextEncoder};

/// Metrics that could not be written as text.
#[derive(Debug, thiserror::Error)]
#[error("the metrics cannot be written: {0}")]
pub struct EncodeError(#[from] prometheus::Error);

pub(super) fn text(registry: &Registry) -> Result<String, EncodeError> {
    // Families without a series, such as lag before a partition is assigned, are no part of the exposition.
    let families: Vec<_> = registry.gather().into_iter().filter(|family| !family.get_metric().is_empty()).collect();
    Ok(TextEncoder::new().encode_to_string(&families)?)
}
