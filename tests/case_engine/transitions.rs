//! The state machine, cell by cell, against a copy of the table in contract 7.

use golden_bell::core::case::State;
use golden_bell::core::case_engine::{Disposition, Refusal};
use serde_json::{Value, json};

use super::support::{Bench, call};

/// The states of the columns, and how a case comes there.
const STATES: [&str; 6] = ["open", "acknowledged", "contacting", "reached", "return_visit_due", "closed"];

const TABLE: &str = "
acknowledge              | acknowledged     | acknowledged     | contacting       | reached          | -                | -
contact reaches          | reached          | reached          | reached          | reached          | return_visit_due | -
contact does not         | contacting       | contacting       | contacting       | reached          | return_visit_due | -
outcome dissuaded        | -                | -                | -                | return_visit_due | -                | -
outcome refused          | -                | -                | -                | reached          | -                | -
outcome unreached        | -                | -                | contacting       | -                | -                | -
outcome loss             | return_visit_due | return_visit_due | return_visit_due | return_visit_due | return_visit_due | -
outcome false_alarm      | closed           | closed           | closed           | closed           | closed           | -
transfer_unit within     | open             | open             | open             | open             | open             | -
transfer_unit elsewhere  | closed           | closed           | closed           | closed           | closed           | -
return_visit out of touch| -                | -                | -                | -                | return_visit_due | -
return_visit in touch    | -                | -                | -                | -                | open             | -
close                    | -                | -                | -                | -                | closed           | -
close by chief           | -                | -                | -                | -                | closed           | -
close unreached          | ?                | ?                | -                | ?                | ?                | ?
close unreached by chief | ?                | ?                | closed           | ?                | ?                | ?
close refused            | ?                | ?                | ?                | -                | ?                | ?
close refused by chief   | ?                | ?                | ?                | closed           | ?                | ?
reopen                   | -                | -                | -                | -                | open             | open
note                     | open             | acknowledged     | contacting       | reached          | return_visit_due | closed
checked dissuaded        | return_visit_due | return_visit_due | return_visit_due | return_visit_due | -                | -
checked refused          | reached          | reached          | reached          | reached          | -                | -
checked unreached        | -                | -                | -                | -                | -                | -
checked loss             | return_visit_due | return_visit_due | return_visit_due | return_visit_due | return_visit_due | -
checked false_alarm      | closed           | closed           | closed           | closed           | closed           | -
";

fn action(name: &str) -> (&'static str, Value) {
    let outcome = |outcome: &str, checked: bool| ("outcome", json!({"outcome": outcome, "identity_checked": checked}));
    match name {
        "acknowledge" => ("acknowledge", json!({})),
        "contact reaches" => ("contact", json!({"channel": "visit", "identity_checked": true, "met_in_person": true})),
        "contact does not" => ("contact", json!({"channel": "phone", "line": "answered"})),
        "transfer_unit within" => ("transfer_unit", json!({"area": "kfq/heyan"})),
        "transfer_unit elsewhere" => ("transfer_unit", json!({"area": "elsewhere"})),
        "return_visit out of touch" => ("return_visit", json!({"still_in_touch": false})),
        "return_visit in touch" => ("return_visit", json!({"still_in_touch": true})),
        "close" | "close unreached" | "close refused" => ("close", json!({})),
        "close by chief" | "close unreached by chief" | "close refused by chief" => {
            ("close", json!({"by_role": "chief"}))
        }
        "reopen" => ("reopen", json!({})),
        "note" => ("note", json!({"text": "看过"})),
        other => match other.split_once(' ').unwrap() {
            ("outcome", result) => outcome(result, false),
            ("checked", result) => outcome(result, true),
            _ => panic!("no such row: {other}"),
        },
    }
}

fn case_in(state: &str) -> Bench {
    let mut bench = Bench::new();
    bench.take(&call("a", "ended", 0));
    let steps: &[&str] = match state {
        "open" => &[],
        "acknowledged" => &["acknowledge"],
        "contacting" => &["contact does not"],
        "reached" => &["contact reaches"],
        "return_visit_due" => &["contact reaches", "outcome dissuaded"],
        _ => &["outcome false_alarm"],
    };
    for step in steps {
        let (action, fields) = action(step);
        assert_eq!(bench.follow_up(1, action, fields), Disposition::FollowedUp);
    }
    assert_eq!(bench.case().state.as_str(), state);
    bench
}

#[test]
fn every_cell_is_as_the_contract_says() {
    let mut cells = 0;
    for line in TABLE.trim().lines() {
        let mut columns = line.split('|').map(str::trim);
        let name = columns.next().unwrap();
        for (state, expected) in STATES.iter().zip(columns) {
            if expected == "?" {
                continue;
            }
            let mut bench = case_in(state);
            for outcome in ["unreached", "refused"] {
                if name.contains(outcome) && name.starts_with("close") {
                    bench.follow_up(2, "outcome", json!({"outcome": outcome}));
                }
            }
            let before = bench.case();
            let (action, fields) = action(name);
            let became = bench.follow_up(3, action, fields);
            let after = bench.case();
            if expected == "-" {
                assert_eq!(became, Disposition::Refused(Refusal::InvalidTransition), "{name} in {state}");
                assert_eq!(after, before, "{name} in {state}");
            } else {
                assert_eq!(became, Disposition::FollowedUp, "{name} in {state}");
                assert_eq!(after.state.as_str(), expected, "{name} in {state}");
                assert_eq!(after.follow_ups.len(), before.follow_ups.len() + 1);
                assert_eq!(after.closed_at.is_some(), after.state == State::Closed);
                assert!(after.next_deadline_at.is_some());
            }
            cells += 1;
        }
    }
    assert_eq!(cells, 25 * 6 - 4 * 5);
}

#[test]
fn only_the_newest_case_opens_again() {
    let mut bench = case_in("closed");
    let old = bench.case().case_id;
    bench.take(&call("b", "ongoing", 100 * 3600));
    let became = bench.follow_up_on(&old, 100 * 3600 + 1, "reopen", json!({}));
    assert_eq!(became, Disposition::Refused(Refusal::InvalidTransition));
    // The rest of its row is allowed.
    assert_eq!(bench.follow_up_on(&old, 100 * 3600 + 2, "note", json!({"text": ""})), Disposition::FollowedUp);
}
