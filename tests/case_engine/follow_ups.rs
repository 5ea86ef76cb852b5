//! What follow-ups do beside moving the state: contract 8, and the rounds and warnings of contract 7.

use chrono::TimeDelta;
use golden_bell::core::case::{FollowUp, FollowUpFault, Happening, Outcome, State};
use golden_bell::core::case_engine::{Disposition, FailedDelivery, Refusal};
use golden_bell::core::rules::Level;
use golden_bell::core::warning::{Cause, Warning};
use serde_json::{Value, json};

use super::support::{Bench, DAY, HOUR, MINUTE, SUBJECT, after, call, follow_up, is, transfer};

fn high() -> Bench {
    let mut bench = Bench::new();
    bench.take(&call("a", "ended", 0));
    bench
}

fn reached() -> Bench {
    let mut bench = high();
    bench.follow_up(100, "contact", json!({"channel": "phone", "line": "answered", "identity_checked": true}));
    bench
}

#[test]
fn an_unknown_case_is_refused_and_a_refusal_is_not_remembered() {
    let mut bench = high();
    is(bench.follow_up_on("c-0", 1, "note", json!({"text": "x"})), Disposition::Refused(Refusal::UnknownCase));
    let case_id = bench.case().case_id;
    let early = follow_up("f", &case_id, 1, "outcome", json!({"outcome": "dissuaded"}));
    bench.act(1, |book, at, cx| Some(book.apply_follow_up(&early, at, cx)));
    is(bench.handled.disposition, Disposition::Refused(Refusal::InvalidTransition));
    bench.follow_up(2, "contact", json!({"met_in_person": true, "identity_checked": true}));
    bench.act(3, |book, at, cx| Some(book.apply_follow_up(&early, at, cx)));
    is(bench.handled.disposition, Disposition::FollowedUp);
    bench.act(4, |book, at, cx| Some(book.apply_follow_up(&early, at, cx)));
    is(bench.handled.disposition, Disposition::Duplicate);
    assert_eq!(bench.case().follow_ups.len(), 2);
}

#[test]
fn a_case_of_another_subject_is_unknown() {
    let mut bench = high();
    let mut other = call("b", "ongoing", 1);
    other.subject = "r-2".to_owned();
    bench.take(&other);
    let case_id = bench.book.cases_of("r-2")[0].case_id.clone();
    is(bench.follow_up_on(&case_id, 2, "acknowledge", json!({})), Disposition::Refused(Refusal::UnknownCase));
}

#[test]
fn the_first_acknowledgement_and_the_first_reaching_contact_are_timed() {
    let mut bench = high();
    bench.follow_up(90, "acknowledge", json!({}));
    assert_eq!(bench.handled.acknowledged_after, Some((Level::High, TimeDelta::seconds(90))));
    bench.follow_up(95, "acknowledge", json!({"officer_id": "o-2"}));
    assert_eq!(bench.handled.acknowledged_after, None);
    assert_eq!(bench.case().round.holder.as_deref(), Some("o-2"));
    bench.follow_up(100, "contact", json!({"line": "answered", "identity_checked": true}));
    assert_eq!(bench.handled.reached_after, Some((Level::High, TimeDelta::seconds(100))));
}

#[test]
fn a_contact_reaches_only_the_person_themself() {
    for (fields, reaches) in [
        (json!({"line": "answered", "identity_checked": true}), true),
        (json!({"met_in_person": true, "identity_checked": true}), true),
        (json!({"line": "answered"}), false),
        (json!({"line": "forwarded", "identity_checked": true}), false),
        (json!({"met_in_person": true}), false),
        (json!({"identity_checked": true}), false),
        (json!({"line": "busy"}), false),
    ] {
        let mut bench = high();
        bench.follow_up(1, "contact", fields.clone());
        let expected = if reaches { State::Reached } else { State::Contacting };
        assert_eq!(bench.case().state, expected, "{fields}");
        assert_eq!(bench.case().round.contacts, 1);
        assert!(bench.case().deadlines.acknowledge.is_none());
    }
}

#[test]
fn a_busy_line_during_a_live_call_is_urgent() {
    let busy = json!({"channel": "phone", "line": "busy"});
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ongoing", 0));
    bench.follow_up(599, "contact", busy.clone());
    assert_eq!((bench.last().cause, bench.last().level, bench.last().score), (Cause::Raised, Level::Urgent, 50));
    assert_eq!(bench.last().event_time, None);
    let rules = |warning: &Warning| warning.reasons.iter().map(|r| r.text.zh.clone()).collect::<Vec<_>>();
    assert_eq!(rules(bench.last()), rules(&bench.warnings[0]));
    let case = bench.case();
    assert_eq!(case.respond_by, Some(after(599 + 30 * MINUTE)));
    let before = bench.warnings.len();
    bench.follow_up(600, "contact", busy.clone());
    assert_eq!(bench.warnings.len(), before);

    // Too long ago, or over: busy, but with whom?
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ongoing", 0).confidence(0.3));
    bench.follow_up(600, "contact", busy.clone());
    assert_eq!(bench.case().level, Level::Medium);
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ongoing", 0));
    bench.take(&call("a.2", "ended", 10));
    bench.follow_up(20, "contact", busy);
    assert_eq!((bench.case().level, bench.case().round.line_busy), (Level::High, true));
}

#[test]
fn an_outcome_is_due_within_the_reach_time_from_reaching() {
    let mut bench = reached();
    let case = bench.case();
    assert_eq!(case.deadlines.outcome, Some(after(100 + DAY)));
    assert_eq!((case.deadlines.reach, case.deadlines.acknowledge, case.deadlines.lapse), (None, None, None));
    bench.follow_up(200, "outcome", json!({"outcome": "refused"}));
    assert_eq!((bench.last().cause, bench.case().step), (Cause::Escalated, 2));
    assert_eq!(bench.case().respond_by, Some(after(100 + DAY)));
    let [late] = &bench.wait(100 + DAY)[..] else { panic!("one warning") };
    assert_eq!((late.cause, bench.case().step), (Cause::Escalated, 3));
    assert_eq!(bench.case().respond_by, Some(after(100 + 2 * DAY)));
}

#[test]
fn unreached_escalates_and_reaching_takes_it_back() {
    let mut bench = high();
    bench.follow_up(1, "contact", json!({"line": "no_answer"}));
    bench.follow_up(2, "outcome", json!({"outcome": "unreached"}));
    assert_eq!((bench.last().cause, bench.case().outcome), (Cause::Escalated, Outcome::Unreached));
    assert_eq!(bench.handled.escalated_to, Some(2));
    bench.follow_up(3, "contact", json!({"met_in_person": true, "identity_checked": true}));
    assert_eq!((bench.case().state, bench.case().outcome), (State::Reached, Outcome::None));
}

#[test]
fn a_unit_of_the_directory_starts_a_new_round() {
    let mut bench = reached();
    bench.follow_up(200, "outcome", json!({"outcome": "refused"}));
    bench.follow_up(300, "transfer_unit", json!({"area": "kfq/heyan"}));
    let case = bench.case();
    assert_eq!((case.state, case.outcome, case.step, case.round.number), (State::Open, Outcome::None, 1, 2));
    assert_eq!((case.level, case.score), (Level::High, 50));
    assert_eq!(case.area.as_deref(), Some("kfq/heyan"));
    assert_eq!(case.respond_by, Some(after(300 + 10 * MINUTE)));
    assert_eq!(bench.last().cause, Cause::Reassigned);
    let area = bench.last().area.as_ref().unwrap();
    assert_eq!((area.code.as_str(), area.name.zh.as_str()), ("kfq/heyan", "溪河沿村"));
    assert!(case.history.iter().any(|e| e.what == Happening::RoundEnded && e.outcome == Outcome::Refused));
    // Evidence of a new round does not reopen: the case is open, and the level still only rises.
    is(bench.take(&transfer("t", "accepted", 400).confidence(0.1)), Disposition::Transfer);
    assert_eq!(bench.case().level, Level::High);
}

#[test]
fn another_unit_ends_the_case_without_a_warning() {
    let mut bench = high();
    let warned = bench.warnings.len();
    bench.follow_up(5, "transfer_unit", json!({"area": "other/place"}));
    let case = bench.case();
    assert_eq!((case.state, case.outcome), (State::Closed, Outcome::Transferred));
    assert_eq!((case.respond_by, case.next_deadline_at), (None, Some(after(5 + 31 * DAY))));
    assert_eq!(bench.warnings.len(), warned);
    // What is said of a closed case does not keep it any longer.
    bench.follow_up(50, "note", json!({"text": "他处已接手"}));
    let case = bench.case();
    assert_eq!((case.outcome, case.closed_at), (Outcome::Transferred, Some(after(5))));
    assert_eq!(case.next_deadline_at, Some(after(5 + 31 * DAY)));
}

#[test]
fn an_id_seen_before_has_no_effect_on_another_case_of_the_subject_either() {
    let mut bench = high();
    bench.follow_up(5, "outcome", json!({"outcome": "false_alarm"}));
    bench.take(&call("later", "ended", 100 * HOUR));
    assert_eq!(bench.book.len(), 2);
    let case_id = bench.case().case_id;
    let again = follow_up("f-1", &case_id, 101 * HOUR, "acknowledge", json!({}));
    bench.act(101 * HOUR, |book, at, cx| Some(book.apply_follow_up(&again, at, cx)));
    is(bench.handled.disposition, Disposition::Duplicate);
    assert_eq!(bench.case().state, State::Open);
}

#[test]
fn reopening_by_hand_warns_with_the_old_level() {
    let mut bench = reached();
    bench.follow_up(200, "outcome", json!({"outcome": "dissuaded"}));
    bench.follow_up(300, "return_visit", json!({"still_in_touch": true}));
    assert_eq!((bench.last().cause, bench.last().level, bench.last().score), (Cause::Reopened, Level::High, 50));
    assert!(bench.case().dissuaded_before);
    bench.follow_up(400, "outcome", json!({"outcome": "false_alarm"}));
    bench.follow_up(500, "reopen", json!({}));
    let case = bench.case();
    assert_eq!((bench.last().cause, case.state, case.outcome), (Cause::Reopened, State::Open, Outcome::None));
    assert_eq!(case.respond_by, Some(after(500 + 10 * MINUTE)));
    assert_eq!(case.deadlines.leave, None);
}

#[test]
fn a_failed_urgent_delivery_escalates_once_a_warning() {
    let failed = |bench: &Bench, n: u32| FailedDelivery {
        notification_id: format!("n-{n}"),
        warning_id: bench.last().warning_id.clone(),
        case_id: bench.case().case_id,
        subject_id: SUBJECT.to_owned(),
    };
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ongoing", 0).confidence(0.9));
    let (first, second) = (failed(&bench, 1), failed(&bench, 2));
    for (delivery, expected) in
        [(&first, Disposition::Escalated), (&first, Disposition::Duplicate), (&second, Disposition::Duplicate)]
    {
        bench.act(30, |book, at, cx| Some(book.apply_failed_delivery(delivery, at, cx)));
        is(bench.handled.disposition, expected);
    }
    assert_eq!((bench.last().cause, bench.case().step, bench.case().sequence), (Cause::Escalated, 2, 2));
    // Somebody was reached and refused: it still matters that the next one is told.
    bench.follow_up(35, "contact", json!({"met_in_person": true, "identity_checked": true}));
    bench.follow_up(36, "outcome", json!({"outcome": "refused"}));
    let refused = failed(&bench, 2);
    bench.act(37, |book, at, cx| Some(book.apply_failed_delivery(&refused, at, cx)));
    is(bench.handled.disposition, Disposition::Escalated);
    let third = failed(&bench, 3);
    bench.follow_up(40, "outcome", json!({"outcome": "loss"}));
    bench.act(50, |book, at, cx| Some(book.apply_failed_delivery(&third, at, cx)));
    is(bench.handled.disposition, Disposition::Outdated);
}

#[test]
fn what_is_malformed_is_told_without_repeating_it() {
    let good = json!({"follow_up_id": "f", "case_id": "c", "subject_id": "s", "officer_id": "o", "by_role": "officer",
        "at": "2021-07-15T14:00:00+08:00", "action": "note", "text": "x"});
    let read = |value: &Value| FollowUp::read(value.to_string().as_bytes(), "s", "f");
    assert!(read(&good).is_ok());
    let changed = |field: &str, value: Value| {
        let mut bad = good.clone();
        bad[field] = value;
        bad
    };
    let secret = "13123456789";
    for bad in [
        changed("follow_up_id", json!(secret)),
        changed("subject_id", json!(secret)),
        changed("by_role", json!(secret)),
        changed("at", json!("2021-07-15T14:00:00")),
        changed("action", json!(secret)),
        changed("text", json!("一".repeat(501))),
        changed("text", json!(null)),
        changed("officer_id", json!(131)),
        changed("action", json!("outcome")),
        changed("action", json!("transfer_unit")),
        changed("action", json!("return_visit")),
        json!([good]),
        json!(secret),
    ] {
        match read(&bad) {
            Err(FollowUpFault::Schema(detail)) => assert!(!detail.contains(secret), "{detail}"),
            other => panic!("{bad}: {other:?}"),
        }
    }
    assert!(read(&changed("text", json!("一".repeat(500)))).is_ok());
    let outcome = |outcome: &str| {
        let mut value = changed("action", json!("outcome"));
        value["outcome"] = json!(outcome);
        read(&value).is_ok()
    };
    assert!(outcome("loss") && !outcome("none") && !outcome("transferred") && !outcome(secret));
    assert_eq!(FollowUp::read(b"{", "s", "f"), Err(FollowUpFault::NotJson));
    assert_eq!(FollowUp::read(b"", "s", "f"), Err(FollowUpFault::NotJson));
}

#[test]
fn what_an_officer_reports_is_kept() {
    let mut bench = reached();
    bench.follow_up(
        200,
        "outcome",
        json!({"outcome": "loss", "screen_shared": true, "unknown_app": false, "loss_minor": 500, "family_told": null,
            "stop_payment_requested_at": "2021-07-15T14:05:00+08:00"}),
    );
    let kept = serde_json::to_value(bench.case().follow_ups.last().unwrap()).unwrap();
    assert_eq!(
        kept,
        json!({"follow_up_id": "f-2", "officer_id": "o-1", "by_role": "officer", "at": "2021-07-15T06:03:20Z",
            "action": "outcome", "outcome": "loss", "screen_shared": true, "unknown_app": false, "loss_minor": 500,
            "stop_payment_requested_at": "2021-07-15T14:05:00+08:00"})
    );
    assert_eq!(bench.case().state, State::ReturnVisitDue);
    bench.wait(HOUR);
}
