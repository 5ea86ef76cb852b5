//! Receivers that are slow, refuse, answer 429 and 500, cut the connection, redirect or never answer, side by side with
//! one that is well.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::receiver::{Receiver, Reply};
use super::sample::{SECRETS, json_of};
use super::stage::{SOON, Stage, ended, id_of};
use super::support::broker::broker_or_skip;

const EACH: u64 = 12;

fn webhook(receiver: &Receiver, more: &str) -> String {
    format!(
        "kind = \"webhook\"\nurl = \"{}\"\nsecret = \"{}\"\nretry_from = \"50ms\"\nretry_up_to = \"300ms\"\n{more}",
        receiver.url("/hook"),
        SECRETS[0]
    )
}

/// Misbehaves on the first attempt of every notification.
fn at_first(reply: Reply) -> Receiver {
    let seen = std::sync::Mutex::new(std::collections::BTreeSet::new());
    Receiver::start(
        move |got, _| if seen.lock().unwrap().insert(got.id()) { reply.clone() } else { Reply::status(200) },
    )
}

fn written(destination: &str) -> Vec<Value> {
    (0..EACH).map(|n| json_of(destination, &format!("{destination}-{n}"), 1)).collect()
}

/// States in the order they were recorded, with attempts and reason.
fn story(deliveries: &BTreeMap<String, Vec<Value>>, id: &str) -> Vec<(String, u64, Option<String>)> {
    (deliveries[id].iter())
        .map(|d| {
            let text = |name: &str| d[name].as_str().map(str::to_owned);
            (text("state").unwrap(), d["attempts"].as_u64().unwrap(), text("reason"))
        })
        .collect()
}

fn told(state: &str, attempts: u64, reason: Option<&str>) -> (String, u64, Option<String>) {
    (state.to_owned(), attempts, reason.map(str::to_owned))
}

#[test]
fn every_misbehaviour_comes_to_its_own_states_and_touches_nobody_else() {
    broker_or_skip!("what becomes of notifications to receivers that misbehave");
    let slow = Receiver::start(|_, _| Reply::After(Duration::from_millis(200), 200));
    let refusing = Receiver::start(|_, _| Reply::status(403));
    let failing = at_first(Reply::status(500));
    let cutting = at_first(Reply::Cut);
    let silent = at_first(Reply::Never);
    let limiting = Receiver::start(|_, before| match before {
        0 | 1 => Reply::Answer(429, "Retry-After: 1\r\n".into(), String::new()),
        _ => Reply::status(202),
    });
    let elsewhere = Receiver::good();
    let location = format!("Location: {}\r\n", elsewhere.url("/hook"));
    let redirecting = Receiver::start(move |_, _| Reply::Answer(307, location.clone(), String::new()));
    let well = Receiver::good();
    let receivers = [
        ("slow", &slow, ""),
        ("refusing", &refusing, ""),
        ("failing", &failing, ""),
        ("cutting", &cutting, ""),
        ("silent", &silent, "timeout = \"3s\""),
        ("limiting", &limiting, "concurrency = 1"),
        ("redirecting", &redirecting, ""),
        ("well", &well, ""),
    ];
    let destinations: Vec<(&str, String)> =
        receivers.iter().map(|(name, receiver, more)| (*name, webhook(receiver, more))).collect();
    let stage = Stage::new("faults", &destinations);
    let all: Vec<Value> = receivers.iter().flat_map(|(name, ..)| written(name)).collect();
    stage.send(&all);
    let instance = stage.start("faults", "notify");
    let deliveries = stage.settled(&all);
    stage.wait_committed();

    let failed_once = |reason: &str| vec![told("failed_temp", 1, Some(reason)), told("delivered", 2, None)];
    for (destination, expected) in [
        ("slow", vec![told("delivered", 1, None)]),
        ("well", vec![told("delivered", 1, None)]),
        ("refusing", vec![told("failed_perm", 1, Some("refused"))]),
        ("redirecting", vec![told("failed_perm", 1, Some("redirect"))]),
        ("failing", failed_once("receiver_error")),
        ("cutting", failed_once("connection")),
        ("silent", failed_once("time_out")),
    ] {
        for notification in written(destination) {
            assert_eq!(story(&deliveries, id_of(&notification)), expected, "{destination}");
        }
    }
    assert!(elsewhere.got().is_empty(), "a redirect was followed");

    // The receiver that wants to be left alone for a second is, by the next message as well.
    let asked: Vec<_> = limiting.got().iter().map(|got| got.at).collect();
    assert!(asked[1] - asked[0] >= Duration::from_secs(1) && asked[2] - asked[1] >= Duration::from_secs(1));
    let limited: Vec<_> = written("limiting").iter().map(|n| story(&deliveries, id_of(n))).collect();
    assert_eq!(limited.iter().flatten().filter(|(state, ..)| state == "failed_temp").count(), 2);
    assert!(limited.iter().all(|story| story.last().unwrap().0 == "delivered"));

    // Nothing came twice that had been taken, and nothing came that was meant for somebody else.
    for (name, receiver, _) in receivers {
        let by_id = receiver.by_id();
        assert_eq!(by_id.len() as u64, EACH, "{name}");
        for (id, attempts) in by_id {
            assert_eq!(attempts.len() as u64, ended(&deliveries, &id).unwrap()["attempts"].as_u64().unwrap(), "{name}");
            assert!(
                attempts.iter().all(|got| got.body == attempts[0].body && got.json()["data"]["destination"] == name)
            );
            assert!(attempts[0].header("traceparent").starts_with("00-0af7"));
        }
    }
    let count = |state: &str| instance.metric("golden_bell_notifications_total", &format!("state=\"{state}\"")) as u64;
    assert_eq!((count("delivered"), count("failed_perm")), (6 * EACH, 2 * EACH));
    assert_eq!(count("failed_temp"), 3 * EACH + 2);
    assert_eq!(instance.metric("golden_bell_notification_seconds_count", "channel=\"webhook\"") as u64, 6 * EACH);
    let log = instance.log_text();
    assert!(!log.contains("131****6789") && !log.contains("/hook") && !log.contains(SECRETS[0]), "{log}");
    assert!(instance.terminate(Duration::from_secs(15)).success());
}

#[test]
fn what_is_beyond_the_limit_goes_out_as_one_message() {
    broker_or_skip!("that the overflow of a limit is merged");
    let group = Receiver::good();
    let limit = webhook(&group, "rate_per_minute = 15");
    let stage = Stage::new("limit", &[("group", limit)]);
    let all: Vec<Value> = (0..6).map(|n| json_of("group", &format!("c-{n}"), 1)).collect();
    stage.send(&all);
    let instance = stage.start("limit", "notify");
    let deliveries = stage.settled(&all);
    let by_id = group.by_id();
    assert!(by_id.len() < all.len(), "nothing was merged");
    let mut bundled = 0;
    for notification in &all {
        let id = id_of(notification);
        let end = ended(&deliveries, id).unwrap();
        let Some(summary) = end["bundled_into"].as_str() else {
            assert_eq!(end["state"], "delivered");
            assert_eq!(by_id[id].len(), 1);
            continue;
        };
        bundled += 1;
        assert_eq!(end["state"], "bundled");
        assert_eq!(story(&deliveries, id)[0], told("pending", 0, Some("limit")));
        assert_eq!(story(&deliveries, summary), [told("delivered", 1, None)]);
        let merged = by_id[summary][0].json()["data"]["merged"].clone();
        assert!(merged.as_array().unwrap().contains(&json!(id)), "{merged}");
        assert!(!by_id.contains_key(id), "it came by itself as well");
    }
    assert!(bundled >= 2, "{bundled}");
    stage.wait_committed();
    assert!(instance.terminate(Duration::from_secs(15)).success());
}

#[test]
fn what_nobody_takes_is_given_up_in_time_and_an_urgent_one_told_to_its_case() {
    broker_or_skip!("that what cannot be delivered is given up");
    let broken = Receiver::start(|_, _| Reply::status(503));
    let well = Receiver::good();
    let stage =
        Stage::new("given-up", &[("broken", webhook(&broken, "give_up_after = \"6s\"")), ("well", webhook(&well, ""))]);
    let urgent = |destination: &str, n: u64| {
        let mut notification = json_of(destination, &format!("{destination}-{n}"), 1);
        notification["urgent"] = json!(true);
        notification["level"] = json!("urgent");
        notification
    };
    let instance = stage.start("given-up", "notify");
    let mut all = vec![json_of("broken", "broken-0", 1), urgent("broken", 1), urgent("nowhere", 2)];
    // Written long ago: its time is over before anybody could try.
    let mut late = urgent("broken", 3);
    late["created_at"] = json!("2021-07-15T06:03:10Z");
    all.push(late);
    all.push(urgent("well", 4));
    stage.send(&all);
    let deliveries = stage.settled(&all);
    let end = |n: usize| {
        let end = ended(&deliveries, id_of(&all[n])).unwrap();
        (end["state"].as_str().unwrap(), end["reason"].as_str(), end["attempts"].as_u64().unwrap())
    };
    assert_eq!((end(0).0, end(0).1), ("failed_perm", Some("receiver_error")));
    assert!(end(0).2 > 1, "it was tried again: {:?}", end(0));
    assert_eq!(end(2), ("failed_perm", Some("no_destination"), 0));
    assert_eq!(end(3), ("failed_perm", Some("too_late"), 0));
    assert_eq!(end(4), ("delivered", None, 1));

    // The three urgent ones that failed, in the partition and form in which the cases read them.
    let inputs = stage.read("case-inputs");
    let mut told: Vec<String> = inputs.iter().map(super::support::model::Record::key_text).collect();
    told.sort();
    assert_eq!(told, ["r-broken-1", "r-broken-3", "r-nowhere-2"]);
    for input in &inputs {
        let headers = input.headers.iter().map(|(k, v)| (k.as_str(), v.as_deref().unwrap_or_default()));
        let read = golden_bell::core::envelope::decode_case_input(headers, input.value.as_deref()).expect("readable");
        assert_eq!(read.body.kind().as_str(), "golden-bell.delivery.v1");
    }
    stage.wait_committed();
    assert!(instance.terminate(Duration::from_secs(15)).success());
}

#[test]
fn a_bad_record_is_put_aside_once_and_holds_nothing_up() {
    broker_or_skip!("that a bad notification stops nobody");
    let (one, two) = (Receiver::good(), Receiver::good());
    let stage = Stage::new("bad", &[("one", webhook(&one, "")), ("two", webhook(&two, ""))]);
    let good = [json_of("one", "c-1", 1), json_of("two", "c-2", 1)];
    let mut halved = json_of("two", "c-3", 1);
    halved["level"] = json!("dreadful");
    let mut records: Vec<_> = ["{", "[]", "", r#"{"destination":7}"#]
        .iter()
        .map(|value| super::support::model::FeedRecord {
            value: Some(value.as_bytes().to_vec()),
            ..super::stage::record(&good[0])
        })
        .collect();
    records.push(super::stage::record(&halved));
    stage.send_records(&records);
    stage.send(&good);
    let instance = stage.start("bad", "notify");
    stage.settled(&good);
    stage.wait_committed();
    let letters = stage.read("dead-letters");
    let mut reasons: Vec<&str> = letters.iter().filter_map(|letter| letter.header_text("dlq_reason")).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["not_json", "not_json", "schema", "schema", "schema"]);
    assert!(instance.terminate(SOON).success());
}
