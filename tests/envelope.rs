//! What is read, what is put aside, and for which reason (contract 1, 3 and 11).

#[path = "envelope/by_the_book.rs"]
mod by_the_book;
#[path = "envelope/fields.rs"]
mod fields;

use golden_bell::core::dead_letter::{MAX_VALUE_BYTES, Reason, Reject};
use golden_bell::core::envelope::{CaseInputBody, Headers, Mode, decode_case_input, decode_event};
use golden_bell::core::event::{CallPhase, Event, EventData, EventKind, Side, TransferState};
use serde_json::{Value, json};

type Header = (&'static str, &'static [u8]);

const BINARY: [Header; 6] = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"e-1"),
    ("ce_source", b"urn:operator:a"),
    ("ce_type", b"golden-bell.call.v1"),
    ("ce_time", b"2021-07-15T14:03:30+08:00"),
    ("content-type", b"application/json"),
];

const STRUCTURED: [Header; 1] = [("content-type", b"application/cloudevents+json; charset=UTF-8")];

/// Stands wherever a value stands in a bad message; no detail may ever repeat it.
const PRIVATE: &str = "13123456789";

fn call() -> Value {
    json!({
        "call_id": "A1B2", "phase": "ongoing", "caller": "+96890000000", "callee": PRIVATE, "victim": "callee",
        "started_at": "2021-07-15T14:03:10+08:00", "answered_at": "2021-07-15T14:03:22+08:00", "ended_at": null,
        "duration_s": 1080, "forwarded_to": null, "victim_area": "kfq/huangchengli",
        "suspicion": {"confidence": 0.93, "fraud_type": "fake_customer_service", "list": "involved_number"}
    })
}

fn transfer() -> Value {
    json!({
        "transfer_id": "T77", "state": "accepted",
        "payer": {"account": "6200000000000005", "phone": PRIVATE, "name": "张*"},
        "payee": {"account": "6217000000000000004", "name": "*某", "bank": "ICBC"},
        "amount_minor": 1000000, "currency": "CNY", "channel": "mobile", "first_payment_to_payee": true,
        "settles_at": "2021-07-16T14:19:41+08:00", "victim_area": null,
        "suspicion": {"confidence": 0.9, "fraud_type": "fake_customer_service", "list": "involved_account"}
    })
}

fn structured(kind: EventKind, data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": "e-1", "source": "urn:operator:a", "type": kind.event_type(),
        "time": "2021-07-15T14:03:30+08:00", "datacontenttype": "application/json", "data": data
    })
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[name] = value;
    object
}

fn without(mut object: Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
    object
}

fn header(name: &'static str, value: Option<&'static [u8]>) -> Vec<Header> {
    let kept = BINARY.into_iter().filter(|(other, _)| *other != name);
    kept.chain(value.map(|value| (name, value))).collect()
}

fn decode<'a>(kind: EventKind, headers: &'a [Header], value: &'a [u8]) -> Result<Event<'a>, Reject> {
    decode_event(kind, headers.iter().copied(), Some(value))
}

/// The reason a value is put aside for, in whichever mode the headers say.
fn reason(kind: EventKind, headers: &[Header], value: &[u8]) -> Reason {
    let reject = decode(kind, headers, value).expect_err("the message is bad");
    assert!(!reject.detail.contains(PRIVATE), "the detail repeats a value: {reject}");
    assert!(!reject.detail.is_empty());
    reject.reason
}

fn binary_headers(kind: EventKind) -> Vec<Header> {
    header("ce_type", Some(kind.event_type().as_bytes()))
}

/// Reason and detail of bad data, which must be the same in both modes.
fn data_fault(kind: EventKind, data: &str) -> Reject {
    let binary = decode(kind, &binary_headers(kind), data.as_bytes()).expect_err(data);
    let whole = structured(kind, json!("DATA")).to_string().replace("\"DATA\"", data);
    let structured = decode(kind, &STRUCTURED, whole.as_bytes()).expect_err(&whole);
    assert_eq!(binary, structured, "{data}");
    assert!(!binary.detail.contains(PRIVATE), "the detail repeats a value: {binary}");
    binary
}

#[test]
fn both_modes_read_the_same_call() {
    let data = call().to_string();
    let whole = structured(EventKind::Call, call()).to_string();
    let headers = binary_headers(EventKind::Call);
    let binary = decode(EventKind::Call, &headers, data.as_bytes()).unwrap();
    assert_eq!(decode(EventKind::Call, &STRUCTURED, whole.as_bytes()).unwrap(), binary);
    assert_eq!(decode(EventKind::Call, &[], whole.as_bytes()).unwrap(), binary);
    assert_eq!((binary.source.as_str(), binary.id.as_str()), ("urn:operator:a", "e-1"));
    assert_eq!(binary.time.to_rfc3339(), "2021-07-15T14:03:30+08:00");
    let EventData::Call(call) = &binary.data else { panic!("not a call") };
    assert_eq!((call.phase, call.victim, call.duration_s), (CallPhase::Ongoing, Some(Side::Callee), Some(1080)));
    assert_eq!((call.victim_number(), call.other_number()), (PRIVATE, "+96890000000"));
    assert_eq!(call.ended_at, None);
    assert_eq!(binary.data.suspicion().unwrap().confidence, Some(0.93));
    assert_eq!(binary.data.victim_area(), Some("kfq/huangchengli"));
}

#[test]
fn both_modes_read_the_same_transfer() {
    let data = transfer().to_string();
    let whole = structured(EventKind::Transfer, transfer()).to_string();
    let headers = binary_headers(EventKind::Transfer);
    let binary = decode(EventKind::Transfer, &headers, data.as_bytes()).unwrap();
    assert_eq!(decode(EventKind::Transfer, &STRUCTURED, whole.as_bytes()).unwrap(), binary);
    let EventData::Transfer(transfer) = &binary.data else { panic!("not a transfer") };
    assert_eq!((transfer.state, transfer.amount_minor), (TransferState::Accepted, 1_000_000));
    assert_eq!(transfer.payer.phone.as_deref(), Some(PRIVATE));
    assert_eq!(transfer.payee.account, "6217000000000000004");
    assert_eq!((transfer.first_payment_to_payee, &transfer.victim_area), (Some(true), &None));
}

#[test]
fn the_mode_follows_content_type_then_attributes() {
    let cases: [(&[Header], Mode); 10] = [
        (&[], Mode::Structured),
        (&[("content-type", b"application/json")], Mode::Structured),
        (&[("content-type", b"application/cloudevents+json")], Mode::Structured),
        (&[("content-type", b"Application/CloudEvents")], Mode::Structured),
        (&[("content-type", b"application/cloudevents"), ("ce_id", b"1")], Mode::Structured),
        (&[("content-type", b"application/cloudevent"), ("ce_id", b"1")], Mode::Binary),
        (&[("ce_specversion", b"")], Mode::Binary),
        (&[("ce_time", b"x")], Mode::Binary),
        (&[("ce_subject", b"x"), ("ce_traceparent", b"x"), ("traceparent", b"x")], Mode::Structured),
        (&[("ce_source", b"x"), ("content-type", b"text/plain")], Mode::Binary),
    ];
    for (headers, mode) in cases {
        assert_eq!(Headers::collect(headers.iter().copied()).mode(), mode, "{headers:?}");
    }
}

#[test]
fn bad_values_are_put_aside_by_the_order_of_the_contract() {
    use EventKind::Call;
    let good = call().to_string();
    let whole = structured(Call, call());
    let large = vec![b' '; MAX_VALUE_BYTES + 1];
    let no_id = header("ce_id", None);
    let other_type = header("ce_type", Some(b"golden-bell.transfer.v1"));
    let headers = binary_headers(Call);
    let whole_text = whole.to_string();
    let cases: [(&str, &[Header], &[u8], Reason); 24] = [
        ("too large beats all, binary", &no_id, &large, Reason::TooLarge),
        ("too large beats all, structured", &STRUCTURED, &large, Reason::TooLarge),
        ("binary: envelope before not_json", &no_id, b"{", Reason::Envelope),
        ("binary: envelope before an empty value", &no_id, b"", Reason::Envelope),
        ("binary: not_json before unknown_type", &other_type, b"{", Reason::NotJson),
        ("binary: empty", &headers, b"", Reason::NotJson),
        ("binary: unknown_type before schema", &other_type, b"{}", Reason::UnknownType),
        ("binary: unknown_type though the data fits", &other_type, good.as_bytes(), Reason::UnknownType),
        ("binary: data is no object", &headers, b"5", Reason::Schema),
        ("binary: data is a list of the fields", &headers, br#"["A","ongoing","1","2"]"#, Reason::Schema),
        ("binary: data is null", &headers, b"null", Reason::Schema),
        ("binary: not UTF-8", &headers, b"{\"call_id\":\"\xff\"}", Reason::NotJson),
        ("binary: something behind", &headers, b"{} {}", Reason::NotJson),
        ("binary: a byte order mark", &headers, b"\xef\xbb\xbf{}", Reason::NotJson),
        ("structured: empty", &STRUCTURED, b"", Reason::NotJson),
        ("structured: blank", &STRUCTURED, b"  \n", Reason::NotJson),
        ("structured: cut off", &STRUCTURED, &whole_text.as_bytes()[..100], Reason::NotJson),
        ("structured: control character in a string", &STRUCTURED, b"{\"id\":\"a\nb\"}", Reason::NotJson),
        ("structured: no object", &STRUCTURED, b"[1]", Reason::Envelope),
        ("structured: a string", &STRUCTURED, b"\"x\"", Reason::Envelope),
        ("structured: envelope before unknown_type", &STRUCTURED, br#"{"type":"x","data":{}}"#, Reason::Envelope),
        ("no headers: a bare call has no attributes", &[], good.as_bytes(), Reason::Envelope),
        ("structured: not UTF-8 in an unknown member", &STRUCTURED, b"{\"x\":\"\xc3\x28\"}", Reason::NotJson),
        ("structured: a bad unknown member", &STRUCTURED, br#"{"x":01}"#, Reason::NotJson),
    ];
    for (name, headers, value, expected) in cases {
        assert_eq!(reason(Call, headers, value), expected, "{name}");
    }
    assert_eq!(decode_event(Call, headers.iter().copied(), None).unwrap_err().reason, Reason::NotJson);
    let type_before_data = with(without(whole.clone(), "/data"), "/type", json!("golden-bell.match.v1"));
    assert_eq!(reason(Call, &STRUCTURED, type_before_data.to_string().as_bytes()), Reason::UnknownType);
    assert_eq!(reason(EventKind::Transfer, &STRUCTURED, whole.to_string().as_bytes()), Reason::UnknownType);
}

#[test]
fn the_largest_value_is_still_read() {
    let mut value = structured(EventKind::Call, call()).to_string().into_bytes();
    value.resize(MAX_VALUE_BYTES, b' ');
    assert!(decode(EventKind::Call, &STRUCTURED, &value).is_ok());
}

#[test]
fn every_attribute_is_required_and_checked_in_structured_mode() {
    let good = structured(EventKind::Call, call());
    for name in ["specversion", "id", "source", "type", "time"] {
        let pointer = format!("/{name}");
        let mut bad = vec![without(good.clone(), &pointer)];
        bad.extend(
            [json!(null), json!(1), json!(""), json!({}), json!([PRIVATE]), json!(true)]
                .map(|value| with(good.clone(), &pointer, value)),
        );
        for value in bad {
            assert_eq!(reason(EventKind::Call, &STRUCTURED, value.to_string().as_bytes()), Reason::Envelope, "{value}");
        }
        let text = good.to_string();
        let doubled = format!("{{\"{name}\":\"1.0\",{}", &text[1..]);
        assert_eq!(reason(EventKind::Call, &STRUCTURED, doubled.as_bytes()), Reason::Envelope, "{doubled}");
    }
    for (pointer, value) in [
        ("/specversion", "0.3"),
        ("/specversion", "1"),
        ("/id", "a\u{0}b"),
        ("/source", "a\u{7f}"),
        ("/source", "源\u{85}"),
        ("/time", "2021-07-15T14:03:30"),
        ("/time", "2021-07-15"),
        ("/time", "1626328990"),
    ] {
        let value = with(good.clone(), pointer, json!(value));
        assert_eq!(reason(EventKind::Call, &STRUCTURED, value.to_string().as_bytes()), Reason::Envelope, "{value}");
    }
    let lone = good.to_string().replace("e-1", "\\ud800");
    assert_eq!(reason(EventKind::Call, &STRUCTURED, lone.as_bytes()), Reason::Envelope);
}

#[test]
fn every_attribute_is_required_and_checked_in_binary_mode() {
    let data = call().to_string();
    for name in ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time"] {
        for value in [None, Some(b"".as_slice()), Some(b"\xff"), Some(b"a\x00b"), Some(b"a\nb")] {
            assert_eq!(reason(EventKind::Call, &header(name, value), data.as_bytes()), Reason::Envelope, "{name}");
        }
    }
    for (name, value) in [
        ("ce_specversion", b"0.3".as_slice()),
        ("ce_specversion", b"1.0 "),
        ("ce_time", b"2021-07-15T14:03:30"),
        ("ce_time", b"yesterday"),
    ] {
        assert_eq!(reason(EventKind::Call, &header(name, Some(value)), data.as_bytes()), Reason::Envelope, "{name}");
    }
    let mut twice = header("ce_id", Some(b"first"));
    twice.push(("ce_id", b"last"));
    assert_eq!(decode(EventKind::Call, &twice, data.as_bytes()).unwrap().id, "last");
}

#[test]
fn escaped_names_and_values_are_read() {
    let text = structured(EventKind::Call, call()).to_string();
    let escaped = text
        .replace("\"id\"", "\"\\u0069d\"")
        .replace("\"phase\"", "\"ph\\u0061se\"")
        .replace("\"ongoing\"", "\"\\u006fngoing\"")
        .replace("urn:operator:a", "urn:\\\"操作\\\"\\ud83d\\ude00");
    let event = decode(EventKind::Call, &STRUCTURED, escaped.as_bytes()).unwrap();
    assert_eq!((event.source.as_str(), event.id.as_str()), ("urn:\"操作\"😀", "e-1"));
    let lone = call().to_string().replace("kfq/huangchengli", "\\udc00");
    assert_eq!(data_fault(EventKind::Call, &lone).reason, Reason::Schema);
}

#[test]
fn deep_nesting_in_unknown_members_does_no_harm() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let text = call().to_string();
    let value = format!("{{\"z\":{deep},{}", &text[1..]);
    assert!(decode(EventKind::Call, &binary_headers(EventKind::Call), value.as_bytes()).is_ok());
    let bad = format!("{{\"phase\":{deep},{}", &text[1..]);
    assert_eq!(reason(EventKind::Call, &binary_headers(EventKind::Call), bad.as_bytes()), Reason::Schema);
}

#[test]
fn the_trace_context_is_carried_and_never_costs_an_event() {
    const W3C: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = |headers: &[Header], value: &Value| {
        let text = value.to_string();
        decode(EventKind::Call, headers, text.as_bytes()).unwrap().traceparent.map(|trace| trace.to_string())
    };
    let mut headers = binary_headers(EventKind::Call);
    assert_eq!(trace(&headers, &call()), None);
    headers.push(("ce_traceparent", b"second"));
    assert_eq!(trace(&headers, &call()).as_deref(), Some("second"));
    headers.push(("traceparent", W3C.as_bytes()));
    assert_eq!(trace(&headers, &call()).as_deref(), Some(W3C));
    headers.push(("traceparent", b"\xff"));
    assert_eq!(trace(&headers, &call()).as_deref(), Some("second"));
    let whole = structured(EventKind::Call, call());
    assert_eq!(trace(&STRUCTURED, &with(whole.clone(), "/traceparent", json!(W3C))).as_deref(), Some(W3C));
    for odd in [
        json!(null),
        json!(5),
        json!(-5),
        json!(0.5),
        json!({"a": [1]}),
        json!([{}]),
        json!(true),
        json!(""),
        json!("a b"),
    ] {
        assert_eq!(trace(&STRUCTURED, &with(whole.clone(), "/traceparent", odd)), None);
    }
    let both = [STRUCTURED[0], ("traceparent", W3C.as_bytes())];
    assert_eq!(trace(&both, &with(whole, "/traceparent", json!("other"))).as_deref(), Some(W3C));
}

#[test]
fn case_inputs_come_in_both_modes() {
    let data = json!({"follow_up_id": "f-1", "case_id": "c-1"});
    for (event_type, kind) in [
        ("golden-bell.follow-up.v1", "FollowUp"),
        ("golden-bell.delivery.v1", "Delivery"),
        ("golden-bell.erasure.v1", "Erasure"),
    ] {
        let binary = header("ce_type", Some(event_type.as_bytes()));
        let text = data.to_string();
        let input = decode_case_input(binary.iter().copied(), Some(text.as_bytes())).unwrap();
        assert_eq!((input.id.as_str(), input.source.as_str()), ("e-1", "urn:operator:a"));
        let whole = with(structured(EventKind::Call, data.clone()), "/type", json!(event_type)).to_string();
        let same = decode_case_input(STRUCTURED, Some(whole.as_bytes())).unwrap();
        for input in [input, same] {
            assert!(format!("{:?}", input.body).starts_with(kind), "{:?}", input.body);
            let (CaseInputBody::FollowUp(raw) | CaseInputBody::Delivery(raw) | CaseInputBody::Erasure(raw)) =
                input.body
            else {
                panic!("not left unread")
            };
            assert_eq!(raw.get(), text);
        }
    }
}

#[test]
fn bad_case_inputs_are_put_aside() {
    let of_type = |event_type: &'static str| header("ce_type", Some(event_type.as_bytes()));
    let cases: [(Vec<Header>, &[u8], Reason); 8] = [
        (of_type("golden-bell.call.v1"), b"{}", Reason::UnknownType),
        (of_type("golden-bell.case.v1"), b"[]", Reason::UnknownType),
        (of_type("golden-bell.match.v1"), b"{}", Reason::Schema),
        (of_type("golden-bell.follow-up.v1"), b"[]", Reason::Schema),
        (of_type("golden-bell.follow-up.v1"), b"null", Reason::Schema),
        (of_type("golden-bell.follow-up.v1"), b"{", Reason::NotJson),
        (header("ce_time", None), b"{", Reason::Envelope),
        (STRUCTURED.into(), b"{}", Reason::Envelope),
    ];
    for (headers, value, expected) in cases {
        let reject = decode_case_input(headers.iter().copied(), Some(value)).unwrap_err();
        assert_eq!(reject.reason, expected, "{headers:?}");
    }
}
