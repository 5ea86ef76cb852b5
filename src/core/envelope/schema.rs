//! What is wrong with data that does not fit, in terms of the contract's field names (contract 2, 3 and 8).
//!
//! The types in [`event`](crate::core::event) decide whether data fits; these tables only find words for it, so that
//! `dlq_detail` names the field without repeating what it holds.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::event::{CallPhase, EventKind, Side, TransferState};
use super::super::text::Text;
use super::super::time;

/// One field of an object.
pub(crate) struct Field {
    name: &'static str,
    required: bool,
    shape: Shape,
}

/// What a field may hold.
pub(crate) enum Shape {
    /// Any string.
    Text,
    /// Any string but the empty one.
    NonEmpty,
    /// One of these.
    Name(&'static [&'static str]),
    /// RFC 3339 with offset.
    Time,
    /// A number, not below 0.
    Seconds,
    /// A whole number, not below 0.
    Amount,
    /// A number in [0, 1].
    Confidence,
    /// `true` or `false`.
    Flag,
    /// Strings.
    Texts,
    /// An object.
    Object(&'static [Field]),
    /// Objects of one kind.
    Objects(&'static [Field]),
}

const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, required: true, shape }
}

const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, required: false, shape }
}

const SUSPICION: &[Field] =
    &[may("confidence", Shape::Confidence), may("fraud_type", Shape::Text), may("list", Shape::Text)];

const CALL: &[Field] = &[
    must("call_id", Shape::NonEmpty),
    must("phase", Shape::Name(CallPhase::NAMES)),
    must("caller", Shape::Text),
    must("callee", Shape::Text),
    may("victim", Shape::Name(Side::NAMES)),
    may("started_at", Shape::Time),
    may("answered_at", Shape::Time),
    may("ended_at", Shape::Time),
    may("duration_s", Shape::Seconds),
    may("forwarded_to", Shape::Text),
    may("victim_area", Shape::Text),
    may("suspicion", Shape::Object(SUSPICION)),
];

const TRANSFER: &[Field] = &[
    must("transfer_id", Shape::NonEmpty),
    must("state", Shape::Name(TransferState::NAMES)),
    must("payer", Shape::Object(&[may("account", Shape::Text), may("phone", Shape::Text), may("name", Shape::Text)])),
    must(
        "payee",
        Shape::Object(&[must("account", Shape::NonEmpty), may("name", Shape::Text), may("bank", Shape::Text)]),
    ),
    must("amount_minor", Shape::Amount),
    must("currency", Shape::Text),
    may("channel", Shape::Text),
    may("first_payment_to_payee", Shape::Flag),
    may("settles_at", Shape::Time),
    may("victim_area", Shape::Text),
    may("suspicion", Shape::Object(SUSPICION)),
];

const MEMBER: &[Field] = &[
    must("member_id", Shape::NonEmpty),
    may("name", Shape::Text),
    may("relation", Shape::Text),
    may("phones", Shape::Texts),
    may("accounts", Shape::Texts),
    may("groups", Shape::Texts),
    may("guardian", Shape::Flag),
    may("consented_at", Shape::Time),
];

/// A registrant (contract 2).
pub(crate) const REGISTRANT: &[Field] = &[
    must("registrant_id", Shape::NonEmpty),
    may("name", Shape::Text),
    may("phones", Shape::Texts),
    may("accounts", Shape::Texts),
    must("area", Shape::Text),
    may("workplace", Shape::Text),
    may("groups", Shape::Texts),
    may("language", Shape::Text),
    may("household", Shape::Objects(MEMBER)),
    may("channel", Shape::Text),
    may("consented_at", Shape::Time),
    must("registered_at", Shape::Time),
];

/// The fields of an event's data.
pub(super) const fn of_event(kind: EventKind) -> &'static [Field] {
    match kind {
        EventKind::Call => CALL,
        EventKind::Transfer => TRANSFER,
    }
}

/// The first field of an object that does not fit, and how; the object is known not to fit.
pub(crate) fn fault(fields: &[Field], object: &str) -> String {
    object_fault(fields, "", object).unwrap_or_else(|| "the data does not fit its type".to_owned())
}

fn object_fault(fields: &[Field], path: &str, object: &str) -> Option<String> {
    let Some(members) = unread(object) else {
        return Some(format!("{path}cannot be read as an object"));
    };
    fields.iter().find_map(|field| {
        let name = format!("{path}{}", field.name);
        let mut of_name = members.iter().filter(|(key, _)| *key == field.name).map(|(_, value)| value.get());
        let value = of_name.next();
        if of_name.next().is_some() {
            return Some(format!("{name} is given twice"));
        }
        match value {
            None | Some("null") => field.required.then(|| format!("{name} is missing")),
            Some(value) => value_fault(&field.shape, &name, value),
        }
    })
}

fn value_fault(shape: &Shape, name: &str, value: &str) -> Option<String> {
    let text = || read::<Text<'_>>(value);
    let bad = |what: &str| Some(format!("{name} is not {what}"));
    match shape {
        Shape::Text if text().is_none() => bad("a string"),
        Shape::NonEmpty if text().is_none_or(|text| text.is_empty()) => bad("a string with something in it"),
        Shape::Name(names) if !text().is_some_and(|text| names.contains(&text.as_str())) => {
            bad(&format!("one of {}", names.join("|")))
        }
        Shape::Time if text().is_none_or(|text| time::parse(&text).is_none()) => bad("an RFC 3339 time with offset"),
        Shape::Seconds if read::<f64>(value).is_none_or(|number| number < 0.0) => bad("a number, 0 or more"),
        Shape::Amount if read::<u64>(value).is_none() => bad("a whole number, 0 or more"),
        Shape::Confidence if read::<f64>(value).is_none_or(|number| !(0.0..=1.0).contains(&number)) => {
            bad("a number in [0, 1]")
        }
        Shape::Flag if read::<bool>(value).is_none() => bad("true or false"),
        Shape::Texts if read::<Vec<Text<'_>>>(value).is_none() => bad("a list of strings"),
        Shape::Object(fields) if value.starts_with('{') => object_fault(fields, &format!("{name}."), value),
        Shape::Object(_) => bad("an object"),
        Shape::Objects(fields) => match read::<Vec<&RawValue>>(value) {
            None => bad("a list of objects"),
            Some(items) => items.iter().enumerate().find_map(|(place, item)| match item.get() {
                item if item.starts_with('{') => object_fault(fields, &format!("{name}[{place}]."), item),
                _ => bad("a list of objects"),
            }),
        },
        _ => None,
    }
}

fn read<'a, T: Deserialize<'a>>(value: &'a str) -> Option<T> {
    serde_json::from_str(value).ok()
}

/// The members of an object, in order, unread.
fn unread(object: &str) -> Option<Vec<(Text<'_>, &RawValue)>> {
    struct UnreadVisitor;

    impl<'a> serde::de::Visitor<'a> for UnreadVisitor {
        type Value = Vec<(Text<'a>, &'a RawValue)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(object);
    serde::Deserializer::deserialize_map(&mut deserializer, UnreadVisitor).ok()
}
