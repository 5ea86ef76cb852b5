//! Overrides and swaps.

use golden_bell::core::rules::Level;

use crate::zone::{PEOPLE, load, on_call, query, with_rosters};

const ROSTERS: &str = r#"
time_zone = "Asia/Shanghai"
[[rosters]]
id = "day"
areas = ["z"]
shifts = [{ from = 08:00:00, to = 20:00:00, people = ["a"] }]
[[rosters]]
id = "night"
areas = ["z"]
shifts = [{ from = 20:00:00, to = 08:00:00, people = ["b"] }]
"#;

#[track_caller]
fn check(exceptions: &str, expected: &[(&str, &[&str])]) {
    let directory = with_rosters(&format!("{ROSTERS}{exceptions}"), &[]);
    for (at, ids) in expected {
        assert_eq!(on_call(&directory, "z", at), *ids, "{at}");
    }
}

#[test]
fn an_override_puts_others_on_call_and_nobody_else_from_its_beginning_to_its_end() {
    check(
        "[[override]]\nroster = \"day\"\nfrom = 2026-03-01T10:00:00\nto = 2026-03-01T22:00:00+08:00\npeople = [\"c\"]\n",
        &[
            ("2026-03-01T09:59:59+08:00", &["a"]),
            ("2026-03-01T10:00:00+08:00", &["c"]),
            // The day's shift is over, the override is not: both rosters have somebody.
            ("2026-03-01T21:00:00+08:00", &["c", "b"]),
            ("2026-03-01T22:00:00+08:00", &["b"]),
        ],
    );
}

#[test]
fn an_override_instead_of_somebody_holds_only_where_they_would_be() {
    check(
        "[[override]]\nroster = \"day\"\nfrom = \"2026-03-01 10:00\"\nto = 2026-03-03T00:00:00\npeople = [\"c\", \"b\"]\ninstead_of = \"a\"\n",
        &[
            ("2026-03-01T09:00:00+08:00", &["a"]),
            ("2026-03-01T12:00:00+08:00", &["c", "b"]),
            ("2026-03-01T21:00:00+08:00", &["b"]),
            ("2026-03-02T12:00:00+08:00", &["c", "b"]),
            ("2026-03-03T12:00:00+08:00", &["a"]),
        ],
    );
}

#[test]
fn two_people_swap_in_every_roster_or_in_one() {
    let swap = "from = 2026-03-01T00:00:00\nto = 2026-03-02T00:00:00\nbetween = [\"a\", \"b\"]\n";
    check(
        &format!("[[swap]]\n{swap}"),
        &[
            ("2026-03-01T12:00:00+08:00", &["b"]),
            ("2026-03-01T21:00:00+08:00", &["a"]),
            ("2026-03-02T12:00:00+08:00", &["a"]),
        ],
    );
    check(
        &format!("[[swap]]\nroster = \"day\"\n{swap}"),
        &[("2026-03-01T12:00:00+08:00", &["b"]), ("2026-03-01T21:00:00+08:00", &["b"])],
    );
}

#[test]
fn overrides_come_after_swaps_and_the_later_one_wins() {
    let span = "from = 2026-03-01T00:00:00\nto = 2026-03-02T00:00:00\n";
    check(
        &format!(
            "[[override]]\nroster = \"day\"\n{span}people = [\"c\"]\ninstead_of = \"b\"\n\
             [[swap]]\nroster = \"day\"\n{span}between = [\"a\", \"b\"]\n"
        ),
        &[("2026-03-01T12:00:00+08:00", &["c"])],
    );
    check(
        &format!(
            "[[override]]\nroster = \"day\"\n{span}people = [\"b\"]\n\
             [[override]]\nroster = \"day\"\n{span}people = [\"c\"]\n"
        ),
        &[("2026-03-01T12:00:00+08:00", &["c"])],
    );
}

#[test]
fn whoever_has_left_is_not_on_call_whatever_the_roster_says() {
    let people = PEOPLE.replace("id = \"a\"\n", "id = \"a\"\nto = 2026-02-28\n");
    let directory = load(&[("people.toml", &people), ("rosters.toml", ROSTERS)]);
    assert_eq!(on_call(&directory, "z", "2026-02-28T12:00:00+08:00"), ["a"]);
    assert!(on_call(&directory, "z", "2026-03-01T12:00:00+08:00").is_empty());
    assert!(directory.route(&query("z", Level::Urgent, 1, "2026-03-01T12:00:00+08:00")).unowned);
}
