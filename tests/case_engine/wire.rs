//! The wire forms: exactly these texts, and old ones still read.

use golden_bell::core::case::{Case, State};
use golden_bell::core::case_engine::{CaseBook, Disposition, RestoreError};
use golden_bell::core::rules::Level;
use serde::Serialize;
use serde_json::json;

use super::support::{Bench, call, is, transfer};

pub fn golden(name: &str, value: &impl Serialize, expected: &str) {
    let actual = serde_json::to_string_pretty(value).unwrap();
    assert!(actual == expected.trim_end(), "{name} has changed:\n{actual}");
}

/// A call, a transfer during it, and a busy line.
pub fn scene() -> Bench {
    let mut bench = Bench::new();
    bench.take(&call("A1.1", "ringing", 0).confidence(0.3));
    bench.take(&call("A1.2", "ongoing", 300).with("duration_s", 280).confidence(0.5));
    let mut paid = transfer("T77.1", "accepted", 320).confidence(0.9);
    paid.retroactive = true;
    bench.take(&paid);
    bench.follow_up(400, "contact", json!({"channel": "phone", "line": "busy"}));
    bench
}

#[test]
fn a_warning_is_written_as_the_contract_says() {
    let bench = scene();
    golden("warning.json", bench.last(), include_str!("../fixtures/cases/warning.json"));
    let late = scene().wait(86_400);
    golden("warning_escalated.json", &late[0], include_str!("../fixtures/cases/warning_escalated.json"));
}

#[test]
fn a_case_is_written_like_this_and_reads_back() {
    let case = scene().case();
    golden("case.json", &case, include_str!("../fixtures/cases/case.json"));
    assert_eq!(Case::decode(include_bytes!("../fixtures/cases/case.json")).unwrap(), case);
}

#[test]
fn an_archived_case_is_written_like_this() {
    let mut bench = scene();
    bench.follow_up(500, "outcome", json!({"outcome": "false_alarm"}));
    bench.wait(40 * 86_400);
    let archived: serde_json::Value =
        serde_json::from_slice(bench.changes.last().unwrap().archive.as_deref().unwrap()).unwrap();
    golden("archived.json", &archived, include_str!("../fixtures/cases/archived.json"));
}

#[test]
fn a_value_with_the_fields_of_the_contract_alone_still_reads() {
    let old = include_bytes!("../fixtures/cases/old_case.json");
    let case = Case::decode(old).unwrap();
    assert_eq!((case.state, case.level, case.step, case.round.number), (State::Acknowledged, Level::High, 1, 0));
    let mut bench = Bench::new();
    bench.book.restore(&case.case_id, Some(old)).unwrap();
    bench.book.finish_restore();
    assert_eq!(bench.book.next_due(), case.next_deadline_at);
    is(bench.take(&transfer("t", "accepted", 60)), Disposition::Transfer);
    assert_eq!(bench.last().sequence, case.sequence + 1);
}

#[test]
fn what_is_not_a_case_is_not_restored() {
    let mut book = CaseBook::new();
    let case = scene().case();
    let value = case.encode().unwrap();
    assert!(matches!(book.restore("c-1", Some(b"{}")), Err(RestoreError::NotACase { .. })));
    assert!(matches!(book.restore("c-1", Some(&value)), Err(RestoreError::WrongKey { .. })));
    book.restore(&case.case_id, Some(&value)).unwrap();
    assert_eq!((book.len(), book.open_by().of(Level::Urgent, State::Contacting)), (1, 1));
    book.restore(&case.case_id, Some(&value)).unwrap();
    assert_eq!((book.len(), book.open_by().open().map(|(_, _, n)| n).sum::<u64>()), (1, 1));
    book.restore(&case.case_id, None).unwrap();
    book.restore("c-unknown", None).unwrap();
    book.finish_restore();
    assert_eq!((book.len(), book.subjects(), book.next_due()), (0, 0, None));
}

#[test]
fn the_officer_text_shows_no_full_number_name_or_amount() {
    for warning in &scene().warnings {
        for text in [&warning.messages.officer.zh, &warning.messages.officer.en] {
            for secret in ["13123456789", "张三", "62170000", "968900", "13123456780"] {
                assert!(!text.contains(secret), "{text}");
            }
            assert!(text.contains("131****6789"), "{text}");
        }
    }
}
