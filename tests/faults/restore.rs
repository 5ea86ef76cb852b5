//! Restoring from changelogs of every make: the end is found, nothing that was not committed is believed, and the cases
//! go on where they were.

use std::time::{Duration, Instant};

use golden_bell::kafka::partition::partition_of;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};

use crate::arena::Arena;
use crate::long;
use crate::support::audit::Outputs;
use crate::support::broker::broker_or_skip;
use crate::support::instance::{READY, Setting};
use crate::support::model::{FeedRecord, Record, Settings};
use crate::support::topic_io::{read_all, send_all};
use crate::support::trial::{set_up_at, wait_until_done};

const PARTITIONS: i32 = 2;

/// The time-out of the transaction that somebody leaves open at the end of the changelog.
const LEFT_OPEN: Duration = Duration::from_secs(6);

fn trial(arena: &Arena, name: &str, folder: &std::path::Path) -> Setting {
    let more = [
        ("KAFKA__PARTITIONS", "2"),
        ("KAFKA__REPLICATION_FACTOR", "3"),
        ("KAFKA__PROPERTIES__SESSION_TIMEOUT_MS", "3000"),
        ("WORKERS__MATCH", "1"),
        ("WORKERS__CASES", "1"),
    ];
    set_up_at(&arena.cluster.bootstrap_servers(), name, folder, &mut Settings::default(), &more)
}

fn registrant() -> FeedRecord {
    let value = json!({
        "registrant_id": "r-1", "name": "张三", "phones": ["13805790001"], "area": "kfq/huangchengli",
        "registered_at": "2021-06-01T09:00:00+08:00",
    });
    FeedRecord {
        topic: "registrants",
        key: Some(b"r-1".to_vec()),
        headers: Vec::new(),
        value: Some(value.to_string().into_bytes()),
    }
}

fn transfer(id: &str) -> FeedRecord {
    let value = json!({
        "specversion": "1.0", "id": id, "source": "urn:bank", "type": "golden-bell.transfer.v1",
        "time": chrono::Utc::now().to_rfc3339(),
        "data": {
            "transfer_id": id, "state": "accepted", "payer": {"phone": "13805790001"}, "payee": {"account": "x"},
            "amount_minor": 1000, "currency": "CNY"
        },
    });
    FeedRecord {
        topic: "transfers",
        key: Some(b"k".to_vec()),
        headers: Vec::new(),
        value: Some(value.to_string().into_bytes()),
    }
}

/// A case and the match that opened it, as the program itself writes them.
fn sample(setting: &Setting) -> (Record, Record) {
    send_all(&setting.bootstrap, &setting.prefix, &[registrant()]);
    let mut instance = setting.start("sample");
    // The changelog is empty: that is the first restore.
    instance.wait_ready(READY);
    send_all(&setting.bootstrap, &setting.prefix, &[transfer("t-0")]);
    let until = Instant::now() + READY;
    while read_all(&setting.bootstrap, &setting.prefix, "warnings").is_empty() {
        assert!(Instant::now() < until, "no warning");
    }
    wait_until_done(setting, READY);
    assert!(instance.terminate(Duration::from_secs(15)).success());
    let one = |name| read_all(&setting.bootstrap, &setting.prefix, name).pop().expect("a record");
    (one("cases"), one("case-inputs"))
}

/// The subject and the case of a number.
fn names(number: usize) -> (String, String) {
    (format!("r-{number:07}"), format!("c-{number:032x}"))
}

/// The sample's case, of another subject; `sequence` says how many warnings it has had.
fn case(sample: &Value, number: usize, sequence: u64) -> Vec<u8> {
    let (subject, id) = names(number);
    let mut case = sample.clone();
    case["case_id"] = json!(id);
    case["subject_id"] = json!(subject);
    case["subject"]["registrant_id"] = json!(subject);
    case["sequence"] = json!(sequence);
    case.to_string().into_bytes()
}

fn writer(setting: &Setting, transactional_id: Option<&str>) -> BaseProducer {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &setting.bootstrap)
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("linger.ms", "20");
    if let Some(id) = transactional_id {
        config.set("transactional.id", id).set("transaction.timeout.ms", LEFT_OPEN.as_millis().to_string());
    }
    let producer: BaseProducer = config.create().expect("a producer");
    if transactional_id.is_some() {
        producer.init_transactions(Duration::from_secs(30)).expect("a transactional id");
        producer.begin_transaction().expect("a beginning");
    }
    producer
}

fn write(producer: &BaseProducer, topic: &str, number: usize, value: Option<&[u8]>) {
    let (subject, id) = names(number);
    let mut record: BaseRecord<'_, [u8], [u8]> =
        BaseRecord::to(topic).partition(partition_of(subject.as_bytes(), PARTITIONS)).key(id.as_bytes());
    record.payload = value;
    loop {
        match producer.send(record) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                producer.poll(Duration::from_millis(5));
            }
            Err((error, _)) => panic!("{topic}: {error}"),
        }
    }
}

/// Sends a new transfer of each of these subjects and returns the warnings they give.
fn ask(setting: &Setting, sample: &Record, numbers: &[usize]) -> Vec<Value> {
    let before = read_all(&setting.bootstrap, &setting.prefix, "warnings").len();
    let records: Vec<FeedRecord> = numbers
        .iter()
        .map(|&number| {
            let mut value: Value = serde_json::from_slice(sample.value.as_deref().unwrap_or_default()).expect("JSON");
            let (subject, _) = names(number);
            let match_id = format!("m-{number:032x}");
            value["match_id"] = json!(match_id);
            value["subject_id"] = json!(subject);
            value["subject"]["registrant_id"] = json!(subject);
            value["event"]["id"] = json!(format!("ask-{number}"));
            value["event"]["data"]["transfer_id"] = json!(format!("ask-{number}"));
            let mut headers = sample.headers.clone();
            headers.iter_mut().filter(|(name, _)| name == "ce_id").for_each(|(_, id)| {
                *id = Some(match_id.clone().into_bytes());
            });
            let value = Some(value.to_string().into_bytes());
            FeedRecord { topic: "case-inputs", key: Some(subject.into_bytes()), headers, value }
        })
        .collect();
    send_all(&setting.bootstrap, &setting.prefix, &records);
    wait_until_done(setting, READY);
    let warnings = read_all(&setting.bootstrap, &setting.prefix, "warnings");
    assert_eq!(warnings.len(), before + numbers.len(), "a warning for each");
    let json = |record: &Record| serde_json::from_slice(record.value.as_deref().unwrap_or_default()).expect("JSON");
    let asked: Vec<String> = numbers.iter().map(|&number| names(number).0).collect();
    warnings.iter().filter(|record| asked.contains(&record.key_text())).map(json).collect()
}

#[test]
fn a_changelog_of_any_make_is_read_to_its_true_end_and_the_cases_go_on() {
    broker_or_skip!("that restoring neither stops early, waits for ever, nor believes what was not committed");
    let arena = Arena::enter();
    let folder = tempfile::tempdir().expect("a folder");
    let setting = trial(&arena, "restore", folder.path());
    let (sample_case, sample_match) = sample(&setting);
    let template: Value = serde_json::from_slice(sample_case.value.as_deref().expect("a value")).expect("JSON");

    // A key in ten lives, the others are gone; the million in the long set, fewer in the short one.
    let keys: usize = if long().is_some() { 1_000_000 } else { 20_000 };
    let topic = format!("{}cases", setting.prefix);
    let producer = writer(&setting, None);
    for number in 1..=keys {
        let live = number % 10 == 0;
        write(&producer, &topic, number, live.then(|| case(&template, number, 7)).as_deref());
    }
    producer.flush(Duration::from_secs(300)).expect("delivered");
    // The tail: a transaction that was aborted, and one that somebody left open.
    let aborted = writer(&setting, Some(&format!("{}aborted", setting.prefix)));
    (10..200).for_each(|number| write(&aborted, &topic, number, Some(&case(&template, number, 999))));
    aborted.flush(Duration::from_secs(30)).expect("delivered");
    aborted.abort_transaction(Duration::from_secs(30)).expect("an abort");
    let open = writer(&setting, Some(&format!("{}open", setting.prefix)));
    (10..200).for_each(|number| write(&open, &topic, number, Some(&case(&template, number, 888))));
    open.flush(Duration::from_secs(30)).expect("delivered");

    let began = Instant::now();
    let mut instance = setting.start("restored");
    instance.wait_ready(READY * 5);
    let took = began.elapsed();
    let open_cases = instance.metric("golden_bell_cases_open", "");
    println!(
        "{keys} keys, {} alive, an aborted and an open transaction at the end: ready after {:.1} s, {} MiB resident",
        keys / 10,
        took.as_secs_f64(),
        instance.peak_resident_bytes() >> 20
    );
    let until = Instant::now() + READY;
    while instance.metric("golden_bell_cases_open", "") < (keys / 10 + 1) as f64 {
        assert!(Instant::now() < until, "{open_cases} cases are open, {} are wanted", keys / 10 + 1);
        std::thread::sleep(Duration::from_millis(100));
    }
    // Those of the aborted and of the open transaction, the last, and some that are gone.
    let told = ask(&setting, &sample_match, &[10, 20, 190, keys, 11, 199]);
    for warning in told {
        let alive = warning["subject"]["subject_id"].as_str().is_some_and(|id| id.ends_with('0'));
        let (sequence, cause) = if alive { (8, "transfer") } else { (1, "opened") };
        assert_eq!((&warning["sequence"], &warning["cause"]), (&json!(sequence), &json!(cause)), "{warning}");
    }
    drop(open);
    assert!(instance.terminate(Duration::from_secs(15)).success());
}

#[test]
fn a_changelog_of_nothing_but_tombstones_is_empty() {
    broker_or_skip!("that a restore ends where there is nothing to restore");
    let arena = Arena::enter();
    let folder = tempfile::tempdir().expect("a folder");
    let setting = trial(&arena, "tombstones", folder.path());
    let producer = writer(&setting, None);
    let topic = format!("{}cases", setting.prefix);
    (0..5_000).for_each(|number| write(&producer, &topic, number, None));
    producer.flush(Duration::from_secs(60)).expect("delivered");
    let (case, _) = sample(&setting);
    let case: Value = serde_json::from_slice(case.value.as_deref().expect("a value")).expect("JSON");
    assert_eq!(case["sequence"], json!(1));
    let outputs = Outputs { warnings: read_all(&setting.bootstrap, &setting.prefix, "warnings"), ..Outputs::default() };
    assert_eq!(outputs.warnings.len(), 1);
}
