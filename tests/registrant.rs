//! Which registrants are read and which are put aside (contract 2 and 4).

use golden_bell::core::dead_letter::{MAX_VALUE_BYTES, Reason, Reject};
use golden_bell::core::identifier::{Identifier, IdentifierReader, Tokens};
use golden_bell::core::registrant::{RegistrantData, RegistrantRecord, decode_registrant, read_registrant};
use serde_json::{Value, json};

/// Stands wherever a value stands in a bad record; no detail may ever repeat it.
const PRIVATE: &str = "private-text";

/// The registrant of contract 2.
fn example() -> Value {
    json!({
        "registrant_id": "r-000123", "name": "张三", "phones": ["13123456789"], "accounts": ["6200000000000005"],
        "area": "kfq/huangchengli", "workplace": "kfq/heyan-works", "groups": ["prior_victim"],
        "language": "zh-yongkang",
        "household": [{"member_id": "m1", "name": "李四", "relation": "mother", "phones": ["13123456780"],
            "accounts": [], "groups": ["elderly"], "guardian": false, "consented_at": "2021-06-02T09:00:00+08:00"}],
        "channel": "officer_qr", "consented_at": "2021-06-01T09:00:00+08:00",
        "registered_at": "2021-06-01T09:00:00+08:00"
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut changed = example();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    changed.pointer_mut(parent).unwrap()[name] = value;
    changed
}

fn without(pointer: &str) -> Value {
    let mut changed = example();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
    changed
}

fn reject_bytes(key: Option<&[u8]>, value: &[u8]) -> Reject {
    let reject = decode_registrant(&IdentifierReader::default(), key, Some(value)).unwrap_err();
    assert!(!reject.detail.contains(PRIVATE), "the detail repeats a value: {reject}");
    reject
}

fn reject(value: &Value) -> Reject {
    reject_bytes(Some(b"r-000123"), value.to_string().as_bytes())
}

fn is_read(value: &Value) -> bool {
    let text = value.to_string();
    decode_registrant(&IdentifierReader::default(), Some(b"r-000123"), Some(text.as_bytes())).is_ok()
}

#[test]
fn the_example_of_the_contract_is_read() {
    let text = example().to_string();
    let record = decode_registrant(&IdentifierReader::default(), Some(b"r-000123"), Some(text.as_bytes())).unwrap();
    let RegistrantRecord::Registered(read) = record else { panic!("withdrawn") };
    assert_eq!((read.registrant_id.as_str(), read.name.as_deref()), ("r-000123", Some("张三")));
    assert!(matches!(read.phones[..], [Identifier::Phone(phone)] if phone.as_str() == "+8613123456789"));
    assert!(matches!(read.accounts[..], [Identifier::Account(account)] if account.as_str() == "6200000000000005"));
    assert_eq!(read.household.len(), 1);
    assert_eq!(read.household[0].relation.as_deref(), Some("mother"));
    assert_eq!(read.given_at().to_rfc3339(), "2021-06-01T09:00:00+08:00");
    let data: RegistrantData<'_> = serde_json::from_str(&text).unwrap();
    assert_eq!(read_registrant(&IdentifierReader::default(), data.clone()).unwrap(), *read);
    let written = serde_json::to_string(&data).unwrap();
    assert_eq!(serde_json::from_str::<RegistrantData<'_>>(&written).unwrap(), data);
}

#[test]
fn an_empty_value_is_a_withdrawal() {
    for value in [None, Some(b"".as_slice())] {
        let record = decode_registrant(&IdentifierReader::default(), Some(b"r-1"), value).unwrap();
        assert_eq!(record, RegistrantRecord::Withdrawn("r-1"));
        for key in [None, Some(b"".as_slice()), Some(b"\xff")] {
            let reject = decode_registrant(&IdentifierReader::default(), key, value).unwrap_err();
            assert_eq!(reject.reason, Reason::Schema);
        }
    }
}

#[test]
fn what_is_not_required_may_be_null_or_left_out() {
    for name in ["name", "accounts", "workplace", "groups", "language", "household", "channel", "consented_at"] {
        let pointer = format!("/{name}");
        assert!(is_read(&without(&pointer)), "{name}");
        assert!(is_read(&with(&pointer, json!(null))), "{name}");
    }
    for name in ["name", "relation", "phones", "accounts", "groups", "guardian", "consented_at"] {
        let pointer = format!("/household/0/{name}");
        assert!(is_read(&without(&pointer)), "{name}");
        assert!(is_read(&with(&pointer, json!(null))), "{name}");
    }
    assert!(is_read(&without("/phones")));
    assert!(is_read(&with("/unknown", json!({"x": [1]}))));
    assert!(is_read(&with("/groups", json!(["a group nobody knows", ""]))));
}

/// Key, value, and why it is put aside.
type Case<'a> = (Option<&'a [u8]>, &'a [u8], Reason);

#[test]
fn a_bad_record_is_put_aside_by_the_order_of_the_contract() {
    let key: Option<&[u8]> = Some(b"r-000123");
    let good = example().to_string();
    let too_large = vec![b' '; MAX_VALUE_BYTES + 1];
    let cases: [Case<'_>; 9] = [
        (None, &too_large, Reason::TooLarge),
        (None, b"{\"registrant_id\":", Reason::NotJson),
        (key, b"{\"name\":\"\xff\"}", Reason::NotJson),
        (key, b" ", Reason::NotJson),
        (key, b"[]", Reason::Schema),
        (key, b"null", Reason::Schema),
        (key, b"{}", Reason::Schema),
        (None, good.as_bytes(), Reason::Schema),
        (Some(b"r-000124"), good.as_bytes(), Reason::Schema),
    ];
    for (place, (key, value, reason)) in cases.into_iter().enumerate() {
        assert_eq!(reject_bytes(key, value).reason, reason, "case {place}");
    }
    let both = with("/phones", json!([PRIVATE]));
    assert_eq!(reject(&both).reason, Reason::Identifier);
    assert_eq!(reject_bytes(Some(b"r-1"), both.to_string().as_bytes()).reason, Reason::Schema);
}

#[test]
fn a_field_that_does_not_fit_is_named() {
    let cases: [(&str, Vec<Value>); 19] = [
        ("/registrant_id", vec![json!(null), json!(""), json!(123)]),
        ("/area", vec![json!(null), json!(1)]),
        ("/registered_at", vec![json!(null), json!("2021-06-01"), json!("2021-06-01T09:00:00")]),
        ("/consented_at", vec![json!(true), json!("2021-06-01T09:00:00")]),
        ("/name", vec![json!(1), json!([PRIVATE])]),
        ("/phones", vec![json!("13123456789"), json!([13123456789_u64]), json!([null]), json!({})]),
        ("/accounts", vec![json!(PRIVATE), json!([[]])]),
        ("/workplace", vec![json!(1)]),
        ("/groups", vec![json!("minor"), json!([1])]),
        ("/language", vec![json!([])]),
        ("/channel", vec![json!(1)]),
        ("/household", vec![json!({}), json!([["m1", PRIVATE]]), json!([PRIVATE])]),
        ("/household/0/member_id", vec![json!(null), json!(""), json!(1)]),
        ("/household/0/name", vec![json!(1)]),
        ("/household/0/relation", vec![json!(1)]),
        ("/household/0/phones", vec![json!([1])]),
        ("/household/0/groups", vec![json!([1])]),
        ("/household/0/guardian", vec![json!("true"), json!(1)]),
        ("/household/0/consented_at", vec![json!("yesterday")]),
    ];
    for (pointer, values) in cases {
        let name = pointer[1..].replace("/0/", "[0].");
        for value in values {
            let reject = reject(&with(pointer, value.clone()));
            assert_eq!(reject.reason, Reason::Schema, "{pointer} {value}");
            assert!(reject.detail.starts_with(&name), "{pointer} {value}: {reject}");
        }
    }
    for pointer in ["/registrant_id", "/area", "/registered_at", "/household/0/member_id"] {
        assert_eq!(reject(&without(pointer)).reason, Reason::Schema, "{pointer}");
    }
    let text = example().to_string();
    let twice = format!("{{\"area\":\"kfq\",{}", &text[1..]);
    assert_eq!(reject_bytes(Some(b"r-000123"), twice.as_bytes()).detail, "area is given twice");
}

#[test]
fn the_household_has_up_to_eight_members_of_different_ids() {
    let members = |count: usize| -> Value { (0..count).map(|n| json!({"member_id": format!("m{n}")})).collect() };
    assert!(is_read(&with("/household", members(8))));
    assert_eq!(reject(&with("/household", members(9))).reason, Reason::Schema);
    let twice = json!([{"member_id": "m"}, {"member_id": "n"}, {"member_id": "m"}]);
    assert_eq!(reject(&with("/household", twice)).reason, Reason::Schema);
}

#[test]
fn a_registrant_can_be_recognised_by_something() {
    let mut neither = with("/phones", json!([]));
    neither["accounts"] = json!(null);
    assert_eq!(reject(&neither).reason, Reason::Schema);
    let mut slash = example();
    slash["registrant_id"] = json!("r/1");
    assert_eq!(reject_bytes(Some(b"r/1"), slash.to_string().as_bytes()).reason, Reason::Schema);
}

#[test]
fn any_unreadable_identifier_makes_the_whole_record_bad() {
    for (pointer, value, detail) in [
        ("/phones", json!(["13123456789", PRIVATE]), "phones[1] cannot be read"),
        ("/phones", json!([""]), "phones[0] cannot be read"),
        ("/accounts", json!(["1234567"]), "accounts[0] cannot be read"),
        ("/household/0/phones", json!(["12"]), "household[0].phones[0] cannot be read"),
        ("/household/0/accounts", json!(["6200000000000005", "?"]), "household[0].accounts[1] cannot be read"),
    ] {
        let reject = reject(&with(pointer, value));
        assert_eq!((reject.reason, reject.detail.as_ref()), (Reason::Identifier, detail));
    }
}

#[test]
fn a_token_stands_for_an_identifier_only_with_tokens_on() {
    let token = format!("hmac-sha256:{}", "0a".repeat(32));
    let text = with("/phones", json!([token])).to_string();
    let decode = |tokens| {
        let reader = IdentifierReader { tokens, ..IdentifierReader::default() };
        decode_registrant(&reader, Some(b"r-000123"), Some(text.as_bytes())).map(|_| ()).map_err(|reject| reject.reason)
    };
    assert_eq!(decode(Tokens::On), Ok(()));
    assert_eq!(decode(Tokens::Off), Err(Reason::Identifier));
}
