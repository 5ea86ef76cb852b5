//! Workdays, weekends, holidays and the days that make up for them.

use chrono::NaiveDate;
use golden_bell::core::directory::{DayKind, Directory, DirectoryFiles};

use crate::zone::{AREAS, on_call, refusal, with_rosters};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn the_shipped_table_is_that_of_the_notices() {
    let mut files = DirectoryFiles::default();
    files.texts.insert("areas.toml".to_owned(), AREAS.to_owned());
    files.texts.insert("holidays.toml".to_owned(), include_str!("../../config/directory/holidays.toml").to_owned());
    let directory = Directory::load(&files).unwrap();
    let table = directory.holidays();
    for (text, kind) in [
        ("2025-01-26", DayKind::MakeUpWorkday),
        ("2025-01-28", DayKind::Holiday),
        ("2025-02-04", DayKind::Holiday),
        ("2025-02-05", DayKind::Workday),
        ("2025-10-08", DayKind::Holiday),
        ("2025-10-11", DayKind::MakeUpWorkday),
        ("2026-01-04", DayKind::MakeUpWorkday),
        ("2026-02-14", DayKind::MakeUpWorkday),
        ("2026-02-15", DayKind::Holiday),
        ("2026-02-23", DayKind::Holiday),
        ("2026-02-24", DayKind::Workday),
        ("2026-09-20", DayKind::MakeUpWorkday),
        ("2026-10-07", DayKind::Holiday),
        ("2026-10-10", DayKind::MakeUpWorkday),
        ("2026-10-11", DayKind::Weekend),
        ("2027-02-06", DayKind::Weekend),
    ] {
        assert_eq!(table.kind(day(text)), kind, "{text}");
    }
    let off = |year: i32| {
        let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        first.iter_days().take(365).filter(|day| table.kind(*day) == DayKind::Holiday).count()
    };
    // Added up from the notices: 1+8+3+5+3+8 days, and 3+9+3+5+3+3+7.
    assert_eq!((off(2025), off(2026)), (28, 33));
    assert_eq!(table.name(day("2026-10-01")).unwrap().zh, "国庆节");
    assert!(table.years().all(|(_, source)| source.contains("General Office of the State Council")));
    assert!(!table.knows(2027), "its notice could not be read when this was made");
}

#[test]
fn shifts_of_workdays_and_rest_days_follow_the_table() {
    let rosters = r#"
[[rosters]]
id = "r"
areas = ["z"]
shifts = [
    { days = "workday", from = "08:00", to = "20:00", people = ["a"] },
    { days = "rest_day", from = "08:00", to = "20:00", people = ["b"] },
    { days = ["sat"], from = "20:00", to = "24:00", people = ["c"] },
]
"#;
    let directory = with_rosters(rosters, &[]);
    for (at, expected) in [
        ("2026-09-30T12:00:00+08:00", &["a"][..]),
        ("2026-10-01T12:00:00+08:00", &["b"]),
        ("2026-10-10T12:00:00+08:00", &["a"]),
        ("2026-10-11T12:00:00+08:00", &["b"]),
        ("2026-10-10T21:00:00+08:00", &["c"]),
        ("2026-10-03T21:00:00+08:00", &["c"]),
        ("2026-10-01T21:00:00+08:00", &[]),
    ] {
        assert_eq!(on_call(&directory, "z/v", at), expected, "{at}");
    }
}

#[test]
fn a_table_with_a_slip_in_it_is_refused() {
    let year = |rest: &str| format!("[[years]]\nyear = 2026\nsource = \"x\"\n{rest}\n");
    let holiday = |from: &str, to: &str| {
        format!("holidays = [{{ name = {{ zh = \"节\", en = \"Day\" }}, from = {from}, to = {to} }}]")
    };
    for (text, reason) in [
        ("[[years]]\nyear = 2026\nsource = \" \"\n".to_owned(), "where the days come from"),
        (year("") + &year(""), "d/holidays.toml:5: year 2026: year: it is there twice"),
        (year("workdays = [2026-10-09]"), "2026-10-09 is no Saturday or Sunday"),
        (year(&(holiday("2026-10-01", "2026-10-10") + "\nworkdays = [2026-10-10]")), "2026-10-10 is a holiday too"),
        (year(&holiday("2026-10-07", "2026-10-01")), "is no holiday of 1 to 31 days"),
        (year(&holiday("2025-10-01", "2025-10-02")), "is not of this year"),
        (year(&holiday("2026-13-01", "\"2026-10-02\"")), "d/holidays.toml:4"),
        (year("workday = []"), "unknown field `workday`"),
    ] {
        let said = refusal(&[("holidays.toml", &text)]);
        assert!(said.contains(reason), "{reason}: {said}");
    }
}
