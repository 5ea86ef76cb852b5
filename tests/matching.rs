//! Who is at risk in an event, what a Match says of them, and its form on the wire (contract 5).

#[path = "matching/by_the_book.rs"]
mod by_the_book;
#[path = "matching/contacts.rs"]
mod contacts;
#[path = "matching/identifiers.rs"]
mod identifiers;
#[path = "support/people.rs"]
mod people;

use golden_bell::core::dead_letter::{MAX_MATCH_BYTES, MAX_VALUE_BYTES, Reason};
use golden_bell::core::envelope::{CaseInputBody, CaseInputKind, decode_case_input};
use golden_bell::core::event::EventKind;
use golden_bell::core::identifier::{Identifier, IdentifierKind, Phone, Region};
use golden_bell::core::index::RegistrantIndex;
use golden_bell::core::matched::{Match, match_id};
use golden_bell::core::matching::{Again, AllowList, Decision, MatchSettings, Matcher, Outcome, stage1};
use golden_bell::core::text::Object;
use people::{Decided, apply, areas, call, decide, event, index, member, now, read, registrant, token_key, transfer};
use serde_json::{Value, json};

const NONE: [&str; 0] = [];

fn plain() -> MatchSettings {
    MatchSettings::default()
}

fn allowing(index: &RegistrantIndex, phones: &[&str], prefixes: &[&str], payees: &[&str]) -> MatchSettings {
    MatchSettings { allow: AllowList::new(index, phones, prefixes, payees).unwrap(), ..plain() }
}

fn called(callee: &str) -> Value {
    call("+96890000000", callee, json!({}))
}

fn subject_ids(index: &RegistrantIndex, data: &Value) -> Vec<String> {
    decide(index, &plain(), data).subject_ids()
}

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

/// The Match of the call of contract 3 and the registrant of contract 2, as it is written.
const GOLDEN: &str = concat!(
    r#"{"match_id":"m-MATCH","subject_id":"r-000123","programme":"golden_bell","matched_by":"own","#,
    r#""identifier":"phone","subject":{"registrant_id":"r-000123","member_id":null,"name":"张三","#,
    r#""phone":"+8613123456789","language":"zh-yongkang","groups":["prior_victim"],"area":"kfq/huangchengli","#,
    r#""workplace":"kfq/heyan-works","minor":false,"consented":true},"#,
    r#""trusted_contacts":[{"person_id":"r-000123/m1","relation":"mother","name":"李四","phone":"+8613123456780","#,
    r#""consented":true}],"event":{"kind":"call","source":"urn:operator:a","id":"e-1","#,
    r#""time":"2021-07-15T14:03:30+08:00","data":{"call_id":"A1","phase":"ongoing","caller":"+96890000000","#,
    r#""callee":"13123456789","victim":"callee","started_at":"2021-07-15T14:03:10+08:00","duration_s":1080,"#,
    r#""suspicion":{"confidence":0.93,"fraud_type":"fake_customer_service","list":"involved_number"}}},"#,
    r#""registrant_offset":42,"matched_at":"2021-07-15T06:03:31Z","retroactive":false}"#,
);

#[test]
fn a_match_is_written_as_the_contract_says() {
    let index = index();
    apply(&index, 42, &example());
    let data = call(
        "+96890000000",
        "13123456789",
        json!({
            "phase": "ongoing", "victim": "callee", "started_at": "2021-07-15T14:03:10+08:00", "ended_at": null,
            "duration_s": 1080, "unknown": {"x": 1},
            "suspicion": {"confidence": 0.93, "fraud_type": "fake_customer_service", "list": "involved_number"},
        }),
    );
    let (settings, areas, token_key) = (plain(), areas(), token_key());
    let matcher = Matcher { index: &index, settings: &settings, areas: &areas, token_key: &token_key };
    let text = event(&data);
    let Decision::Matched { matches, beyond: 0 } = matcher.decide(&read(&text), now()) else { panic!("no match") };
    let golden = GOLDEN.replace("m-MATCH", &match_id("urn:operator:a", "e-1", "r-000123"));
    assert_eq!(serde_json::to_string(&matches[0]).unwrap(), golden);
    assert_eq!(serde_json::from_str::<Object<Match<'_>>>(&golden).unwrap().0, matches[0]);
    let Again::Due { matches, .. } = matcher.decide_again(&read(&text), now(), None) else { panic!("no match") };
    assert!(matches[0].retroactive);
}

#[test]
fn ids_are_made_as_the_contract_says() {
    // printf 'urn:a\0e-1\0r-1' | sha256sum
    assert_eq!(match_id("urn:a", "e-1", "r-1"), "m-4fcc5062600325d5165943dbd76656d5");
}

#[test]
fn an_event_as_large_as_may_come_in_gets_through_as_a_match() {
    let matched = |caller: usize| {
        json!({"match_id": "m-1", "subject_id": "p-1", "programme": "precise", "matched_by": "area",
            "identifier": "phone", "subject": {"area": "kfq"}, "matched_at": "2021-07-15T06:03:31Z",
            "event": {"kind": "call", "source": "s", "id": "i", "time": "2021-07-15T14:03:30+08:00",
                "data": {"call_id": "c", "phase": "ended", "caller": "x".repeat(caller), "callee": "13123456789"}}})
        .to_string()
    };
    let of_type = |event_type: &'static [u8], value: &str| {
        let headers: [(&str, &[u8]); 5] = [
            ("ce_specversion", b"1.0"),
            ("ce_id", b"m-1"),
            ("ce_source", b"urn:golden-bell"),
            ("ce_type", event_type),
            ("ce_time", b"2021-07-15T06:03:31Z"),
        ];
        decode_case_input(headers, Some(value.as_bytes())).map(|input| input.body.kind()).map_err(|bad| bad.reason)
    };
    let large = matched(MAX_VALUE_BYTES);
    assert_eq!(of_type(b"golden-bell.match.v1", &large), Ok(CaseInputKind::Match));
    assert_eq!(of_type(b"golden-bell.follow-up.v1", &large), Err(Reason::TooLarge));
    assert_eq!(of_type(b"golden-bell.match.v1", &matched(MAX_MATCH_BYTES)), Err(Reason::TooLarge));
}

#[test]
fn a_match_of_before_is_still_read() {
    let old = r#"{"match_id":"m-1","subject_id":"p-1","programme":"precise","matched_by":"area","identifier":"phone",
        "subject":{"phone":"+8613123456789","area":"kfq","groups":null,"minor":null},
        "event":{"data":{"call_id":"c","phase":"ended","caller":"","callee":"13123456789"},"kind":"call","source":"s",
        "id":"i","time":"2021-07-15T14:03:30+08:00"},"matched_at":"2021-07-15T06:03:31Z"}"#;
    let headers: [(&str, &[u8]); 5] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"m-1"),
        ("ce_source", b"urn:golden-bell"),
        ("ce_type", b"golden-bell.match.v1"),
        ("ce_time", b"2021-07-15T06:03:31Z"),
    ];
    let input = decode_case_input(headers, Some(old.as_bytes())).unwrap();
    let CaseInputBody::Match(found) = input.body else { panic!("not a match") };
    assert_eq!((found.subject_id.as_str(), found.subject.area.as_deref()), ("p-1", Some("kfq")));
    assert_eq!((found.registrant_offset, found.retroactive, found.trusted_contacts.len()), (None, false, 0));
    for bad in [
        old.replace("\"kind\":\"call\"", "\"kind\":\"transfer\""),
        old.replace("\"kind\":\"call\"", "\"kind\":{\"call\":null}"),
        old.replace("2021-07-15T06:03:31Z", "2021-07-15T06:03:31"),
        old.replace("\"subject_id\":\"p-1\",", ""),
        old.replace("{\"phone\":", "[{\"phone\":").replace("null},", "null}],"),
        old.replace("\"matched_at\"", "\"trusted_contacts\":[[\"r\"]],\"matched_at\""),
    ] {
        assert_ne!(bad, old);
        let reject = decode_case_input(headers, Some(bad.as_bytes())).unwrap_err();
        assert_eq!(reject.reason, Reason::Schema, "{bad}");
    }
}

#[test]
fn the_owner_is_the_subject_and_the_household_only_where_there_is_none() {
    let index = index();
    apply(&index, 1, &example());
    assert_eq!(subject_ids(&index, &called("+86 131-2345-6789")), ["r-000123"]);
    let found = decide(&index, &plain(), &called("13123456780")).matches();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["subject_id"], "r-000123/m1");
    assert_eq!(found[0]["matched_by"], "household");
    assert_eq!(
        found[0]["subject"],
        json!({
            "registrant_id": "r-000123", "member_id": "m1", "name": "李四", "phone": "+8613123456780",
            "language": "zh-yongkang", "groups": ["elderly"], "area": "kfq/huangchengli",
            "workplace": "kfq/heyan-works", "minor": false, "consented": true
        })
    );
    assert_eq!(
        found[0]["trusted_contacts"],
        json!([{"person_id": "r-000123", "relation": "mother", "name": "张三", "phone": "+8613123456789", "consented": true}])
    );
    apply(&index, 2, &registrant("r-9", &["13123456780"], json!({})));
    assert_eq!(subject_ids(&index, &called("13123456780")), ["r-9"]);
    assert_eq!(subject_ids(&index, &called("13100000000")), NONE);
}

#[test]
fn the_victim_is_the_side_the_event_says() {
    let index = index();
    apply(&index, 1, &registrant("r-1", &["13100000001"], json!({})));
    let by = |caller: &str, callee: &str, more: Value| subject_ids(&index, &call(caller, callee, more));
    assert_eq!(by("13100000001", "13100000002", json!({})), NONE);
    assert_eq!(by("13100000001", "13100000002", json!({"victim": "callee"})), NONE);
    assert_eq!(by("13100000001", "unknown", json!({"victim": "caller"})), ["r-1"]);
    assert_eq!(by("unknown", "13100000001", json!({"phase": "failed"})), ["r-1"]);
    assert_eq!(by("unknown", "13100000002", json!({"phase": "forwarded", "forwarded_to": "13100000001"})), NONE);
}

#[test]
fn an_identifier_that_cannot_be_read_is_left_out_and_none_at_all_is_refused() {
    let index = index();
    apply(&index, 1, &registrant("r-1", &["13100000001"], json!({"accounts": ["6200000000000005"]})));
    let by = |payer: Value| decide(&index, &plain(), &transfer(payer, "?"));
    assert_eq!(by(json!({"account": "?", "phone": "13100000001"})).subject_ids(), ["r-1"]);
    assert_eq!(by(json!({"account": "6200 0000-0000 0005", "phone": ""})).subject_ids(), ["r-1"]);
    assert_eq!(by(json!({"account": "6200000000000009"})), Decided::Unmatched);
    for payer in
        [json!({}), json!({"phone": null}), json!({"phone": ""}), json!({"account": "1234567", "phone": "call me"})]
    {
        assert_eq!(by(payer), Decided::Rejected);
    }
    for callee in ["", "unknown", "12", "1310000000a", "9999999999999999999999"] {
        assert_eq!(decide(&index, &plain(), &called(callee)), Decided::Rejected, "{callee}");
    }
}

#[test]
fn the_kind_of_identifier_is_phone_if_both_were_found() {
    let index = index();
    apply(&index, 1, &registrant("r-1", &["13100000001"], json!({"accounts": ["6200000000000001"]})));
    apply(&index, 2, &registrant("r-2", &["13100000002"], json!({"accounts": ["6200000000000002"]})));
    let by = |account: &str, phone: &str| {
        let found = decide(&index, &plain(), &transfer(json!({"account": account, "phone": phone}), "?")).matches();
        found
            .iter()
            .map(|one| format!("{} {}", one["subject_id"], one["identifier"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(by("6200000000000001", "13100000001"), ["r-1 phone"]);
    assert_eq!(by("6200000000000001", "13100000009"), ["r-1 account"]);
    assert_eq!(by("6200000000000002", "13100000001"), ["r-1 phone", "r-2 account"]);
    assert_eq!(by("6200000000000001", "13100000002"), ["r-1 account", "r-2 phone"]);
}

#[test]
fn subjects_are_own_first_then_household_each_by_registration_then_id() {
    let index = index();
    let at = |day: u8| json!({"registered_at": format!("2021-06-{day:02}T09:00:00+08:00")});
    for (id, day) in [("r-c", 2), ("r-b", 2), ("r-d", 1)] {
        apply(&index, 1, &registrant(id, &["13100000001"], at(day)));
    }
    let mut lister = registrant("r-a", &["13100000009"], at(1));
    lister["household"] = json!([{"member_id": "m", "accounts": ["6200000000000001"]}]);
    apply(&index, 1, &lister);
    let both = transfer(json!({"account": "6200000000000001", "phone": "13100000001"}), "?");
    assert_eq!(subject_ids(&index, &both), ["r-d", "r-b", "r-c", "r-a/m"]);
    let few = MatchSettings { max_subjects: 2, ..plain() };
    let Decided::Matched(matches, beyond) = decide(&index, &few, &both) else { panic!("no match") };
    assert_eq!((matches.len(), beyond), (2, 2));
    assert_eq!(matches[1]["subject_id"], "r-b");
}

#[test]
fn the_household_subject_is_of_the_earliest_listing() {
    let index = index();
    let lists = |id: &str, members: &[&str], at: &str| {
        let household: Vec<_> = members.iter().map(|id| member(id, &["13100000001"])).collect();
        apply(&index, 1, &registrant(id, &["13100000009"], json!({"household": household, "registered_at": at})));
    };
    lists("r-c", &["m"], "2021-06-01T09:00:00.000000002+08:00");
    assert_eq!(subject_ids(&index, &called("13100000001")), ["r-c/m"]);
    lists("r-b", &["m3", "m2"], "2021-06-01T09:00:00.000000001+08:00");
    assert_eq!(subject_ids(&index, &called("13100000001")), ["r-b/m2"]);
    lists("r-a", &["m9"], "2021-06-01T01:00:00.000000001Z");
    assert_eq!(subject_ids(&index, &called("13100000001")), ["r-a/m9"]);
}

#[test]
fn outside_the_register_the_area_decides() {
    let index = index();
    let token = |kind, normal: &str| token_key().token_of(kind, normal).short_hex();
    for (area, expected) in [("kfq", true), ("kfq/new/quarter", true), ("kf", false), ("kfqx", false), ("", false)] {
        let decided = decide(&index, &plain(), &call("", "13100000001", json!({"victim_area": area})));
        assert_eq!(matches!(decided, Decided::Matched(..)), expected, "{area}");
    }
    let found = decide(&index, &plain(), &call("", "13100000001", json!({"victim_area": "kfq/a"}))).matches();
    let subject_id = format!("p-{}", token(IdentifierKind::Phone, "+8613100000001"));
    assert_eq!(found[0]["subject_id"], json!(subject_id));
    assert_eq!(found[0]["match_id"], json!(match_id("urn:operator:a", "e-1", &subject_id)));
    assert_eq!((&found[0]["programme"], &found[0]["matched_by"]), (&json!("precise"), &json!("area")));
    assert_eq!((&found[0]["identifier"], &found[0]["registrant_offset"]), (&json!("phone"), &json!(null)));
    assert_eq!(
        found[0]["subject"],
        json!({"registrant_id": null, "member_id": null, "name": null, "phone": "+8613100000001", "language": null,
            "groups": [], "area": "kfq/a", "workplace": null, "minor": false, "consented": false})
    );
    let mut by_account = transfer(json!({"account": "6200000000000001", "phone": "?"}), "?");
    by_account["victim_area"] = json!("kfq");
    let found = decide(&index, &plain(), &by_account).matches();
    assert_eq!(found[0]["subject_id"], json!(format!("p-{}", token(IdentifierKind::Account, "6200000000000001"))));
    assert_eq!((&found[0]["identifier"], &found[0]["subject"]["phone"]), (&json!("account"), &json!(null)));
    // Whoever is registered is no subject of this programme.
    apply(&index, 1, &registrant("r-1", &[], json!({"accounts": ["6200000000000001"]})));
    by_account["payer"]["phone"] = json!("13100000001");
    assert_eq!(subject_ids(&index, &by_account), ["r-1"]);
}

#[test]
fn a_record_ends_in_one_outcome() {
    let index = index();
    apply(&index, 7, &registrant("r-1", &["13100000001"], json!({})));
    let settings = allowing(&index, &["96110"], &[], &[]);
    let (areas, token_key) = (areas(), token_key());
    let matcher = Matcher { index: &index, settings: &settings, areas: &areas, token_key: &token_key };
    let run = |data: &Value| {
        let (kind, text) = event(data);
        let done = stage1(kind, [("traceparent", b"00-x".as_slice())], Some(text.as_bytes()), &matcher, now());
        let facts = done.event.unwrap();
        assert_eq!((facts.source.as_str(), facts.id.as_str()), ("urn:operator:a", "e-1"));
        assert_eq!(facts.traceparent.as_deref(), Some("00-x"));
        match &done.outcome {
            Outcome::Unmatched(keys) => {
                let phone = Phone::parse("13100000002", Region::CN).unwrap();
                assert_eq!(keys.iter().collect::<Vec<_>>(), [index.key(&Identifier::Phone(phone)).unwrap()]);
            }
            Outcome::DeadLettered(reject) => assert_eq!(reject.reason, Reason::Identifier),
            Outcome::Matched { matches, .. } => assert_eq!(matches[0].registrant_offset, Some(7)),
            Outcome::Allowed => {}
        }
        done.outcome.as_str()
    };
    assert_eq!(run(&called("13100000001")), "matched");
    assert_eq!(run(&called("13100000002")), "unmatched");
    assert_eq!(run(&call("96110", "13100000001", json!({}))), "allowed");
    assert_eq!(run(&called("?")), "dead_lettered");
    let bad = stage1(EventKind::Call, [], Some(b"{"), &matcher, now());
    assert_eq!(bad.event, None);
    assert!(matches!(bad.outcome, Outcome::DeadLettered(reject) if reject.reason == Reason::NotJson));
}
