//! The retroactive match on a real broker: whoever registers is warned of what ended unmatched shortly before, also
//! after a restart, a rebalance and kills (contract 5).

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdkafka::producer::{BaseRecord, Producer};
use serde_json::{Value, json};
use support::broker::{Broker, broker_or_skip};
use support::instance::{Instance, READY};
use support::model::{FeedRecord, Record};
use support::stand::{self, Stand};
use support::topic_io::producer;

const SOON: Duration = Duration::from_secs(40);

struct Trial(Stand);

impl Deref for Trial {
    type Target = Stand;

    fn deref(&self) -> &Stand {
        &self.0
    }
}

fn trial(name: &str, more: &[(&str, &str)]) -> Trial {
    let more = [&[("KAFKA__PARTITIONS", "4")], more].concat();
    let stand = Stand::new(Broker::shared(), name, SOON, &more).with_topics();
    // A broker under load knows of new topics a moment after they are made.
    wait_until("the topics to be there", || {
        stand.setting.command(&["topics", "check"]).output().expect("the program runs").status.success()
    });
    Trial(stand)
}

impl Trial {
    /// Sends with a record time this long ago.
    fn send_aged(&self, record: &FeedRecord, age: Duration) {
        let producer = producer(&self.setting.bootstrap);
        let topic = format!("{}{}", self.setting.prefix, record.topic);
        let then = chrono::Utc::now().timestamp_millis() - age.as_millis() as i64;
        let mut outgoing: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&topic).timestamp(then);
        outgoing.key = record.key.as_deref();
        outgoing.payload = record.value.as_deref();
        producer.send(outgoing).map_err(|(error, _)| error).expect("room");
        producer.flush(SOON).expect("delivered");
    }

    fn committed(&self) {
        self.wait_for_group("match", &["calls", "transfers"]);
    }

    /// The values of a topic once it holds this many records.
    fn values(&self, topic: &str, count: usize) -> Vec<Value> {
        let value = |r: &Record| serde_json::from_slice(r.value.as_deref().unwrap_or(b"null")).expect("JSON");
        self.wait_for(topic, count).iter().map(value).collect()
    }

    /// Event ids by subject of all matches, once there are matches of this many events and subjects; each must be
    /// retroactive or not, as said.
    fn matches(&self, count: usize, retroactive: bool) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        wait_until("matches", || {
            for value in self.values("case-inputs", 0) {
                assert_eq!(value["retroactive"], json!(retroactive), "{value}");
                found.insert((text(&value["subject_id"]), text(&value["event"]["id"])));
            }
            found.len() >= count
        });
        found
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn pairs(expected: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    expected.iter().map(|(subject, event)| ((*subject).to_owned(), (*event).to_owned())).collect()
}

fn wait_until(what: &str, holds: impl FnMut() -> bool) {
    stand::wait_until(SOON, what, holds);
}

/// Waits until the program has decided about so many events that nobody was found for.
fn unmatched(instance: &Instance, count: usize) {
    wait_until("events to end unmatched", || {
        instance.metric("golden_bell_events_total", "outcome=\"unmatched\"") == count as f64
    });
}

fn record(topic: &'static str, key: &str, value: Value) -> FeedRecord {
    stand::record(topic, key, Some(&value.to_string()))
}

fn registrant(id: &str, phones: &[&str], more: Value) -> FeedRecord {
    let mut value = json!({
        "registrant_id": id, "name": "张三", "phones": phones, "area": "kfq/huangchengli", "language": "zh-cmn",
        "registered_at": "2021-06-01T09:00:00+08:00", "consented_at": "2021-06-01T09:00:00+08:00",
    });
    for (name, field) in more.as_object().expect("an object") {
        value[name] = field.clone();
    }
    record("registrants", id, value)
}

fn event(topic: &'static str, kind: &str, id: &str, key: &str, data: Value) -> FeedRecord {
    let value = json!({
        "specversion": "1.0", "id": id, "source": "urn:test", "type": format!("golden-bell.{kind}.v1"),
        "time": chrono::Utc::now().to_rfc3339(), "data": data,
    });
    record(topic, key, value)
}

fn call(id: &str, callee: &str) -> FeedRecord {
    call_keyed(id, callee, callee)
}

/// A call in the partition of `key`.
fn call_keyed(id: &str, callee: &str, key: &str) -> FeedRecord {
    let data = json!({"call_id": id, "phase": "ongoing", "caller": "+96890000000", "callee": callee,
        "suspicion": {"confidence": 0.9}});
    event("calls", "call", id, key, data)
}

fn transfer(id: &str, payer: Value, payee: &str) -> FeedRecord {
    let data = json!({"transfer_id": id, "state": "accepted", "payer": payer, "payee": {"account": payee},
        "amount_minor": 1_000_000, "currency": "CNY"});
    event("transfers", "transfer", id, id, data)
}

#[test]
fn whoever_registers_while_the_fraudster_is_on_the_line_is_warned() {
    broker_or_skip!("that a registration finds what ended unmatched before it");
    let trial = trial("line", &[]);
    let instance = trial.started("alone");
    trial.send(&[call("c1", "13805790001"), call("c2", "13805790002")]);
    unmatched(&instance, 2);
    wait_until("both to be held", || instance.metric("golden_bell_lookback_events", "") == 2.0);

    trial.send(&[registrant("r-1", &["138 0579 0001"], json!({}))]);
    let [warning] = &trial.values("warnings", 1)[..] else { panic!("one warning") };
    assert_eq!(warning["retroactive"], json!(true));
    // The call is under half an hour old: the person is told as of any other.
    assert_eq!(warning["messages"]["resident"]["language"], json!("zh-cmn"));
    assert_eq!(warning["subject"]["subject_id"], json!("r-1"));
    assert_eq!(warning["evidence"][0]["id"], json!("c1"));
    let rules: Vec<&Value> = warning["reasons"].as_array().expect("reasons").iter().map(|r| &r["rule"]).collect();
    assert!(rules.contains(&&json!("live_call")), "{rules:?}");
    assert_eq!(trial.matches(1, true), pairs(&[("r-1", "c1")]));

    // It is held no longer: whoever registers with the same phone later is told of what comes from now on.
    wait_until("the event to be let go", || {
        trial.send(&[record("transfers", "x", json!({}))]);
        instance.metric("golden_bell_lookback_events", "") == 1.0
    });
    trial.send(&[registrant("r-2", &["13805790001"], json!({})), registrant("r-3", &["13805790002"], json!({}))]);
    assert_eq!(trial.matches(2, true), pairs(&[("r-1", "c1"), ("r-3", "c2")]));
    assert_eq!(instance.metric("golden_bell_retroactive_matches_total", ""), 2.0);
    assert_eq!(
        instance.metric("golden_bell_events_total", "outcome=\"unmatched\""),
        2.0,
        "counted once, as they ended"
    );
    assert_eq!(instance.metric("golden_bell_events_total", "outcome=\"matched\""), 0.0);
    let log = instance.log().to_owned();
    let status = instance.terminate(Duration::from_secs(15));
    assert!(status.success(), "{status}:\n{}", std::fs::read_to_string(log).unwrap_or_default());
}

#[test]
fn a_phone_an_account_and_a_member_that_are_added_find_events_too() {
    broker_or_skip!("that an update of a registrant counts as well as a new one");
    let trial = trial("added", &[("MATCHING__ALLOW__PAYEE_ACCOUNTS", "6200000000000099")]);
    trial.send(&[registrant("r-1", &["13805790001"], json!({}))]);
    let instance = trial.started("alone");
    let area = json!({"call_id": "c9", "phase": "ongoing", "caller": "+96890000000", "callee": "13805790002",
        "victim_area": "kfq/huangchengli"});
    trial.send(&[
        call("c2", "13805790002"),
        call("c3", "13805790003"),
        transfer("t4", json!({"account": "6200000000000004"}), "6217000000000000004"),
        transfer("t5", json!({"account": "6200000000000004", "phone": "13805790003"}), "6217000000000000004"),
        transfer("t6", json!({"account": "6200000000000004"}), "6200000000000099"),
        call("c7", "13805790007"),
        event("calls", "call", "c9", "c9", area),
    ]);
    unmatched(&instance, 5);
    wait_until("the others to end as they do", || instance.metric("golden_bell_events_total", "") == 7.0);
    let precise = trial.values("case-inputs", 1);
    assert_eq!((precise.len(), &precise[0]["programme"]), (1, &json!("precise")));

    let member = json!({"member_id": "m1", "name": "李四", "relation": "mother", "phones": ["13805790003"]});
    let more = json!({"accounts": ["6200 0000 0000 0004"], "household": [member]});
    trial.send(&[registrant("r-1", &["13805790001", "13805790002"], more)]);
    let expected = pairs(&[("r-1", "c2"), ("r-1/m1", "c3"), ("r-1", "t4"), ("r-1", "t5"), ("r-1/m1", "t5")]);
    let mut found = BTreeSet::new();
    wait_until("the matches", || {
        let retroactive = trial.values("case-inputs", 1);
        let retroactive = retroactive.iter().filter(|value| value["retroactive"] == json!(true));
        found = retroactive.map(|v| (text(&v["subject_id"]), text(&v["event"]["id"]))).collect();
        found.len() >= expected.len()
    });
    // Neither what was allowed nor what was matched by its area.
    assert_eq!(found, expected);
}

#[test]
fn what_was_unmatched_before_a_restart_is_matched_after_it_and_once() {
    broker_or_skip!("that the window is read again after kill -9");
    let trial = trial("restart", &[]);
    trial.send(&[registrant("r-0", &["13805790000"], json!({}))]);
    let first = trial.started("alone");
    trial.send(&[
        call_keyed("c0", "13805790000", "k"),
        call_keyed("c1", "13805790001", "k"),
        call("c2", "13805790002"),
    ]);
    unmatched(&first, 2);
    trial.committed();
    first.kill();

    // One registers while nobody is there to read it, and another while the window is there again.
    trial.send(&[registrant("r-1", &["13805790001"], json!({}))]);
    let second = trial.started("alone");
    wait_until("the match of what was read again", || trial.values("case-inputs", 0).len() == 2);
    wait_until("the other to be held again", || {
        trial.send(&[record("transfers", "x", json!({}))]);
        second.metric("golden_bell_lookback_events", "") == 1.0
    });
    trial.send(&[registrant("r-2", &["13805790002"], json!({}))]);
    let found: Vec<(String, Value)> =
        trial.values("case-inputs", 3).iter().map(|v| (text(&v["event"]["id"]), v["retroactive"].clone())).collect();
    let mut sorted = found.clone();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [("c0", false), ("c1", true), ("c2", true)].map(|(id, r)| (id.to_owned(), json!(r)));
    assert_eq!(sorted, expected, "what was matched live is not matched again");
    assert_eq!(
        second.metric("golden_bell_events_total", "feed=\"call\""),
        0.0,
        "what is read again is not counted again"
    );
    assert_eq!(second.metric("golden_bell_retroactive_matches_total", ""), 2.0);

    // Once offsets are committed after that, the next start has nothing left to do.
    trial.send(&[call_keyed("c3", "13805790003", "k"), call_keyed("c4", "13805790004", "13805790002")]);
    unmatched(&second, 2);
    trial.committed();
    second.kill();
    let third = trial.started("alone");
    wait_until("all to be held again", || {
        trial.send(&[record("transfers", "x", json!({}))]);
        third.metric("golden_bell_lookback_events", "") == 2.0
    });
    assert_eq!(trial.values("case-inputs", 3).len(), 3);
    assert_eq!(third.metric("golden_bell_retroactive_matches_total", ""), 0.0);
    assert_eq!(trial.values("warnings", 3).len(), 3);
}

#[test]
fn a_window_goes_with_its_partition_to_another_instance() {
    broker_or_skip!("that a rebalance loses no held event");
    let trial = trial("moved", &[]);
    let a = trial.started("a");
    let phones: Vec<String> = (0..24).map(|n| format!("138057900{n:02}")).collect();
    let calls: Vec<FeedRecord> = phones.iter().enumerate().map(|(n, phone)| call(&format!("c{n}"), phone)).collect();
    trial.send(&calls);
    unmatched(&a, 24);
    trial.committed();
    let held = |instance: &Instance| {
        trial.send(&[record("transfers", "x", json!({}))]);
        instance.metric("golden_bell_lookback_events", "")
    };
    let b = trial.started("b");
    wait_until("both to hold their share", || {
        let (by_a, by_b) = (held(&a), held(&b));
        by_a + by_b == 24.0 && by_a > 0.0 && by_b > 0.0
    });
    let register = |n: usize| registrant(&format!("r-{n}"), &[&phones[n]], json!({}));
    trial.send(&(0..8).map(register).collect::<Vec<_>>());
    trial.matches(8, true);
    a.kill();
    // While nobody holds half of the partitions, and after b was given them.
    trial.send(&(8..16).map(register).collect::<Vec<_>>());
    trial.matches(16, true);
    wait_until("b to hold the rest", || held(&b) == 8.0);
    trial.send(&(16..24).map(register).collect::<Vec<_>>());
    let expected: Vec<(String, String)> = (0..24).map(|n| (format!("r-{n}"), format!("c{n}"))).collect();
    assert_eq!(trial.matches(24, true), expected.into_iter().collect());
    let warnings = trial.values("warnings", 24);
    assert!(warnings.iter().all(|warning| warning["retroactive"] == json!(true)));
    let subjects: BTreeSet<String> = warnings.iter().map(|w| text(&w["subject"]["subject_id"])).collect();
    assert_eq!((warnings.len(), subjects.len()), (24, 24), "matches made twice are recognised");
}

#[test]
fn what_is_older_than_the_window_is_not_matched() {
    broker_or_skip!("that matching.lookback counts from the record time of the feed");
    let trial = trial("older", &[("MATCHING__LOOKBACK", "10m")]);
    let first = trial.started("alone");
    trial.send_aged(&call_keyed("old", "13805790001", "k"), Duration::from_secs(601));
    trial.send_aged(&call_keyed("young", "13805790001", "k"), Duration::from_secs(540));
    unmatched(&first, 2);
    trial.committed();
    trial.send(&[registrant("r-1", &["13805790001"], json!({}))]);
    assert_eq!(trial.matches(1, true), pairs(&[("r-1", "young")]));

    trial.send_aged(&call_keyed("old2", "13805790002", "k"), Duration::from_secs(601));
    trial.send_aged(&call_keyed("young2", "13805790002", "k"), Duration::from_secs(540));
    unmatched(&first, 4);
    trial.committed();
    first.kill();
    trial.send(&[registrant("r-2", &["13805790002"], json!({}))]);
    let _second = trial.started("alone");
    assert_eq!(trial.matches(2, true), pairs(&[("r-1", "young"), ("r-2", "young2")]));
}

#[test]
fn the_oldest_are_dropped_and_counted_also_after_a_restart() {
    broker_or_skip!("that matching.lookback_max_events bounds what is held");
    let trial = trial("bound", &[("MATCHING__LOOKBACK_MAX_EVENTS", "3")]);
    let first = trial.started("alone");
    let phones: Vec<String> = (0..5).map(|n| format!("1380579000{n}")).collect();
    for (n, phone) in phones.iter().enumerate() {
        // One after the other over several partitions: what counts is the record time.
        trial.send(&[call(&format!("c{n}"), phone)]);
        unmatched(&first, n + 1);
    }
    wait_until("two to be dropped", || first.metric("golden_bell_lookback_dropped_total", "") == 2.0);
    assert_eq!(first.metric("golden_bell_lookback_events", ""), 3.0);
    trial.committed();
    first.kill();
    let second = trial.started("alone");
    wait_until("three to be held again", || {
        trial.send(&[record("transfers", "x", json!({}))]);
        second.metric("golden_bell_lookback_events", "") == 3.0
    });
    let register = |n: usize| registrant(&format!("r-{n}"), &[&phones[n]], json!({}));
    trial.send(&(0..5).map(register).collect::<Vec<_>>());
    assert_eq!(trial.matches(3, true), pairs(&[("r-2", "c2"), ("r-3", "c3"), ("r-4", "c4")]));
    assert_eq!(second.metric("golden_bell_lookback_dropped_total", ""), 0.0, "counted by the first");
}

#[test]
fn nothing_is_held_where_the_look_back_is_off() {
    broker_or_skip!("that matching.lookback = \"0s\" turns the retroactive match off");
    let trial = trial("off", &[("MATCHING__LOOKBACK", "0s")]);
    let instance = trial.started("alone");
    trial.send(&[call("c1", "13805790001")]);
    unmatched(&instance, 1);
    trial.send(&[registrant("r-1", &["13805790001"], json!({}))]);
    wait_until("the index to follow", || instance.metric("golden_bell_index_registrants", "") == 1.0);
    trial.send(&[call("c2", "13805790001")]);
    assert_eq!(trial.matches(1, false), pairs(&[("r-1", "c2")]));
    assert_eq!(instance.metric("golden_bell_lookback_events", ""), 0.0);
}

#[test]
fn no_match_is_lost_or_told_twice_while_the_program_is_killed() {
    broker_or_skip!("that events and registrations find each other through kill -9, whichever came first");
    let seed: u64 =
        std::env::var("GOLDEN_BELL_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(rand::random);
    println!("seed {seed} (GOLDEN_BELL_TEST_SEED={seed} repeats it)");
    let mut chance = StdRng::seed_from_u64(seed);
    let trial = trial("killed", &[("WORKERS__MATCH", "2")]);
    let mut instances = vec![trial.started("a"), trial.started("b")];
    const ROUNDS: usize = 4;
    const EACH: usize = 30;
    for round in 0..ROUNDS {
        let people = (round * EACH)..((round + 1) * EACH);
        let phone = |n: usize| format!("138057{n:05}");
        let mut records: Vec<FeedRecord> = people
            .flat_map(|n| [call(&format!("c{n}"), &phone(n)), registrant(&format!("r-{n}"), &[&phone(n)], json!({}))])
            .collect();
        for at in (1..records.len()).rev() {
            records.swap(at, chance.random_range(0..=at));
        }
        let kill_after = chance.random_range(1..records.len());
        trial.send(&records[..kill_after]);
        let which = chance.random_range(0..2);
        std::thread::sleep(Duration::from_millis(chance.random_range(0..300)));
        instances.remove(which).kill();
        trial.send(&records[kill_after..]);
        instances.insert(which, trial.setting.start(["a", "b"][which]));
        instances[which].wait_ready(READY);
    }
    let expected: BTreeSet<(String, String)> =
        (0..ROUNDS * EACH).map(|n| (format!("r-{n}"), format!("c{n}"))).collect();
    let mut found = BTreeSet::new();
    wait_until("every event to find its person", || {
        let values = trial.values("case-inputs", 0);
        found = values.iter().map(|v| (text(&v["subject_id"]), text(&v["event"]["id"]))).collect();
        found.len() >= expected.len()
    });
    assert_eq!(found, expected);
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for warning in trial.values("warnings", expected.len()) {
        *told.entry(text(&warning["subject"]["subject_id"])).or_default() += 1;
    }
    assert!(told.len() == expected.len() && told.values().all(|count| *count == 1), "{told:?}");
}
