//! What a kept case takes, by the allocator's account. A binary of its own, because it counts every byte of the
//! process.

#[path = "support/allocator.rs"]
mod allocator;
#[path = "support/kept_cases.rs"]
mod kept_cases;

use allocator::{Counting, by_glibc};
use chrono::{DateTime, TimeDelta, Utc};
use golden_bell::core::case_engine::{CaseBook, CaseKey, Moment, SubjectKey, Timer, TimerBook};
use golden_bell::core::matched::Match;
use kept_cases::{closed_case, context, match_json, open_case};
use serde_json::json;

#[global_allocator]
static COUNTING: Counting = Counting::new(by_glibc);

fn live() -> usize {
    COUNTING.live()
}

fn opened() -> DateTime<Utc> {
    "2021-07-15T06:00:00Z".parse().unwrap()
}

/// Open and closed cases in equal number, each with a subject of its own: nothing is shared. Just above a power of
/// two a hash table has the most room to spare.
const CASES: usize = 30_000;

#[test]
fn a_kept_case_takes_less_than_2_kb_with_its_timer_restored_or_committed() {
    let _alone = COUNTING.alone();
    drop((open_case(0, opened()), closed_case(0, opened())));
    let before = live();
    let mut book = CaseBook::new();
    let (mut open, mut closed) = (0, 0);
    for n in 0..CASES / 2 {
        for (case, bytes) in [(open_case(n, opened()), &mut open), (closed_case(n, opened()), &mut closed)] {
            let wire = case.encode().unwrap();
            *bytes += wire.len();
            book.restore(&case.case_id, Some(&wire)).unwrap();
        }
    }
    book.finish_restore();
    let restored = live().saturating_sub(before);
    let half = CASES / 2;
    println!(
        "wire form: {} bytes open, {} closed; restored: {} bytes a case",
        open / half,
        closed / half,
        restored / CASES
    );
    assert_eq!(book.len(), CASES);
    assert!(open / half >= 1_400 && closed / half >= 1_400);
    assert!(restored / CASES < 1_300, "{restored}");

    // New evidence for each open case: packed anew, by commits.
    let clock = opened() + TimeDelta::seconds(1_200);
    let at = Moment { clock, wall: clock };
    for n in 0..half {
        let data = json!({"call_id": format!("B{n}"), "phase": "ended", "caller": "10086", "callee": "13100000000"});
        let payload = match_json(&format!("r-{n:07}"), "urn:operator:a", &format!("n-{n}"), clock, &data);
        let matched: Match<'_> = serde_json::from_str(&payload).unwrap();
        drop(book.apply_match(&matched, None, at, &context()));
        if n % 100 == 0 {
            book.commit().unwrap();
        }
    }
    book.commit().unwrap();
    let committed = live().saturating_sub(before);
    println!("after a call more for each open case: {} bytes a case", committed / CASES);
    assert_eq!(book.len(), CASES);
    assert!(committed / CASES < 2_000, "{committed}");

    // A rollback leaves nothing behind.
    for n in 0..1_000 {
        let data = json!({"call_id": format!("C{n}"), "phase": "ended", "caller": "10086", "callee": "13100000000"});
        let payload = match_json(&format!("s-{n:07}"), "urn:operator:a", &format!("m-{n}"), clock, &data);
        let matched: Match<'_> = serde_json::from_str(&payload).unwrap();
        drop(book.apply_match(&matched, None, at, &context()));
    }
    book.rollback();
    let after = live().saturating_sub(before);
    assert!(after < committed + committed / 20, "{after} after {committed}");
    drop(book);
    assert!(live().saturating_sub(before) < 100_000, "{}", live().saturating_sub(before));
}

fn timer(n: u64) -> Timer {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Timer {
        due: opened() + TimeDelta::milliseconds((mixed % 2_678_400_000) as i64),
        case: CaseKey::of(&format!("c-{mixed:032x}")),
        subject: SubjectKey::of(&n.to_string()),
    }
}

#[test]
fn cancelled_timers_give_their_memory_back() {
    const TIMERS: u64 = 100_000;
    let _alone = COUNTING.alone();
    let before = live();
    let mut timers = TimerBook::default();
    for n in 0..TIMERS {
        timers.set(timer(n));
    }
    let all = live().saturating_sub(before);
    println!("{} bytes a timer", all as u64 / TIMERS);
    assert!(all < 100 * TIMERS as usize);
    for n in (0..TIMERS).filter(|n| n % 10 != 0) {
        assert!(timers.cancel(&timer(n)));
        assert!(!timers.cancel(&timer(n)));
    }
    assert_eq!(timers.len() as u64, TIMERS / 10);
    let tenth = live().saturating_sub(before);
    assert!(tenth * 5 < all, "{tenth} of {all} for a tenth of the timers");
    // What is left fires in order, and then nothing is left.
    let mut last = opened();
    while let Some(next) = timers.next().copied() {
        assert!(next.due >= last);
        last = next.due;
        timers.cancel(&next);
    }
    assert!(timers.is_empty());
    // The harness has a little of its own meanwhile.
    assert!(live().saturating_sub(before) < 65_536, "{}", live().saturating_sub(before));
}
