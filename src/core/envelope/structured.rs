//! The one pass over a good message in structured mode.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::super::event::EventTime;
use super::super::text::{Object, Text};
use super::super::time;
use super::attributes::{Attributes, SPEC_VERSION, is_clean, trace};
use super::headers::Headers;

#[derive(serde::Deserialize)]
#[serde(bound(deserialize = "D: Deserialize<'de>"))]
struct Structured<'a, D> {
    #[serde(borrow)]
    specversion: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    source: Text<'a>,
    #[serde(borrow, rename = "type")]
    event_type: Text<'a>,
    #[serde(deserialize_with = "time::strict")]
    time: EventTime,
    #[serde(borrow, default)]
    traceparent: Lenient<'a>,
    data: Object<D>,
}

/// Reads attributes and data; `None` if anything is wrong, or the type another than expected.
pub(super) fn read<'a, D: Deserialize<'a>>(
    text: &'a str,
    event_type: &str,
    headers: &Headers<'a>,
) -> Option<(Attributes<'a>, D)> {
    let read = serde_json::from_str::<Object<Structured<'a, D>>>(text).ok()?.0;
    let good = read.specversion == SPEC_VERSION
        && read.event_type == event_type
        && is_clean(&read.id)
        && is_clean(&read.source);
    if !good {
        return None;
    }
    let attributes = Attributes {
        source: read.source,
        id: read.id,
        event_type: read.event_type,
        time: read.time,
        traceparent: headers.traceparent().or_else(|| read.traceparent.0.and_then(trace)),
    };
    Some((attributes, read.data.0))
}

/// A string, or anything else as if it were not there.
#[derive(Default)]
pub(super) struct Lenient<'a>(pub(super) Option<Text<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Lenient<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LenientVisitor)
    }
}

struct LenientVisitor;

impl<'de> Visitor<'de> for LenientVisitor {
    type Value = Lenient<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Lenient(Some(text.into())))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Lenient(Some(text.to_owned().into())))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Lenient(None))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Lenient(None))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Lenient(None))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Lenient(None))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Lenient(None))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Lenient(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Lenient(None))
    }
}
