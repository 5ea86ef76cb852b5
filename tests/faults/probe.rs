//! A question to every case: does an instance that has just restored it go on where the last one was?

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::audit::Outputs;
use crate::support::model::{FeedRecord, Record};

/// A new transfer for every subject that has a case: the last match of each, told of another event.
pub fn probes(outputs: &Outputs) -> Vec<FeedRecord> {
    let with_case: BTreeSet<String> = outputs
        .cases
        .iter()
        .filter_map(|record| serde_json::from_slice::<Value>(record.value.as_deref()?).ok())
        .filter_map(|case| Some(case["subject_id"].as_str()?.to_owned()))
        .collect();
    let mut latest: BTreeMap<String, &Record> = BTreeMap::new();
    for record in &outputs.case_inputs {
        if record.header_text("ce_type") == Some("golden-bell.match.v1") && with_case.contains(&record.key_text()) {
            latest.insert(record.key_text(), record);
        }
    }
    latest.into_values().enumerate().map(|(number, record)| probe(number, record)).collect()
}

fn probe(number: usize, record: &Record) -> FeedRecord {
    let mut value: Value = record.value.as_deref().and_then(|v| serde_json::from_slice(v).ok()).expect("a match");
    let (id, match_id) = (format!("probe-{number}"), format!("m-{number:032x}"));
    value["match_id"] = json!(match_id);
    value["event"]["kind"] = json!("transfer");
    value["event"]["source"] = json!("urn:test:probe");
    value["event"]["id"] = json!(id);
    value["event"]["data"] = json!({
        "transfer_id": id, "state": "accepted", "payer": {"phone": "13800000000"}, "payee": {"account": "probe"},
        "amount_minor": 100, "currency": "CNY"
    });
    let mut headers = record.headers.clone();
    for (name, value) in &mut headers {
        if name == "ce_id" {
            *value = Some(match_id.clone().into_bytes());
        }
    }
    FeedRecord { topic: "case-inputs", key: record.key.clone(), headers, value: Some(value.to_string().into_bytes()) }
}
