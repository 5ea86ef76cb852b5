//! What the rules can ask about the case.

use golden_bell::core::case_engine::Disposition;
use golden_bell::core::warning::Warning;
use serde_json::json;

use super::support::{Bench, HOUR, MINUTE, call, is, seen, transfer};

/// The rules that held for the last event; each of these events is a transfer, so that it gives a warning.
fn holds(bench: &Bench, rule: &str) -> bool {
    let warning: &Warning = bench.last();
    seen(warning).contains(&rule)
}

#[test]
fn windows_reach_back_two_hours_and_the_start_is_not_in_them() {
    for (begin, held) in [(1, true), (0, false)] {
        let mut bench = Bench::new();
        bench.take(&transfer("t1", "accepted", begin));
        bench.take(&transfer("t2", "accepted", 2 * HOUR));
        assert_eq!(holds(&bench, "two_transfers"), held);
    }
}

#[test]
fn windows_end_with_the_event_at_hand() {
    let mut bench = Bench::new();
    bench.take(&transfer("t2", "accepted", 10 * MINUTE));
    bench.take_at(&transfer("t1", "accepted", 5 * MINUTE), 11 * MINUTE);
    assert!(!holds(&bench, "two_transfers"));
    assert!(holds(&bench, "late"));
    bench.take(&transfer("t3", "rejected", 12 * MINUTE));
    bench.take(&transfer("t4", "accepted", 2 * HOUR + 5 * MINUTE));
    assert!(holds(&bench, "two_transfers"));
}

#[test]
fn each_piece_counts_once_in_its_latest_state() {
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ringing", 0));
    bench.take(&call("a.2", "ongoing", 10));
    bench.take(&call("b.1", "ongoing", 20));
    bench.take(&transfer("t1.1", "accepted", 30));
    assert!(holds(&bench, "two_calls"));
    bench.take(&call("b.2", "failed", 40));
    bench.take(&transfer("t1.2", "reversed", 50));
    bench.take(&transfer("t2", "accepted", 60));
    assert!(!holds(&bench, "two_calls"));
    assert!(!holds(&bench, "two_transfers"));
}

#[test]
fn amounts_count_in_the_currency_of_the_event() {
    let mut bench = Bench::new();
    let amount = |id: &str, time: i64, amount: u64, currency: &str| {
        transfer(id, "accepted", time).with("amount_minor", amount).with("currency", currency)
    };
    bench.take(&amount("t1", 0, 100, "CNY"));
    bench.take(&amount("t2", 1, 5000, "USD").with("payee", json!({"account": "62 1700-0000 000 000 004"})));
    assert!(!holds(&bench, "two_payees"));
    bench.take(&amount("t3", 2, 200, "CNY").with("payee", json!({"account": "other"})));
    assert!(holds(&bench, "amount_300") && holds(&bench, "smallest_100") && holds(&bench, "two_payees"));
    assert!(!holds(&bench, "rising"));
    bench.take(&amount("t4", 3, 300, "CNY"));
    assert!(holds(&bench, "rising"));
    bench.take(&amount("t5", 4, 300, "CNY"));
    assert!(!holds(&bench, "rising"));
    // A call has no currency.
    is(bench.take(&call("a", "ongoing", 5).confidence(0.9)), Disposition::Raised);
    assert!(holds(&bench, "no_smallest"));
}

#[test]
fn a_call_comes_first_by_its_first_event() {
    let mut bench = Bench::new();
    bench.take(&transfer("t1", "accepted", 0));
    bench.take(&call("a.1", "ringing", 10));
    bench.take(&call("a.2", "ongoing", 100));
    bench.take_at(&transfer("t2", "accepted", 100), 200);
    assert!(holds(&bench, "call_first"));

    let mut bench = Bench::new();
    bench.take(&call("a.1", "ongoing", 100));
    bench.take_at(&transfer("t2", "accepted", 100), 200);
    assert!(!holds(&bench, "call_first"));
}

#[test]
fn a_transfer_told_late_knows_the_call_that_went_on_after_it() {
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ringing", 10));
    bench.take(&call("a.2", "ongoing", 300));
    bench.take_at(&transfer("t1", "accepted", 200), 400);
    assert!(holds(&bench, "call_first"));
}

#[test]
fn pieces_that_fell_out_still_count() {
    let mut bench = Bench::new();
    for n in 0..60 {
        bench.take(&transfer(&format!("t{n}"), "accepted", n));
    }
    assert!(holds(&bench, "sixty_transfers"));
    let case = bench.case();
    assert_eq!((case.evidence.len(), case.evidence_count), (50, 60));
    // One that fell out is not new evidence when it is heard of again, and is not counted twice.
    is(bench.take(&transfer("t0.2", "settled", 70)), Disposition::Folded);
    assert_eq!(bench.case().evidence_count, 60);
    is(bench.take_at(&transfer("t1.0", "accepted", 0), 71), Disposition::Older);
    bench.take(&transfer("u", "accepted", 72));
    assert!(!holds(&bench, "sixty_transfers"));
}

#[test]
fn rounds_are_counted_apart() {
    let mut bench = Bench::new();
    bench.take(&transfer("t1", "accepted", 0));
    bench.take(&transfer("t2", "accepted", 1));
    bench.follow_up(2, "contact", json!({"channel": "phone", "line": "busy"}));
    bench.follow_up(3, "contact", json!({"channel": "phone", "line": "answered", "identity_checked": true}));
    bench.take(&transfer("t3", "accepted", 4));
    for rule in ["two_contacts", "two_warnings", "line_busy"] {
        assert!(holds(&bench, rule), "{rule}");
    }
    assert!(!holds(&bench, "refused_before"));
    bench.follow_up(5, "outcome", json!({"outcome": "refused"}));
    bench.follow_up(6, "outcome", json!({"outcome": "dissuaded"}));
    bench.take(&transfer("t4", "accepted", 7));
    for rule in ["dissuaded_before", "refused_before", "no_warning"] {
        assert!(holds(&bench, rule), "{rule}");
    }
    assert!(!holds(&bench, "line_busy"));
    bench.follow_up(8, "outcome", json!({"outcome": "false_alarm"}));
    bench.take(&transfer("t5", "accepted", 100 * HOUR));
    for rule in ["dissuaded_before", "refused_before", "no_case"] {
        assert!(holds(&bench, rule), "{rule}");
    }
}

#[test]
fn state_and_level_are_those_before_the_event() {
    let mut bench = Bench::new();
    bench.take(&transfer("t1", "accepted", 0).confidence(0.3));
    bench.take(&transfer("t2", "accepted", 1).confidence(0.9));
    assert!(holds(&bench, "was_open") && holds(&bench, "was_medium"));
    bench.follow_up(2, "outcome", json!({"outcome": "false_alarm"}));
    bench.take(&transfer("t3", "accepted", 3));
    assert!(holds(&bench, "was_closed"));
}
