//! Shifts: their borders, nights, turns, and clocks that are changed.

use crate::zone::{on_call, with_rosters};

fn shifts(zone: &str, shifts: &str) -> String {
    format!("[[rosters]]\nid = \"r\"\nareas = [\"z\"]\ntime_zone = \"{zone}\"\nshifts = [\n{shifts}\n]\n")
}

#[test]
fn a_shift_holds_from_its_beginning_to_just_before_its_end_over_midnight_too() {
    let text = shifts(
        "Asia/Shanghai",
        r#"{ from = 08:00:00, to = 20:00:00, people = ["a"] }, { from = 20:00:00, to = 08:00:00, people = ["b", "c"] }"#,
    );
    let directory = with_rosters(&text, &[]);
    for (at, expected) in [
        ("2026-03-01T07:59:59+08:00", &["b", "c"][..]),
        ("2026-03-01T08:00:00+08:00", &["a"]),
        ("2026-03-01T19:59:59+08:00", &["a"]),
        ("2026-03-01T20:00:00+08:00", &["b", "c"]),
        ("2026-03-02T00:00:00+08:00", &["b", "c"]),
    ] {
        assert_eq!(on_call(&directory, "z/v", at), expected, "{at}");
    }
    assert!(on_call(&directory, "y", "2026-03-01T12:00:00+08:00").is_empty(), "it is not on call there");
}

#[test]
fn turns_go_round_by_day_and_by_week_before_and_after_their_first_day() {
    let text = shifts(
        "Asia/Shanghai",
        r#"{ from = 00:00:00, to = 12:00:00, rotate = "day", since = 2026-03-02, people = ["a", "b", "c"] },
           { from = 12:00:00, to = 00:00:00, rotate = "week", since = 2026-03-02, people = ["a", "b"] }"#,
    );
    let directory = with_rosters(&text, &[]);
    for (at, expected) in [
        ("2026-03-02T06:00:00+08:00", "a"),
        ("2026-03-03T06:00:00+08:00", "b"),
        ("2026-03-05T06:00:00+08:00", "a"),
        ("2026-03-01T06:00:00+08:00", "c"),
        ("2026-03-08T18:00:00+08:00", "a"),
        ("2026-03-09T18:00:00+08:00", "b"),
        ("2026-03-16T18:00:00+08:00", "a"),
        ("2026-03-01T18:00:00+08:00", "b"),
    ] {
        assert_eq!(on_call(&directory, "z", at), [expected], "{at}");
    }
}

#[test]
fn a_shift_is_in_use_from_its_first_day_to_its_last() {
    let text = shifts(
        "Asia/Shanghai",
        r#"{ from = 20:00:00, to = 08:00:00, first_day = 2026-03-02, last_day = 2026-03-03, people = ["a"] }"#,
    );
    let directory = with_rosters(&text, &[]);
    for (at, on) in [
        ("2026-03-02T07:00:00+08:00", false),
        ("2026-03-02T20:00:00+08:00", true),
        ("2026-03-04T07:59:00+08:00", true),
        ("2026-03-04T20:00:00+08:00", false),
    ] {
        assert_eq!(!on_call(&directory, "z", at).is_empty(), on, "{at}");
    }
}

#[test]
fn shifts_that_join_on_the_clock_join_in_the_nights_in_which_it_is_changed() {
    let text = shifts(
        "Europe/Berlin",
        r#"{ from = 22:00:00, to = 02:30:00, people = ["a"] }, { from = 02:30:00, to = 22:00:00, people = ["b"] }"#,
    );
    let directory = with_rosters(&text, &[]);
    for (at, expected) in [
        // 02:30 never comes: the clock goes from 02:00 to 03:00, and the shift begins then.
        ("2026-03-29T01:59:59+01:00", "a"),
        ("2026-03-29T03:00:00+02:00", "b"),
        // 02:30 comes twice: the shift begins when it first comes, and goes on.
        ("2026-10-25T02:29:59+02:00", "a"),
        ("2026-10-25T02:30:00+02:00", "b"),
        ("2026-10-25T02:15:00+01:00", "b"),
        ("2026-10-25T21:59:59+01:00", "b"),
    ] {
        assert_eq!(on_call(&directory, "z", at), [expected], "{at}");
    }
}

#[test]
fn a_roster_of_an_area_is_on_call_for_all_below_it_and_for_nothing_above() {
    let text = "[[rosters]]\nid = \"r\"\nareas = [\"z/v\", \"z/e\"]\nshifts = [{ from = \"00:00\", to = \"24:00\", people = [\"a\"] }]\n";
    let directory = with_rosters(text, &[]);
    for (area, on) in
        [("z/v", true), ("z/v/yard", true), ("z/v/new-house", true), ("z/e", true), ("z/c", false), ("z", false)]
    {
        assert_eq!(!on_call(&directory, area, "2026-03-01T12:00:00+08:00").is_empty(), on, "{area}");
    }
}
