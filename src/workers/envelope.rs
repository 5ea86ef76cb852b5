//! The envelope of what the project produces: CloudEvents in binary mode (contract 1).

use chrono::{DateTime, SecondsFormat, Utc};

use crate::kafka::record::Headers;

/// The headers of a produced record. `kind` is the middle of its type: `match`, `warning`, ….
pub fn headers(source: &str, kind: &str, id: &str, time: DateTime<Utc>, traceparent: Option<&str>) -> Headers {
    let headers = Headers::new()
        .with("ce_specversion", b"1.0")
        .with("ce_id", id.as_bytes())
        .with("ce_source", source.as_bytes())
        .with("ce_type", format!("golden-bell.{kind}.v1").as_bytes())
        .with("ce_time", time.to_rfc3339_opts(SecondsFormat::Millis, true).as_bytes())
        .with("content-type", b"application/json");
    match traceparent {
        Some(trace) => headers.with("traceparent", trace.as_bytes()),
        None => headers,
    }
}
