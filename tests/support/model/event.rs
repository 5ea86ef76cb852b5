//! Feed events (contract 1, Envelope; 3; and the order of reasons in 11).

use chrono::{DateTime, FixedOffset};
use serde_json::{Map, Value};

use super::{Reason, Record};

/// The largest value that is looked at, in bytes.
pub const LARGEST_VALUE: usize = 1_048_576;

/// A good event of either feed.
#[derive(Clone, Debug)]
pub struct Event {
    /// `call` or `transfer`.
    pub kind: &'static str,
    /// CloudEvents `source`.
    pub source: String,
    /// CloudEvents `id`.
    pub id: String,
    /// CloudEvents `time`.
    pub time: DateTime<FixedOffset>,
    /// `traceparent` to carry on.
    pub traceparent: Option<String>,
    /// The fields of section 3 that are not null.
    pub data: Value,
}

type Fields = Map<String, Value>;

impl Event {
    /// Reads a record of the topic `calls` or `transfers`.
    pub fn read(record: &Record) -> Result<Event, Reason> {
        let value = record.value.as_deref().unwrap_or_default();
        if value.len() > LARGEST_VALUE {
            return Err(Reason::TooLarge);
        }
        let kind = if record.topic == "calls" { "call" } else { "transfer" };
        if is_binary(record) { binary(record, kind, value) } else { structured(record, kind, value) }
    }

    /// A text of `data`, by its path.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        path.iter().try_fold(&self.data, |value, name| value.get(name)).and_then(Value::as_str)
    }

    /// `call_id` or `transfer_id`.
    pub fn piece_id(&self) -> &str {
        self.text(&[if self.kind == "call" { "call_id" } else { "transfer_id" }]).unwrap_or_default()
    }

    /// `phase` or `state`.
    pub fn state(&self) -> &str {
        self.text(&[if self.kind == "call" { "phase" } else { "state" }]).unwrap_or_default()
    }

    /// Whether it can open a case.
    pub fn can_open(&self) -> bool {
        !matches!(self.state(), "failed" | "reversed" | "rejected")
    }

    /// The texts in which the victim may be named: phone and account, as received.
    pub fn victim(&self) -> (Option<&str>, Option<&str>) {
        match self.kind {
            "call" => (self.text(&[if self.caller_is_victim() { "caller" } else { "callee" }]), None),
            _ => (self.text(&["payer", "phone"]), self.text(&["payer", "account"])),
        }
    }

    /// The other side as received: a phone for a call, an account for a transfer.
    pub fn other_side(&self) -> &str {
        let path: &[&str] = match (self.kind, self.caller_is_victim()) {
            ("call", false) => &["caller"],
            ("call", true) => &["callee"],
            _ => &["payee", "account"],
        };
        self.text(path).unwrap_or_default()
    }

    fn caller_is_victim(&self) -> bool {
        self.text(&["victim"]) == Some("caller")
    }
}

fn is_binary(record: &Record) -> bool {
    if let Some(content_type) = record.header("content-type")
        && content_type.starts_with(b"application/cloudevents")
    {
        return false;
    }
    ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"].iter().any(|name| record.header(name).is_some())
}

struct Attributes {
    id: String,
    source: String,
    time: DateTime<FixedOffset>,
    event_type: String,
}

fn attributes<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<Attributes> {
    let text = |name: &str| get(name).filter(|v| !v.is_empty()).map(str::to_owned);
    Some(Attributes {
        id: text("id")?,
        source: text("source")?,
        time: DateTime::parse_from_rfc3339(get("time")?).ok()?,
        event_type: text("type").filter(|_| get("specversion") == Some("1.0"))?,
    })
}

fn binary(record: &Record, kind: &'static str, value: &[u8]) -> Result<Event, Reason> {
    let attributes = attributes(|name| record.header_text(&format!("ce_{name}"))).ok_or(Reason::Envelope)?;
    let data: Value = serde_json::from_slice(value).map_err(|_| Reason::NotJson)?;
    finish(record, kind, attributes, Some(&data), None)
}

fn structured(record: &Record, kind: &'static str, value: &[u8]) -> Result<Event, Reason> {
    let event: Value = serde_json::from_slice(value).map_err(|_| Reason::NotJson)?;
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let attributes = attributes(text).ok_or(Reason::Envelope)?;
    finish(record, kind, attributes, event.get("data"), text("traceparent"))
}

fn finish(
    record: &Record,
    kind: &'static str,
    attributes: Attributes,
    data: Option<&Value>,
    trace_attribute: Option<&str>,
) -> Result<Event, Reason> {
    if attributes.event_type != format!("golden-bell.{kind}.v1") {
        return Err(Reason::UnknownType);
    }
    let fields = data.and_then(Value::as_object).ok_or(Reason::Schema)?;
    let data = if kind == "call" { call(fields) } else { transfer(fields) }.ok_or(Reason::Schema)?;
    let trace = ["traceparent", "ce_traceparent"].iter().find_map(|name| record.header_text(name));
    Ok(Event {
        kind,
        source: attributes.source,
        id: attributes.id,
        time: attributes.time,
        traceparent: trace.or(trace_attribute).map(str::to_owned),
        data: Value::Object(data),
    })
}

fn call(fields: &Fields) -> Option<Fields> {
    let mut read = Reader::of(fields);
    read.required("call_id", filled);
    read.required("phase", |v| {
        one_of(v, &["initiated", "ringing", "answered", "ongoing", "ended", "busy", "failed", "forwarded"])
    });
    read.required("caller", Value::is_string);
    read.required("callee", Value::is_string);
    read.optional("victim", |v| one_of(v, &["caller", "callee"]));
    read.optional("started_at", is_time);
    read.optional("answered_at", is_time);
    read.optional("ended_at", is_time);
    read.optional("duration_s", |v| v.as_f64().is_some_and(|s| s >= 0.0));
    read.optional("forwarded_to", Value::is_string);
    read.optional("victim_area", Value::is_string);
    read.nested("suspicion", false, suspicion);
    read.done()
}

fn transfer(fields: &Fields) -> Option<Fields> {
    let mut read = Reader::of(fields);
    read.required("transfer_id", filled);
    read.required("state", |v| one_of(v, &["accepted", "settled", "reversed", "rejected"]));
    read.nested("payer", true, |fields| {
        let mut read = Reader::of(fields);
        read.optional("account", Value::is_string);
        read.optional("phone", Value::is_string);
        read.optional("name", Value::is_string);
        read.done()
    });
    read.nested("payee", true, |fields| {
        let mut read = Reader::of(fields);
        read.required("account", filled);
        read.optional("name", Value::is_string);
        read.optional("bank", Value::is_string);
        read.done()
    });
    read.required("amount_minor", Value::is_u64);
    read.required("currency", Value::is_string);
    read.optional("channel", Value::is_string);
    read.optional("first_payment_to_payee", Value::is_boolean);
    read.optional("settles_at", is_time);
    read.optional("victim_area", Value::is_string);
    read.nested("suspicion", false, suspicion);
    read.done()
}

fn suspicion(fields: &Fields) -> Option<Fields> {
    let mut read = Reader::of(fields);
    read.optional("confidence", |v| v.as_f64().is_some_and(|c| (0.0..=1.0).contains(&c)));
    read.optional("fraud_type", Value::is_string);
    read.optional("list", Value::is_string);
    read.done()
}

/// Copies the known fields that are not null, and remembers whether one was bad.
struct Reader<'a> {
    from: &'a Fields,
    into: Fields,
    good: bool,
}

impl<'a> Reader<'a> {
    fn of(from: &'a Fields) -> Self {
        Reader { from, into: Fields::new(), good: true }
    }

    fn present(&self, name: &str) -> Option<&'a Value> {
        self.from.get(name).filter(|v| !v.is_null())
    }

    fn optional(&mut self, name: &str, good: impl Fn(&Value) -> bool) {
        if let Some(value) = self.present(name) {
            self.good &= good(value);
            self.into.insert(name.to_owned(), value.clone());
        }
    }

    fn required(&mut self, name: &str, good: impl Fn(&Value) -> bool) {
        self.good &= self.present(name).is_some();
        self.optional(name, good);
    }

    fn nested(&mut self, name: &str, required: bool, read: impl Fn(&Fields) -> Option<Fields>) {
        match self.present(name).map(|v| v.as_object().and_then(&read)) {
            Some(Some(inner)) => drop(self.into.insert(name.to_owned(), Value::Object(inner))),
            Some(None) => self.good = false,
            None => self.good &= !required,
        }
    }

    fn done(self) -> Option<Fields> {
        self.good.then_some(self.into)
    }
}

fn filled(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn one_of(value: &Value, names: &[&str]) -> bool {
    value.as_str().is_some_and(|text| names.contains(&text))
}

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| DateTime::parse_from_rfc3339(text).is_ok())
}
