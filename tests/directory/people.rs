//! People answer for areas from their first day to their last.

use golden_bell::core::directory::PersonRole;
use golden_bell::core::rules::Level;

use crate::zone::{ids, load, query};

const PEOPLE: &str = r#"
[[people]]
id = "old"
name = "甲"
role = "officer"
areas = [{ area = "z/v", to = 2026-06-30 }]
[[people]]
id = "new"
name = "乙"
role = "officer"
areas = [{ area = "z/v", from = "2026-07-01" }, "z/c"]
[[people]]
id = "guest"
name = "丙"
role = "officer"
areas = ["z/v"]
from = 2026-08-01
to = 2026-08-31
channels = ["wecom"]
contact = { phone = "13123456789" }
"#;

#[test]
fn somebody_answers_from_their_first_day_to_the_end_of_their_last_by_the_clock_of_the_zone() {
    let directory = load(&[("people.toml", PEOPLE)]);
    for (at, expected) in [
        ("2026-06-30T23:59:59+08:00", &["old"][..]),
        ("2026-07-01T00:00:00+08:00", &["new"]),
        ("2026-07-31T23:59:59+08:00", &["new"]),
        ("2026-08-01T00:00:00+08:00", &["new", "guest"]),
        ("2026-08-31T23:59:59+08:00", &["new", "guest"]),
        ("2026-09-01T00:00:00+08:00", &["new"]),
    ] {
        assert_eq!(ids(&directory.route(&query("z/v", Level::Low, 1, at))), expected, "{at}");
    }
}

#[test]
fn the_days_are_those_of_the_zone_the_file_names() {
    let text = format!("time_zone = \"Europe/Berlin\"\n{PEOPLE}");
    let directory = load(&[("people.toml", &text)]);
    let told = |at| ids(&directory.route(&query("z/v", Level::Low, 1, at)));
    assert_eq!(told("2026-07-01T05:59:59+08:00"), ["old"], "it is the last of June in Berlin still");
    assert_eq!(told("2026-07-01T06:00:00+08:00"), ["new"]);
}

#[test]
fn names_and_contacts_are_not_shown_by_debug() {
    let directory = load(&[("people.toml", PEOPLE)]);
    let guest = directory.people().get("guest").unwrap();
    assert_eq!((guest.role, guest.channels.as_slice()), (PersonRole::Officer, &["wecom".to_owned()][..]));
    assert_eq!(guest.contact.get("phone").map(String::as_str), Some("13123456789"));
    let shown = format!("{guest:?} {directory:?}");
    assert!(shown.contains("guest"), "{shown}");
    assert!(!shown.contains("13123456789") && !shown.contains('丙'), "{shown}");
}
