//! Deadlines, lapses, return visits, and the clock.

use golden_bell::core::case::{CaseSettings, State};
use golden_bell::core::warning::Cause;
use serde_json::json;

use super::support::{Bench, DAY, HOUR, MINUTE, after, call, transfer};

/// The moments of the warnings so far, in seconds, and their causes.
fn told(bench: &Bench) -> Vec<(i64, Cause)> {
    let seconds = |t: chrono::DateTime<chrono::Utc>| (t - after(0)).num_seconds();
    bench.warnings.iter().map(|warning| (seconds(warning.published_at), warning.cause)).collect()
}

fn open(confidence: f64) -> Bench {
    let mut bench = Bench::new();
    bench.take(&call("a", "ended", 0).confidence(confidence));
    bench
}

#[test]
fn each_level_has_its_deadlines() {
    for (confidence, acknowledge, reach) in [
        (0.9, 2 * MINUTE, 30 * MINUTE),
        (0.5, 10 * MINUTE, 24 * HOUR),
        (0.3, HOUR, 48 * HOUR),
        (0.1, 24 * HOUR, 7 * DAY),
    ] {
        let case = open(confidence).case();
        assert_eq!(case.deadlines.acknowledge, Some(after(acknowledge)));
        assert_eq!(case.deadlines.reach, Some(after(reach)));
        assert_eq!(case.respond_by, Some(after(acknowledge)));
    }
}

#[test]
fn a_missed_deadline_escalates_again_and_again() {
    let mut bench = open(0.5);
    for (round, step) in [(1, 2), (2, 3), (3, 3), (4, 3)] {
        assert!(bench.wait(round * 10 * MINUTE - 1).is_empty());
        let [warning] = &bench.wait(round * 10 * MINUTE)[..] else { panic!("one warning") };
        assert_eq!((warning.cause, bench.case().step), (Cause::Escalated, step));
        assert_eq!(warning.respond_by, Some(after((round + 1) * 10 * MINUTE)));
        assert_eq!(warning.sequence, u64::try_from(round).unwrap() + 1);
    }
    // The last step repeating is one entry of the history.
    let last = bench.case().history.last().cloned().unwrap();
    assert_eq!((last.step, last.times), (3, 3));
}

#[test]
fn after_a_long_rest_each_timer_fires_once() {
    let mut bench = open(0.5);
    let warnings = bench.wait(30 * HOUR);
    // The acknowledgement and the reaching, in that order; each is armed again from then.
    assert_eq!(warnings.len(), 2);
    assert_eq!(bench.case().step, 3);
    let case = bench.case();
    assert_eq!(case.deadlines.acknowledge, Some(after(30 * HOUR + 10 * MINUTE)));
    assert_eq!(case.deadlines.reach, Some(after(54 * HOUR)));
}

#[test]
fn deadlines_at_the_same_moment_give_one_warning() {
    let mut settings = CaseSettings::default();
    settings.acknowledge_within.high = settings.reach_within.high;
    let mut bench = Bench::with(settings);
    bench.take(&call("a", "ended", 0));
    assert_eq!(bench.wait(DAY).len(), 1);
    assert_eq!(bench.case().step, 2);
}

#[test]
fn timers_fire_before_an_input_of_the_same_moment() {
    let mut bench = open(0.5);
    bench.follow_up(10 * MINUTE, "acknowledge", json!({}));
    assert_eq!(told(&bench), [(0, Cause::Opened), (600, Cause::Escalated)]);
    assert_eq!((bench.case().state, bench.case().step), (State::Acknowledged, 2));
}

#[test]
fn timers_fire_in_the_order_of_moment_and_case() {
    let mut bench = Bench::new();
    for subject in ["r-1", "r-2", "r-3"] {
        let mut event = call("a", "ended", i64::from(subject == "r-3"));
        event.subject = subject.to_owned();
        bench.take_at(&event, event.time);
    }
    let warnings = bench.wait(HOUR);
    let fired: Vec<&str> = warnings.iter().map(|warning| warning.case_id.as_str()).collect();
    let mut due: Vec<(i64, String)> = ["r-1", "r-2", "r-3"]
        .iter()
        .map(|subject| (i64::from(*subject == "r-3"), bench.book.cases_of(subject)[0].case_id.clone()))
        .collect();
    due.sort();
    assert_eq!(fired, due.iter().map(|(_, id)| id.as_str()).collect::<Vec<_>>());
}

#[test]
fn an_acknowledgement_without_a_contact_lapses() {
    let mut bench = open(0.5);
    bench.follow_up(MINUTE, "acknowledge", json!({}));
    assert_eq!(bench.case().respond_by, Some(after(MINUTE + 2 * HOUR)));
    // Taken over: the expiry starts again.
    bench.follow_up(HOUR, "acknowledge", json!({"officer_id": "o-2"}));
    assert!(bench.wait(3 * HOUR - 1).is_empty());
    let [warning] = &bench.wait(3 * HOUR)[..] else { panic!("one warning") };
    let case = bench.case();
    assert_eq!((warning.cause, case.state, case.step), (Cause::Escalated, State::Open, 2));
    assert_eq!(case.deadlines.acknowledge, Some(after(3 * HOUR + 10 * MINUTE)));
    assert_eq!(case.deadlines.reach, Some(after(DAY)));
    // A contact holds.
    bench.follow_up(3 * HOUR + 60, "acknowledge", json!({}));
    bench.follow_up(3 * HOUR + 120, "contact", json!({"line": "off"}));
    let case = bench.case();
    assert_eq!((case.deadlines.lapse, case.deadlines.acknowledge), (None, None));
    assert_eq!(case.respond_by, Some(after(DAY)));
    let [warning] = &bench.wait(DAY)[..] else { panic!("one warning") };
    assert_eq!((warning.cause, bench.case().state), (Cause::Escalated, State::Contacting));
}

#[test]
fn return_visits_come_at_moments_that_can_be_worked_out_again() {
    let visits = |bench: &mut Bench| {
        bench.follow_up(0, "outcome", json!({"outcome": "dissuaded", "identity_checked": true}));
        bench.case().return_visits
    };
    let first = visits(&mut open(0.5));
    assert_eq!(first, visits(&mut open(0.9)));
    for (visit, days) in first.iter().zip([1, 7, 30]) {
        let spread = DAY * days / 5;
        assert!(visit.due_at >= after(DAY * days - spread) && visit.due_at <= after(DAY * days + spread));
        assert_eq!(visit.escalates_at, visit.due_at + chrono::TimeDelta::days(1));
    }
    let moments = (0..50).map(|n| {
        let mut bench = Bench::new();
        bench.take(&call(&format!("x{n}"), "ended", 0));
        visits(&mut bench)[2].due_at
    });
    assert_eq!(moments.collect::<std::collections::HashSet<_>>().len(), 50);
}

#[test]
fn a_missed_return_visit_escalates_every_day_until_it_is_done() {
    let mut bench = open(0.5);
    bench.follow_up(0, "outcome", json!({"outcome": "dissuaded", "identity_checked": true}));
    let visits = bench.case().return_visits;
    let at = |n: usize| (visits[n].due_at - after(0)).num_seconds() + 1;
    assert_eq!(bench.case().respond_by, Some(visits[0].due_at));
    assert!(bench.wait(at(0) + DAY - 2).is_empty());
    for day in 1..=2 {
        let [warning] = &bench.wait(at(0) + day * DAY)[..] else { panic!("one warning") };
        assert_eq!(warning.cause, Cause::Escalated);
    }
    bench.follow_up(at(0) + 2 * DAY + 1, "return_visit", json!({"still_in_touch": false}));
    assert_eq!(bench.case().respond_by, Some(visits[1].due_at));
    // Early: it counts for the earliest not done.
    bench.follow_up(at(0) + 2 * DAY + 2, "return_visit", json!({"still_in_touch": false}));
    assert_eq!((bench.case().state, bench.case().respond_by), (State::ReturnVisitDue, Some(visits[2].due_at)));
    bench.follow_up(at(2), "outcome", json!({"outcome": "loss"}));
    assert_eq!(bench.case().return_visits[2], visits[2]);
    bench.follow_up(at(2) + 5, "return_visit", json!({"still_in_touch": false}));
    let case = bench.case();
    assert_eq!((case.state, case.closed_at), (State::Closed, Some(after(at(2) + 5))));
    assert_eq!(case.outcome.as_str(), "loss");
}

#[test]
fn the_clock_never_goes_back() {
    let mut bench = open(0.5);
    bench.wait(5 * MINUTE);
    bench.take_at(&transfer("t", "accepted", MINUTE), MINUTE);
    assert_eq!(bench.case().updated_at, after(5 * MINUTE));
    assert_eq!(bench.case().last_warning_at, Some(after(5 * MINUTE)));
}

#[test]
fn firing_can_be_cut_into_pieces() {
    let mut bench = Bench::new();
    for n in 0..10 {
        let mut event = call("a", "ended", 0);
        event.subject = format!("s-{n}");
        bench.take(&event);
    }
    let mut fired = 0;
    while bench.book.next_due() <= Some(after(HOUR)) {
        bench.act_limited(HOUR, 3);
        fired += 1;
    }
    assert_eq!(fired, 4);
    assert_eq!(bench.warnings.len(), 20);
}

#[test]
fn a_case_that_waits_for_nothing_is_armed_when_the_clock_moves() {
    let mut case = open(0.5).case();
    case.deadlines = Default::default();
    (case.respond_by, case.next_deadline_at) = (None, None);
    let mut bench = Bench::new();
    bench.book.restore(&case.case_id, Some(&case.encode().unwrap())).unwrap();
    bench.book.finish_restore();
    assert!(bench.wait(MINUTE).is_empty());
    assert_eq!(bench.case().respond_by, Some(after(MINUTE + DAY)));
}
