//! What the data of an event must be, field by field (contract 3).

use golden_bell::core::dead_letter::Reason;
use golden_bell::core::event::{EventData, EventKind};
use serde_json::{Value, json};

use crate::{
    PRIVATE, STRUCTURED, binary_headers, call, data_fault, decode, reason, structured, transfer, with, without,
};

#[test]
fn what_a_call_must_be() {
    let bad = |pointer: &str, values: Vec<Value>| {
        for value in values {
            let reject = data_fault(EventKind::Call, &with(call(), pointer, value.clone()).to_string());
            let name = pointer[1..].replace('/', ".");
            assert_eq!(reject.reason, Reason::Schema);
            assert!(reject.detail.starts_with(&name), "{pointer} {value}: {reject}");
        }
    };
    for name in ["/call_id", "/phase", "/caller", "/callee"] {
        bad(name, vec![json!(null), json!(1), json!([PRIVATE]), json!({"a": PRIVATE}), json!(true)]);
        assert_eq!(data_fault(EventKind::Call, &without(call(), name).to_string()).reason, Reason::Schema);
    }
    bad("/call_id", vec![json!("")]);
    bad("/phase", vec![json!(""), json!(PRIVATE), json!("Ongoing"), json!({"ongoing": null})]);
    bad("/victim", vec![json!(""), json!(PRIVATE), json!(0), json!({"callee": null})]);
    for name in ["/started_at", "/answered_at", "/ended_at"] {
        bad(name, vec![json!(""), json!("2021-07-15T14:03:10"), json!(1626328990)]);
    }
    bad("/duration_s", vec![json!(-1), json!(-0.5), json!("10"), json!(true)]);
    for name in ["/forwarded_to", "/victim_area"] {
        bad(name, vec![json!(1), json!([PRIVATE])]);
    }
    bad("/suspicion", vec![json!("x"), json!([0.5, PRIVATE, PRIVATE]), json!(true)]);
    bad("/suspicion/confidence", vec![json!(1.01), json!(-0.01), json!("0.9"), json!(2)]);
    bad("/suspicion/fraud_type", vec![json!(1)]);
    bad("/suspicion/list", vec![json!([])]);
}

#[test]
fn what_a_transfer_must_be() {
    let bad = |pointer: &str, values: Vec<Value>| {
        for value in values {
            let reject = data_fault(EventKind::Transfer, &with(transfer(), pointer, value.clone()).to_string());
            let name = pointer[1..].replace('/', ".");
            assert_eq!(reject.reason, Reason::Schema);
            assert!(reject.detail.starts_with(&name), "{pointer} {value}: {reject}");
        }
    };
    for name in ["/transfer_id", "/state", "/payer", "/payee", "/payee/account", "/amount_minor", "/currency"] {
        bad(name, vec![json!(null), json!(["x"]), json!(true)]);
        assert_eq!(data_fault(EventKind::Transfer, &without(transfer(), name).to_string()).reason, Reason::Schema);
    }
    bad("/transfer_id", vec![json!(""), json!(1)]);
    bad("/state", vec![json!("failed"), json!("Accepted")]);
    bad("/payer/account", vec![json!(6200000000000005_u64)]);
    bad("/payer/phone", vec![json!(13123456789_u64)]);
    bad("/payee/account", vec![json!(""), json!(1)]);
    bad("/amount_minor", vec![json!(-1), json!(1.5), json!(10.0), json!("100"), json!(1e30)]);
    bad("/channel", vec![json!(1)]);
    bad("/first_payment_to_payee", vec![json!("true"), json!(1)]);
    bad("/settles_at", vec![json!("tomorrow")]);
    bad("/victim_area", vec![json!(false)]);
}

#[test]
fn what_may_be_left_out_is_null_or_unknown() {
    let short = r#"{"call_id":"c","phase":"ringing","caller":"","callee":"110","victim":null,"suspicion":null,
        "duration_s":12.9,"x":{"y":[[[1e999,"\u00e9"]]]},"x":2}"#;
    let headers = binary_headers(EventKind::Call);
    let event = decode(EventKind::Call, &headers, short.as_bytes()).unwrap();
    let EventData::Call(data) = &event.data else { panic!("not a call") };
    assert_eq!((data.other_number(), data.duration_s), ("", Some(12)));
    assert_eq!(
        serde_json::to_string(data).unwrap(),
        r#"{"call_id":"c","phase":"ringing","caller":"","callee":"110","duration_s":12}"#
    );
    let short =
        r#"{"transfer_id":"t","state":"reversed","payer":{},"payee":{"account":"?"},"amount_minor":0,"currency":""}"#;
    assert!(decode(EventKind::Transfer, &binary_headers(EventKind::Transfer), short.as_bytes()).is_ok());
    let whole = structured(EventKind::Call, with(call(), "/suspicion", json!({})));
    assert!(decode(EventKind::Call, &STRUCTURED, whole.to_string().as_bytes()).is_ok());
}

#[test]
fn a_known_member_given_twice_is_refused_and_an_unknown_one_is_not() {
    let text = call().to_string();
    for twice in ["\"phase\":\"ended\"", "\"suspicion\":null", "\"ended_at\":null"] {
        let reject = data_fault(EventKind::Call, &format!("{{{twice},{}", &text[1..]));
        assert_eq!(reject.reason, Reason::Schema);
        assert!(reject.detail.ends_with("is given twice"), "{reject}");
    }
    let harmless = format!("{{\"z\":1,\"z\":2,{}", &text[1..]);
    assert!(decode(EventKind::Call, &binary_headers(EventKind::Call), harmless.as_bytes()).is_ok());
    let whole = structured(EventKind::Call, call()).to_string();
    let data_twice = format!("{{\"data\":{{}},{}", &whole[1..]);
    assert_eq!(reason(EventKind::Call, &STRUCTURED, data_twice.as_bytes()), Reason::Schema);
}
