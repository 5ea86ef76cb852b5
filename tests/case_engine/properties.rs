//! What must hold whatever happens, in whatever order, however it is cut into transactions.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use golden_bell::core::case::{Case, MAX_CASE_BYTES, State};
use golden_bell::core::case_engine::{CaseBook, Disposition, FailedDelivery};
use golden_bell::core::matched::Match;
use golden_bell::core::rules::Level;
use golden_bell::core::warning::{Cause, Warning};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::support::{BANK, Bench, DAY, Event, HOUR, SUBJECT, after, call, follow_up, transfer};

const PHASES: [&str; 4] = ["ringing", "ongoing", "ended", "failed"];
const STATES: [&str; 4] = ["accepted", "settled", "reversed", "rejected"];

/// The events a run draws from: a few calls and transfers, each with a few events.
fn universe() -> impl Strategy<Value = Vec<Event>> {
    vec((0..4_usize, 0..5 * HOUR, 1..=10_u32), 24).prop_map(|drawn| {
        drawn
            .into_iter()
            .enumerate()
            .map(|(n, (phase, time, tenths))| {
                let piece = n % 6;
                let event = match piece {
                    0..3 => call(&format!("c{piece}.{n}"), PHASES[phase], time),
                    _ => transfer(&format!("t{piece}.{n}"), STATES[phase], time),
                };
                event.confidence(f64::from(tenths) / 10.0)
            })
            .collect()
    })
}

/// Something that happens to the subject.
#[derive(Clone, Debug)]
enum Op {
    /// An event of the universe, perhaps again.
    Event(usize),
    /// An action of [`ACTIONS`] by a chief or not, under an id that may have been used.
    FollowUp { action: usize, by_chief: bool, id: u8 },
    /// A notification of the last warning could not be delivered.
    Failed,
    /// An event of somebody else.
    Other(usize),
    /// Only time passes.
    Wait,
}

/// Somebody else with cases in the same partition.
const OTHER: &str = "r-2";

const ACTIONS: [(&str, &str); 15] = [
    ("acknowledge", "{}"),
    ("contact", r#"{"line": "busy"}"#),
    ("contact", r#"{"line": "answered"}"#),
    ("contact", r#"{"line": "answered", "identity_checked": true}"#),
    ("outcome", r#"{"outcome": "dissuaded", "identity_checked": true}"#),
    ("outcome", r#"{"outcome": "refused"}"#),
    ("outcome", r#"{"outcome": "unreached"}"#),
    ("outcome", r#"{"outcome": "loss"}"#),
    ("outcome", r#"{"outcome": "false_alarm"}"#),
    ("transfer_unit", r#"{"area": "kfq/heyan"}"#),
    ("transfer_unit", r#"{"area": "elsewhere"}"#),
    ("return_visit", r#"{"still_in_touch": false}"#),
    ("return_visit", r#"{"still_in_touch": true}"#),
    ("close", "{}"),
    ("reopen", "{}"),
];

fn ops() -> impl Strategy<Value = Vec<(Op, i64)>> {
    let op = prop_oneof![
        5 => (0..24_usize).prop_map(Op::Event),
        4 => (0..ACTIONS.len(), any::<bool>(), 0..40_u8)
            .prop_map(|(action, by_chief, id)| Op::FollowUp { action, by_chief, id }),
        1 => Just(Op::Failed),
        1 => (0..24_usize).prop_map(Op::Other),
        1 => Just(Op::Wait),
    ];
    let pause =
        prop_oneof![Just(0), Just(1), Just(60), Just(700), Just(HOUR), Just(DAY), Just(4 * DAY), Just(12 * DAY)];
    vec((op, pause), 1..60)
}

/// Does one thing at a clock, without committing it.
fn perform(bench: &mut Bench, universe: &[Event], op: &Op, clock: i64) {
    let case = bench.book.cases_of(SUBJECT).pop();
    match op {
        Op::Event(n) => {
            let payload = universe[*n].payload();
            let matched: Match<'_> = serde_json::from_str(&payload).unwrap();
            bench.act_uncommitted(clock, |book, at, cx| Some(book.apply_match(&matched, None, at, cx)));
        }
        Op::FollowUp { action, by_chief, id } => {
            let (name, fields) = ACTIONS[*action];
            let mut fields: serde_json::Value = serde_json::from_str(fields).unwrap();
            fields["by_role"] = json!(if *by_chief { "chief" } else { "officer" });
            let case_id = case.map_or("c-none".to_owned(), |case| case.case_id);
            let done = follow_up(&format!("f{id}"), &case_id, clock, name, fields);
            bench.act_uncommitted(clock, |book, at, cx| Some(book.apply_follow_up(&done, at, cx)));
        }
        Op::Failed => {
            let case_id = case.as_ref().map_or("c-none".to_owned(), |case| case.case_id.clone());
            let failed = FailedDelivery {
                notification_id: "n".to_owned(),
                warning_id: format!("{case_id}-{}", case.map_or(0, |case| case.sequence)),
                case_id,
                subject_id: SUBJECT.to_owned(),
            };
            bench.act_uncommitted(clock, |book, at, cx| Some(book.apply_failed_delivery(&failed, at, cx)));
        }
        Op::Other(n) => {
            let event = Event { subject: OTHER.to_owned(), ..universe[*n].clone() };
            let payload = event.payload();
            let matched: Match<'_> = serde_json::from_str(&payload).unwrap();
            bench.act_uncommitted(clock, |book, at, cx| Some(book.apply_match(&matched, None, at, cx)));
        }
        Op::Wait => bench.act_uncommitted(clock, |_, _, _| None),
    }
}

/// What `cases` holds after compaction, and what went to the archive.
fn published(bench: &Bench) -> (BTreeMap<String, String>, Vec<String>) {
    let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
    let mut cases = BTreeMap::new();
    let mut archive = Vec::new();
    for change in &bench.changes {
        match &change.value {
            Some(value) => cases.insert(change.case_id.clone(), text(value)),
            None => cases.remove(&change.case_id),
        };
        archive.extend(change.archive.iter().map(text));
    }
    (cases, archive)
}

fn restarted(bench: &Bench) -> CaseBook {
    let mut book = CaseBook::new();
    for change in &bench.changes {
        book.restore(&change.case_id, change.value.as_deref()).unwrap();
    }
    book.finish_restore();
    book
}

fn texts(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(|warning| serde_json::to_string(warning).unwrap()).collect()
}

/// The highest level of each round so far, by case, its opening and the number of the round.
type Levels = HashMap<(String, DateTime<Utc>, u32), Level>;

/// Everything that must hold after each thing that happens.
fn check(bench: &Bench, before: Option<&Case>, op: &Op, clock: i64, levels: &mut Levels) {
    let cases = bench.book.cases_of(SUBJECT);
    assert!(bench.book.next_due().is_none_or(|due| due > after(clock)));
    for (index, case) in cases.iter().enumerate() {
        let open = case.state != State::Closed;
        assert!(!open || index + 1 == cases.len(), "an open case that is not the newest");
        assert!(case.next_deadline_at.is_some(), "no deadline: {case:?}");
        assert_eq!(case.respond_by.is_some(), open);
        assert_eq!(case.closed_at.is_some(), !open);
        assert_eq!(Case::decode(&case.encode().unwrap()).unwrap(), *case);
        let level = levels.entry((case.case_id.clone(), case.opened_at, case.round.number)).or_insert(case.level);
        assert!(case.level >= *level, "the level fell within a round");
        *level = case.level;
    }
    let others = bench.book.cases_of(OTHER);
    assert_eq!(bench.book.next_due(), cases.iter().chain(&others).filter_map(|case| case.next_deadline_at).min());
    if let (Op::FollowUp { action, by_chief: false, .. }, Some(before)) = (op, before)
        && ACTIONS[*action].0 == "close"
        && !matches!(before.state, State::ReturnVisitDue | State::Closed)
    {
        let now = cases.iter().find(|case| case.case_id == before.case_id).unwrap();
        assert_ne!(now.state, State::Closed, "closed without a chief");
    }
}

/// Each transfer heard of as accepted or settled is first in a warning of its own; later ones may only tell that it
/// raised the level.
fn check_told(warnings: &[Warning], owed: &[String]) {
    for transfer in owed {
        let mut told = warnings
            .iter()
            .filter(|w| w.event_time.is_some() && w.subject.subject_id == SUBJECT)
            .filter(|w| w.evidence[0].source == BANK && w.evidence[0].piece_id() == transfer);
        assert!(told.next().is_some(), "{transfer} was never told");
        assert!(told.all(|warning| warning.cause == Cause::Raised), "{transfer} was told twice");
    }
}

fn check_sequences(warnings: &[Warning]) {
    let mut last: HashMap<&str, u64> = HashMap::new();
    for warning in warnings {
        let last = last.entry(&warning.case_id).or_default();
        *last += 1;
        assert_eq!(warning.sequence, *last);
        assert_eq!(warning.warning_id, format!("{}-{}", warning.case_id, warning.sequence));
    }
}

fn run_checked(universe: &[Event], ops: &[(Op, i64)]) -> Bench {
    let mut bench = Bench::new();
    let mut clock = 0;
    let mut levels = HashMap::new();
    let mut owed = Vec::new();
    for (op, pause) in ops {
        clock += pause;
        bench.wait(clock);
        let before = bench.book.cases_of(SUBJECT).pop();
        perform(&mut bench, universe, op, clock);
        bench.commit();
        if let Op::Event(n) = op {
            let event = &universe[*n];
            let settled = [Disposition::Duplicate, Disposition::Older].contains(&bench.handled.disposition);
            if !settled && ["accepted", "settled"].iter().any(|state| event.data["state"] == *state) {
                owed.push(event.data["transfer_id"].as_str().unwrap().to_owned());
            }
        }
        check(&bench, before.as_ref(), op, clock, &mut levels);
        // An event that comes again after its case has left is as good as new: no input is kept that long.
        if bench.changes.iter().all(|change| change.archive.is_none()) {
            check_told(&bench.warnings, &owed);
            check_sequences(&bench.warnings);
        }
    }
    bench
}

/// The same, cut into transactions of which some do not commit the first time, with restarts between them.
fn run_in_batches(universe: &[Event], ops: &[(Op, i64)], cuts: &[(usize, bool, bool)]) -> Bench {
    let mut bench = Bench::new();
    let mut clock = 0;
    let mut rest = ops;
    let mut cuts = cuts.iter().cycle();
    while let (false, Some((size, fails, restart))) = (rest.is_empty(), cuts.next()) {
        let (batch, later) = rest.split_at((*size).min(rest.len()));
        rest = later;
        let started = clock;
        for attempt in 0..=usize::from(*fails) {
            let warned = bench.warnings.len();
            clock = started;
            for (op, pause) in batch {
                clock += pause;
                bench.act_uncommitted(clock, |_, _, _| None);
                perform(&mut bench, universe, op, clock);
            }
            if attempt < usize::from(*fails) {
                bench.book.rollback();
                bench.warnings.truncate(warned);
            }
        }
        bench.commit();
        if *restart {
            bench.book = restarted(&bench);
        }
    }
    bench
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_told_twice_however_it_is_cut(
        universe in universe(),
        ops in ops(),
        cuts in vec((1..8_usize, any::<bool>(), any::<bool>()), 1..6),
    ) {
        let plain = run_checked(&universe, &ops);
        let cut = run_in_batches(&universe, &ops, &cuts);
        prop_assert_eq!(texts(&cut.warnings), texts(&plain.warnings));
        prop_assert_eq!(published(&cut), published(&plain));
        prop_assert_eq!(cut.book.next_due(), plain.book.next_due());
        prop_assert_eq!(cut.book.open_by(), plain.book.open_by());
        prop_assert_eq!((cut.book.len(), cut.book.subjects()), (plain.book.len(), plain.book.subjects()));
    }

    #[test]
    fn every_order_of_the_same_events_tells_every_transfer_once(
        order in vec(0..24_usize, 24..80),
        universe in universe(),
    ) {
        // Accepted or settled only, and one score for all: no transfer can raise the level once it was told.
        let universe: Vec<Event> = universe
            .into_iter()
            .map(|event| if event.source == BANK && event.data["state"] != "accepted" { event.with("state", "settled") } else { event })
            .map(|event| event.confidence(0.5))
            .collect();
        let ops: Vec<(Op, i64)> = order.iter().chain(&(0..24).collect::<Vec<_>>()).map(|n| (Op::Event(*n), 1)).collect();
        let bench = run_checked(&universe, &ops);
        for piece in 3..6 {
            let id = format!("t{piece}");
            let told = bench.warnings.iter().filter(|w| w.event_time.is_some() && w.evidence[0].piece_id() == id);
            prop_assert_eq!(told.count(), 1);
        }
    }
}

#[test]
fn a_case_never_grows_beyond_its_bound() {
    let mut bench = Bench::new();
    let long = "长\u{1}\"".repeat(300);
    let mut dropped = 0;
    let mut largest = 0;
    for n in 0..100_000_i64 {
        let mut event = match n % 50 {
            0 => transfer(&format!("t{n}{long}"), "accepted", n),
            _ => call(&format!("c{n}"), "ended", n),
        };
        if n % 1000 == 0 {
            event.person["name"] = json!(long);
            event.person["groups"] = json!(vec![long.clone(); 40]);
            let contacts = (0..32).map(|n| json!({"person_id": format!("{n}{long}"), "name": long, "relation": long}));
            event.contacts = contacts.collect();
        }
        event.source = format!("urn:{}", long.get(..300).unwrap_or_default());
        let payload = event.payload();
        let matched: Match<'_> = serde_json::from_str(&payload).unwrap();
        bench.act_uncommitted(n, |book, at, cx| Some(book.apply_match(&matched, None, at, cx)));
        if n % 2000 == 7 {
            let case_id = bench.case().case_id;
            let note = "\u{1}".repeat(500);
            let noted = follow_up(&format!("{n}{long}"), &case_id, n, "note", json!({"text": note}));
            bench.act_uncommitted(n, |book, at, cx| Some(book.apply_follow_up(&noted, at, cx)));
        }
        dropped += bench.handled.dropped.total();
        bench.warnings.clear();
        if n % 500 == 0 {
            let changes = bench.book.changes().unwrap();
            let size = changes[0].value.as_ref().unwrap().len();
            assert!(size <= MAX_CASE_BYTES, "{size}");
            largest = largest.max(size);
            bench.book.commit().unwrap();
        }
    }
    let case = bench.case();
    assert_eq!(case.evidence_count, 100_000);
    assert_eq!(case.evidence.len(), 50);
    assert!(case.follow_ups.len() > 20, "{}", case.follow_ups.len());
    assert!(largest > MAX_CASE_BYTES / 2, "{largest}");
    assert!(dropped > 150_000, "{dropped}");
}
