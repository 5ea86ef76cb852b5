//! Long lives and great numbers, on the manual clock: the outcome decides, the time taken is printed.

use std::time::{Duration, Instant};

use golden_bell::core::case::{MAX_CASE_BYTES, MAX_SEEN, Outcome, State};
use golden_bell::core::case_engine::{CaseBook, Context, Disposition, Moment};
use golden_bell::core::matched::Match;
use golden_bell::core::rules::Level;
use golden_bell::core::warning::Cause;
use serde_json::json;

use super::support::{Bench, DAY, HOUR, MINUTE, SUBJECT, after, call, is, transfer};

/// A minute by the clock at a time for two months: what nobody waits for costs nothing.
#[test]
fn a_month_of_one_case_is_followed_to_its_end() {
    let began = Instant::now();
    let mut bench = Bench::new();
    let mut clock = 0;
    let until = |bench: &mut Bench, clock: &mut i64, end: i64| {
        let before = bench.warnings.len();
        while *clock < end {
            *clock += MINUTE;
            bench.wait(*clock);
        }
        bench.warnings[before..].iter().map(|warning| warning.cause).collect::<Vec<_>>()
    };

    // Day 1: a call, nobody answers for it, a transfer, and then somebody does.
    is(bench.take(&call("a.1", "ongoing", 0).confidence(0.3)), Disposition::Opened);
    assert_eq!(until(&mut bench, &mut clock, HOUR), [Cause::Escalated]);
    is(bench.take_at(&transfer("t.1", "accepted", clock).confidence(0.9), clock), Disposition::Raised);
    is(bench.follow_up(clock, "acknowledge", json!({})), Disposition::FollowedUp);
    // Acknowledged and not contacted: it lapses after ten minutes, and is overdue every two from then on.
    assert_eq!(until(&mut bench, &mut clock, HOUR + 13 * MINUTE), [Cause::Escalated; 2]);
    is(bench.follow_up(clock, "contact", json!({"line": "no_answer"})), Disposition::FollowedUp);
    is(
        bench.follow_up(clock, "outcome", json!({"outcome": "dissuaded", "identity_checked": true})),
        Disposition::FollowedUp,
    );
    let due: Vec<i64> =
        bench.case().return_visits.iter().map(|visit| (visit.due_at - after(0)).num_seconds()).collect();

    // The first visit in time, and then the person falls for it again.
    assert_eq!(until(&mut bench, &mut clock, due[0]), Vec::new());
    is(bench.follow_up(clock, "return_visit", json!({"still_in_touch": false})), Disposition::FollowedUp);
    is(bench.take_at(&transfer("u.1", "accepted", clock + 60).confidence(0.6), clock + 60), Disposition::Reopened);
    let second = clock + 11 * MINUTE;
    assert_eq!(until(&mut bench, &mut clock, second), [Cause::Escalated]);
    is(
        bench.follow_up(clock, "outcome", json!({"outcome": "dissuaded", "identity_checked": true})),
        Disposition::FollowedUp,
    );

    // The second round: one visit in time, one a day and a half late, the last two days and a half late.
    let due: Vec<i64> =
        bench.case().return_visits.iter().map(|visit| (visit.due_at - after(0)).num_seconds()).collect();
    for (due, late, missed) in [(due[0], 0, 0), (due[1], 36 * HOUR, 1), (due[2], 60 * HOUR, 2)] {
        assert_eq!(until(&mut bench, &mut clock, due + late), vec![Cause::Escalated; missed]);
        is(bench.follow_up(clock, "return_visit", json!({"still_in_touch": false})), Disposition::FollowedUp);
    }
    assert!((second + 24 * DAY..second + 40 * DAY).contains(&clock), "the last visit is about a month later");
    let case = bench.case();
    assert_eq!((case.state, case.outcome, case.round.number), (State::Closed, Outcome::Dissuaded, 2));
    assert_eq!((case.evidence_count, case.follow_ups.len(), bench.book.len()), (3, 8, 1));
    assert!(bench.warnings.iter().map(|warning| warning.sequence).eq(1..=case.sequence));

    // A month on it leaves.
    let closed = clock;
    assert_eq!(until(&mut bench, &mut clock, closed + 31 * DAY), Vec::new());
    assert_eq!((bench.book.len(), bench.book.next_due()), (0, None));
    assert!(bench.changes.last().unwrap().archive.is_some());
    println!(
        "{} minutes of one case, {} transactions with changes: {:?}",
        clock / MINUTE,
        bench.changes.len(),
        began.elapsed()
    );
}

/// What a match of stage 1 looks like, written faster than [`super::support::Event`] does.
fn match_text(subject: &str, kind: &str, source: &str, id: &str, time: i64, data: &str) -> String {
    format!(
        r#"{{"match_id":"m-{id}","subject_id":"{subject}","programme":"golden_bell","matched_by":"own","identifier":"phone","subject":{{"registrant_id":"{subject}","name":"张三","phone":"13123456789","area":"kfq/huangchengli","consented":true}},"trusted_contacts":[],"event":{{"kind":"{kind}","source":"{source}","id":"{id}","time":"{}","data":{data}}},"registrant_offset":5,"matched_at":"{}","retroactive":false}}"#,
        after(time).to_rfc3339(),
        after(time).to_rfc3339(),
    )
}

fn call_text(call: &str, phase: &str, confidence: f64) -> String {
    format!(
        r#"{{"call_id":"{call}","phase":"{phase}","caller":"+96890000000","callee":"13123456789","suspicion":{{"confidence":{confidence}}}}}"#
    )
}

/// Ten thousand people are called in the course of a day. Most are seen to within the quarter of an hour, each step in a
/// transaction of its own; of one in forty nobody takes notice.
#[test]
fn a_day_of_10_000_cases_is_followed_to_its_end() {
    const CASES: i64 = 10_000;
    /// Confidence and the level it gives.
    const LEVELS: [(f64, Level); 4] =
        [(0.9, Level::Urgent), (0.6, Level::High), (0.3, Level::Medium), (0.1, Level::Low)];
    let began = Instant::now();
    let mut bench = Bench::new();
    let opens = |n: i64| n * DAY / CASES;
    let ignored = |n: i64| n % 40 == 10;
    // What happens, and when: an opening, an acknowledgement, and an outcome.
    let mut steps: Vec<(i64, i64, u8)> = Vec::new();
    for n in 0..CASES {
        steps.push((opens(n), n, 0));
        if !ignored(n) {
            steps.extend([(opens(n) + 90, n, 1), (opens(n) + 10 * MINUTE, n, 2)]);
        }
    }
    steps.sort_unstable();
    let mut case_ids = vec![String::new(); CASES as usize];
    let mut warnings: Vec<u64> = vec![0; CASES as usize];
    let (mut escalated, mut changes) = (0, 0);
    for (time, n, step) in steps {
        let subject = format!("r-{n:05}");
        // Timers fire at their own moment, as they do by the wall clock.
        while let Some(due) = bench.book.next_due().filter(|due| *due <= after(time)) {
            bench.act_uncommitted((due - after(0)).num_seconds(), |_, _, _| None);
        }
        bench.act_uncommitted(time, |book, at, cx| {
            Some(match step {
                0 => {
                    let data = call_text(&format!("A{n}"), "ended", LEVELS[n as usize % 4].0);
                    let text = match_text(&subject, "call", "urn:operator", &format!("e{n}"), time, &data);
                    book.apply_match(&serde_json::from_str(&text).unwrap(), None, at, cx)
                }
                _ => {
                    let action = if step == 1 { r#""acknowledge""# } else { r#""outcome","outcome":"dissuaded","identity_checked":true"# };
                    let id = format!("f{n}.{step}");
                    let text = format!(
                        r#"{{"follow_up_id":"{id}","case_id":"{}","subject_id":"{subject}","officer_id":"o-1","by_role":"officer","at":"{}","action":{action}}}"#,
                        case_ids[n as usize], after(time).to_rfc3339()
                    );
                    book.apply_follow_up(&golden_bell::core::case::FollowUp::read(text.as_bytes(), &subject, &id).unwrap(), at, cx)
                }
            })
        });
        if step == 0 {
            is(bench.handled.disposition, Disposition::Opened);
            case_ids[n as usize] = bench.handled.case_id.clone().unwrap();
        } else {
            is(bench.handled.disposition, Disposition::FollowedUp);
        }
        changes += bench.book.changes().unwrap().len();
        bench.book.commit().unwrap();
        for warning in bench.warnings.drain(..) {
            let of: usize = warning.subject.subject_id[2..].parse().unwrap();
            warnings[of] += 1;
            assert_eq!(warning.sequence, warnings[of], "no warning is missing and none comes twice");
            escalated += u64::from(warning.cause == Cause::Escalated);
        }
    }
    println!("a day of {CASES} cases, {changes} changes, {escalated} escalations: {:?}", began.elapsed());
    let count = |level, state| bench.book.open_by().of(level, state);
    for (_, level) in LEVELS {
        let left = if level == Level::Medium { CASES as u64 / 40 } else { 0 };
        assert_eq!(count(level, State::Open), left);
        assert_eq!(count(level, State::ReturnVisitDue), CASES as u64 / 4 - left);
    }
    // The last step is ten minutes after the last opening; a case of `medium` is overdue every hour.
    let end = opens(CASES - 1) + 10 * MINUTE;
    let overdue: i64 = (0..CASES).filter(|n| ignored(*n)).map(|n| (end - opens(n)) / HOUR).sum();
    assert_eq!(escalated as i64, overdue);
    assert_eq!(warnings.iter().sum::<u64>(), CASES as u64 + escalated);
}

/// One transaction of the many-events test: it must not grow with the number of events before it.
fn transaction(bench: &mut Bench, told: &mut [u32], events: std::ops::Range<i64>, longest: &mut usize) {
    let cx = Context {
        rules: bench.rules,
        directory: bench.directory,
        templates: bench.templates,
        outlets: &bench.outlets,
        settings: &bench.settings,
        archive_key: &bench.key,
    };
    let book: &mut CaseBook = &mut bench.book;
    let mut warnings = Vec::new();
    for n in events {
        // Two events a second; half are new transfers, the others tell of calls of eight events each.
        let time = n / 2;
        let at = Moment { clock: after(time), wall: after(time) };
        let text = if n % 2 == 0 {
            let data = format!(
                r#"{{"transfer_id":"T{n}","state":"accepted","payer":{{"account":"6200000000000005"}},"payee":{{"account":"6217000000{:09}"}},"amount_minor":{},"currency":"CNY","suspicion":{{"confidence":0.9}}}}"#,
                n % 977,
                100 + n
            );
            match_text(SUBJECT, "transfer", "urn:bank", &format!("t{n}"), time, &data)
        } else {
            match_text(
                SUBJECT,
                "call",
                "urn:operator",
                &format!("c{n}"),
                time,
                &call_text(&format!("A{}", n / 16), "ongoing", 0.5),
            )
        };
        for fired in book.fire_due(at, &cx, usize::MAX) {
            warnings.extend(fired.warnings);
        }
        let matched: Match<'_> = serde_json::from_str(&text).unwrap();
        warnings.extend(book.apply_match(&matched, None, at, &cx).warnings);
    }
    for warning in warnings {
        let caused = warning.event_time.is_some().then(|| warning.evidence[0].piece_id().strip_prefix('T')).flatten();
        if let Some(n) = caused {
            told[n.parse::<usize>().unwrap() / 2] += 1;
        }
    }
    let changes = book.changes().unwrap();
    // However many events: the case is written once.
    assert_eq!(changes.len(), 1);
    let length = changes[0].value.as_ref().map_or(0, Vec::len);
    assert!(length <= MAX_CASE_BYTES, "{length}");
    *longest = length.max(*longest);
    book.commit().unwrap();
}

#[test]
fn one_subject_with_100_000_events_stays_small_and_every_transfer_is_told_once() {
    const EVENTS: i64 = 100_000;
    const TOGETHER: i64 = 100;
    let mut bench = Bench::new();
    let mut told = vec![0; EVENTS as usize / 2];
    let mut longest = 0;
    let mut tenths = [Duration::ZERO; 10];
    for tenth in 0..10 {
        let began = Instant::now();
        let first = tenth * EVENTS / 10;
        for from in (first..first + EVENTS / 10).step_by(TOGETHER as usize) {
            transaction(&mut bench, &mut told, from..from + TOGETHER, &mut longest);
        }
        tenths[tenth as usize] = began.elapsed();
    }
    println!("each tenth of {EVENTS} events of one subject: {tenths:?}; longest case {longest} bytes");
    println!("the last tenth against the second: {:.2}", tenths[9].as_secs_f64() / tenths[1].as_secs_f64());
    assert!(told.iter().all(|times| *times == 1), "{:?}", told.iter().position(|times| *times != 1));
    let case = bench.case();
    assert_eq!((case.seen.events.len(), case.seen.transfers.len(), case.evidence.len()), (MAX_SEEN, MAX_SEEN, 50));
    assert_eq!((case.evidence_count, bench.book.len()), (EVENTS as u64 / 2 + (EVENTS as u64).div_ceil(16), 1));
    assert_eq!(case.level, Level::Urgent);
}
