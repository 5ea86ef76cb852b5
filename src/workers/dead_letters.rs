//! Puts a record aside as it was received (contract 11).

use crate::core::dead_letter::{MAX_VALUE_BYTES, Reject};
use crate::kafka::record::{Headers, Outgoing, Record};

/// The largest value that is put aside whole, bytes; of a longer one the first [`MAX_VALUE_BYTES`] are kept.
const MAX_KEPT_BYTES: usize = 2 * 1024 * 1024;

/// Key, value and headers of a dead letter together, bytes: well below what the topic takes. What is beyond goes in this
/// order: the original headers, the end of the value, the end of the key.
const MAX_LETTER_BYTES: usize = 3 * 1024 * 1024;

/// The dead letter of `record`; its original headers stand before ours.
pub fn letter<'a>(topic: &'a str, record: &'a Record<'_>, reject: &Reject) -> Outgoing<'a> {
    let whole = record.size() <= MAX_LETTER_BYTES;
    let value_bytes = record.value().map_or(0, <[u8]>::len);
    let mut headers = if whole { Headers::of(record) } else { Headers::new() };
    headers = headers
        .with("dlq_reason", reject.reason.as_str().as_bytes())
        .with("dlq_detail", reject.detail.as_bytes())
        .with("dlq_topic", record.topic().as_bytes())
        .with("dlq_partition", record.partition().to_string().as_bytes())
        .with("dlq_offset", record.offset().to_string().as_bytes())
        .with("dlq_timestamp", record.timestamp().unwrap_or(-1).to_string().as_bytes());
    let value = match record.value() {
        Some(bytes) if value_bytes > MAX_KEPT_BYTES || (!whole && value_bytes > MAX_VALUE_BYTES) => {
            headers = headers.with("dlq_truncated", value_bytes.to_string().as_bytes());
            bytes.get(..MAX_VALUE_BYTES)
        }
        value => value,
    };
    let key = record.key().map(|key| key.get(..MAX_VALUE_BYTES).unwrap_or(key));
    Outgoing { topic, partition: None, key, value, headers }
}
