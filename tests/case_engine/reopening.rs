//! When new evidence opens a case again, and when it opens a new one.

use golden_bell::core::case::{Happening, Outcome, State};
use golden_bell::core::case_engine::Disposition;
use golden_bell::core::rules::Level;
use golden_bell::core::warning::Cause;
use serde_json::json;

use super::support::{Bench, DAY, HOUR, after, call, is, seen, transfer};

fn dissuaded() -> Bench {
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ongoing", 0).confidence(0.9));
    bench.follow_up(10, "outcome", json!({"outcome": "loss"}));
    bench
}

fn closed(outcome: &str) -> Bench {
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ongoing", 0).confidence(0.9));
    match outcome {
        "false_alarm" => bench.follow_up(10, "outcome", json!({"outcome": outcome})),
        _ => bench.follow_up(10, "transfer_unit", json!({"area": "elsewhere"})),
    };
    assert_eq!(bench.case().state, State::Closed);
    bench
}

#[test]
fn new_evidence_after_an_outcome_reopens_with_its_own_level() {
    let mut bench = dissuaded();
    let first = bench.case();
    is(bench.take(&call("b", "ongoing", HOUR).confidence(0.3)), Disposition::Reopened);
    let case = bench.case();
    assert_eq!(case.case_id, first.case_id);
    assert_eq!((case.state, case.outcome, case.step), (State::Open, Outcome::None, 1));
    assert_eq!((case.level, case.score), (Level::Medium, 30));
    assert_eq!(case.round.number, 2);
    assert_eq!((case.sequence, case.round.warnings), (2, 1));
    assert!(case.return_visits.is_empty());
    assert_eq!(case.respond_by, Some(after(2 * HOUR)));
    let ended = case.history.iter().find(|entry| entry.what == Happening::RoundEnded).unwrap();
    assert_eq!((ended.outcome, ended.level, ended.round), (Outcome::Loss, Level::Urgent, 1));
    let warning = bench.last();
    assert_eq!((warning.cause, warning.sequence), (Cause::Reopened, 2));
    assert!(seen(warning).contains(&"no_warning"));
}

#[test]
fn an_update_never_reopens() {
    let mut bench = dissuaded();
    is(bench.take(&call("a.2", "ongoing", HOUR).confidence(1.0)), Disposition::Folded);
    let case = bench.case();
    assert_eq!((case.state, case.outcome, case.sequence), (State::ReturnVisitDue, Outcome::Loss, 1));
    assert_eq!(case.score, 90);
}

#[test]
fn a_false_alarm_is_reopened_by_a_transfer_only() {
    let mut bench = closed("false_alarm");
    is(bench.take(&call("b", "ongoing", HOUR).confidence(1.0)), Disposition::Folded);
    let case = bench.case();
    assert_eq!((case.state, case.evidence_count, case.sequence), (State::Closed, 2, 1));
    is(bench.take(&transfer("t", "accepted", 2 * HOUR)), Disposition::Reopened);
    let case = bench.case();
    assert_eq!((case.state, case.level, case.evidence_count), (State::Open, Level::High, 3));
}

#[test]
fn a_case_is_reopened_within_72_hours_of_closing() {
    for (clock, disposition) in [(10 + 72 * HOUR, Disposition::Reopened), (11 + 72 * HOUR, Disposition::Opened)] {
        for outcome in ["false_alarm", "transferred"] {
            let mut bench = closed(outcome);
            let first = bench.case().case_id;
            is(bench.take(&transfer("t", "accepted", clock)), disposition);
            assert_eq!(bench.case().case_id == first, disposition == Disposition::Reopened);
            assert_eq!(bench.last().sequence, if disposition == Disposition::Reopened { 2 } else { 1 });
        }
    }
    // A false alarm long ago does not stop a call from opening a case.
    let mut bench = closed("false_alarm");
    is(bench.take(&call("b", "ongoing", 73 * HOUR)), Disposition::Opened);
    assert_eq!(bench.book.len(), 2);
    assert_eq!(bench.case().ordinal, 2);
}

#[test]
fn a_piece_of_a_closed_case_stays_there() {
    let mut bench = closed("false_alarm");
    bench.take(&call("b", "ongoing", 73 * HOUR));
    is(bench.take(&call("a.2", "ended", 74 * HOUR).confidence(1.0)), Disposition::Folded);
    let [old, new] = &bench.book.cases_of("r-1")[..] else { panic!("two cases") };
    assert_eq!((old.evidence[0].id.as_str(), old.state), ("a.2", State::Closed));
    assert_eq!(new.evidence.len(), 1);
    // And an event that either has seen is a duplicate.
    is(bench.take_at(&call("a.1", "ongoing", 0), 75 * HOUR), Disposition::Duplicate);
}

#[test]
fn one_handed_elsewhere_reopens_where_the_person_lives_now() {
    let mut bench = closed("transferred");
    let mut event = transfer("t", "accepted", HOUR);
    event.person["area"] = json!("kfq/heyan");
    is(bench.take(&event), Disposition::Reopened);
    assert_eq!(bench.case().area.as_deref(), Some("kfq/heyan"));

    let mut bench = closed("false_alarm");
    bench.take(&event);
    assert_eq!(bench.case().area.as_deref(), Some("kfq/huangchengli"));
}

#[test]
fn the_threshold_holds_for_reopening_too() {
    let mut bench = dissuaded();
    bench.settings.open_at = 40;
    is(bench.take(&call("b.1", "ringing", HOUR).confidence(0.3)), Disposition::BelowOpenAt);
    assert_eq!(bench.case().state, State::ReturnVisitDue);
    is(bench.take(&call("b.2", "ongoing", 2 * HOUR).confidence(0.4)), Disposition::Reopened);
}

#[test]
fn what_came_to_nothing_reopens_nothing() {
    for mut bench in [dissuaded(), closed("false_alarm")] {
        is(bench.take(&transfer("t.1", "rejected", HOUR).confidence(1.0)), Disposition::Unscored);
        assert_eq!(bench.case().evidence_count, 1);
        is(bench.take(&transfer("t.2", "accepted", HOUR + 1)), Disposition::Reopened);
    }
}

#[test]
fn a_closed_case_leaves_after_31_days() {
    let mut bench = closed("false_alarm");
    let case_id = bench.case().case_id;
    assert_eq!(bench.case().next_deadline_at, Some(after(10 + 31 * DAY)));
    assert_eq!(bench.case().respond_by, None);
    assert!(bench.wait(9 + 31 * DAY).is_empty());
    assert_eq!(bench.book.len(), 1);
    bench.changes.clear();
    assert!(bench.wait(10 + 31 * DAY).is_empty());
    assert_eq!((bench.book.len(), bench.book.subjects(), bench.book.next_due()), (0, 0, None));
    let [change] = &bench.changes[..] else { panic!("one change") };
    assert_eq!((&change.case_id, &change.value), (&case_id, &None));
    let archive = String::from_utf8(change.archive.clone().unwrap()).unwrap();
    for secret in ["r-1\"", "张三", "1312345", "968", "fake-name", "o-1", &case_id] {
        assert!(!archive.contains(secret), "{secret} in {archive}");
    }
    assert!(archive.contains("\"outcome\":\"false_alarm\""));
}

#[test]
fn an_event_whose_case_is_kept_still_opens_nothing() {
    let mut bench = closed("false_alarm");
    let mut case = bench.case();
    // The case no longer remembers the event that opened it.
    case.seen = Default::default();
    case.evidence.clear();
    let mut fresh = Bench::new();
    fresh.book.restore(&case.case_id, Some(&case.encode().unwrap())).unwrap();
    fresh.book.finish_restore();
    is(fresh.take_at(&call("a.1", "ongoing", 0), 80 * HOUR), Disposition::CaseExists);
    bench.wait(80 * HOUR);
}
