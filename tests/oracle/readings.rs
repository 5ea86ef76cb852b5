//! The model against the contract, case by case and by hand.

use serde_json::{Value, json};

use crate::support::model::identifier::{account, phone};
use crate::support::model::{Expected, FeedRecord, Header, Record, Settings, expect};

#[test]
fn one_phone_in_all_its_spellings() {
    for text in [
        "13805791234",
        "+8613805791234",
        "008613805791234",
        "8613805791234",
        "013805791234",
        "17951 138 0579 1234",
        "1795113805791234",
        "17951013805791234",
        "138-0579-1234",
        "(+86) 138 0579 1234",
        "１３８０５７９１２３４",
        "＋８６（１３８）０５７９－１２３４",
        " 138 05791234 ",
    ] {
        assert_eq!(phone(text).as_deref(), Some("+8613805791234"), "{text}");
    }
    for (text, normal) in [
        ("0579-8712 3456", "+8657987123456"),
        ("(0579)87123456", "+8657987123456"),
        ("17951 0579 87123456", "+8657987123456"),
        ("0014155552671", "+14155552671"),
        ("+1 415 555 2671", "+14155552671"),
        ("110", "110"),
        ("96110", "96110"),
        ("955 88", "95588"),
        ("12381", "12381"),
        ("15412345678", "+8615412345678"),
    ] {
        assert_eq!(phone(text).as_deref(), Some(normal), "{text}");
    }
    for text in ["", "12", "unknown", "1380579123a", "+1234567890123456789", " - ", "13805791234 ext. 5"] {
        assert_eq!(phone(text), None, "{text}");
    }
}

#[test]
fn accounts_in_normal_form() {
    assert_eq!(account("6200 0000-0000 0005").as_deref(), Some("6200000000000005"));
    assert_eq!(account("gb29 nwbk 6016 1331 9268 19").as_deref(), Some("GB29NWBK60161331926819"));
    assert_eq!(account(&"9".repeat(34)).map(|a| a.len()), Some(34));
    for text in ["", "1234567", "6200_0000_0000_0005", "六二〇〇〇〇〇〇", &"9".repeat(35)] {
        assert_eq!(account(text), None, "{text}");
    }
}

fn registrants(values: &[Value]) -> Vec<Record> {
    let record = |value: &Value| FeedRecord {
        topic: "registrants",
        key: value["registrant_id"].as_str().map(|id| id.as_bytes().to_vec()),
        headers: Vec::new(),
        value: Some(value.to_string().into_bytes()),
    };
    values.iter().zip(40..).map(|(value, offset)| record(value).at(0, offset, 0)).collect()
}

fn send(topic: &'static str, headers: &[(&str, &str)], value: impl ToString) -> Vec<Record> {
    let header = |(name, value): &(&str, &str)| -> Header { ((*name).to_owned(), Some(value.as_bytes().to_vec())) };
    let record = FeedRecord {
        topic,
        key: None,
        headers: headers.iter().map(header).collect(),
        value: Some(value.to_string().into_bytes()),
    };
    vec![record.at(3, 9, 0)]
}

fn event(topic: &'static str, data: Value) -> Vec<Record> {
    let kind = topic.trim_end_matches('s');
    let value = json!({
        "specversion": "1.0", "id": "e1", "source": "urn:op", "type": format!("golden-bell.{kind}.v1"),
        "time": "2021-07-15T14:03:22+08:00", "data": data,
    });
    send(topic, &[], value)
}

fn call(callee: &str) -> Vec<Record> {
    event("calls", json!({"call_id": "c", "phase": "ringing", "caller": "unknown", "callee": callee}))
}

fn outcome(people: &[Value], events: &[Record]) -> Expected {
    expect(&Settings::default(), &registrants(people), events)
}

fn subjects(expected: &Expected) -> Vec<&str> {
    expected.subjects.keys().map(String::as_str).collect()
}

fn plain(id: &str, phones: Value, at: &str) -> Value {
    json!({"registrant_id": id, "phones": phones, "area": "kfq", "registered_at": at})
}

const MORNING: &str = "2021-06-01T09:00:00+08:00";

#[test]
fn a_registrant_is_matched_with_all_who_may_be_told() {
    let people = [
        json!({
            "registrant_id": "r-1", "name": "一", "phones": ["138 0579 1234", "13800000001"], "accounts": ["AC00000001"],
            "area": "kfq", "groups": ["minor"], "registered_at": MORNING, "language": "zh-cmn",
            "household": [{"member_id": "m1", "name": "母", "relation": "mother", "phones": ["13800000009"],
                           "consented_at": MORNING}],
        }),
        json!({
            "registrant_id": "r-0", "name": "零", "phones": ["13800000002"], "area": "kfq", "registered_at": MORNING,
            // By an account that is not the event's.
            "household": [{"member_id": "x", "relation": "grandson", "accounts": ["ac-0000-0001"]}],
        }),
    ];
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "e1"),
        ("ce_source", "urn:op"),
        ("ce_type", "golden-bell.call.v1"),
        ("ce_time", "2021-07-15T14:03:22+08:00"),
        ("ce_traceparent", trace),
    ];
    let data = json!({
        "call_id": "c", "phase": "ongoing", "caller": "", "callee": "+8613805791234", "victim": "callee",
        "ended_at": null, "suspicion": {"confidence": 0.9, "why": "x"}, "colour": "red",
    });
    let expected = outcome(&people, &send("calls", &headers, data));
    let found = &expected.matches["m-cc6089e6d30cec3dfe6c90171f761c98"];
    assert_eq!(found.registrant_offsets.iter().copied().collect::<Vec<_>>(), [40]);
    assert_eq!(found.traceparent.as_deref(), Some(trace));
    assert_eq!(
        found.json,
        json!({
            "match_id": "m-cc6089e6d30cec3dfe6c90171f761c98", "subject_id": "r-1", "programme": "golden_bell",
            "matched_by": "own", "identifier": "phone", "retroactive": false,
            "subject": {
                "registrant_id": "r-1", "member_id": null, "name": "一", "phone": "138 0579 1234",
                "language": "zh-cmn", "groups": ["minor"], "area": "kfq", "workplace": null, "minor": true,
                "consented": false,
            },
            "trusted_contacts": [
                {"person_id": "r-0", "relation": "grandson", "name": "零", "phone": "13800000002", "consented": false},
                {"person_id": "r-1/m1", "relation": "mother", "name": "母", "phone": "13800000009", "consented": true},
            ],
            "event": {
                "kind": "call", "source": "urn:op", "id": "e1", "time": "2021-07-15T14:03:22+08:00",
                "data": {
                    "call_id": "c", "phase": "ongoing", "caller": "", "callee": "+8613805791234", "victim": "callee",
                    "suspicion": {"confidence": 0.9},
                },
            },
        })
    );
}

#[test]
fn a_member_is_the_subject_of_the_earliest_listing_and_all_listings_are_told() {
    let listing = |id: &str, at: &str, member: &str| {
        json!({"registrant_id": id, "phones": [format!("1390000{}", &id[2..])], "area": "kfq", "registered_at": at,
               "household": [{"member_id": member, "relation": format!("of {id}"), "phones": ["13805791234"]}]})
    };
    let people = [
        listing("r-0003", "2021-06-01T01:00:00Z", "m1"),
        listing("r-0002", MORNING, "m2"),
        listing("r-0001", "2021-06-01T09:00:01+08:00", "m3"),
    ];
    let expected = outcome(&people, &call("13805791234"));
    assert_eq!(subjects(&expected), ["r-0002/m2"]);
    let found = &expected.subjects["r-0002/m2"].faces[0].json;
    let told: Vec<_> = found["trusted_contacts"].as_array().into_iter().flatten().map(|c| &c["person_id"]).collect();
    assert_eq!(told, ["r-0001", "r-0002", "r-0003"]);
    assert_eq!(found["trusted_contacts"][1]["relation"], "of r-0002");
    // Once somebody owns the number, the listings make nobody a subject.
    let owner = plain("r-9", json!(["13805791234"]), "2021-07-01T00:00:00Z");
    let expected = outcome(&[people.as_slice(), &[owner]].concat(), &call("13805791234"));
    assert_eq!(subjects(&expected), ["r-9"]);
}

#[test]
fn owners_come_by_registration_and_no_more_than_sixteen() {
    let people: Vec<_> = (0..20)
        .map(|n| plain(&format!("r-{n:02}"), json!(["13805791234"]), &format!("2021-06-01T09:00:{:02}Z", 20 - n)))
        .collect();
    let expected = outcome(&people, &call("13805791234"));
    assert_eq!(expected.left_out, 4);
    assert_eq!(subjects(&expected).first(), Some(&"r-04"));
    assert_eq!(expected.subjects.len(), 16);
}

#[test]
fn two_identifiers_lead_to_both_their_people() {
    let people = [
        plain("r-1", json!(["13800000001"]), MORNING),
        json!({"registrant_id": "r-2", "accounts": ["AC00000001"], "area": "kfq", "registered_at": MORNING}),
    ];
    let transfer = |payer: Value| {
        event(
            "transfers",
            json!({"transfer_id": "t", "state": "accepted", "payer": payer, "amount_minor": 1,
                                  "currency": "CNY", "payee": {"account": "x"}}),
        )
    };
    let both = json!({"account": "AC00000001", "phone": "13800000001"});
    let expected = outcome(&people, &transfer(both.clone()));
    assert_eq!(subjects(&expected), ["r-1", "r-2"]);
    assert_eq!(expected.subjects["r-2"].faces[0].json["identifier"], "account");
    let same = [json!({"registrant_id": "r-3", "phones": ["13800000001"], "accounts": ["AC00000001"], "area": "kfq",
                       "registered_at": MORNING})];
    let expected = outcome(&same, &transfer(both));
    assert_eq!(expected.subjects["r-3"].faces[0].json["identifier"], "phone");
    let one = json!({"account": "AC00000001", "phone": "none"});
    assert_eq!(subjects(&outcome(&people, &transfer(one))), ["r-2"]);
}

#[test]
fn unregistered_people_of_the_zone() {
    let placed = |callee: &str, area: &str| {
        event("calls", json!({"call_id": "c", "phase": "ended", "caller": "1", "callee": callee, "victim_area": area}))
    };
    let expected = outcome(&[], &placed("138-0579-1234", "kfq/huangchengli/9"));
    assert_eq!(subjects(&expected), ["p-23bc8400b09b73c147807c2eadd561f2"]);
    let subject = &expected.subjects.values().next().expect("one").faces[0].json["subject"];
    assert_eq!(subject["area"], "kfq/huangchengli/9");
    assert_eq!(subject["name"], Value::Null);
    for area in ["kfqx", "kf", "", "xinq", "huangchengli"] {
        assert!(outcome(&[], &placed("13805791234", area)).matches.is_empty(), "{area}");
    }
}

fn reason(topic: &'static str, headers: &[(&str, &str)], value: impl ToString) -> Option<&'static str> {
    let expected = outcome(&[], &send(topic, headers, value));
    expected.dead_letters.values().next().map(|letter| letter.reason.as_str())
}

#[test]
fn of_several_reasons_the_first() {
    let good = json!({"specversion": "1.0", "id": "1", "source": "s", "type": "golden-bell.call.v1",
                      "time": "2021-07-15T14:03:22Z",
                      "data": {"call_id": "c", "phase": "ended", "caller": "", "callee": "13805791234"}});
    let with = |path: &str, value: Value| {
        let mut event = good.clone();
        *event.pointer_mut(path).expect("a field") = value;
        event
    };
    assert_eq!(reason("calls", &[], &good), None);
    assert_eq!(reason("transfers", &[], &good), Some("unknown_type"));
    assert_eq!(reason("calls", &[], with("/time", json!("2021-07-15T14:03:22"))), Some("envelope"));
    assert_eq!(reason("calls", &[], with("/data/phase", json!("gone"))), Some("schema"));
    assert_eq!(reason("calls", &[], with("/data", json!([]))), Some("schema"));
    assert_eq!(reason("calls", &[], with("/data/callee", json!(""))), Some("identifier"));
    assert_eq!(reason("calls", &[], ""), Some("not_json"));
    assert_eq!(reason("calls", &[], "[]"), Some("envelope"));
    assert_eq!(reason("calls", &[], format!("{good}{}", " ".repeat(1_048_577))), Some("too_large"));
    assert_eq!(reason("calls", &[], "x".repeat(1_048_577)), Some("too_large"));
    // Binary: the headers are looked at first, and then the value before the type.
    let binary = [("ce_specversion", "1.0"), ("ce_id", "1"), ("ce_source", "s"), ("ce_time", "2021-07-15T14:03:22Z")];
    assert_eq!(reason("calls", &binary, "{"), Some("envelope"));
    let other = [&binary[..], &[("ce_type", "other")]].concat();
    assert_eq!(reason("calls", &other, "{"), Some("not_json"));
    assert_eq!(reason("calls", &other, "{}"), Some("unknown_type"));
    let named = [&binary[..], &[("ce_type", "golden-bell.call.v1")]].concat();
    assert_eq!(reason("calls", &named, "7"), Some("schema"));
    assert_eq!(reason("calls", &named, &good["data"]), None);
    // The content type has the last word on the mode.
    let structured = [&named[..], &[("content-type", "application/cloudevents+json")]].concat();
    assert_eq!(reason("calls", &structured, &good["data"]), Some("envelope"));
    // Before what is allowed comes whom it is about.
    assert_eq!(reason("calls", &[], with("/data/caller", json!("95588"))), None);
    let mut nobody = with("/data/caller", json!("95588"));
    nobody["data"]["callee"] = json!("x");
    assert_eq!(reason("calls", &[], nobody), Some("identifier"));
}

#[test]
fn a_bad_registration_leaves_the_good_one_before_it_in_force() {
    let good = plain("r-1", json!(["13805791234"]), MORNING);
    let mut records =
        registrants(&[good.clone(), plain("r-1", json!([]), MORNING), plain("r-1", json!(["x"]), MORNING)]);
    let expected = expect(&Settings::default(), &records, &call("13805791234"));
    let reasons: Vec<_> = expected.dead_letters.iter().map(|(at, letter)| (at.2, letter.reason.as_str())).collect();
    assert_eq!(reasons, [(41, "schema"), (42, "identifier")]);
    assert_eq!(subjects(&expected), ["r-1"]);
    records.push(Record { value: None, offset: 43, ..records[0].clone() });
    assert!(expect(&Settings::default(), &records, &call("13805791234")).matches.is_empty());
    let mut stray = registrants(&[good]);
    stray[0].key = Some(b"r-2".to_vec());
    let expected = expect(&Settings::default(), &stray, &call("13805791234"));
    assert_eq!(expected.dead_letters.values().next().map(|l| l.reason.as_str()), Some("schema"));
    assert!(expected.matches.is_empty());
}
