//! `export` and `forget` on a real broker: a person who asked to be forgotten is gone at once and for good, until they
//! consent again, and no warning id is given out twice for it.

mod support;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use support::broker::{Broker, broker_or_skip};
use support::instance::Instance;
use support::model::{FeedRecord, Record};
use support::stand::{self, Stand, record};

const SOON: Duration = Duration::from_secs(30);

struct Trial(Stand);

impl Deref for Trial {
    type Target = Stand;

    fn deref(&self) -> &Stand {
        &self.0
    }
}

fn trial(name: &str) -> Trial {
    // Who consents again is registered anew, and would be matched with what came in between.
    Trial(Stand::new(Broker::shared(), name, SOON, &[("MATCHING__LOOKBACK", "0s")]).with_topics())
}

impl Trial {
    fn command(&self, arguments: &[&str]) -> Output {
        self.setting.command(arguments).output().expect("the program runs")
    }

    /// Runs a command that must succeed; what it writes to the standard output.
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs a command that must fail with this code; the last line it writes to the standard error.
    fn refused(&self, arguments: &[&str], code: i32) -> String {
        let output = self.command(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        said.lines().last().unwrap_or_default().to_owned()
    }

    fn export(&self, subject: &str) -> Value {
        serde_json::from_str(&self.done(&["export", subject])).expect("JSON")
    }

    /// Whose warnings there are, in the order of their ids; none may be there twice.
    fn told(&self) -> Vec<String> {
        let warnings = self.read("warnings");
        let ids: BTreeSet<_> = warnings.iter().map(|warning| warning.header_text("ce_id")).collect();
        assert_eq!(ids.len(), warnings.len(), "a warning id was given out twice");
        let mut told: Vec<String> = warnings.iter().map(Record::key_text).collect();
        told.sort();
        told
    }

    /// The newest value of a key in a compacted topic; `None` for an empty one.
    fn newest(&self, topic: &str, key: &str) -> Option<Value> {
        let records = self.read(topic);
        let newest = records.iter().rfind(|record| record.key_text() == key).expect("a record of this key");
        newest.value.as_ref().map(|value| serde_json::from_slice(value).expect("JSON"))
    }
}

fn wait_until(what: &str, holds: impl FnMut() -> bool) {
    stand::wait_until(SOON, what, holds);
}

fn wait_for_metric(instance: &Instance, name: &str, labels: &str, value: f64) {
    wait_until(&format!("{name} {labels} to be {value}"), || instance.metric(name, labels) == value);
}

fn wait_for_registrants(instance: &Instance, count: usize) {
    wait_for_metric(instance, "golden_bell_index_registrants", "", count as f64);
}

/// So many transfers came to nobody.
fn wait_for_unmatched(instance: &Instance, count: usize) {
    wait_for_metric(instance, "golden_bell_events_total", "feed=\"transfer\",outcome=\"unmatched\"", count as f64);
}

/// A registrant with a phone, and a member `m1` with another.
fn family(id: &str, phone: &str, member_phone: &str) -> Value {
    json!({"registrant_id": id, "name": "张三", "phones": [phone], "area": "kfq/huangchengli",
        "registered_at": "2021-06-01T09:00:00+08:00",
        "household": [{"member_id": "m1", "name": "李四", "phones": [member_phone]}]})
}

fn registered(value: &Value) -> FeedRecord {
    record("registrants", value["registrant_id"].as_str().expect("an id"), Some(&value.to_string()))
}

fn transfer_in(id: &str, phone: &str, area: Value) -> FeedRecord {
    let now = chrono::Utc::now().to_rfc3339();
    let value = json!({"specversion": "1.0", "id": id, "source": "urn:bank", "type": "golden-bell.transfer.v1",
        "time": now, "data": {"transfer_id": id, "state": "accepted", "payer": {"phone": phone},
        "payee": {"account": "x"}, "amount_minor": 1000, "currency": "CNY", "victim_area": area}});
    record("transfers", phone, Some(&value.to_string()))
}

fn transfer(id: &str, phone: &str) -> FeedRecord {
    transfer_in(id, phone, Value::Null)
}

/// An Erasure alone, as a crash of another tool could leave it.
fn erasure(subject_id: &str, at: &str) -> FeedRecord {
    let registrant_id = subject_id.split('/').next();
    let value = json!({"registrant_id": registrant_id, "subject_id": subject_id, "at": at, "hashes": []});
    record("erasures", subject_id, Some(&value.to_string()))
}

#[test]
fn who_is_forgotten_is_gone_at_once_and_stays_so_until_they_consent_again() {
    broker_or_skip!("that a forgotten person does not come back by a replay, and does by a later consent");
    let trial = trial("forget");
    let one = family("r-1", "13805790001", "13805790011");
    let two = family("r-2", "13805790002", "13805790012");
    trial.send(&[registered(&one), registered(&two)]);
    let instance = trial.started("alone");
    let opening = transfer("t1", "13805790001");
    trial.send(&[opening.clone(), transfer("t2", "13805790011"), transfer("t3", "13805790002")]);
    trial.wait_for("warnings", 3);

    let export = trial.export("r-1");
    assert_eq!(export["registrant"], one);
    let cases = export["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 2, "of the registrant and of the member");
    assert!(cases.iter().all(|case| case["evidence"].as_array().is_some_and(|evidence| evidence.len() == 1)));
    assert_eq!(export["warnings"].as_array().map(Vec::len), Some(2));
    assert_eq!(export["case_inputs"].as_array().map(Vec::len), Some(2));
    assert_eq!(export["forgotten_until"], Value::Null);

    let said = trial.done(&["forget", "r-1"]);
    assert!(said.contains("r-1 is forgotten; 2 cases"), "{said}");
    wait_for_registrants(&instance, 1);
    wait_for_metric(&instance, "golden_bell_cases_erased_total", "", 2.0);
    trial.send(&[transfer("t4", "13805790001"), transfer("t5", "13805790011"), transfer("t6", "13805790002")]);
    wait_for_unmatched(&instance, 2);
    trial.wait_for("warnings", 4);
    assert_eq!(trial.told(), ["r-1", "r-1/m1", "r-2", "r-2"]);

    // What was written, and what is held still.
    assert_eq!(trial.newest("registrants", "r-1"), None);
    let erasure = trial.newest("erasures", "r-1").expect("an Erasure");
    assert_eq!((&erasure["registrant_id"], &erasure["subject_id"]), (&json!("r-1"), &json!("r-1")));
    assert_eq!(erasure["hashes"].as_array().map(Vec::len), Some(2));
    let inputs = trial.read("case-inputs");
    let mut erased: Vec<String> = (inputs.iter())
        .filter(|input| input.header_text("ce_type") == Some("golden-bell.erasure.v1"))
        .map(Record::key_text)
        .collect();
    erased.sort();
    assert_eq!(erased, ["r-1", "r-1/m1"]);
    let export = trial.export("r-1");
    assert_eq!((&export["registrant"], &export["cases"]), (&Value::Null, &json!([])));
    assert_eq!(export["forgotten_until"], erasure["at"]);
    assert_eq!(export["warnings"].as_array().map(Vec::len), Some(2), "these leave with the retention of their topic");
    let cases = trial.read("cases");
    for case in cases.iter().filter_map(|case| trial.newest("cases", &case.key_text())) {
        let text = case.to_string();
        let personal = ["1380579", "张三", "李四"].iter().any(|personal| text.contains(personal));
        assert_eq!(personal, case["subject_id"] == "r-2", "{}", case["case_id"]);
    }

    // A replayed topic brings nobody back, neither now nor after a restart.
    trial.send(&[registered(&one)]);
    wait_for_metric(&instance, "golden_bell_registrants_ignored_total", "", 1.0);
    trial.send(&[transfer("t7", "13805790001")]);
    wait_for_unmatched(&instance, 3);
    assert!(instance.terminate(Duration::from_secs(15)).success());
    let instance = trial.started("alone");
    assert_eq!(instance.metric("golden_bell_index_registrants", ""), 1.0);
    assert_eq!(instance.metric("golden_bell_erasures", ""), 1.0);
    trial.send(&[transfer("t8", "13805790001")]);
    wait_for_unmatched(&instance, 1);
    assert_eq!(trial.told().len(), 4);

    // A later consent does; what opened the case that is gone opens nothing, and what is new is told.
    let mut again = one.clone();
    again["consented_at"] = json!(chrono::Utc::now().to_rfc3339());
    trial.send(&[registered(&again)]);
    wait_for_registrants(&instance, 2);
    trial.send(&[opening]);
    wait_for_metric(&instance, "golden_bell_duplicates_total", "stage=\"cases\"", 1.0);
    trial.send(&[transfer("t9", "13805790001")]);
    trial.wait_for("warnings", 5);
    assert_eq!(trial.told(), ["r-1", "r-1", "r-1/m1", "r-2", "r-2"]);
    // The old record, once more, does not take the place of the new one.
    trial.send(&[registered(&one), transfer("t10", "13805790001")]);
    trial.wait_for("warnings", 6);
    assert_eq!(instance.metric("golden_bell_index_registrants", ""), 2.0);
    for personal in ["13805790001", "张三"] {
        assert!(!instance.log_text().contains(personal), "personal data in the log");
    }
}

#[test]
fn of_whom_nothing_is_held_that_is_said() {
    broker_or_skip!("what export and forget say of somebody unknown or forgotten");
    let trial = trial("nothing");
    for command in ["export", "forget"] {
        let said = trial.refused(&[command, "r-1"], 1);
        assert!(said.contains("nothing is held of r-1"), "{said}");
        trial.refused(&[command, "r-1/"], 2);
        trial.refused(&[command], 2);
    }
    // Nothing has to run for somebody to be forgotten.
    trial.send(&[registered(&family("r-1", "13805790001", "13805790011"))]);
    assert_eq!(trial.export("r-1/m1")["registrant"]["household"][0]["name"], "李四");
    trial.done(&["forget", "r-1"]);
    for (command, subject) in [("export", "r-1"), ("forget", "r-1"), ("export", "r-1/m1"), ("forget", "r-1/m1")] {
        let said = trial.refused(&[command, subject], 1);
        assert!(said.contains(&format!("nothing is held of {subject}, forgotten at 20")), "{said}");
    }
    let instance = trial.started("alone");
    assert_eq!(instance.metric("golden_bell_index_registrants", ""), 0.0);
}

#[test]
fn a_member_is_forgotten_without_the_registrant() {
    broker_or_skip!("that forgetting a member leaves the registrant, and that a replay does not bring the member back");
    let trial = trial("member");
    let one = family("r-1", "13805790001", "13805790011");
    trial.send(&[registered(&one)]);
    let instance = trial.started("alone");
    trial.send(&[transfer("t1", "13805790001"), transfer("t2", "13805790011")]);
    trial.wait_for("warnings", 2);
    let said = trial.done(&["forget", "r-1/m1"]);
    assert!(said.contains("r-1/m1 is forgotten; 1 case "), "{said}");
    wait_for_metric(&instance, "golden_bell_index_identifiers", "", 1.0);
    wait_for_metric(&instance, "golden_bell_cases_erased_total", "", 1.0);
    let mut without = one.clone();
    without["household"] = json!([]);
    assert_eq!(trial.newest("registrants", "r-1"), Some(without));
    assert_eq!(trial.export("r-1")["cases"].as_array().map(Vec::len), Some(1));

    trial.send(&[registered(&one)]);
    trial.send(&[transfer("t3", "13805790011"), transfer("t4", "13805790001")]);
    wait_for_unmatched(&instance, 1);
    trial.wait_for("warnings", 3);
    assert_eq!(trial.told(), ["r-1", "r-1", "r-1/m1"]);
    assert!(instance.terminate(Duration::from_secs(15)).success());
    let instance = trial.started("alone");
    assert_eq!(instance.metric("golden_bell_index_identifiers", ""), 1.0);
    // Entered again with a consent of their own.
    let mut again = one;
    again["household"][0]["consented_at"] = json!(chrono::Utc::now().to_rfc3339());
    trial.send(&[registered(&again)]);
    wait_for_metric(&instance, "golden_bell_index_identifiers", "", 2.0);
}

#[test]
fn the_opening_event_of_an_erased_case_sent_again_gives_no_warning_id_twice() {
    broker_or_skip!("that an erasure and a re-sent event do not repeat warning ids, also over a restart");
    let trial = trial("again");
    let instance = trial.started("alone");
    let opening = transfer_in("t1", "13805790001", json!("kfq/huangchengli"));
    trial.send(std::slice::from_ref(&opening));
    let warnings = trial.wait_for("warnings", 1);
    let subject = warnings[0].key_text();
    assert!(subject.starts_with("p-"), "{subject}");
    assert_eq!(trial.export(&subject)["cases"].as_array().map(Vec::len), Some(1));

    trial.done(&["forget", &subject]);
    wait_for_metric(&instance, "golden_bell_cases_erased_total", "", 1.0);
    assert_eq!(trial.export(&subject)["cases"], json!([]));
    trial.send(std::slice::from_ref(&opening));
    wait_for_metric(&instance, "golden_bell_duplicates_total", "stage=\"cases\"", 1.0);
    instance.kill();
    let instance = trial.started("alone");
    // The new event comes behind the old one, in the same partition.
    trial.send(&[opening, transfer_in("t2", "13805790001", json!("kfq/huangchengli"))]);
    trial.wait_for("warnings", 2);
    assert_eq!(trial.told(), [subject.as_str(), &subject]);
    assert_eq!(trial.export(&subject)["cases"].as_array().map(Vec::len), Some(1), "only the new one");
    assert!(instance.metric("golden_bell_duplicates_total", "stage=\"cases\"") >= 1.0);
    assert!(trial.refused(&["forget", "p-00000000000000000000000000000000"], 1).contains("nothing is held"));
}

#[test]
fn an_erasure_alone_is_enough_whenever_it_comes() {
    broker_or_skip!("that erasures are read before the index is filled and take effect at once, bad records included");
    let trial = trial("alone");
    let old = |id: &str, phone: &str| registered(&family(id, phone, "13805790011"));
    let bad =
        |id: &str, more: &str| record("registrants", id, Some(&format!("{{\"name\":\"x\",\"phones\":[\"x\"]{more}}}")));
    let times = ",\"area\":\"kfq\",\"registered_at\":\"2021-06-01T09:00:00+08:00\"";
    trial.send(&[old("r-1", "13805790001"), old("r-2", "13805790002"), bad("r-1", times)]);
    trial.send(&[erasure("r-1", "2021-06-01T01:00:00Z"), record("erasures", "r-2", Some("nonsense"))]);
    let instance = trial.started("alone");
    assert_eq!(instance.metric("golden_bell_index_registrants", ""), 1.0);
    assert_eq!(instance.metric("golden_bell_registrants_ignored_total", ""), 1.0);
    assert_eq!(instance.metric("golden_bell_erasures_unreadable_total", ""), 1.0);

    trial.send(&[old("r-3", "13805790003"), old("r-4", "13805790004")]);
    wait_for_registrants(&instance, 3);
    trial.send(&[erasure("r-2", "2021-07-01T00:00:00Z"), erasure("r-3", "2021-05-31T00:00:00Z")]);
    wait_for_metric(&instance, "golden_bell_erasures", "", 3.0);
    wait_for_registrants(&instance, 2);
    trial.send(&[transfer("t1", "13805790002"), transfer("t2", "13805790003"), transfer("t3", "13805790004")]);
    wait_for_unmatched(&instance, 1);
    trial.wait_for("warnings", 2);
    assert_eq!(trial.told(), ["r-3", "r-4"]);

    // A bad record of somebody forgotten is not kept among the dead letters; one that does not say when it was given,
    // or of anybody else, is.
    trial.send(&[bad("r-2", times), bad("r-4", times), bad("r-2", "")]);
    let letters = trial.wait_for("dead-letters", 2);
    let mut keys: Vec<String> = letters.iter().map(Record::key_text).collect();
    keys.sort();
    assert_eq!(keys, ["r-2", "r-4"]);
    assert_eq!(instance.metric("golden_bell_dead_letters_total", "registrants"), 2.0);
    // An Erasure that is taken back.
    trial.send(&[record("erasures", "r-2", None)]);
    wait_for_metric(&instance, "golden_bell_erasures", "", 2.0);
    trial.send(&[old("r-2", "13805790002")]);
    wait_for_registrants(&instance, 3);
}

#[test]
fn forget_needs_the_token_key() {
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_golden-bell"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("the program runs")
    };
    let output = run(&["forget", "r-1"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("privacy.token_key"), "{said}");
    assert_eq!(run(&["export", "r-1", "--config", "no-such-file.toml"]).status.code(), Some(64));
}
