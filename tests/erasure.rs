//! The wish to be forgotten, without Kafka: who is held against it, what is held of a subject, and what must be
//! written.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first thing that does not hold")]

#[path = "support/people.rs"]
mod people;

use chrono::{DateTime, Utc};
use golden_bell::core::erasure::{
    Admission, Erasure, ErasureRecord, Erasures, Holdings, Passing, Plan, SubjectId, Version, decode_erasure,
};
use golden_bell::core::identifier::IdentifierReader;
use golden_bell::core::matching::MatchSettings;
use golden_bell::core::registrant::{Registrant, RegistrantRecord, decode_registrant};
use people::{apply, call, decide, index, index_with_tokens, member, now, registrant, token_key};
use serde_json::{Value, json};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn erasure(subject_id: &str, at: &str) -> Erasure {
    let registrant_id = subject_id.split('/').next().map(str::to_owned);
    Erasure { registrant_id, subject_id: subject_id.to_owned(), at: time(at), hashes: Vec::new() }
}

fn forgotten(subjects: &[(&str, &str)]) -> Erasures {
    let erasures = Erasures::new();
    subjects.iter().for_each(|(subject, at)| erasures.learn(&erasure(subject, at)));
    erasures
}

/// Two members: `m1` without a consent of their own, `m2` with one.
fn household(consented_at: Option<&str>) -> Value {
    let mut value = registrant("r-1", &["13123456789"], json!({"name": "张三", "accounts": ["6200000000000005"]}));
    value["household"] = json!([member("m1", &["13123456780"]), member("m2", &["13123456781"])]);
    value["household"][1]["consented_at"] = json!("2021-06-10T00:00:00Z");
    if let Some(at) = consented_at {
        value["consented_at"] = json!(at);
    }
    value
}

fn with_registrant<T>(value: &Value, act: impl FnOnce(Registrant<'_>) -> T) -> T {
    let (key, text) = (value["registrant_id"].as_str().unwrap(), value.to_string());
    let read = decode_registrant(&IdentifierReader::default(), Some(key.as_bytes()), Some(text.as_bytes()));
    match read {
        Ok(RegistrantRecord::Registered(registrant)) => act(*registrant),
        other => panic!("{other:?}"),
    }
}

/// What becomes of the record, and which members are left.
fn admitted(erasures: &Erasures, value: &Value) -> (Admission, Vec<String>) {
    with_registrant(value, |mut registrant| {
        let admission = erasures.admit(&mut registrant);
        (admission, registrant.household.iter().map(|member| member.member_id.to_string()).collect())
    })
}

#[test]
fn an_erasure_is_written_like_this() {
    let erasure = Erasure {
        registrant_id: Some("r-000123".into()),
        subject_id: "r-000123/m1".into(),
        at: time("2021-07-15T06:03:31.250Z"),
        hashes: vec![token_key().token(&IdentifierReader::default().phone("13123456780").unwrap()).to_string()],
    };
    let text = serde_json::to_string_pretty(&erasure).unwrap();
    let expected = include_str!("fixtures/erasure.json");
    assert!(text == expected.trim_end(), "erasure.json has changed:\n{text}");
    let read = decode_erasure(Some(b"r-000123/m1"), Some(expected.as_bytes()));
    assert_eq!(read, Ok(ErasureRecord::Forgotten(erasure)));
    // Another program may leave the hashes out, know more fields, and be elsewhere.
    let other = r#"{"registrant_id":"r-1","subject_id":"r-1","at":"2021-07-15T14:03:31+08:00","by":"o-1"}"#;
    let expected = Erasure { hashes: Vec::new(), ..self::erasure("r-1", "2021-07-15T06:03:31Z") };
    assert_eq!(decode_erasure(Some(b"r-1"), Some(other.as_bytes())), Ok(ErasureRecord::Forgotten(expected)));
}

#[test]
fn what_is_no_erasure_under_its_own_key_has_no_effect() {
    let good = serde_json::to_string(&erasure("r-1/m1", "2021-07-15T06:03:31Z")).unwrap();
    let precise =
        r#"{"registrant_id":null,"subject_id":"p-00000000000000000000000000000000","at":"2021-07-15T06:03:31Z"}"#;
    for (key, value) in [
        (None, good.as_str()),
        (Some("r-1"), &good),
        (Some("r-2/m1"), &good),
        (Some("r-1/m1"), "{"),
        (Some("r-1/m1"), "[]"),
        (Some("r-1/m1"), &good.replace("2021-07-15T06:03:31Z", "2021-07-15T06:03:31")),
        (Some("r-1/m1"), &good.replace("\"registrant_id\":\"r-1\"", "\"registrant_id\":\"r-2\"")),
        (Some("p-00000000000000000000000000000000"), precise),
    ] {
        assert!(decode_erasure(key.map(str::as_bytes), Some(value.as_bytes())).is_err(), "{key:?} {value}");
    }
    assert_eq!(decode_erasure(Some(b"r-1/m1"), Some(b"")), Ok(ErasureRecord::Lifted("r-1/m1")));
}

#[test]
fn a_subject_is_named_in_three_ways() {
    let precise = "p-0123456789abcdef0123456789abcdef";
    assert_eq!(SubjectId::parse("r-1"), Some(SubjectId::Registrant("r-1")));
    assert_eq!(SubjectId::parse("r-1/m/1"), Some(SubjectId::Member { registrant_id: "r-1", member_id: "m/1" }));
    assert_eq!(SubjectId::parse(precise), Some(SubjectId::Precise(precise)));
    assert_eq!(SubjectId::parse("p-1"), Some(SubjectId::Registrant("p-1")));
    for bad in ["", "/", "r-1/", "/m1"] {
        assert_eq!(SubjectId::parse(bad), None, "{bad}");
    }
    let covers = |subject: &str, id: &str| SubjectId::parse(subject).unwrap().covers(id);
    assert!(covers("r-1", "r-1") && covers("r-1", "r-1/m1") && covers("r-1/m1", "r-1/m1") && covers(precise, precise));
    assert!(
        !covers("r-1", "r-10") && !covers("r-1", "r-10/m1") && !covers("r-1/m1", "r-1") && !covers("r-1/m1", "r-1/m10")
    );
}

#[test]
fn a_record_not_later_than_the_erasure_is_ignored_and_a_later_consent_is_not() {
    let all = vec!["m1".to_owned(), "m2".to_owned()];
    let consented = household(Some("2021-07-01T08:00:00+08:00"));
    // Registered on 1 June at 01:00 UTC, consented on 1 July at 00:00.
    for (at, value, expected) in [
        ("2021-07-01T00:00:00Z", &consented, Admission::Ignored),
        ("2021-07-02T00:00:00Z", &consented, Admission::Ignored),
        ("2021-06-30T23:59:59.999999999Z", &consented, Admission::Taken(0)),
        ("2021-06-01T01:00:00Z", &household(None), Admission::Ignored),
        ("2021-06-01T00:59:59Z", &household(None), Admission::Taken(0)),
    ] {
        assert_eq!(admitted(&forgotten(&[("r-1", at)]), value), (expected, all.clone()), "{at}");
    }
    assert_eq!(
        admitted(&forgotten(&[("r-2", "2022-01-01T00:00:00Z")]), &consented),
        (Admission::Taken(0), all.clone())
    );
    assert_eq!(admitted(&Erasures::new(), &consented), (Admission::Taken(0), all.clone()));

    let erasures = forgotten(&[("r-1", "2021-07-02T00:00:00Z"), ("r-1", "2021-06-01T00:00:00Z")]);
    assert_eq!(admitted(&erasures, &consented).0, Admission::Ignored, "the later of two holds");
    erasures.lift("r-1");
    assert_eq!(admitted(&erasures, &consented), (Admission::Taken(0), all));
}

#[test]
fn a_forgotten_member_is_left_out_of_the_household() {
    let left = |subjects: &[(&str, &str)], value: &Value| admitted(&forgotten(subjects), value);
    let consented = household(Some("2021-07-01T00:00:00Z"));
    let m2 = vec!["m2".to_owned()];
    assert_eq!(left(&[("r-1/m1", "2021-07-01T00:00:00Z")], &consented), (Admission::Taken(1), m2.clone()));
    // Entered anew with a later consent of the registrant, or of their own.
    assert_eq!(left(&[("r-1/m1", "2021-06-30T00:00:00Z")], &consented).0, Admission::Taken(0));
    assert_eq!(left(&[("r-1/m2", "2021-06-09T00:00:00Z")], &consented).0, Admission::Taken(0));
    let both = [("r-1/m1", "2021-08-01T00:00:00Z"), ("r-1/m2", "2021-06-10T00:00:00Z")];
    assert_eq!(left(&both, &consented), (Admission::Taken(2), Vec::new()));
}

#[test]
fn a_bad_record_of_somebody_forgotten_is_known_by_its_times() {
    let erasures = forgotten(&[("r-1", "2021-07-01T00:00:00Z")]);
    let covers = |key: &str, value: &str| erasures.covers_bad(Some(key.as_bytes()), Some(value.as_bytes()));
    let old = r#"{"phones":["x"],"registered_at":"2021-06-01T00:00:00Z"}"#;
    assert!(covers("r-1", old));
    assert!(!covers("r-2", old));
    for not in [
        "{",
        "{}",
        r#"{"registered_at":5}"#,
        r#"{"registered_at":"2021-06-01T00:00:00Z","consented_at":"2021-07-02T00:00:00Z"}"#,
        r#"{"registered_at":"2021-07-02T00:00:00Z"}"#,
    ] {
        assert!(!covers("r-1", not), "{not}");
    }
    assert!(!erasures.covers_bad(None, Some(old.as_bytes())) && !erasures.covers_bad(Some(b"r-1"), None));
}

#[test]
fn who_is_forgotten_takes_little_memory() {
    let erasures = Erasures::new();
    for n in 0..100_000 {
        erasures.learn(&erasure(&format!("r-{n}"), "2021-07-01T00:00:00Z"));
    }
    assert_eq!(erasures.len(), 100_000);
    assert!(erasures.bytes() < 100_000 * 80, "{} bytes", erasures.bytes());
}

#[test]
fn an_erasure_takes_out_of_the_index_what_it_covers_and_nothing_else() {
    let settings = MatchSettings::default();
    for index in [index(), index_with_tokens()] {
        let found = |phone: &str| decide(&index, &settings, &call("+96890000000", phone, json!({}))).subject_ids();
        apply(&index, 0, &household(Some("2021-07-01T00:00:00Z")));
        apply(&index, 1, &registrant("r-2", &["13123456780", "13123456789"], json!({})));
        let entries = index.identifiers();

        assert!(!index.erase("r-1", None, time("2021-06-30T00:00:00Z")), "consented later");
        assert!(!index.erase("r-1", Some("m1"), time("2021-06-30T00:00:00Z")), "entered with a later consent");
        assert!(!index.erase("r-1", Some("m3"), time("2022-01-01T00:00:00Z")));
        assert!(!index.erase("r-3", None, time("2022-01-01T00:00:00Z")));
        assert_eq!(found("13123456789"), ["r-1", "r-2"]);
        assert_eq!(found("13123456781"), ["r-1/m2"]);

        assert!(index.erase("r-1", Some("m2"), time("2021-06-10T00:00:00Z")));
        assert_eq!(found("13123456781"), [""; 0]);
        assert_eq!(found("13123456789"), ["r-1", "r-2"]);
        assert_eq!((index.registrants(), index.identifiers()), (2, entries - 1));

        assert!(index.erase("r-1", None, time("2021-07-01T00:00:00Z")));
        assert_eq!((index.registrants(), index.contains("r-1")), (1, false));
        assert_eq!(found("13123456789"), ["r-2"]);
        assert_eq!(found("13123456780"), ["r-2"]);
    }
}

fn holdings(subject: &str, versions: &[(i32, &str)]) -> Holdings {
    let mut holdings = Holdings::of(subject).unwrap();
    for (offset, (partition, value)) in versions.iter().enumerate() {
        let written = (1_000, offset as i64);
        let version = || Version { partition: *partition, written, value: value.as_bytes().to_vec() };
        holdings.take_registrant(Some(b"r-1"), version);
        holdings.take_registrant(Some(b"r-10"), version);
    }
    holdings
}

fn plan(holdings: &Holdings) -> Result<Plan, String> {
    Plan::of(holdings, &IdentifierReader::default(), &token_key(), now()).map_err(|nothing| nothing.to_string())
}

fn case(subject: &str, erased: bool) -> String {
    let mut case = json!({"case_id": "c", "subject_id": subject, "subject": {"phone": "13123456799"},
        "trusted_contacts": [{"person_id": "r-7"}]});
    if erased {
        case["erased"] = json!({"at": "2021-07-01T00:00:00Z"});
    }
    case.to_string()
}

fn subjects(plan: &Plan) -> Vec<&str> {
    plan.inputs.iter().map(|erasure| erasure.subject_id.as_str()).collect()
}

#[test]
fn forgetting_a_registrant_takes_the_household_with_it() {
    let earlier = registrant("r-1", &["13123456788"], json!({"household": [member("m9", &["13123456782"])]}));
    let mut holdings = holdings("r-1", &[(2, &earlier.to_string()), (2, &household(None).to_string())]);
    holdings.take_case("c-1", Some(case("r-1/m5", false).as_bytes()));
    holdings.take_case("c-2", Some(case("r-10", false).as_bytes()));
    let plan = plan(&holdings).unwrap();
    assert_eq!((plan.at, plan.cases), (now(), 1));
    assert_eq!(plan.registrants, [(2, None)]);
    // Everybody the topics know of, also those who were taken off the list since.
    assert_eq!(subjects(&plan), ["r-1", "r-1/m1", "r-1/m2", "r-1/m5", "r-1/m9"]);
    let erasure = plan.erasure.unwrap();
    assert_eq!((erasure.registrant_id.as_deref(), erasure.subject_id.as_str()), (Some("r-1"), "r-1"));
    let reader = IdentifierReader::default();
    for phone in ["13123456789", "13123456788", "13123456780", "13123456781", "13123456782", "13123456799"] {
        assert!(erasure.hashes.contains(&token_key().token(&reader.phone(phone).unwrap()).to_string()), "{phone}");
    }
    let account = token_key().token(&reader.account("6200000000000005").unwrap()).to_string();
    assert!(erasure.hashes.contains(&account) && erasure.hashes.len() == 7);
    assert!(plan.inputs.iter().all(|input| input.hashes == erasure.hashes && input.at == plan.at));
    let ids: std::collections::BTreeSet<String> = plan.inputs.iter().map(Plan::event_id).collect();
    assert_eq!(ids.len(), 5);
}

#[test]
fn a_record_where_it_does_not_belong_is_withdrawn_there_too() {
    let value = household(None).to_string();
    let plan = plan(&holdings("r-1", &[(0, &value), (3, &value), (4, &value), (4, "")])).unwrap();
    assert_eq!(plan.registrants, [(0, None), (3, None)]);
}

#[test]
fn a_bad_record_goes_with_the_others() {
    let plan = plan(&holdings("r-1", &[(0, "{\"phones\": [\"131")])).unwrap();
    assert_eq!((plan.registrants.as_slice(), subjects(&plan)), ([(0, None)].as_slice(), vec!["r-1"]));
}

#[test]
fn a_consent_ahead_of_the_clock_is_forgotten_too() {
    let plan = plan(&holdings("r-1", &[(0, &household(Some("2021-07-15T06:03:31.0000001Z")).to_string())])).unwrap();
    assert_eq!(plan.at, time("2021-07-15T06:03:31.001Z"));
    let erasures = Erasures::new();
    erasures.learn(&plan.erasure.unwrap());
    assert_eq!(admitted(&erasures, &household(Some("2021-07-15T06:03:31.0000001Z"))).0, Admission::Ignored);
}

#[test]
fn forgetting_a_member_leaves_the_rest_of_the_record_as_it_was_written() {
    let text = r#"{"registrant_id":"r-1", "phones":["13123456789"],"area":"kfq","unknown":{"a":1.50},
        "registered_at":"2021-06-01T09:00:00+08:00",
        "household":[{"member_id":"m1","phones":["13123456780"]}, {"member_id":"m2","phones":[],"x":0.10}]}"#;
    let held = holdings("r-1/m1", &[(2, text)]);
    let planned = plan(&held).unwrap();
    let [(2, Some(value))] = &planned.registrants[..] else { panic!("{:?}", planned.registrants) };
    let value = std::str::from_utf8(value).unwrap();
    assert!(value.contains(r#""household":[{"member_id":"m2","phones":[],"x":0.10}]"#), "{value}");
    assert!(value.contains(r#""unknown":{"a":1.50}"#) && value.contains(r#""area":"kfq""#), "{value}");
    assert_eq!(subjects(&planned), ["r-1/m1"]);
    let erasure = planned.erasure.unwrap();
    assert_eq!((erasure.registrant_id.as_deref(), erasure.subject_id.as_str()), (Some("r-1"), "r-1/m1"));
    assert_eq!(erasure.hashes.len(), 1);
    // What is written is a good record, and the member is gone from it.
    with_registrant(&serde_json::from_str(value).unwrap(), |registrant| assert_eq!(registrant.household.len(), 1));
    let after = holdings("r-1/m1", &[(2, text), (2, value)]);
    assert!(plan(&after).is_ok(), "an earlier record still has the member and no Erasure covers it");
    let mut after = after;
    after.forgotten_until = Some(erasure.at);
    assert_eq!(plan(&after).unwrap_err(), "nothing is held of r-1/m1, forgotten at 2021-07-15T06:03:31.000Z");
}

#[test]
fn somebody_not_registered_is_forgotten_by_the_cases_alone() {
    let precise = "p-0123456789abcdef0123456789abcdef";
    let mut holdings = holdings(precise, &[]);
    assert_eq!(plan(&holdings).unwrap_err(), format!("nothing is held of {precise}"));
    holdings.take_case("c-1", Some(case(precise, false).as_bytes()));
    let plan = plan(&holdings).unwrap();
    assert_eq!((plan.erasure, plan.registrants.len()), (None, 0));
    let [input] = &plan.inputs[..] else { panic!("one subject") };
    assert_eq!((input.registrant_id.as_deref(), input.subject_id.as_str(), input.hashes.len()), (None, precise, 1));
}

#[test]
fn nobody_is_forgotten_twice_for_the_same() {
    let value = household(None).to_string();
    let unknown = holdings("r-1", &[]);
    assert_eq!(plan(&unknown).unwrap_err(), "nothing is held of r-1");
    // The record is still in the topic until it is compacted.
    let mut withdrawn = holdings("r-1", &[(0, &value), (0, "")]);
    assert!(plan(&withdrawn).is_ok(), "withdrawn, but a replay would bring the record back");
    withdrawn.forgotten_until = Some(now());
    withdrawn.take_case("c-1", Some(case("r-1", true).as_bytes()));
    assert!(plan(&withdrawn).is_err());
    // A replay has brought the record back into the topic, or a match under way has opened a case.
    let mut replayed = holdings("r-1", &[(0, ""), (0, &value)]);
    replayed.forgotten_until = Some(now());
    assert_eq!(plan(&replayed).unwrap().registrants, [(0, None)]);
    withdrawn.take_case("c-2", Some(case("r-1", false).as_bytes()));
    assert_eq!(plan(&withdrawn).unwrap().cases, 1);
    withdrawn.take_case("c-2", None);
    assert!(plan(&withdrawn).is_err());
}

#[test]
fn an_export_shows_all_that_is_held_of_a_registrant_and_the_household() {
    let mut held = holdings("r-1", &[(0, &household(None).to_string())]);
    held.take_case("c-1", Some(case("r-1", false).as_bytes()));
    held.take_case("c-2", Some(case("r-1/m1", false).as_bytes()));
    held.take_case("c-3", Some(case("r-1", true).as_bytes()));
    held.take_case("c-4", Some(case("r-2", false).replace("r-7", "r-1/m2").as_bytes()));
    let child = r#"r-7","minor":true,"guardians":[{"person_id":"r-1/m2"}],"x":""#;
    held.take_case("c-5", Some(case("r-2", false).replace("r-7", child).as_bytes()));
    let none = || [("", b"".as_slice())].into_iter().take(0);
    held.take_passing(Passing::Warnings, Some(b"r-1"), none(), Some(b"{\"warning_id\":\"c-1-1\"}"));
    held.take_passing(Passing::Warnings, Some(b"r-2"), none(), Some(b"{}"));
    held.take_passing(Passing::Notifications, Some(b"n-1"), none(), Some(b"{\"subject\":{\"subject_id\":\"r-1\"}}"));
    held.take_passing(Passing::Notifications, Some(b"n-2"), none(), Some(b"{\"subject_id\":\"r-2\"}"));
    for kind in [b"golden-bell.match.v1".as_slice(), b"golden-bell.erasure.v1"] {
        let headers = [("ce_type", kind), ("ce_id", b"m-1".as_slice())];
        held.take_passing(Passing::CaseInputs, Some(b"r-1/m1"), headers.into_iter(), Some(b"{\"x\":1}"));
    }
    let headers = [("dlq_topic", b"registrants".as_slice()), ("dlq_reason", b"not_json")];
    held.take_passing(Passing::DeadLetters, Some(b"r-1"), headers.into_iter(), Some(b"{\"name\":\"x"));
    let export = held.export(now());
    assert_eq!(export["registrant"], household(None));
    assert_eq!(export["cases"].as_array().unwrap().len(), 2, "what is stripped is not held");
    assert_eq!(export["trusted_contact_in"], json!(["c-4", "c-5"]), "also as the guardian of a contact");
    assert_eq!(export["warnings"], json!([{"warning_id": "c-1-1"}]));
    assert_eq!(export["notifications"].as_array().unwrap().len(), 1);
    let input = json!({"type": "golden-bell.match.v1", "id": "m-1", "time": null, "value": {"x": 1}});
    assert_eq!(export["case_inputs"], json!([input]));
    let letter = json!({"topic": "registrants", "reason": "not_json", "value": "{\"name\":\"x"});
    assert_eq!(export["dead_letters"], json!([letter]));
    assert_eq!((&export["subject_id"], &export["as_of"]), (&json!("r-1"), &json!("2021-07-15T06:03:31.000Z")));
    assert!(!held.is_empty() && export["forgotten_until"].is_null());
}

#[test]
fn an_export_of_a_member_tells_nothing_of_the_others() {
    let mut value = household(None);
    value["workplace"] = json!("kfq/heyan-works");
    let held = holdings("r-1/m2", &[(0, &value.to_string())]);
    let shown = json!({"registrant_id": "r-1", "area": "kfq/huangchengli", "workplace": "kfq/heyan-works",
        "household": [value["household"][1]]});
    assert_eq!(held.export(now())["registrant"], shown);
    assert!(holdings("r-1/m3", &[(0, &value.to_string())]).is_empty());
    assert!(holdings("r-1", &[(0, &value.to_string()), (0, "")]).is_empty(), "withdrawn");
}
