//! Puts a record aside as it was received (contract 11).

use crate::core::dead_letter::{MAX_VALUE_BYTES, Reject};
use crate::kafka::record::{Headers, Outgoing, Record};

/// The largest value that is put aside whole, bytes; of a longer one the first [`MAX_VALUE_BYTES`] are kept.
const MAX_KEPT_BYTES: usize = 2 * 1024 * 1024;

/// The dead letter of `record`; its original headers stand before ours.
pub fn letter<'a>(topic: &'a str, record: &'a Record<'_>, reject: &Reject) -> Outgoing<'a> {
    let mut headers = Headers::of(record)
        .with("dlq_reason", reject.reason.as_str().as_bytes())
        .with("dlq_detail", reject.detail.as_bytes())
        .with("dlq_topic", record.topic().as_bytes())
        .with("dlq_partition", record.partition().to_string().as_bytes())
        .with("dlq_offset", record.offset().to_string().as_bytes())
        .with("dlq_timestamp", record.timestamp().unwrap_or(-1).to_string().as_bytes());
    let value = match record.value() {
        Some(bytes) if bytes.len() > MAX_KEPT_BYTES => {
            headers = headers.with("dlq_truncated", bytes.len().to_string().as_bytes());
            bytes.get(..MAX_VALUE_BYTES)
        }
        value => value,
    };
    Outgoing { topic, partition: None, key: record.key(), value, headers }
}
