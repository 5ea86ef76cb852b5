//! What the replay gives, held against what is on the broker.

use std::collections::{BTreeMap, BTreeSet};

use golden_bell::core::case_engine::Handled;
use golden_bell::core::notification::Notification;
use golden_bell::core::warning::Warning;
use serde_json::Value;

use crate::replay::Written;
use crate::support::audit::{Discrepancy, Outputs};
use crate::support::model::Record;

/// What inputs and timers give, in order.
#[derive(Default)]
pub struct Given {
    pub warnings: Vec<Value>,
    pub notifications: Vec<Value>,
    pub refused: Vec<(i64, String)>,
}

impl Given {
    /// What came of one input or timer.
    pub fn add(&mut self, handled: &Handled) {
        let warning = |warning: &Warning| undated(serde_json::to_value(warning).expect("a warning is JSON"));
        let notification = |one: &Notification| undated(serde_json::to_value(one).expect("a notification is JSON"));
        self.warnings.extend(handled.warnings.iter().map(warning));
        self.notifications.extend(handled.notifications.iter().map(notification));
    }
}

/// A partition, and what is on the broker.
pub struct Place<'a> {
    pub partition: i32,
    pub outputs: &'a Outputs,
}

impl Place<'_> {
    /// The warnings, one by one in their order; how many there are.
    pub fn warnings(&self, given: &Given, found: &mut Vec<Discrepancy>) -> usize {
        let read: Vec<Value> =
            self.outputs.warnings.iter().filter(|r| r.partition == self.partition).map(value_undated).collect();
        let wanted = &given.warnings;
        if let Some(at) = (0..read.len().max(wanted.len())).find(|&at| read.get(at) != wanted.get(at)) {
            let name = |list: &[Value]| list.get(at).map(|w| (w["warning_id"].clone(), w["cause"].clone()));
            let what = format!(
                "{} warnings, {} expected; the first that differs is number {at}: {:?}, expected {:?}: {}",
                read.len(),
                wanted.len(),
                name(&read),
                name(wanted),
                difference(wanted.get(at), read.get(at)),
            );
            found.push(self.discrepancy("replay_warning", &what));
        }
        read.len()
    }

    /// The inputs that were refused, and why.
    pub fn dead_letters(&self, given: &Given, found: &mut Vec<Discrepancy>) {
        let number = |record: &Record, name| record.header_text(name).and_then(|t| t.parse::<i64>().ok()).unwrap_or(-1);
        let mut read: Vec<(i64, String)> = (self.outputs.dead_letters.iter())
            .filter(|r| r.header_text("dlq_topic").is_some_and(|topic| topic.ends_with("case-inputs")))
            .filter(|r| number(r, "dlq_partition") == i64::from(self.partition))
            .map(|r| (number(r, "dlq_offset"), r.header_text("dlq_reason").unwrap_or_default().to_owned()))
            .collect();
        read.sort();
        let wanted = &given.refused;
        if read != *wanted {
            let (missing, more) = (minus(wanted, &read), minus(&read, wanted));
            let what = format!("missing {missing:?}, too many {more:?}");
            found.push(self.discrepancy("replay_dead_letter", &what));
        }
    }

    fn discrepancy(&self, check: &'static str, what: &str) -> Discrepancy {
        Discrepancy { check, what: format!("partition {}: {what}", self.partition) }
    }
}

/// The notifications: each once and as it must be, none beside, and those that come of one partition of inputs in their
/// order in every partition of theirs. They are spread by their own ids.
pub fn notifications(wanted: &[Vec<Value>], read: &[Record], found: &mut Vec<Discrepancy>) {
    let mut add = |check, what: String| found.push(Discrepancy { check, what });
    let id = |value: &Value| value["notification_id"].as_str().unwrap_or_default().to_owned();
    let mut known: BTreeMap<String, (usize, usize, &Value)> = BTreeMap::new();
    for (line, values) in wanted.iter().enumerate() {
        for (at, value) in values.iter().enumerate() {
            known.insert(id(value), (line, at, value));
        }
    }
    let mut seen = BTreeSet::new();
    let mut latest: BTreeMap<(i32, usize), usize> = BTreeMap::new();
    for record in read {
        let (place, value) =
            (format!("partition {}, offset {}", record.partition, record.offset), value_undated(record));
        let name = id(&value);
        let Some(&(line, at, expected)) = known.get(&name) else {
            add("replay_notification_unexpected", format!("{place}: {name}"));
            continue;
        };
        if *expected != value {
            add("replay_notification", format!("{place}: {}", difference(Some(expected), Some(&value))));
        }
        if !seen.insert(name.clone()) {
            add("replay_notification_twice", format!("{place}: {name}"));
        } else if latest.insert((record.partition, line), at).is_some_and(|before| before > at) {
            add("replay_notification_order", format!("{place}: {name}"));
        }
    }
    for (name, (_, _, value)) in known.iter().filter(|(name, _)| !seen.contains(*name)) {
        add("replay_notification_missing", format!("{name} of {}", value["warning_id"]));
    }
}

fn minus(these: &[(i64, String)], those: &[(i64, String)]) -> Vec<(i64, String)> {
    let mut rest = those.to_vec();
    let mut left = these.to_vec();
    left.retain(|item| match rest.iter().position(|other| other == item) {
        Some(at) => {
            rest.remove(at);
            false
        }
        None => true,
    });
    left
}

/// The JSON of a record; null where it has none.
pub fn value(record: &Record) -> Value {
    record.value.as_deref().and_then(|v| serde_json::from_slice(v).ok()).unwrap_or_default()
}

fn value_undated(record: &Record) -> Value {
    undated(value(record))
}

/// Without the only things that depend on when the work was done.
fn undated(mut told: Value) -> Value {
    if let Some(fields) = told.as_object_mut() {
        ["published_at", "created_at", "give_up_after"].iter().for_each(|name| {
            fields.remove(*name);
        });
    }
    told
}

/// The first case of a transaction that is not as the replay has it.
pub fn compare(written: &Written<'_>, changes: &BTreeMap<String, Value>) -> Option<String> {
    for (id, record) in &written.versions {
        let read = value(record);
        match changes.get(id) {
            None => return Some(format!("{id} was written and should not have changed")),
            Some(wanted) if *wanted != read => {
                return Some(format!("{id} differs: {}", difference(Some(wanted), Some(&read))));
            }
            Some(_) => {}
        }
    }
    changes.keys().find(|id| !written.versions.contains_key(*id)).map(|id| format!("{id} changed and was not written"))
}

/// The top-level fields in which two objects differ, cut short.
fn difference(wanted: Option<&Value>, read: Option<&Value>) -> String {
    let (Some(wanted), Some(read)) = (wanted, read) else { return "one of them is missing".to_owned() };
    let names: BTreeSet<&String> = [wanted, read].iter().filter_map(|v| v.as_object()).flat_map(|o| o.keys()).collect();
    let differing = names.into_iter().filter(|name| wanted.get(*name) != read.get(*name));
    let short = |value: Option<&Value>| -> String {
        value.map_or("nothing".to_owned(), |v| v.to_string().chars().take(400).collect())
    };
    differing
        .map(|name| format!("{name}: expected {}, got {}", short(wanted.get(name)), short(read.get(name))))
        .collect::<Vec<_>>()
        .join("; ")
}
