//! One event on its way to a record.

use rand::Rng;
use serde_json::{Map, Value, json};

use super::Chance;
use crate::support::model::{FeedRecord, Header};

/// How the envelope travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Attributes in the value.
    Structured,
    /// Attributes in the headers.
    Binary,
}

/// An event that can still be altered, or spoilt.
#[derive(Clone, Debug)]
pub struct Draft {
    /// `calls` or `transfers`.
    pub topic: &'static str,
    /// Key of the record.
    pub key: Option<Vec<u8>>,
    /// How the envelope travels.
    pub mode: Mode,
    /// CloudEvents attributes.
    pub attributes: Map<String, Value>,
    /// The data.
    pub data: Value,
    /// Trace context.
    pub trace: Option<String>,
}

impl Draft {
    /// Changes or adds a field of `data`, by its path.
    pub fn set(&mut self, path: &[&str], value: Value) {
        let mut at = &mut self.data;
        for name in path {
            at = &mut at[*name];
        }
        *at = value;
    }

    /// Takes a field of `data` away.
    pub fn remove(&mut self, path: &[&str]) {
        let Some((last, way)) = path.split_last() else { return };
        let at = way.iter().fold(&mut self.data, |at, name| &mut at[*name]);
        if let Some(fields) = at.as_object_mut() {
            fields.remove(*last);
        }
    }

    /// The record, with what a producer may add to it.
    pub fn render(&self, chance: &mut Chance) -> FeedRecord {
        let mut headers: Vec<Header> = Vec::new();
        let value = match self.mode {
            Mode::Binary => self.binary(chance, &mut headers),
            Mode::Structured => self.structured(chance, &mut headers),
        };
        extras(chance, &mut headers);
        FeedRecord {
            topic: self.topic,
            key: self.key.clone(),
            headers,
            value: Some(written(chance, &value).into_bytes()),
        }
    }

    fn binary(&self, chance: &mut Chance, headers: &mut Vec<Header>) -> Value {
        for (name, value) in &self.attributes {
            let bytes = match value {
                Value::Null => None,
                Value::String(text) => Some(text.clone().into_bytes()),
                other => Some(other.to_string().into_bytes()),
            };
            headers.push((format!("ce_{name}"), bytes));
        }
        if chance.random_bool(0.8) {
            header(headers, "content-type", "application/json");
        }
        if let Some(trace) = &self.trace {
            let name = if chance.random_bool(0.5) { "traceparent" } else { "ce_traceparent" };
            header(headers, name, trace);
        }
        self.data.clone()
    }

    fn structured(&self, chance: &mut Chance, headers: &mut Vec<Header>) -> Value {
        let mut event = self.attributes.clone();
        event.insert("datacontenttype".to_owned(), json!("application/json"));
        event.insert("data".to_owned(), self.data.clone());
        match chance.random_range(0..6) {
            0 => {}
            1 => header(headers, "content-type", "application/json"),
            2 => {
                // The content type decides, whatever else the headers say.
                header(headers, "ce_id", "of-another-event");
                header(headers, "content-type", "application/cloudevents+json");
            }
            3 => header(headers, "content-type", "application/cloudevents+json; charset=UTF-8"),
            _ => header(headers, "content-type", "application/cloudevents+json"),
        }
        if let Some(trace) = &self.trace {
            match chance.random_bool(0.5) {
                true => header(headers, "traceparent", trace),
                false => drop(event.insert("traceparent".to_owned(), json!(trace))),
            }
        }
        Value::Object(event)
    }
}

/// Adds a text header.
pub fn header(headers: &mut Vec<Header>, name: &str, value: &str) {
    headers.push((name.to_owned(), Some(value.as_bytes().to_vec())));
}

/// Headers that mean nothing to anybody, and must still come back.
fn extras(chance: &mut Chance, headers: &mut Vec<Header>) {
    if chance.random_bool(0.15) {
        let at = chance.random_range(0..=headers.len());
        headers.insert(at, ("x-hop".to_owned(), Some(b"gateway-1".to_vec())));
        headers.push(("x-hop".to_owned(), Some(b"gateway-2".to_vec())));
    }
    if chance.random_bool(0.05) {
        headers.push(("x-null".to_owned(), None));
        headers.push(("x-empty".to_owned(), Some(Vec::new())));
        headers.push(("标记".to_owned(), Some(vec![0, 0xff, 0xfe, b'\n'])));
    }
}

/// The same JSON, compact, spread out, or with everything but ASCII escaped.
fn written(chance: &mut Chance, value: &Value) -> String {
    match chance.random_range(0..6) {
        0 => serde_json::to_string_pretty(value).unwrap(),
        1 => escaped(&value.to_string()),
        2 => format!(" \n{value}\r\n\t"),
        _ => value.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}
