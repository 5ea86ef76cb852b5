//! The slow reading of a bad message, step by step, to find the first reason that applies (contract 11).

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::dead_letter::{Reason, Reject};
use super::super::event::EventKind;
use super::super::text::Text;
use super::super::time;
use super::attributes::{Attributes, SPEC_VERSION, is_clean, trace};
use super::headers::{Headers, Mode};
use super::schema;
use super::structured::Lenient;

/// The members of an object that somebody asked for, unread, in the order asked.
pub(super) struct Members<'a, const N: usize> {
    /// The value of each, if it is there.
    pub(super) values: [Option<&'a RawValue>; N],
    /// The first that is given twice, by its place in the list asked for.
    pub(super) doubled: Option<usize>,
}

/// Why a record that could not be read as an event could not.
pub(super) fn event(kind: EventKind, headers: &Headers<'_>, value: Option<&[u8]>) -> Reject {
    match open(headers, value) {
        Err(reject) => reject,
        Ok((attributes, _)) if attributes.event_type != kind.event_type() => {
            Reject::new(Reason::UnknownType, format!("type is not {}", kind.event_type()))
        }
        Ok((_, Err(reject))) => reject,
        Ok((_, Ok(data))) => Reject::new(Reason::Schema, schema::fault(schema::of_event(kind), data.get())),
    }
}

/// An opened message: its attributes, and its data if that is an object. The type is judged before the data, so a
/// fault of the data (`schema`) comes beside the attributes.
pub(super) type Opened<'a> = (Attributes<'a>, Result<&'a RawValue, Reject>);

/// Attributes and unread data of a message, in either mode.
///
/// # Errors
/// `not_json` or `envelope`; in binary mode `envelope` comes first.
pub(super) fn open<'a>(headers: &Headers<'a>, value: Option<&'a [u8]>) -> Result<Opened<'a>, Reject> {
    match headers.mode() {
        Mode::Binary => {
            let attributes = headers.attributes()?;
            Ok((attributes, object(Some(json(value)?))))
        }
        Mode::Structured => structured(json(value)?, headers),
    }
}

fn object(data: Option<&RawValue>) -> Result<&RawValue, Reject> {
    let fault = |detail: &'static str| Err(Reject::new(Reason::Schema, detail));
    match data {
        Some(raw) if raw.get().starts_with('{') => Ok(raw),
        Some(raw) if raw.get() != "null" => fault("data is not an object"),
        _ => fault("data is missing"),
    }
}

/// The value as JSON of any kind.
pub(crate) fn json(value: Option<&[u8]>) -> Result<&RawValue, Reject> {
    let not_json = |detail: &'static str| Reject::new(Reason::NotJson, detail);
    let bytes = value.unwrap_or_default();
    if bytes.is_empty() {
        return Err(not_json("the value is empty"));
    }
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_| not_json("the value is not UTF-8"))?;
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Reject::new(Reason::NotJson, format!("the value is not JSON: line {line}, column {column}"))
    })
}

const NAMES: [&str; 7] = ["specversion", "id", "source", "type", "time", "traceparent", "data"];

fn structured<'a>(value: &'a RawValue, headers: &Headers<'a>) -> Result<Opened<'a>, Reject> {
    if !value.get().starts_with('{') {
        return Err(envelope("the message is not an object"));
    }
    let Some(Members { values, doubled }) = members(value.get(), &NAMES) else {
        return Err(Reject::new(Reason::NotJson, "a member name cannot be read"));
    };
    let [specversion, id, source, event_type, at, traceparent, data] = values;
    let data_place = NAMES.len() - 1;
    if let Some(name) = doubled.filter(|place| *place != data_place).and_then(|place| NAMES.get(place)) {
        return Err(envelope(format!("attribute {name} is given twice")));
    }
    if attribute("specversion", specversion)? != SPEC_VERSION {
        return Err(envelope("attribute specversion is not 1.0"));
    }
    let id = attribute("id", id)?;
    let source = attribute("source", source)?;
    let event_type = attribute("type", event_type)?;
    let time = time::parse(&attribute("time", at)?)
        .ok_or_else(|| envelope("attribute time is not an RFC 3339 time with offset"))?;
    let written = match traceparent {
        Some(raw) => {
            serde_json::from_str::<Lenient<'a>>(raw.get())
                .map_err(|_| envelope("attribute traceparent cannot be read"))?
                .0
        }
        None => None,
    };
    let traceparent = headers.traceparent().or_else(|| written.and_then(trace));
    let attributes = Attributes { source, id, event_type, time, traceparent };
    let data = match doubled {
        Some(_) => Err(Reject::new(Reason::Schema, "data is given twice")),
        None => object(data),
    };
    Ok((attributes, data))
}

fn envelope(detail: impl Into<std::borrow::Cow<'static, str>>) -> Reject {
    Reject::new(Reason::Envelope, detail)
}

fn attribute<'a>(name: &str, raw: Option<&'a RawValue>) -> Result<Text<'a>, Reject> {
    let raw = raw.filter(|raw| raw.get() != "null").ok_or_else(|| envelope(format!("attribute {name} is missing")))?;
    serde_json::from_str::<Text<'a>>(raw.get())
        .ok()
        .filter(|text| is_clean(text))
        .ok_or_else(|| envelope(format!("attribute {name} is empty or not plain text")))
}

/// The members of these names; `None` if the text is no object or a name in it cannot be read.
pub(super) fn members<'a, const N: usize>(object: &'a str, names: &[&str; N]) -> Option<Members<'a, N>> {
    struct MembersVisitor<'n, 'a, const N: usize>(&'n [&'n str; N], PhantomData<&'a ()>);

    impl<'a, const N: usize> Visitor<'a> for MembersVisitor<'_, 'a, N> {
        type Value = Members<'a, N>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = Members { values: [None; N], doubled: None };
            while let Some(key) = map.next_key::<Text<'a>>()? {
                match self.0.iter().position(|name| *name == key.as_str()) {
                    Some(place) => {
                        let value = map.next_value::<&'a RawValue>()?;
                        if let Some(slot) = found.values.get_mut(place)
                            && slot.replace(value).is_some()
                        {
                            found.doubled.get_or_insert(place);
                        }
                    }
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
            Ok(found)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(object);
    deserializer.deserialize_map(MembersVisitor(names, PhantomData)).ok()
}
