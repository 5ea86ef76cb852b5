//! The program as a process on a real broker: how it starts, refuses to start, keeps its index, takes new rules, and
//! ends.

mod support;

use std::process::Command;
use std::time::Duration;

use support::broker::{Broker, broker_or_skip};
use support::instance::READY;
use support::model::{FeedRecord, Record};
use support::stand::{self, Stand, record};

const SOON: Duration = Duration::from_secs(30);

fn trial(broker: &Broker, name: &str) -> Stand {
    Stand::new(broker, name, SOON, &[])
}

fn wait_until(what: &str, holds: impl FnMut() -> bool) {
    stand::wait_until(SOON, what, holds);
}

fn registrant(id: &str, phone: &str) -> FeedRecord {
    let value = format!(
        r#"{{"registrant_id":"{id}","name":"张三","phones":["{phone}"],"area":"kfq/huangchengli","registered_at":"2021-06-01T09:00:00+08:00"}}"#
    );
    record("registrants", id, Some(&value))
}

fn transfer(id: &str, phone: &str) -> FeedRecord {
    let now = chrono::Utc::now().to_rfc3339();
    let value = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"urn:bank","type":"golden-bell.transfer.v1","time":"{now}","data":{{"transfer_id":"{id}","state":"accepted","payer":{{"phone":"{phone}"}},"payee":{{"account":"x"}},"amount_minor":1000,"currency":"CNY"}}}}"#
    );
    record("transfers", phone, Some(&value))
}

#[test]
fn topics_are_made_checked_and_named_where_they_are_missing() {
    broker_or_skip!("that a start without topics says which are missing and what makes them");
    let trial = trial(Broker::shared(), "topics");
    let mut instance = trial.setting.start("alone");
    let status = instance.wait_for_end(READY);
    assert_eq!(status.code(), Some(1), "{}", instance.log_text());
    let log = instance.log_text();
    let last = log.lines().last().unwrap_or_default();
    for topic in ["registrants", "calls", "transfers", "case-inputs", "cases", "warnings", "dead-letters"] {
        assert!(last.contains(&format!("topic {}{topic} is missing", trial.setting.prefix)), "{last}");
    }
    assert!(last.contains("golden-bell topics create"), "{last}");
    let told = format!("topic {}notifications is missing", trial.setting.prefix);
    assert_eq!(last.matches(&told).count(), 1, "{last}");

    let check = |trial: &Stand| trial.setting.command(&["topics", "check"]).output().expect("the program runs");
    let missing = check(&trial);
    assert_eq!(missing.status.code(), Some(1));
    let named = String::from_utf8_lossy(&missing.stdout).into_owned();
    assert_eq!(named.matches(" is missing; `golden-bell topics create` makes it").count(), 14, "{named}");
    trial.setting.create_topics();
    let checked = check(&trial);
    assert!(
        checked.status.success(),
        "{}{}",
        String::from_utf8_lossy(&checked.stdout),
        String::from_utf8_lossy(&checked.stderr)
    );
    // Making them again changes nothing and is no failure.
    trial.setting.create_topics();
}

#[test]
fn unequal_partitions_of_inputs_and_cases_are_refused() {
    broker_or_skip!("that cases are never looked for in the wrong partition");
    let broker = Broker::shared();
    let trial = trial(broker, "uneven");
    broker.create_topic(&format!("{}cases", trial.setting.prefix), 3, &[("cleanup.policy", "compact")]);
    trial.setting.create_topics();
    let mut instance = trial.setting.start("alone");
    assert_eq!(instance.wait_for_end(READY).code(), Some(1));
    let log = instance.log_text();
    assert!(log.contains("must have equally many"), "{log}");
}

#[test]
fn a_broker_that_is_away_is_waited_for_and_said_so() {
    broker_or_skip!("that the order of starting does not matter");
    let broker = Broker::start();
    let trial = trial(&broker, "away").with_topics();
    broker.stop();
    let mut instance = trial.setting.start("alone");
    wait_until(
        "the readiness to name the broker",
        || matches!(instance.get("/-/ready"), Ok((503, body)) if body.contains("no broker answers at")),
    );
    assert!(matches!(instance.get("/-/healthy"), Ok((200, _))));
    broker.restart();
    instance.wait_ready(READY);
    assert!(instance.terminate(Duration::from_secs(15)).success());

    // And one that never comes does not hold up the end.
    broker.stop();
    let waiting = trial.setting.start("waiting");
    wait_until("the operations listener", || waiting.get("/-/healthy").is_ok());
    assert!(waiting.terminate(Duration::from_secs(15)).success());
}

#[test]
fn the_second_process_of_a_name_says_so_and_ends() {
    broker_or_skip!("that two processes never share a name");
    let trial = trial(Broker::shared(), "name").with_topics();
    let mut first = trial.started("the-name");
    let mut second = trial.setting.start("the-name");
    assert_eq!(second.wait_for_end(READY).code(), Some(1));
    let log = second.log_text();
    assert!(log.contains("the-name is in use by a process that is alive"), "{log}");
    first.wait_ready(SOON);
    assert!(first.terminate(Duration::from_secs(15)).success());
    // The name is free again.
    trial.started("the-name");
}

#[test]
fn registrants_come_change_and_go_while_events_come_in() {
    broker_or_skip!("that a withdrawal stops matching at once and a registration begins it");
    let trial = trial(Broker::shared(), "index").with_topics();
    trial.send(&[registrant("r-1", "13805790001"), registrant("r-2", "13805790002")]);
    let instance = trial.started("alone");
    assert_eq!(instance.metric("golden_bell_index_registrants", ""), 2.0);
    assert_eq!(instance.metric("golden_bell_index_ready", ""), 1.0);
    trial.send(&[transfer("t1", "13805790001")]);
    trial.wait_for("warnings", 1);

    trial.send(&[
        record("registrants", "r-1", None),
        registrant("r-2", "13805790003"),
        registrant("r-4", "13805790004"),
    ]);
    wait_until("the index to follow", || {
        instance.metric("golden_bell_index_registrants", "") == 2.0
            && instance.metric("golden_bell_index_identifiers", "") == 2.0
            && instance.metric("golden_bell_index_withdrawals_total", "") == 1.0
    });
    trial.send(&[
        transfer("t2", "13805790001"),
        transfer("t3", "13805790002"),
        transfer("t4", "13805790003"),
        transfer("t5", "13805790004"),
    ]);
    let told: Vec<String> = trial.wait_for("warnings", 3).iter().map(Record::key_text).collect();
    wait_until("all events to be read", || instance.metric("golden_bell_events_total", "transfer") == 5.0);
    let mut told = told;
    told.sort();
    assert_eq!(told, ["r-1", "r-2", "r-4"]);
    assert_eq!(instance.metric("golden_bell_events_total", "unmatched"), 2.0);
}

#[test]
fn a_bad_registrant_is_put_aside_once_whoever_reads_it() {
    broker_or_skip!("that neither a restart nor a second instance reports a bad record again");
    let trial = trial(Broker::shared(), "bad").with_topics();
    let bad = [
        record("registrants", "r-1", Some("{")),
        record("registrants", "r-2", Some(r#"{"registrant_id":"r-2"}"#)),
        record(
            "registrants",
            "r-3",
            registrant("r-3", "not a phone").value.as_deref().map(|v| std::str::from_utf8(v).expect("text")),
        ),
        record(
            "registrants",
            "r-4",
            registrant("r-5", "13805790005").value.as_deref().map(|v| std::str::from_utf8(v).expect("text")),
        ),
        registrant("r-6", "13805790006"),
    ];
    trial.send(&bad);
    let first = trial.started("first");
    let letters = trial.wait_for("dead-letters", 4);
    let mut reasons: Vec<_> =
        letters.iter().map(|l| (l.key_text(), l.header_text("dlq_reason").unwrap_or_default())).collect();
    reasons.sort();
    let want = [("r-1", "not_json"), ("r-2", "schema"), ("r-3", "identifier"), ("r-4", "schema")];
    assert_eq!(reasons, want.map(|(key, reason)| (key.to_owned(), reason)));
    trial.wait_for_group("registrants", &["registrants"]);
    assert!(first.terminate(Duration::from_secs(15)).success());

    let again = trial.started("again");
    let second = trial.started("second");
    trial.send(&[record("registrants", "r-7", Some("[]"))]);
    trial.wait_for("dead-letters", 5);
    trial.wait_for_group("registrants", &["registrants"]);
    assert_eq!(trial.read("dead-letters").len(), 5);
    assert_eq!(second.metric("golden_bell_index_registrants", ""), 1.0);
    drop(again);
}

#[test]
fn a_case_input_in_the_wrong_partition_is_moved_and_handled_once() {
    broker_or_skip!("that another client's partitioner loses nothing");
    let trial = trial(Broker::shared(), "moved").with_topics();
    trial.send(&[registrant("r-1", "13805790001")]);
    let instance = trial.started("alone");
    trial.send(&[transfer("t1", "13805790001")]);
    trial.wait_for("warnings", 1);
    let [input] = &trial.read("case-inputs")[..] else { panic!("one match") };

    // The same match of another transfer, written by hand into a partition that is not its own.
    let value = String::from_utf8(input.value.clone().expect("a value")).expect("text").replace("t1", "t2");
    let producer = support::topic_io::producer(&trial.setting.bootstrap);
    let topic = format!("{}case-inputs", trial.setting.prefix);
    let mut headers = rdkafka::message::OwnedHeaders::new();
    for (key, value) in &input.headers {
        let value = value.as_deref().unwrap_or_default();
        headers = headers.insert(rdkafka::message::Header { key, value: Some(value) });
    }
    let key = input.key.clone().expect("a key");
    let outgoing = rdkafka::producer::BaseRecord::<[u8], [u8]>::to(&topic)
        .partition((input.partition + 1) % 6)
        .key(&key)
        .payload(value.as_bytes())
        .headers(headers);
    producer.send(outgoing).map_err(|(error, _)| error).expect("room");
    rdkafka::producer::Producer::flush(&producer, SOON).expect("delivered");
    let warnings = trial.wait_for("warnings", 2);
    assert_eq!(warnings.len(), 2);
    let inputs = trial.read("case-inputs");
    assert_eq!(inputs.len(), 3, "the match, the stray one, and the stray one where it belongs");
    assert_eq!(inputs.iter().filter(|r| r.partition == input.partition).count(), 2);
    wait_until("the move to be counted", || instance.metric("golden_bell_case_inputs_moved_total", "") == 1.0);
}

#[test]
fn bad_case_inputs_are_put_aside_in_the_transaction_that_reads_them() {
    broker_or_skip!("that a poison input stops nobody");
    let trial = trial(Broker::shared(), "poison").with_topics();
    trial.send(&[registrant("r-1", "13805790001")]);
    let instance = trial.started("alone");
    let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
    let binary = |kind: &str| {
        vec![
            header("ce_specversion", "1.0"),
            header("ce_id", "f-1"),
            header("ce_source", "urn:test"),
            header("ce_type", kind),
            header("ce_time", "2021-07-15T14:03:22+08:00"),
        ]
    };
    let follow_up = r#"{"follow_up_id":"f-1","case_id":"c-0","subject_id":"r-1","officer_id":"o-1","by_role":"officer","at":"2021-07-15T14:03:22+08:00","action":"acknowledge"}"#;
    let mut records = vec![
        record("case-inputs", "r-1", Some("nonsense")),
        record("case-inputs", "r-1", None),
        FeedRecord { headers: binary("golden-bell.call.v1"), ..record("case-inputs", "r-1", Some("{}")) },
        FeedRecord { headers: binary("golden-bell.match.v1"), ..record("case-inputs", "r-1", Some("{}")) },
        FeedRecord { headers: binary("golden-bell.follow-up.v1"), ..record("case-inputs", "r-1", Some(follow_up)) },
    ];
    trial.send(&records);
    let letters = trial.wait_for("dead-letters", records.len());
    let reasons: Vec<_> = letters.iter().filter_map(|l| l.header_text("dlq_reason")).collect();
    let mut sorted = reasons.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["not_json", "not_json", "schema", "unknown_case", "unknown_type"]);
    for (sent, letter) in records.drain(..).zip(letters.iter()) {
        // One key, hence one partition on both topics, hence the same order.
        assert_eq!((&sent.key, &sent.value), (&letter.key, &letter.value));
    }
    trial.send(&[transfer("t1", "13805790001")]);
    trial.wait_for("warnings", 1);
    assert_eq!(instance.metric("golden_bell_dead_letters_total", "case-inputs"), 5.0);
}

#[test]
fn an_event_as_large_as_may_be_gets_through_to_a_warning() {
    broker_or_skip!("that no bound on the way is below that of the feeds");
    let trial = trial(Broker::shared(), "largest").with_topics();
    trial.send(&[registrant("r-1", "13805790001")]);
    let _instance = trial.started("alone");
    let small = String::from_utf8(transfer("t1", "13805790001").value.expect("a value")).expect("text");
    let payee = "x".repeat(1_048_576 - small.len() + 1);
    let large = small.replace(r#""account":"x""#, &format!(r#""account":"{payee}""#));
    assert_eq!(large.len(), 1_048_576);
    trial.send(&[record("transfers", "k", Some(&large))]);
    trial.wait_for("warnings", 1);
}

#[test]
fn records_that_are_gone_before_they_are_read_are_counted_and_reading_goes_on() {
    broker_or_skip!("that an offset out of range neither stops a worker nor passes in silence");
    let trial = trial(Broker::shared(), "gone").with_topics();
    trial.send(&[registrant("r-1", "13805790001")]);
    let first = trial.started("alone");
    trial.send(&[transfer("t1", "13805790001")]);
    trial.wait_for("warnings", 1);
    trial.wait_for_group("match", &["transfers"]);
    assert!(first.terminate(Duration::from_secs(15)).success());

    // More come and go while nobody reads.
    trial.send(&[transfer("t2", "13805790001"), transfer("t3", "13805790001")]);
    let [.., last] = &trial.read("transfers")[..] else { panic!("transfers") };
    trial.delete_before("transfers", [(last.partition, last.offset)]);

    let again = trial.started("alone");
    trial.wait_for("warnings", 2);
    assert_eq!(again.metric("golden_bell_offset_resets_total", ""), 1.0);
    trial.send(&[transfer("t4", "13805790001")]);
    trial.wait_for("warnings", 3);
}

#[test]
fn a_flood_of_bad_events_pauses_its_feed_until_somebody_resumes_it() {
    broker_or_skip!("that dead_letters.halt_ratio stops a feed and nothing else");
    let trial = trial(Broker::shared(), "flood").with_topics().set("DEAD_LETTERS__HALT_RATIO", "0.5");
    trial.send(&[registrant("r-1", "13805790001")]);
    let mut instance = trial.started("alone");
    let flood: Vec<FeedRecord> = (0..400).map(|n| record("calls", &n.to_string(), Some("{"))).collect();
    trial.send(&flood);
    wait_until("the feed to be paused", || instance.metric("golden_bell_feed_halted", "call") == 1.0);
    assert!(matches!(instance.get("/-/ready"), Ok((503, body)) if body.contains("feed-call")));
    trial.send(&[transfer("t1", "13805790001")]);
    trial.wait_for("warnings", 1);
    let (status, body) = instance.post("/-/resume").expect("an answer");
    assert_eq!((status, body.trim()), (200, "resumed: call"));
    instance.wait_ready(SOON);
}

#[test]
fn new_rules_take_effect_and_bad_ones_are_refused() {
    broker_or_skip!("that a reload never leaves the program without rules");
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("rules.toml");
    let shipped = std::fs::read_to_string("config/rules.toml").expect("the shipped rules");
    std::fs::write(&rules, &shipped).expect("a file");
    let trial = trial(Broker::shared(), "reload").with_topics().set("RULES__PATH", &rules.display().to_string());
    trial.send(&[registrant("r-1", "13805790001")]);
    let instance = trial.started("alone");
    let version = |warnings: &[Record]| {
        let last = warnings.iter().max_by_key(|w| w.offset).expect("a warning");
        let value: serde_json::Value = serde_json::from_slice(last.value.as_ref().expect("a value")).expect("JSON");
        value["rules_version"].as_str().expect("a version").to_owned()
    };
    trial.send(&[transfer("t1", "13805790001")]);
    let before = version(&trial.wait_for("warnings", 1));

    std::fs::write(&rules, format!("{shipped}\n[[rules]]\nid = \"bad\"\nwhen = \"no_such_thing > 1\"\npoints = 1\nreason = {{ zh = \"坏\", en = \"bad\" }}\n")).expect("a file");
    let (status, body) = instance.post("/-/reload").expect("an answer");
    assert_eq!(status, 422);
    assert!(body.contains("rules.path") && body.contains("no_such_thing"), "{body}");
    trial.send(&[transfer("t2", "13805790001")]);
    assert_eq!(version(&trial.wait_for("warnings", 2)), before, "the old rules stay");

    std::fs::write(&rules, format!("{shipped}\n# another version\n")).expect("a file");
    let hup = Command::new("kill").args(["-HUP", &instance.pid().to_string()]).status().expect("kill runs");
    assert!(hup.success());
    wait_until("the reload", || instance.metric("golden_bell_reloads_total", "applied") == 1.0);
    trial.send(&[transfer("t3", "13805790001")]);
    assert_ne!(version(&trial.wait_for("warnings", 3)), before);
}

#[test]
fn promtool_is_content_with_the_metrics() {
    broker_or_skip!("that the metrics follow the conventions of Prometheus");
    let trial = trial(Broker::shared(), "metrics").with_topics();
    trial.send(&[registrant("r-1", "13805790001")]);
    let instance = trial.started("alone");
    trial.send(&[transfer("t1", "13805790001"), record("calls", "x", Some("{"))]);
    trial.wait_for("warnings", 1);
    wait_until("lag to be told", || instance.metric("golden_bell_events_total", "") >= 2.0);
    let (_, text) = instance.get("/metrics").expect("metrics");
    for personal in ["13805790001", "张三", "r-1"] {
        assert!(!text.contains(personal), "personal data in a metric");
        assert!(!instance.log_text().contains(personal), "personal data in the log");
    }
    let promtool = Command::new("promtool").arg("--version").output();
    if promtool.is_err() {
        assert!(std::env::var("GOLDEN_BELL_REQUIRE_PROMTOOL").is_err(), "promtool is missing");
        eprintln!("left out: promtool check metrics, promtool is not installed");
        return;
    }
    let file = trial.setting.folder.join("metrics.txt");
    std::fs::write(&file, text).expect("a file");
    let checked = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(&file).expect("a file"))
        .output()
        .expect("promtool runs");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn bad_configuration_ends_with_64_and_file_key_and_reason() {
    let run = |arguments: &[&str], environment: &[(&str, &str)]| {
        Command::new(env!("CARGO_BIN_EXE_golden-bell"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .envs(environment.iter().copied())
            .output()
            .expect("the program runs")
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, "[kafka]\npartitions = 0\nno_such_key = 1\n").expect("a file");
    let output = run(&["check", "--config", &file.display().to_string()], &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("mine.toml") && said.contains("no_such_key"), "{said}");

    let output = run(&["run"], &[("GOLDEN_BELL__OPERATIONS__LISTEN", "127.0.0.1:1")]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("privacy.token_key"), "{said}");

    let rules = folder.path().join("rules.toml");
    std::fs::write(&rules, "nonsense").expect("a file");
    let output = run(&["check"], &[("GOLDEN_BELL__RULES__PATH", &rules.display().to_string())]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("rules.path") && said.contains("rules.toml"), "{said}");

    let messages = folder.path().join("messages");
    std::fs::create_dir(&messages).expect("a folder");
    let shipped = std::fs::read_to_string("config/messages/en.toml").expect("the shipped messages");
    std::fs::write(messages.join("en.toml"), shipped.replace("There are no safe accounts.", "See http://desk."))
        .expect("a file");
    let line = shipped.lines().position(|line| line.contains("There are no safe accounts.")).expect("the line") + 1;
    let output = run(&["check"], &[("GOLDEN_BELL__MESSAGES__PATH", &messages.display().to_string())]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("messages.path") && said.contains(&format!("en.toml:{line}: a link")), "{said}");

    let output = run(&["check"], &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("templates (en, zh-cmn, zh-yongkang)"), "{said}");
    assert_eq!(run(&["fly"], &[]).status.code(), Some(2));
}
