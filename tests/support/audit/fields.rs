//! Comparing JSON by its meaning: null is absent, 1 is 1.0, a time is a time.

use chrono::DateTime;
use serde_json::{Map, Value};

use crate::support::model::event::Event;
use crate::support::model::identifier::{phone, same_phone};
use crate::support::model::{Record, Settings};

/// Topic, partition, offset and key of a record.
pub fn at(record: &Record) -> String {
    format!("{}-{}@{} key {}", record.topic, record.partition, record.offset, record.key_text())
}

/// The value of a record.
pub fn json(record: &Record) -> Option<Value> {
    serde_json::from_slice(record.value.as_deref()?).ok()
}

/// A text field; empty where it is not there.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A list; empty where it is not there.
pub fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether a field is a time with offset.
pub fn is_time(value: &Value, name: &str) -> bool {
    DateTime::parse_from_rfc3339(text(value, name)).is_ok()
}

/// The same value in one spelling.
pub fn tidy(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut out = Map::new();
            for (name, value) in fields {
                let value = match value {
                    Value::String(text) => time(name, text).unwrap_or_else(|| value.clone()),
                    other => tidy(other),
                };
                let default = name == "victim" && value == "callee";
                let empty = name == "suspicion" && value.as_object().is_some_and(Map::is_empty);
                if !(value.is_null() || default || empty) {
                    out.insert(name.clone(), value);
                }
            }
            Value::Object(out)
        }
        Value::Array(items) => Value::Array(items.iter().map(tidy).collect()),
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        other => other.clone(),
    }
}

fn time(name: &str, text: &str) -> Option<Value> {
    if name != "time" && !name.ends_with("_at") && name != "at" {
        return None;
    }
    DateTime::parse_from_rfc3339(text).ok().map(|time| Value::String(time.to_rfc3339()))
}

/// Whether these fields mean the same in both; a phone may stand as listed or in its normal form, an absent list is an
/// empty one, an absent boolean is false.
pub fn same_fields(expected: &Value, got: &Value, names: &[&str]) -> bool {
    names.iter().all(|name| {
        let (a, b) = (&expected[*name], got.get(*name).unwrap_or(&Value::Null));
        match (a, b) {
            (Value::String(a), Value::String(b)) if *name == "phone" => same_phone(a, b),
            (Value::Array(a), Value::Null) => a.is_empty(),
            (Value::Bool(a), Value::Null) => !a,
            _ => a == b,
        }
    })
}

/// Whether the contacts found are those expected, in their order; `other` may stand for one of the same person.
pub fn same_contacts(expected: &[Value], other: &[Value], got: &[Value]) -> bool {
    let names = ["person_id", "relation", "name", "phone", "consented"];
    expected.len() == got.len()
        && expected.iter().zip(got).all(|(expected, got)| {
            let stand_in = |o: &Value| o["person_id"] == expected["person_id"] && same_fields(o, got, &names);
            same_fields(expected, got, &names) || other.iter().any(stand_in)
        })
}

/// Whether a piece of evidence says what its event says.
pub fn shows(evidence: &Value, event: &Event) -> bool {
    let (piece, state) = match event.kind {
        "call" => ("call_id", "phase"),
        _ => ("transfer_id", "state"),
    };
    let when = DateTime::parse_from_rfc3339(text(evidence, "at"));
    let number = |path: &[&str]| path.iter().try_fold(&event.data, |v, name| v.get(*name)).and_then(Value::as_f64);
    let same_number = |name: &str, path: &[&str]| evidence.get(name).and_then(Value::as_f64) == number(path);
    let other = text(evidence, "counterparty");
    evidence["kind"] == event.kind
        && text(evidence, piece) == event.piece_id()
        && text(evidence, state) == event.state()
        && when.is_ok_and(|at| at == event.time)
        && (other == event.other_side() || event.kind == "call" && phone(event.other_side()).as_deref() == Some(other))
        && same_number("confidence", &["suspicion", "confidence"])
        && match event.kind {
            "call" => same_number("duration_s", &["duration_s"]),
            _ => {
                same_number("amount_minor", &["amount_minor"])
                    && Some(text(evidence, "currency")) == event.text(&["currency"])
            }
        }
}

/// What is wrong with the headers of an event of the project's own.
pub fn envelope_faults(settings: &Settings, record: &Record, event_type: &str, id: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_type", event_type),
        ("ce_source", &settings.source),
        ("ce_id", id),
        ("content-type", "application/json"),
    ] {
        if record.header_text(name) != Some(value) {
            faults.push(format!("{name} is {:?}, not {value}", record.header_text(name)));
        }
    }
    if DateTime::parse_from_rfc3339(record.header_text("ce_time").unwrap_or_default()).is_err() {
        faults.push("ce_time is no time".to_owned());
    }
    faults
}
