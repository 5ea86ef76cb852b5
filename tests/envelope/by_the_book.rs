//! The order of the reasons once more, from values read whole, held against what changed messages get.

use golden_bell::core::dead_letter::Reason;
use golden_bell::core::envelope::decode_case_input;
use golden_bell::core::event::EventKind;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{STRUCTURED, binary_headers, call, decode, structured, transfer, with, without};

/// The reason by the book, from a value read whole, for messages without members given twice.
fn by_the_book(kind: EventKind, value: &[u8]) -> Option<Reason> {
    let Ok(whole) = serde_json::from_slice::<Value>(value) else { return Some(Reason::NotJson) };
    let text = |name: &str| {
        whole.get(name).and_then(Value::as_str).filter(|text| !text.is_empty() && !text.chars().any(char::is_control))
    };
    let attributes = text("specversion") == Some("1.0")
        && text("id").is_some()
        && text("source").is_some()
        && text("time").is_some_and(|time| chrono::DateTime::parse_from_rfc3339(time).is_ok());
    match text("type") {
        Some(_) if !attributes => Some(Reason::Envelope),
        None => Some(Reason::Envelope),
        Some(other) if other != kind.event_type() => Some(Reason::UnknownType),
        Some(_) => {
            let data = whole.get("data").filter(|data| data.is_object());
            let fits = data.is_some_and(|data| {
                let text = data.to_string();
                match kind {
                    EventKind::Call => serde_json::from_str::<golden_bell::core::event::CallData<'_>>(&text).is_ok(),
                    EventKind::Transfer => {
                        serde_json::from_str::<golden_bell::core::event::TransferData<'_>>(&text).is_ok()
                    }
                }
            });
            (!fits).then_some(Reason::Schema)
        }
    }
}

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!("")),
        Just(json!("golden-bell.call.v1")),
        Just(json!("2021-07-15T14:03:30Z")),
        Just(json!({})),
        Just(json!([])),
        any::<i64>().prop_map(|n| json!(n)),
        any::<f64>().prop_map(|n| json!(n)),
        any::<bool>().prop_map(|b| json!(b)),
        "[a-z \"\\\\é0-9]{0,12}".prop_map(|s| json!(s)),
    ]
}

proptest! {
    #[test]
    fn any_single_change_gets_the_reason_by_the_book(
        is_call in any::<bool>(),
        place in any::<prop::sample::Index>(),
        value in odd_value(),
        removed in any::<bool>(),
        pretty in any::<bool>(),
    ) {
        let kind = if is_call { EventKind::Call } else { EventKind::Transfer };
        let whole = structured(kind, if is_call { call() } else { transfer() });
        let mut pointers = Vec::new();
        for (name, member) in whole.as_object().unwrap() {
            pointers.push(format!("/{name}"));
            for (inner, member) in member.as_object().into_iter().flatten() {
                pointers.push(format!("/{name}/{inner}"));
                pointers.extend(member.as_object().into_iter().flatten().map(|(last, _)| format!("/{name}/{inner}/{last}")));
            }
        }
        let pointer = place.get(&pointers);
        let changed = if removed { without(whole, pointer) } else { with(whole, pointer, value) };
        let text = if pretty { serde_json::to_string_pretty(&changed).unwrap() } else { changed.to_string() };
        let found = decode(kind, &STRUCTURED, text.as_bytes()).err().map(|reject| reject.reason);
        prop_assert_eq!(found, by_the_book(kind, text.as_bytes()), "{}", text);
    }

    #[test]
    fn any_change_of_bytes_gets_the_reason_by_the_book(
        is_call in any::<bool>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let kind = if is_call { EventKind::Call } else { EventKind::Transfer };
        let whole = structured(kind, if is_call { call() } else { transfer() });
        let mut bytes = whole.to_string().into_bytes();
        for (place, byte) in places {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let found = decode(kind, &STRUCTURED, &bytes).err().map(|reject| reject.reason);
        // A change can make one name equal to another, of which a value read whole keeps the last only.
        let book = by_the_book(kind, &bytes);
        if found != book {
            let reread: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert!(found.is_some() && reread.to_string().len() < bytes.len(), "{:?} {:?}", found, book);
        }
    }

    #[test]
    fn any_bytes_at_all_are_read_or_put_aside(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        binary in any::<bool>(),
    ) {
        let headers = if binary { binary_headers(EventKind::Call) } else { STRUCTURED.into() };
        let _ = decode(EventKind::Call, &headers, &bytes);
        let _ = decode_case_input(headers.iter().copied(), Some(&bytes));
    }
}
