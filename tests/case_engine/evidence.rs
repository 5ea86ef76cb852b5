//! New evidence, updates, late events, duplicates, and the causes of warnings.

use golden_bell::core::case::{Outcome, State};
use golden_bell::core::case_engine::Disposition;
use golden_bell::core::matched::{Match, Programme};
use golden_bell::core::rules::Level;
use golden_bell::core::warning::Cause;
use serde_json::json;

use super::support::{BANK, Bench, HOUR, MINUTE, OPERATOR, SUBJECT, after, call, is, seen, transfer};

#[test]
fn the_first_event_opens_a_case() {
    let mut bench = Bench::new();
    let became = bench.take(&call("a", "ongoing", 0));
    is(became, Disposition::Opened);
    let case = bench.case();
    let digest = golden_bell::core::matched::prefixed_digest("c-", &[SUBJECT, OPERATOR, "a"]);
    assert_eq!(case.case_id, digest);
    assert_eq!((case.state, case.outcome, case.level, case.score), (State::Open, Outcome::None, Level::High, 50));
    assert_eq!((case.step, case.sequence, case.evidence_count), (1, 1, 1));
    assert_eq!(case.area.as_deref(), Some("kfq/huangchengli"));
    assert_eq!(case.respond_by, Some(after(10 * MINUTE)));
    assert_eq!(case.next_deadline_at, case.respond_by);
    let warning = bench.last();
    assert_eq!(warning.warning_id, format!("{digest}-1"));
    assert_eq!((warning.cause, warning.level, warning.score), (Cause::Opened, Level::High, 50));
    assert_eq!(warning.traceparent.as_deref(), Some("00-trace"));
    assert_eq!(warning.evidence.len(), 1);
    assert!(seen(warning).contains(&"no_case"));
}

#[test]
fn the_same_event_again_changes_nothing() {
    let mut bench = Bench::new();
    let event = call("a", "ongoing", 0);
    bench.take(&event);
    let before = bench.case();
    is(bench.take_at(&event, 30 * HOUR), Disposition::Duplicate);
    assert_eq!(bench.case().evidence, before.evidence);
    assert_eq!(bench.case().seen, before.seen);
}

#[test]
fn an_update_can_only_raise() {
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ringing", 0).confidence(0.3));
    // Hours later, so that new evidence would be repeated.
    is(bench.take(&call("a.2", "ongoing", 7 * HOUR).confidence(0.3)), Disposition::Folded);
    assert_eq!(bench.case().evidence_count, 1);
    is(bench.take(&call("a.3", "ongoing", 8 * HOUR).confidence(0.8)), Disposition::Raised);
    let warning = bench.last();
    assert_eq!((warning.cause, warning.level, warning.score), (Cause::Raised, Level::Urgent, 80));
    assert_eq!(warning.evidence[0].id, "a.3");
    assert_eq!(warning.evidence_count, 1);
    is(bench.take(&call("a.4", "ended", 9 * HOUR).confidence(0.1)), Disposition::Folded);
    assert_eq!((bench.case().level, bench.case().score), (Level::Urgent, 80));
}

#[test]
fn later_is_by_time_and_then_by_id() {
    let mut bench = Bench::new();
    bench.take(&call("a.5", "ongoing", 100));
    is(bench.take_at(&call("a.1", "ringing", 50).confidence(1.0), 110), Disposition::Older);
    is(bench.take_at(&call("a.4", "ended", 100).confidence(1.0), 111), Disposition::Older);
    let case = bench.case();
    assert_eq!((case.evidence[0].id.as_str(), case.level, case.sequence), ("a.5", Level::High, 1));
    assert_eq!(case.evidence[0].began_at, after(50));
    is(bench.take_at(&call("a.1", "ringing", 50), 112), Disposition::Duplicate);
    is(bench.take_at(&call("a.6", "ended", 100).confidence(1.0), 113), Disposition::Raised);
}

#[test]
fn the_first_cause_that_applies_is_the_one() {
    let mut bench = Bench::new();
    bench.take(&call("a", "ongoing", 0));
    // A transfer that raises the level: raised, and told with it.
    is(bench.take(&transfer("t1.1", "accepted", 60).confidence(0.9)), Disposition::Raised);
    is(bench.take(&transfer("t1.2", "settled", 70).confidence(0.9)), Disposition::Folded);
    // The next one at once: never folded away.
    is(bench.take(&transfer("t2", "accepted", 80)), Disposition::Transfer);
    assert_eq!(bench.last().cause, Cause::Transfer);
    assert_eq!(bench.last().evidence[0].piece_id(), "t2");
    // A call shortly after is folded in, and repeated once ten minutes have passed since the last warning.
    is(bench.take(&call("b", "ongoing", 90)), Disposition::Folded);
    let last = bench.case().last_warning_at;
    assert_eq!(last, Some(after(80)));
}

#[test]
fn new_evidence_repeats_after_a_while() {
    let mut bench = Bench::new();
    bench.take(&call("a", "ongoing", 0).confidence(0.3));
    bench.follow_up(60, "acknowledge", json!({}));
    is(bench.take(&call("b", "ongoing", 6 * HOUR - 1).confidence(0.3)), Disposition::Folded);
    is(bench.take(&call("c", "ongoing", 6 * HOUR).confidence(0.3)), Disposition::Repeated);
    assert_eq!(bench.last().cause, Cause::Repeated);
    assert_eq!(bench.last().evidence.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
    is(bench.take(&call("d", "ongoing", 6 * HOUR + 1).confidence(0.3)), Disposition::Folded);
}

#[test]
fn what_came_to_nothing_is_kept_but_not_scored() {
    let mut bench = Bench::new();
    for (id, state) in [("x", "rejected"), ("y", "reversed")] {
        is(bench.take(&transfer(id, state, 0).confidence(1.0)), Disposition::Unscored);
    }
    is(bench.take(&call("z", "failed", 0).confidence(1.0)), Disposition::Unscored);
    assert_eq!(bench.book.len(), 0);
    bench.take(&call("a", "ongoing", 10));
    is(bench.take(&transfer("t.1", "rejected", 20).confidence(1.0)), Disposition::Unscored);
    is(bench.take(&call("f", "failed", 21).confidence(1.0)), Disposition::Unscored);
    let case = bench.case();
    assert_eq!((case.level, case.sequence, case.evidence_count), (Level::High, 1, 3));
    // It was rejected, and goes through after all: seen as accepted for the first time now.
    is(bench.take(&transfer("t.2", "accepted", 30)), Disposition::Transfer);
    is(bench.take(&transfer("t.3", "reversed", 40)), Disposition::Unscored);
    is(bench.take(&transfer("t.4", "settled", 50)), Disposition::Folded);
}

#[test]
fn a_transfer_first_heard_of_as_reversed_is_not_told_by_an_older_event() {
    let mut bench = Bench::new();
    bench.take(&call("a", "ongoing", 0));
    bench.take(&transfer("t.2", "reversed", 30));
    is(bench.take_at(&transfer("t.1", "accepted", 20), 31), Disposition::Older);
    assert_eq!(bench.case().sequence, 1);
}

#[test]
fn a_transfer_rejected_in_a_case_that_was_settled_since_is_told_all_the_same() {
    let mut bench = Bench::new();
    bench.take(&call("a", "ongoing", 0));
    bench.take(&transfer("t.1", "rejected", 10));
    bench.follow_up(20, "outcome", json!({"outcome": "false_alarm"}));
    is(bench.take(&transfer("t.2", "accepted", 30)), Disposition::Reopened);
    assert_eq!(bench.last().evidence[0].piece_id(), "t");
    assert_eq!(bench.last().evidence.len(), 2);
}

#[test]
fn the_same_ids_from_another_source_are_something_else() {
    let mut bench = Bench::new();
    let event = transfer("t", "accepted", 0);
    bench.take(&event);
    let mut other = event;
    other.source = "urn:other-bank".to_owned();
    is(bench.take(&other), Disposition::Transfer);
    assert_eq!(bench.case().evidence_count, 2);
    let sources: Vec<&str> = bench.last().evidence.iter().map(|piece| piece.source.as_str()).collect();
    assert_eq!(sources, ["urn:other-bank", BANK]);
}

#[test]
fn when_the_level_rises_deadlines_come_nearer_but_never_go_away() {
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ringing", 0).confidence(0.3));
    assert_eq!(bench.case().respond_by, Some(after(HOUR)));
    bench.take(&call("a.2", "ongoing", 59 * MINUTE).confidence(0.5));
    // The old deadline is the earlier one.
    assert_eq!(bench.case().respond_by, Some(after(HOUR)));
    let case = bench.case();
    assert_eq!(case.deadlines.reach, Some(after(59 * MINUTE + 24 * HOUR)));
    bench.follow_up(59 * MINUTE + 30, "acknowledge", json!({}));
    assert_eq!(bench.case().deadlines.lapse, Some(after(59 * MINUTE + 30 + 2 * HOUR)));
    bench.take(&call("a.3", "ongoing", HOUR).confidence(0.9));
    let case = bench.case();
    assert_eq!(case.deadlines.acknowledge, None);
    assert_eq!(case.deadlines.reach, Some(after(HOUR + 30 * MINUTE)));
    assert_eq!(case.respond_by, Some(after(HOUR + 10 * MINUTE)));
}

#[test]
fn people_are_those_of_the_newest_registrant_record() {
    let mut bench = Bench::new();
    bench.take(&call("a", "ongoing", 0));
    let mut moved = call("b", "ongoing", 1);
    moved.person["phone"] = json!("13000000000");
    moved.person["area"] = json!("kfq/heyan");
    moved.registrant_offset = Some(6);
    bench.take(&moved);
    let mut old = call("c", "ongoing", 2);
    old.person["name"] = json!("老名");
    bench.take(&old);
    let case = bench.case();
    assert_eq!(case.subject.phone.as_deref(), Some("13000000000"));
    assert_eq!(case.subject.name.as_deref(), Some("张三"));
    // The case stays where it is handled.
    assert_eq!(case.area.as_deref(), Some("kfq/huangchengli"));
}

#[test]
fn nothing_is_opened_below_the_threshold() {
    let mut bench = Bench::new();
    bench.settings.open_at = 40;
    is(bench.take(&call("a.1", "ringing", 0).confidence(0.3)), Disposition::BelowOpenAt);
    assert_eq!(bench.book.len(), 0);
    is(bench.take(&call("a.2", "ongoing", 10).confidence(0.4)), Disposition::Opened);
    // The threshold is for opening only.
    is(bench.take(&transfer("t", "accepted", 20).confidence(0.1)), Disposition::Transfer);
}

#[test]
fn somebody_of_the_zone_who_is_not_registered() {
    let mut bench = Bench::new();
    let mut event = call("a", "ongoing", 0);
    event.person = json!({"phone": "+8613123456789", "area": "kfq/huangchengli/9"});
    event.contacts = json!([]);
    event.registrant_offset = None;
    let payload = event.payload().replace("golden_bell", "precise").replace("\"own\"", "\"area\"");
    let matched: Match<'_> = serde_json::from_str(&payload).unwrap();
    bench.act(0, |book, at, cx| Some(book.apply_match(&matched, None, at, cx)));
    let warning = bench.last();
    assert_eq!(
        (warning.programme, &warning.subject.name, &warning.subject.registrant_id),
        (Programme::Precise, &None, &None)
    );
    assert_eq!(warning.subject.phone_masked.as_deref(), Some("131****6789"));
    let area = warning.area.as_ref().unwrap();
    assert_eq!((area.code.as_str(), area.name.en.as_str()), ("kfq/huangchengli/9", "Huangchengli Village"));
    let officer = &warning.messages.officer;
    assert!(officer.zh.contains("辖区群众(131****6789)"), "{}", officer.zh);
    assert!(officer.en.contains("Resident (131****6789)"), "{}", officer.en);
}

#[test]
fn an_area_nobody_knows_is_shown_by_its_code() {
    let mut bench = Bench::new();
    let mut event = call("a", "ongoing", 0);
    event.person["area"] = json!("gone");
    bench.take(&event);
    assert_eq!(bench.last().area.as_ref().unwrap().name.zh, "gone");
    let mut event = call("b", "ongoing", 1);
    event.subject = "r-2".to_owned();
    event.person["area"] = json!(null);
    bench.take(&event);
    assert_eq!(bench.last().area, None);
}

#[test]
fn warnings_carry_the_newest_twenty_pieces() {
    let mut bench = Bench::new();
    for n in 0..30 {
        bench.take(&call(&format!("c{n}"), "ended", 100 + n));
    }
    bench.take_at(&transfer("t", "accepted", 0), 200);
    let warning = bench.last();
    let ids: Vec<&str> = warning.evidence.iter().map(|piece| piece.piece_id()).collect();
    assert_eq!((ids.len(), ids[0], ids[1], ids[19]), (20, "t", "c29", "c11"));
    assert_eq!(warning.evidence_count, 31);
}
