//! Whom warnings are assigned to, and whom an escalation brings in (contract 7 and 9).

use std::sync::LazyLock;

use golden_bell::core::case::unattended;
use golden_bell::core::directory::Directory;
use golden_bell::core::warning::{Cause, Warning};
use serde_json::json;

use super::support::*;

/// The tests begin on 15 July 2021 at 14:00 by the clock of the zone.
const PEOPLE: &str = r#"
people = [
    { id = "o", name = "甲", role = "officer", areas = ["kfq/huangchengli"] },
    { id = "g", name = "乙", role = "grid_worker", areas = ["kfq"] },
    { id = "o-heyan", name = "丙", role = "officer", areas = ["kfq/heyan"] },
    { id = "day", name = "丁", role = "defence_team" },
    { id = "night", name = "戊", role = "defence_team" },
    { id = "k", name = "己", role = "chief", areas = ["kfq"] },
    { id = "c", name = "庚", role = "centre", areas = ["kfq"] },
]
"#;

const ROSTERS: &str = r#"
[[rosters]]
id = "r"
areas = ["kfq"]
shifts = [
    { from = 08:00:00, to = 20:00:00, people = ["day"] },
    { from = 20:00:00, to = 08:00:00, people = ["night"] },
]
"#;

static DIRECTORY: LazyLock<Directory> =
    LazyLock::new(|| directory(&[("people.toml", PEOPLE), ("rosters.toml", ROSTERS)]));

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.directory = &DIRECTORY;
    bench
}

/// Ids and steps, as in `o1 g1`.
fn assigned(warning: &Warning) -> String {
    let all = warning.assigned.iter().map(|assigned| format!("{}{}", assigned.person_id, assigned.step));
    all.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_warning_names_both_grids_and_when_urgent_whoever_is_on_call() {
    let mut bench = bench();
    bench.take(&call("A", "ringing", 0).confidence(0.5));
    assert_eq!(assigned(bench.last()), "o1 g1");
    assert!(!bench.last().unowned);
    assert_eq!(bench.last().directory_version, DIRECTORY.version());
    let roles: Vec<&str> = bench.last().assigned.iter().map(|assigned| assigned.role.as_str()).collect();
    assert_eq!(roles, ["officer", "grid_worker"]);
    bench.take(&transfer("T", "accepted", 60).confidence(0.9));
    assert_eq!((bench.last().cause, assigned(bench.last())), (Cause::Raised, "o1 g1 day1".to_owned()));
}

#[test]
fn an_escalation_brings_in_the_chief_and_then_the_centre_and_keeps_the_others() {
    let mut bench = bench();
    bench.take(&call("A", "ringing", 0).confidence(0.9));
    let escalated = |bench: &mut Bench, clock| {
        let warnings = bench.wait(clock);
        let last = warnings.last().unwrap();
        assert_eq!(last.cause, Cause::Escalated);
        assigned(last)
    };
    assert_eq!(escalated(&mut bench, 2 * MINUTE), "o1 g1 day1 k2");
    assert_eq!(escalated(&mut bench, 4 * MINUTE), "o1 g1 day1 k2 c3");
    // Seven hours on another is on call: those who are there are told, not those who were.
    assert_eq!(escalated(&mut bench, 7 * HOUR), "o1 g1 night1 k2 c3");
}

#[test]
fn a_new_round_begins_with_the_field_again_and_another_area_has_its_own() {
    let mut bench = bench();
    bench.take(&call("A", "ringing", 0).confidence(0.5));
    bench.wait(10 * MINUTE);
    assert_eq!(assigned(bench.last()), "o1 g1 k2");
    bench.follow_up(11 * MINUTE, "transfer_unit", json!({"area": "kfq/heyan"}));
    assert_eq!((bench.last().cause, assigned(bench.last())), (Cause::Reassigned, "o-heyan1 g1".to_owned()));
}

#[test]
fn a_case_of_an_area_nobody_answers_for_is_unowned_and_left_to_the_centre() {
    let mut bench = bench();
    let mut stray = call("A", "ringing", 0).confidence(0.9);
    stray.person["area"] = json!("elsewhere");
    bench.take(&stray);
    assert!(bench.last().unowned);
    assert_eq!(assigned(bench.last()), "c3");
    let written = serde_json::to_value(bench.last()).unwrap();
    assert_eq!(written["unowned"], true);
    assert_eq!(written["assigned"], json!([{"person_id": "c", "role": "centre", "step": 3}]));
}

#[test]
fn a_case_escalates_when_unattended_says() {
    for confidence in [0.1, 0.3, 0.5, 0.9] {
        let mut bench = bench();
        bench.take(&call("A", "ringing", 0).confidence(confidence));
        let level = bench.last().level;
        for due in unattended(level, start(), &bench.settings.clone()).take(6) {
            let clock = (due - start()).num_seconds();
            assert!(bench.wait(clock - 1).is_empty(), "{level}: not before {clock} s");
            let warnings = bench.wait(clock);
            assert_eq!(warnings.len(), 1, "{level}: at {clock} s");
            assert_eq!(warnings[0].cause, Cause::Escalated);
        }
    }
}
