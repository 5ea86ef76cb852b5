//! The audit lets right outputs pass in any order of arrival, and finds each kind of wrong one.

use serde_json::{Value, json};

use crate::support::audit::{Outputs, all_arrived, audit, no_new_warnings, report};
use crate::support::model::{Expected, Record, expect};
use crate::support::scenario_feed::Plan;
use crate::support::stand_in::{deliver, run};

struct Scene {
    plan: Plan,
    expected: Expected,
    events: Vec<Record>,
}

fn scene(seed: u64) -> Scene {
    let plan = Plan { seed, registrants: 150, events: 1_000, large: false, ..Plan::default() };
    let feed = plan.generate();
    let (registrants, events) = (deliver(seed, &feed.registrants), deliver(seed, &feed.events));
    assert_eq!(all_arrived(&feed.events, &events), []);
    let expected = expect(&plan.settings, &registrants, &events);
    Scene { plan, expected, events }
}

fn value(record: &Record) -> Value {
    serde_json::from_slice(record.value.as_deref().unwrap_or_default()).unwrap_or_default()
}

/// Alters the JSON of the first record that `pick` takes.
fn alter(records: &mut [Record], pick: impl Fn(&Value) -> bool, change: impl FnOnce(&mut Value)) {
    let record = records.iter_mut().rev().find(|r| pick(&value(r))).expect("nothing to spoil");
    let mut json = value(record);
    change(&mut json);
    record.value = Some(json.to_string().into_bytes());
}

fn remove(records: &mut Vec<Record>, pick: impl Fn(&Value) -> bool) {
    let at = records.iter().position(|r| pick(&value(r))).expect("nothing to spoil");
    let same = value(&records[at]);
    records.retain(|r| value(r) != same);
}

fn repeat_last(records: &mut Vec<Record>) {
    let mut again = records.last().expect("nothing to spoil").clone();
    again.offset += 1;
    records.push(again);
}

fn set_header(record: &mut Record, name: &str, to: &str) {
    let header = record.headers.iter_mut().find(|(n, _)| n == name).expect("nothing to spoil");
    header.1 = Some(to.as_bytes().to_vec());
}

fn caused(cause: &str) -> impl Fn(&Value) -> bool {
    let cause = cause.to_owned();
    move |warning| warning["cause"] == cause.as_str()
}

fn any(_: &Value) -> bool {
    true
}

fn is_assigned(json: &Value) -> bool {
    json["assigned"].as_array().is_some_and(|assigned| !assigned.is_empty())
}

fn has_contacts(json: &Value) -> bool {
    json["trusted_contacts"].as_array().is_some_and(|c| !c.is_empty())
}

#[test]
fn right_outputs_pass_in_any_order_of_arrival() {
    for seed in 0..4 {
        let scene = scene(seed);
        for order in 0..2 {
            let outputs = run(order, &scene.plan.settings, &scene.expected, &scene.events);
            let found = audit(&scene.plan.settings, &scene.expected, &outputs);
            assert!(found.is_empty(), "seed {seed}, order {order}: {}", report(&found));
        }
    }
}

type Spoil = fn(&mut Outputs);

const MATCHES: &[(&str, Spoil)] = &[
    ("match_missing", |o| remove(&mut o.case_inputs, any)),
    ("match_unexpected", |o| {
        alter(&mut o.case_inputs, any, |m| m["match_id"] = json!("m-00000000000000000000000000000000"));
    }),
    ("match_content", |o| {
        alter(&mut o.case_inputs, has_contacts, |m| drop(m["trusted_contacts"].as_array_mut().map(|c| c.pop())));
    }),
    ("match_content", |o| {
        alter(&mut o.case_inputs, has_contacts, |m| m["trusted_contacts"][0]["consented"] = json!("yes"));
    }),
    ("match_content", |o| alter(&mut o.case_inputs, any, |m| m["subject"]["name"] = json!("somebody else"))),
    ("match_content", |o| alter(&mut o.case_inputs, any, |m| m["event"]["data"]["secret"] = json!(1))),
    ("match_content", |o| alter(&mut o.case_inputs, any, |m| m["event"]["time"] = json!("2021-01-01T00:00:00Z"))),
    ("match_content", |o| alter(&mut o.case_inputs, any, |m| m["retroactive"] = json!(true))),
    ("match_content", |o| {
        alter(&mut o.case_inputs, |m| m["matched_by"] == "own", |m| m["registrant_offset"] = json!(1_000_000));
    }),
    ("match_content", |o| set_header(&mut o.case_inputs[0], "ce_id", "m-of-another")),
    ("match_content", |o| {
        let traced = |r: &&mut Record| r.headers.iter().any(|(n, _)| n == "traceparent");
        let record = o.case_inputs.iter_mut().find(traced).expect("nothing to spoil");
        record.headers.retain(|(n, _)| n != "traceparent");
    }),
    ("match_partition", |o| {
        let mut record = o.case_inputs[0].clone();
        record.partition = (record.partition + 1) % 6;
        o.case_inputs.push(record);
    }),
    ("match_json", |o| o.case_inputs[0].value = None),
    ("case_input_type", |o| set_header(&mut o.case_inputs[0], "ce_type", "golden-bell.call.v1")),
];

const DEAD_LETTERS: &[(&str, Spoil)] = &[
    ("dead_letter_missing", |o| {
        let origin =
            |r: &Record| ["dlq_topic", "dlq_partition", "dlq_offset"].map(|n| r.header_text(n).map(str::to_owned));
        let lost = origin(&o.dead_letters[0]);
        o.dead_letters.retain(|r| origin(r) != lost);
    }),
    ("dead_letter_unexpected", |o| set_header(&mut o.dead_letters[0], "dlq_offset", "999999")),
    ("dead_letter_origin", |o| set_header(&mut o.dead_letters[0], "dlq_partition", "one")),
    ("dead_letter_content", |o| set_header(&mut o.dead_letters[0], "dlq_reason", "unknown_case")),
    ("dead_letter_content", |o| set_header(&mut o.dead_letters[0], "dlq_timestamp", "0")),
    ("dead_letter_content", |o| {
        let filled = |r: &&mut Record| r.value.as_ref().is_some_and(|v| !v.is_empty());
        let record = o.dead_letters.iter_mut().find(filled).expect("nothing to spoil");
        record.value.as_mut().expect("filled")[0] ^= 1;
    }),
    ("dead_letter_content", |o| {
        // Null is not empty.
        let record = o.dead_letters.iter_mut().find(|r| r.value.is_none()).expect("nothing to spoil");
        record.value = Some(Vec::new());
    }),
    ("dead_letter_content", |o| {
        let record = o.dead_letters.iter_mut().find(|r| r.key.is_none()).expect("nothing to spoil");
        record.key = Some(Vec::new());
    }),
    ("dead_letter_content", |o| {
        let twice = |r: &&mut Record| r.headers.iter().filter(|(n, _)| n == "x-hop").count() == 2;
        let record = o.dead_letters.iter_mut().find(twice).expect("nothing to spoil");
        let at = record.headers.iter().position(|(n, _)| n == "x-hop").expect("nothing to spoil");
        record.headers.remove(at);
    }),
    ("dead_letter_content", |o| o.dead_letters[0].headers.retain(|(n, _)| n != "dlq_detail")),
];

const WARNINGS: &[(&str, Spoil)] = &[
    ("opened_missing", |o| {
        let lost = o.warnings[0].key.clone();
        o.warnings.retain(|r| r.key != lost);
    }),
    ("sequence", |o| {
        let long = o.warnings.iter().find(|r| value(r)["sequence"] == 3).expect("nothing to spoil").key.clone();
        o.warnings.retain(|r| r.key != long || value(r)["sequence"] != 2);
    }),
    ("sequence", |o| {
        let key = o.warnings.iter().find(|r| value(r)["sequence"] == 2).expect("nothing to spoil").key.clone();
        let own: Vec<usize> = (0..o.warnings.len()).filter(|i| o.warnings[*i].key == key).take(2).collect();
        o.warnings.swap(own[0], own[1]);
    }),
    ("transfer_not_told", |o| remove(&mut o.warnings, caused("transfer"))),
    ("transfer_not_told", |o| {
        // Folded into a warning about another piece.
        let folded = |w: &Value| w["cause"] == "transfer" && w["evidence"].as_array().is_some_and(|e| e.len() > 1);
        alter(&mut o.warnings, folded, |w| w["evidence"].as_array_mut().expect("a list").swap(0, 1));
    }),
    ("transfer_told", refused_first),
    ("cause_cannot_warn", refused_first),
    ("warning_twice", |o| repeat_last(&mut o.warnings)),
    ("event_warned_twice", |o| again(o, "transfer")),
    ("transfer_told_twice", |o| again(o, "transfer")),
    ("opened_once", |o| again(o, "opened")),
    ("more_than_one_case", |o| {
        alter(&mut o.warnings, caused("transfer"), |w| {
            (w["case_id"], w["warning_id"]) = (json!("c-0"), json!(format!("c-0-{}", w["sequence"])));
        });
    }),
    ("case_id", |o| {
        let id = value(&o.warnings[0])["case_id"].to_string();
        for record in &mut o.warnings {
            let text = String::from_utf8_lossy(record.value.as_deref().unwrap_or_default());
            record.value = Some(text.replace(&id.replace('"', ""), "c-0").into_bytes());
        }
    }),
    ("warning_id", |o| alter(&mut o.warnings, any, |w| w["warning_id"] = json!("w-1"))),
    ("warning_key", |o| o.warnings[0].key = None),
    ("warning_json", |o| o.warnings[0].value = Some(b"{".to_vec())),
    ("warning_envelope", |o| set_header(&mut o.warnings[0], "ce_id", "another")),
    ("warning_unexpected", |o| alter(&mut o.warnings, any, |w| w["subject"]["subject_id"] = json!("r-nobody"))),
    ("warning_contacts", |o| {
        alter(&mut o.warnings, has_contacts, |w| drop(w["trusted_contacts"].as_array_mut().map(|c| c.pop())));
    }),
    ("warning_subject", |o| alter(&mut o.warnings, any, |w| w["subject"]["phone"] = json!("110"))),
    ("warning_area", |o| alter(&mut o.warnings, any, |w| w["area"]["code"] = json!("far/away"))),
    ("warning_programme", |o| alter(&mut o.warnings, any, |w| w["programme"] = json!("silver_bell"))),
    ("warning_level", |o| alter(&mut o.warnings, any, |w| w["level"] = json!("severe"))),
    ("warning_score", |o| alter(&mut o.warnings, any, |w| w["score"] = json!(-1))),
    ("warning_assigned", |o| alter(&mut o.warnings, is_assigned, |w| w["assigned"] = json!([]))),
    ("warning_assigned", |o| alter(&mut o.warnings, any, |w| w["unowned"] = json!("no"))),
    ("warning_published_at", |o| alter(&mut o.warnings, any, |w| w["published_at"] = json!("now"))),
    ("warning_retroactive", |o| alter(&mut o.warnings, any, |w| w["retroactive"] = json!(true))),
    ("level_falls", |o| alter(&mut o.warnings, caused("raised"), |w| w["level"] = json!("low"))),
    ("score_falls", |o| alter(&mut o.warnings, |w| w["sequence"] == 3, |w| w["score"] = json!(-1))),
    ("evidence_count_falls", |o| alter(&mut o.warnings, |w| w["sequence"] == 3, |w| w["evidence_count"] = json!(0))),
    ("raised", |o| alter(&mut o.warnings, caused("raised"), |w| w["cause"] = json!("transfer"))),
    ("cause", |o| alter(&mut o.warnings, any, |w| w["cause"] = json!("reopened"))),
    ("transfer_cause", |o| {
        let call = |w: &Value| w["evidence"][0]["kind"] == "call";
        alter(&mut o.warnings, call, |w| w["cause"] = json!("transfer"));
    }),
    ("event_time", |o| alter(&mut o.warnings, caused("opened"), |w| w["event_time"] = Value::Null)),
    ("evidence_size", |o| alter(&mut o.warnings, caused("opened"), |w| w["evidence"] = json!([]))),
    ("evidence_content", |o| alter(&mut o.warnings, any, |w| w["evidence"][0]["counterparty"] = json!("x"))),
    ("evidence_content", |o| alter(&mut o.warnings, any, |w| w["evidence"][0]["confidence"] = json!(0.123))),
    ("evidence_twice", |o| {
        alter(&mut o.warnings, any, |w| {
            let first = w["evidence"][0].clone();
            w["evidence"].as_array_mut().expect("a list").push(first);
        });
    }),
    ("resident_told", |o| alter(&mut o.warnings, texted, |w| w["messages"]["resident"] = Value::Null)),
    ("resident_told", |o| {
        let untold = |w: &Value| w["cause"] == "escalated";
        alter(&mut o.warnings, untold, |w| {
            w["messages"]["resident"] = json!({"language": "zh-cmn", "text": "【反诈预警】"})
        });
    }),
    ("resident_told", |o| {
        // Somebody without consent, a minor, or an event too old.
        let untold = |w: &Value| w["cause"] == "opened" && w["messages"]["resident"].is_null();
        alter(&mut o.warnings, untold, |w| {
            w["messages"]["resident"] = json!({"language": "zh-cmn", "text": "【反诈预警】"})
        });
    }),
    ("resident_told", |o| {
        let transfer = |w: &Value| w["cause"] == "transfer" && texted(w);
        alter(&mut o.warnings, transfer, |w| w["messages"]["resident"] = Value::Null);
    }),
    ("resident_text", |o| alter(&mut o.warnings, texted, |w| w["messages"]["resident"]["language"] = json!("fr"))),
    ("resident_text", |o| alter(&mut o.warnings, texted, |w| w["messages"]["resident"]["text"] = json!("96110"))),
    ("resident_text", |o| {
        alter(&mut o.warnings, texted, |w| {
            let text = format!("{}13123456789", w["messages"]["resident"]["text"].as_str().expect("a text"));
            w["messages"]["resident"]["text"] = json!(text);
        });
    }),
    ("resident_text", |o| {
        let named = |w: &Value| texted(w) && w["subject"]["name"].as_str().is_some_and(|name| !name.is_empty());
        alter(&mut o.warnings, named, |w| {
            let name = w["subject"]["name"].as_str().expect("a name");
            let text = format!("{}{name}", w["messages"]["resident"]["text"].as_str().expect("a text"));
            w["messages"]["resident"]["text"] = json!(text);
        });
    }),
    ("evidence_order", |o| {
        let three = |w: &Value| w["evidence"].as_array().is_some_and(|e| e.len() > 5 && e[1]["at"] != e[5]["at"]);
        alter(&mut o.warnings, three, |w| w["evidence"].as_array_mut().expect("a list").swap(1, 5));
    }),
];

/// Whether the person at risk was told.
fn texted(warning: &Value) -> bool {
    warning["messages"]["resident"].is_object()
}

/// Puts a reversed or rejected transfer first wherever a warning has one.
fn refused_first(outputs: &mut Outputs) {
    for record in &mut outputs.warnings {
        let mut warning = value(record);
        let evidence = warning["evidence"].as_array_mut().expect("a list");
        if let Some(at) = evidence.iter().position(|e| e["state"] == "reversed" || e["state"] == "rejected") {
            evidence.swap(0, at);
            record.value = Some(warning.to_string().into_bytes());
        }
    }
}

/// Says the last warning of a subject once more under the next sequence, with another cause.
fn again(outputs: &mut Outputs, cause: &str) {
    let found = outputs.warnings.iter().rev().find(|r| caused("transfer")(&value(r)));
    let mut record = found.expect("nothing to spoil").clone();
    let mut warning = value(&record);
    let own = outputs.warnings.iter().filter(|r| r.key == record.key).count() + 1;
    warning["sequence"] = json!(own);
    warning["cause"] = json!(cause);
    let id = format!("{}-{own}", warning["case_id"].as_str().unwrap_or_default());
    warning["warning_id"] = json!(id);
    record.value = Some(warning.to_string().into_bytes());
    set_header(&mut record, "ce_id", &id);
    outputs.warnings.push(record);
}

const CASES: &[(&str, Spoil)] = &[
    ("one_case", |o| {
        let lost = o.cases[0].key.clone();
        o.cases.retain(|r| r.key != lost);
    }),
    ("one_case", |o| {
        let mut second = o.cases.last().expect("nothing to spoil").clone();
        let mut case = value(&second);
        case["case_id"] = json!("c-0");
        (second.key, second.value) = (Some(b"c-0".to_vec()), Some(case.to_string().into_bytes()));
        o.cases.push(second);
    }),
    ("case_state", |o| alter(&mut o.cases, any, |c| c["sequence"] = json!(c["sequence"].as_u64().unwrap_or(0) + 1))),
    ("case_state", |o| alter(&mut o.cases, any, |c| c["state"] = json!("closed"))),
    ("case_state", |o| alter(&mut o.cases, any, |c| c["evidence_count"] = json!(0))),
    ("case_state", |o| {
        let lower = |c: &Value| c["level"] != "low";
        alter(&mut o.cases, lower, |c| c["level"] = json!("low"));
    }),
    ("case_state", |o| alter(&mut o.cases, any, |c| c["evidence"][0]["id"] = json!("-1"))),
    ("case_state", |o| alter(&mut o.cases, any, |c| c["trusted_contacts"] = json!([{"person_id": "r-9"}]))),
    ("case_unexpected", |o| alter(&mut o.cases, any, |c| c["subject_id"] = json!("r-nobody"))),
    ("case_sequence_falls", |o| {
        let again = |c: &Value| c["sequence"].as_u64() > Some(3);
        alter(&mut o.cases, again, |c| c["sequence"] = json!(0));
    }),
    ("case_gone", |o| {
        repeat_last(&mut o.cases);
        o.cases.last_mut().expect("just added").value = None;
    }),
    ("case_key", |o| o.cases[0].key = Some(b"r-1".to_vec())),
    ("case_partition", |o| {
        let key = o.cases[0].key.clone();
        let mut from_now = o.cases.iter().rfind(|r| r.key == key).cloned().expect("nothing to spoil");
        from_now.partition = (from_now.partition + 1) % 6;
        o.cases.push(from_now);
    }),
    ("input_offset_missing", |o| o.cases[0].headers.clear()),
    ("input_offset", |o| set_header(o.cases.last_mut().expect("nothing to spoil"), "input_offset", "0")),
    ("input_offset", |o| set_header(o.cases.last_mut().expect("nothing to spoil"), "input_offset", "99999999")),
];

#[test]
fn every_kind_of_wrong_output_is_found() {
    let scene = scene(11);
    let right = run(1, &scene.plan.settings, &scene.expected, &scene.events);
    assert_eq!(audit(&scene.plan.settings, &scene.expected, &right), []);
    for (index, (check, spoil)) in [MATCHES, DEAD_LETTERS, WARNINGS, CASES].concat().into_iter().enumerate() {
        let mut outputs = right.clone();
        spoil(&mut outputs);
        let found = audit(&scene.plan.settings, &scene.expected, &outputs);
        let hit = found.iter().any(|d| d.check == check);
        assert!(hit, "number {index}, {check}, was not found; {}", report(&found));
    }
}

#[test]
fn a_second_sending_may_bring_no_warning() {
    let scene = scene(12);
    let before = run(1, &scene.plan.settings, &scene.expected, &scene.events).warnings;
    assert_eq!(no_new_warnings(&before, &before), []);
    let mut after = before.clone();
    repeat_last(&mut after);
    alter(&mut after[before.len()..], any, |w| w["cause"] = json!("escalated"));
    assert_eq!(no_new_warnings(&before, &after), []);
    alter(&mut after[before.len()..], any, |w| w["cause"] = json!("repeated"));
    assert_eq!(no_new_warnings(&before, &after)[0].check, "new_warning");
    assert_eq!(no_new_warnings(&before, &before[1..])[0].check, "warning_gone");
}

#[test]
fn input_lost_or_doubled_on_the_way_is_found() {
    let feed = Plan { registrants: 120, events: 300, large: false, ..Plan::default() }.generate();
    let mut read = deliver(1, &feed.events);
    assert_eq!(all_arrived(&feed.events, &read), []);
    let lost = read.pop();
    assert_eq!(all_arrived(&feed.events, &read).len(), 1);
    read.extend([lost.clone(), lost].into_iter().flatten());
    assert_eq!(all_arrived(&feed.events, &read).len(), 1);
}
