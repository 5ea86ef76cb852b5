//! The strictest oracle: what lies in `case-inputs`, handled once and in order by one thread without any faults, must
//! give just the warnings, the notifications, the cases and the dead letters that are on the broker, in just that order.
//!
//! The engine is the program's own; what it makes of an input has tests against a model of its own. Here it says what
//! a run without faults would have written. The moments at which the wall clock fired timers stand in the histories of
//! the cases, or follow from the deadlines they set; everything else follows from the inputs and their record times.
//! Every transaction is compared: the versions of the cases it wrote are those the replay has at the same input.
//!
//! An input bears the time at which its leader took it in. Until the other replicas have it, which takes seconds where
//! one of them is away, nobody can read it: a timer may be fired meanwhile by a clock that is later, and comes first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, Utc};
use golden_bell::core::case::{ArchiveKey, CaseSettings, FollowUp, PerLevel};
use golden_bell::core::case_engine::Outlets;
use golden_bell::core::case_engine::{CaseBook, Context, Disposition, Moment};
use golden_bell::core::directory::Directory;
use golden_bell::core::envelope::{CaseInputBody, decode_case_input};
use golden_bell::core::message::Templates;
use golden_bell::core::notification::Channel;
use golden_bell::core::rules::Level;
use golden_bell::core::rules::RuleSet;
use golden_bell::runtime::read_files;
use serde_json::Value;

use crate::compare::{self, Given, Place, compare};
use crate::support::audit::{Discrepancy, Outputs};
use crate::support::model::Record;
use crate::templates::templates;

/// The most inputs of one transaction that may lie in the same millisecond as a timer: each doubles the orders to try.
const MOST_TIES: usize = 6;

/// The most inputs of one transaction that a timer may have overtaken.
const MOST_OVERTAKEN: usize = 64;

/// How many discrepancies make a replay one that has gone wrong.
const GONE_WRONG: usize = 3;

/// What the program was configured with.
pub struct Judge {
    pub rules: RuleSet,
    pub directory: Directory,
    pub templates: Templates,
    pub outlets: Outlets,
    pub settings: CaseSettings,
    pub archive_key: ArchiveKey,
}

impl Judge {
    /// With the shipped rules, the directory of the trial in `folder`, and these deadlines.
    pub fn new(folder: &Path, token_key: &[u8; 32], settings: CaseSettings) -> Self {
        let read = |path: &Path| std::fs::read_to_string(path).expect("a file");
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rules.toml");
        Judge {
            rules: RuleSet::load(&read(&rules), "rules.toml").expect("rules"),
            directory: Directory::load(&read_files(&folder.join("directory")).expect("a directory"))
                .expect("a directory"),
            templates: templates(),
            // As shipped, which the trials leave as it is.
            outlets: Outlets::new(BTreeMap::from([("log".to_owned(), Channel::Log)]))
                .with_default(&["log".to_owned()])
                .with_residents(&["log".to_owned()]),
            settings,
            archive_key: ArchiveKey::new(token_key),
        }
    }

    fn context(&self) -> Context<'_> {
        Context {
            rules: &self.rules,
            directory: &self.directory,
            templates: &self.templates,
            outlets: &self.outlets,
            settings: &self.settings,
            archive_key: &self.archive_key,
        }
    }
}

/// One span for every level.
pub fn levels(urgent: i64, high: i64, medium: i64, low: i64) -> PerLevel<chrono::TimeDelta> {
    let seconds = chrono::TimeDelta::seconds;
    PerLevel { urgent: seconds(urgent), high: seconds(high), medium: seconds(medium), low: seconds(low) }
}

/// What the replay found, and how much it looked at.
#[derive(Debug, Default)]
pub struct Replayed {
    pub discrepancies: Vec<Discrepancy>,
    pub inputs: usize,
    pub transactions: usize,
    pub timers: usize,
    pub warnings: usize,
    pub notifications: usize,
}

/// Replays every partition.
pub fn replay(judge: &Judge, outputs: &Outputs, notifications: &[Record]) -> Replayed {
    let mut out = Replayed { notifications: notifications.len(), ..Replayed::default() };
    let partitions: BTreeSet<i32> = outputs.case_inputs.iter().map(|record| record.partition).collect();
    let wanted: Vec<Vec<Value>> =
        partitions.into_iter().map(|partition| Line::new(judge, outputs, partition, &mut out).run()).collect();
    compare::notifications(&wanted, notifications, &mut out.discrepancies);
    out
}

/// A transaction as `cases` shows it: the versions it wrote, and the last input they know of.
pub struct Written<'a> {
    input: i64,
    pub versions: BTreeMap<String, &'a Record>,
}

/// One step of the replay.
#[derive(Clone, Copy)]
enum Step<'a> {
    Input(&'a Record),
    Timer(DateTime<Utc>),
}

struct Line<'a> {
    judge: &'a Judge,
    outputs: &'a Outputs,
    partition: i32,
    inputs: Vec<&'a Record>,
    /// How many inputs are handled.
    at: usize,
    book: CaseBook,
    given: Given,
    out: &'a mut Replayed,
}

impl<'a> Line<'a> {
    fn new(judge: &'a Judge, outputs: &'a Outputs, partition: i32, out: &'a mut Replayed) -> Self {
        let inputs: Vec<_> = outputs.case_inputs.iter().filter(|r| r.partition == partition).collect();
        out.inputs += inputs.len();
        Line { judge, outputs, partition, inputs, at: 0, book: CaseBook::new(), given: Given::default(), out }
    }

    fn add(&mut self, check: &'static str, what: String) {
        self.out.discrepancies.push(Discrepancy { check, what: format!("partition {}: {what}", self.partition) });
    }

    /// Replays it all; the notifications that must be there, in order.
    fn run(mut self) -> Vec<Value> {
        let mut known = BTreeSet::new();
        let mut left = self.written().into_iter().peekable();
        while let Some(mut written) = left.next() {
            let mut moments = BTreeSet::new();
            let mut outcome = self.transaction(&written, &mut moments, &known);
            // Where a zombie wrote between the records of a transaction, it looks like several.
            while let Some(more) = left.next_if(|next| outcome.is_err() && next.input == written.input) {
                written.versions.extend(more.versions);
                outcome = self.transaction(&written, &mut moments, &known);
            }
            if let Err(fault) = outcome {
                self.add("replay_case", format!("up to input {}: {fault}", written.input));
                let steps = merge(&self.inputs_to(written.input), &moments.iter().copied().collect::<Vec<_>>(), 0);
                self.take(&steps);
            }
            self.at += self.inputs_to(written.input).len();
            self.book.commit().expect("cases can be written");
            self.out.timers += moments.len();
            self.out.transactions += 1;
            known.extend(moments);
        }
        let rest: Vec<Step<'_>> = self.inputs[self.at..].iter().map(|record| Step::Input(record)).collect();
        self.take(&rest);
        let left = self.changes();
        if !left.is_empty() {
            self.add("replay_case_lost", format!("{:?} changed after the last transaction", left.keys()));
        }
        let place = Place { partition: self.partition, outputs: self.outputs };
        self.out.warnings += place.warnings(&self.given, &mut self.out.discrepancies);
        place.dead_letters(&self.given, &mut self.out.discrepancies);
        self.given.notifications
    }

    /// The transactions in order: each ends with a marker, which takes an offset.
    fn written(&mut self) -> Vec<Written<'a>> {
        let mut all: Vec<Written<'a>> = Vec::new();
        let (outputs, partition) = (self.outputs, self.partition);
        let mut next = -1;
        for record in outputs.cases.iter().filter(|r| r.partition == partition) {
            let input = record.header_text("input_offset").and_then(|text| text.parse().ok()).unwrap_or(-1);
            let key = record.key_text();
            let goes_on = record.offset == next;
            next = record.offset + 1;
            match all.last_mut() {
                Some(last) if goes_on && last.input == input => {
                    if last.versions.insert(key.clone(), record).is_some() {
                        self.add("replay_twice", format!("{key} stands twice in one transaction"));
                    }
                }
                last => {
                    if last.is_some_and(|last| last.input > input) {
                        self.add("replay_order", format!("{key} speaks of input {input} after a later one"));
                    }
                    all.push(Written { input, versions: BTreeMap::from([(key, record)]) });
                }
            }
        }
        all
    }

    /// The inputs not handled yet, up to this offset.
    fn inputs_to(&self, offset: i64) -> Vec<&'a Record> {
        self.inputs[self.at..].iter().copied().take_while(|record| record.offset <= offset).collect()
    }

    /// Handles the inputs and timers of one transaction in the order of their times, and where that gives something else
    /// in every other that may be.
    fn transaction(
        &mut self,
        written: &Written<'a>,
        moments: &mut BTreeSet<DateTime<Utc>>,
        known: &BTreeSet<DateTime<Utc>>,
    ) -> Result<(), String> {
        let found = |of: &dyn Fn(&Record) -> BTreeSet<DateTime<Utc>>| -> Vec<DateTime<Utc>> {
            written.versions.values().flat_map(|record| of(record)).filter(|at| !known.contains(at)).collect()
        };
        moments.extend(found(&escalations));
        let mut more = moments.clone();
        more.extend(found(&|record| behind_deadlines(record, &self.judge.settings)));
        let inputs = self.inputs_to(written.input);
        let mut first = None;
        // One that has gone wrong already is not made right by trying for long.
        let most = if self.out.discrepancies.len() < GONE_WRONG { usize::MAX } else { 2 };
        for tried in [moments.clone(), more] {
            for steps in orders(&inputs, &tried.iter().copied().collect::<Vec<_>>()).take(most) {
                let given = self.handle(&steps);
                match compare(written, &self.changes()) {
                    None => {
                        self.keep(given);
                        *moments = tried;
                        return Ok(());
                    }
                    Some(fault) => first = first.or(Some(fault)),
                }
                self.book.rollback();
            }
        }
        Err(first.unwrap_or_default())
    }

    fn take(&mut self, steps: &[Step<'a>]) {
        let given = self.handle(steps);
        self.keep(given);
    }

    fn keep(&mut self, given: Given) {
        self.given.warnings.extend(given.warnings);
        self.given.notifications.extend(given.notifications);
        self.given.refused.extend(given.refused);
    }

    fn changes(&mut self) -> BTreeMap<String, Value> {
        let changes = self.book.changes().expect("cases can be written");
        let value = |bytes: Option<Vec<u8>>| bytes.and_then(|b| serde_json::from_slice(&b).ok()).unwrap_or_default();
        changes.into_iter().map(|change| (change.case_id, value(change.value))).collect()
    }

    fn handle(&mut self, steps: &[Step<'a>]) -> Given {
        let mut given = Given::default();
        let context = self.judge.context();
        for step in steps {
            let clock = match step {
                Step::Timer(at) => *at,
                Step::Input(record) => DateTime::from_timestamp_millis(record.timestamp_ms).expect("a time"),
            };
            let moment = Moment { clock, wall: clock };
            for fired in self.book.fire_due(moment, &context, usize::MAX) {
                given.add(&fired);
            }
            if let Step::Input(record) = step {
                input(&mut self.book, record, moment, &context, &mut given);
            }
        }
        given
    }
}

/// When the case escalated, by its history and its last warning.
fn escalations(record: &Record) -> BTreeSet<DateTime<Utc>> {
    let case: Value = compare::value(record);
    let history = case["history"].as_array().map_or(&[][..], Vec::as_slice);
    (history.iter())
        .filter(|entry| entry["what"] == "escalated")
        .filter_map(|entry| entry["at"].as_str()?.parse().ok())
        .collect()
}

/// When the wall clock fired a timer, by the deadlines of the case: one that it sets lies a span of its level behind. The
/// history has only the last of several escalations at a step. Record times are whole milliseconds, clocks are not.
fn behind_deadlines(record: &Record, settings: &CaseSettings) -> BTreeSet<DateTime<Utc>> {
    let case: Value = compare::value(record);
    let Ok(level) = serde_json::from_value::<Level>(case["level"].clone()) else { return BTreeSet::new() };
    [("acknowledge", &settings.acknowledge_within), ("reach", &settings.reach_within)]
        .into_iter()
        .filter_map(|(name, within)| {
            let due: DateTime<Utc> = case["deadlines"][name].as_str()?.parse().ok()?;
            Some(due - within.of(level))
        })
        .filter(|at| at.timestamp_subsec_nanos() % 1_000_000 != 0)
        .collect()
}

/// The orders in which inputs and timers may have been handled: by their times, those of inputs that share a millisecond
/// with a timer either way; then those in which timers came before inputs of an earlier time.
fn orders<'a, 'b>(inputs: &'b [&'a Record], moments: &'b [DateTime<Utc>]) -> impl Iterator<Item = Vec<Step<'a>>> + 'b {
    let shares = |record: &&&Record| moments.iter().any(|at| at.timestamp_millis() == record.timestamp_ms);
    let ties = inputs.iter().filter(shares).count();
    let by_time = (0..1_u32 << ties.min(MOST_TIES)).map(move |order| merge(inputs, moments, order));
    let natural: Vec<usize> = (moments.iter())
        .map(|at| inputs.iter().position(|r| r.timestamp_ms >= at.timestamp_millis()).unwrap_or(inputs.len()))
        .collect();
    let overtaking = (0..natural.len()).flat_map(move |last| {
        let (natural, place) = (natural.clone(), natural[last]);
        (place.saturating_sub(MOST_OVERTAKEN)..place).rev().map(move |first| -> Vec<usize> {
            natural.iter().enumerate().map(|(n, &at)| if n <= last { at.min(first) } else { at }).collect()
        })
    });
    by_time.chain(overtaking.map(move |places| placed(inputs, moments, &places)))
}

/// Each timer before the input of that number.
fn placed<'a>(inputs: &[&'a Record], moments: &[DateTime<Utc>], places: &[usize]) -> Vec<Step<'a>> {
    let mut left = moments.iter().zip(places).peekable();
    let mut steps = Vec::with_capacity(inputs.len() + moments.len());
    for (n, record) in inputs.iter().enumerate() {
        while let Some((at, _)) = left.next_if(|(_, place)| **place <= n) {
            steps.push(Step::Timer(*at));
        }
        steps.push(Step::Input(record));
    }
    steps.extend(left.map(|(at, _)| Step::Timer(*at)));
    steps
}

/// Inputs and timers by their times. The bits of `order` say which of the inputs that share a millisecond with a timer
/// come before it instead of after it.
fn merge<'a>(inputs: &[&'a Record], moments: &[DateTime<Utc>], order: u32) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    let mut left = moments.iter().copied().peekable();
    let mut tie = 0;
    for record in inputs {
        let shares = moments.iter().any(|at| at.timestamp_millis() == record.timestamp_ms);
        let before = shares && {
            tie += 1;
            order >> (tie - 1).min(31) & 1 == 1
        };
        while let Some(at) = left.next_if(|at| {
            let at = at.timestamp_millis();
            at < record.timestamp_ms || at == record.timestamp_ms && !before
        }) {
            steps.push(Step::Timer(at));
        }
        steps.push(Step::Input(record));
    }
    steps.extend(left.map(Step::Timer));
    steps
}

fn input(book: &mut CaseBook, record: &Record, at: Moment, context: &Context<'_>, given: &mut Given) {
    let headers = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref().unwrap_or_default()));
    let key = record.key_text();
    let mut refuse = |reason: &str| given.refused.push((record.offset, reason.to_owned()));
    let decoded = match decode_case_input(headers, record.value.as_deref()) {
        Ok(decoded) => decoded,
        Err(reject) => return refuse(reject.reason.as_str()),
    };
    let trace = decoded.traceparent.as_deref().map(str::to_owned);
    let handled = match &decoded.body {
        CaseInputBody::Match(matched) => book.apply_match(matched, trace.as_deref(), at, context),
        CaseInputBody::FollowUp(data) => match FollowUp::read(data.get().as_bytes(), &key, &decoded.id) {
            Ok(follow_up) => book.apply_follow_up(&follow_up, at, context),
            Err(_) => return refuse("schema"),
        },
        CaseInputBody::Delivery(_) | CaseInputBody::Erasure(_) => return refuse("not sent by this test"),
    };
    if let Disposition::Refused(refusal) = handled.disposition {
        return refuse(refusal.as_str());
    }
    given.add(&handled);
}
