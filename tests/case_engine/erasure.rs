//! The wish to be forgotten: what is left of a case, and that no warning id is given out twice for it.

use std::collections::BTreeSet;

use golden_bell::core::case::State;
use golden_bell::core::case_engine::{Disposition, Refusal};
use golden_bell::core::erasure::Erasure;
use serde_json::{Value, json};

use super::support::{Bench, DAY, HOUR, MINUTE, SUBJECT, after, call, follow_up, is, start, transfer};
use super::wire::{golden, scene};

fn erasure() -> Erasure {
    Erasure {
        registrant_id: Some(SUBJECT.into()),
        subject_id: SUBJECT.into(),
        at: start(),
        hashes: vec!["hmac-sha256:00".into()],
    }
}

fn forget(bench: &mut Bench, clock: i64) -> Disposition {
    bench.act(clock, |book, at, cx| Some(book.apply_erasure(&erasure(), at, cx)));
    bench.handled.disposition
}

fn assert_no_id_twice(bench: &Bench) {
    let ids: BTreeSet<&str> = bench.warnings.iter().map(|warning| warning.warning_id.as_str()).collect();
    assert_eq!(ids.len(), bench.warnings.len());
}

#[test]
fn nothing_personal_is_left_of_a_case() {
    let mut bench = scene();
    bench.changes.clear();
    is(forget(&mut bench, 500), Disposition::Erased);
    assert_eq!((bench.handled.erased, bench.handled.archived, bench.handled.warnings.len()), (1, 0, 0));
    assert_eq!(bench.book.open_by().open().map(|(_, _, count)| count).sum::<u64>(), 0);
    let [change] = &bench.changes[..] else { panic!("one case") };
    let value = change.value.as_deref().unwrap();
    golden("erased.json", &bench.case(), include_str!("../fixtures/cases/erased.json"));
    assert_eq!(bench.case().encode().unwrap(), value);
    let text = std::str::from_utf8(value).unwrap();
    for personal in
        ["13123456789", "张三", "李四", "13123456780", "6217", "6200", "96890000000", "zh-yongkang", "o-1", "mother"]
    {
        assert!(!text.contains(personal), "{personal}");
    }
    // It is the same after a restart.
    let mut again = Bench::new();
    again.book.restore(&change.case_id, Some(value)).unwrap();
    again.book.finish_restore();
    assert_eq!(again.case(), bench.case());
    is(forget(&mut again, 600), Disposition::NothingToErase);
}

#[test]
fn what_opened_an_erased_case_opens_nothing_when_it_is_sent_again() {
    let mut bench = Bench::new();
    let opening = call("a.1", "ringing", 0);
    bench.take(&opening);
    bench.take(&transfer("t.1", "accepted", 10));
    is(forget(&mut bench, 20), Disposition::Erased);
    let told = bench.warnings.len();
    let value = bench.case().encode().unwrap();
    let case_id = bench.case().case_id;
    for clock in [30, HOUR, DAY, 30 * DAY] {
        is(bench.take_at(&opening, clock), Disposition::Duplicate);
        is(bench.take_at(&transfer("t.1", "accepted", 10), clock), Disposition::Duplicate);
    }
    // Nor after a restart, nor where the event is no longer among those remembered.
    let mut restarted = Bench::new();
    restarted.book.restore(&case_id, Some(&value)).unwrap();
    restarted.book.finish_restore();
    is(restarted.take_at(&opening, HOUR), Disposition::Duplicate);
    let mut forgetful = Bench::new();
    let mut case = bench.case();
    case.seen = Default::default();
    forgetful.book.restore(&case_id, Some(&case.encode().unwrap())).unwrap();
    forgetful.book.finish_restore();
    is(forgetful.take_at(&opening, HOUR), Disposition::CaseExists);
    assert_eq!((bench.warnings.len(), restarted.warnings.len(), forgetful.warnings.len()), (told, 0, 0));
}

#[test]
fn what_is_new_begins_anew_and_knows_nothing_of_what_was() {
    let mut bench = Bench::new();
    bench.take(&transfer("t.1", "accepted", 0));
    let erased = bench.case().case_id;
    bench.follow_up(10, "outcome", json!({"outcome": "refused", "identity_checked": true}));
    is(forget(&mut bench, 20), Disposition::Erased);
    // Well within the time in which a closed case would be opened again; a later state of the old transfer, too.
    is(bench.take(&transfer("t.2", "settled", MINUTE)), Disposition::Opened);
    let case = bench.case();
    assert_ne!(case.case_id, erased);
    assert_eq!((case.sequence, case.ordinal, case.refused_before, case.evidence.len()), (1, 2, false, 1));
    is(bench.take(&call("b", "ongoing", 2 * MINUTE)), Disposition::Folded);
    assert_eq!(bench.book.cases_of(SUBJECT)[0].evidence.len(), 0);
    assert_no_id_twice(&bench);
}

#[test]
fn nobody_can_do_anything_about_an_erased_case() {
    let mut bench = Bench::new();
    bench.take(&call("a", "ongoing", 0));
    let case_id = bench.case().case_id;
    forget(&mut bench, 10);
    for (action, fields) in [
        ("reopen", json!({})),
        ("note", json!({"text": "x"})),
        ("transfer_unit", json!({"area": "kfq"})),
        ("outcome", json!({"outcome": "false_alarm"})),
    ] {
        let follow_up = follow_up("f", &case_id, 20, action, fields);
        bench.act(20, |book, at, cx| Some(book.apply_follow_up(&follow_up, at, cx)));
        is(bench.handled.disposition, Disposition::Refused(Refusal::UnknownCase));
    }
    assert!(bench.wait(30 * DAY).is_empty(), "an erased case has no deadlines");
}

#[test]
fn an_erased_case_leaves_for_the_archive_when_a_closed_one_would() {
    let mut bench = scene();
    forget(&mut bench, 500);
    assert_eq!(bench.book.next_due(), Some(after(500 + 31 * DAY)));
    bench.changes.clear();
    bench.wait(500 + 31 * DAY);
    assert!(bench.book.is_empty());
    let [change] = &bench.changes[..] else { panic!("one case") };
    assert_eq!(change.value, None);
    let archived: Value = serde_json::from_slice(change.archive.as_deref().unwrap()).unwrap();
    assert_eq!(archived["state"], "closed");
    assert_eq!(archived["erased_at"], json!(after(500)));
    assert_eq!((&archived["warnings"], &archived["follow_up_count"]), (&json!(3), &json!(1)));
    assert_eq!(archived["history"].as_array().unwrap().last().unwrap()["what"], "erased");

    // One that was closed before does not stay longer for it.
    let mut bench = Bench::new();
    bench.take(&call("a", "ongoing", 0));
    bench.follow_up(10, "outcome", json!({"outcome": "false_alarm"}));
    forget(&mut bench, 10 * DAY);
    assert_eq!(bench.book.next_due(), Some(after(10 + 31 * DAY)));
    assert_eq!((bench.case().state, bench.case().closed_at), (State::Closed, Some(after(10))));
}

#[test]
fn an_erasure_that_was_not_committed_has_not_happened() {
    let mut bench = scene();
    let (before, due) = (bench.case(), bench.book.next_due());
    bench.act_uncommitted(500, |book, at, cx| Some(book.apply_erasure(&erasure(), at, cx)));
    bench.book.rollback();
    assert_eq!((bench.case(), bench.book.next_due()), (before, due));
}
