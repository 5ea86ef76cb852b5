//! `golden-bell routes test` and what `check` says of a directory.

use std::fs;
use std::process::{Command, Output};

use crate::zone::{AREAS, HOLIDAYS};

const PEOPLE: &str = r#"
[[people]]
id = "o"
name = "甲"
role = "officer"
areas = ["z/v"]
channels = ["wecom", "sms"]
[[people]]
id = "duty"
name = "乙"
role = "defence_team"
[[people]]
id = "k"
name = "丙"
role = "chief"
areas = ["z"]
"#;

const ROSTERS: &str = "[[rosters]]\nid = \"r\"\nareas = [\"z\"]\nshifts = [{ days = \"rest_day\", from = 08:00:00, to = 20:00:00, people = [\"duty\"] }]\n";

fn run(arguments: &[&str], files: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("areas.toml", AREAS), ("holidays.toml", HOLIDAYS)].iter().chain(files) {
        fs::write(folder.path().join(name), text).unwrap();
    }
    Command::new(env!("CARGO_BIN_EXE_golden-bell"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("GOLDEN_BELL__DIRECTORY__PATH", folder.path())
        .env("GOLDEN_BELL__NOTIFY__DESTINATIONS__WECOM__KIND", "log")
        .env("GOLDEN_BELL__NOTIFY__DESTINATIONS__SMS__KIND", "log")
        .output()
        .unwrap()
}

fn words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const GOOD: [(&str, &str); 2] = [("people.toml", PEOPLE), ("rosters.toml", ROSTERS)];

#[test]
fn it_says_who_is_told_why_and_what_happens_if_nobody_reacts() {
    let arguments = ["routes", "test", "--area", "z/v/yard", "--level", "urgent", "--at", "2026-10-01T03:00:00Z"];
    let output = run(&arguments, &GOOD);
    let said = words(&output);
    assert!(output.status.success(), "{said}");
    for expected in [
        "area z/v/yard: Yard (园, site)",
        "level urgent, step 1",
        "at 2026-10-01T11:00:00+08:00 (Thursday, holiday: National Day)",
        "step 1 officer o answers for z/v wecom, sms 甲",
        "step 1 defence_team duty on call by roster r until 01 Oct 20:00 log 乙",
        "If nobody reacts 2026-10-01T11:02:00+08:00 step 2: the same people again, and also step 2 chief k chief of z",
        "2026-10-01T11:04:00+08:00 step 3: the same people again 2026-10-01T11:06:00+08:00 step 3 again, and so on every 2m",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let later =
        ["routes", "test", "--area", "z/v", "--level", "high", "--step", "2", "--at", "2027-10-01T12:00:00+08:00"];
    let said = words(&run(&later, &GOOD));
    assert!(said.contains("Friday, workday; there is no table of holidays for 2027"), "{said}");
    assert!(said.contains("step 1 officer o") && said.contains("step 2 chief k") && !said.contains("duty"), "{said}");
    assert!(
        said.contains(
            "12:10:00+08:00 step 3: the same people again 2027-10-01T12:20:00+08:00 step 3 again, and so on every 10m"
        ),
        "{said}"
    );
}

#[test]
fn what_nobody_owns_is_said() {
    let said = words(&run(&["routes", "test", "--area", "y", "--level", "low"], &GOOD));
    assert!(said.contains("Who is told nobody Nobody owns it"), "{said}");
}

#[test]
fn what_cannot_be_understood_has_its_exit_code_and_says_why() {
    for (arguments, code, reason) in [
        (&["--area", "x", "--level", "low"][..], 1, "area `x` is not in the directory"),
        (&["--area", "z", "--workplace", "x", "--level", "low"], 1, "workplace `x` is not in the directory"),
        (&["--area", "z", "--level", "red"], 2, "invalid value 'red'"),
        (&["--area", "z", "--level", "low", "--step", "4"], 2, "invalid value '4'"),
        (&["--area", "z", "--level", "low", "--at", "noon"], 2, "invalid value 'noon'"),
        (&["--level", "low"], 2, "--area"),
    ] {
        let output = run(&[&["routes", "test"], arguments].concat(), &GOOD);
        let said = words(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(reason), "{reason}: {said}");
    }
    let output = run(&["routes", "test", "--area", "z", "--level", "low"], &[("rosters.toml", ROSTERS)]);
    assert_eq!(output.status.code(), Some(64), "{}", words(&output));
}

#[test]
fn check_reads_all_files_and_ends_with_64_where_one_is_bad() {
    let output = run(&["check"], &GOOD);
    let said = words(&output);
    assert!(output.status.success(), "{said}");
    for expected in ["people 3 (1 officer, 1 defence_team, 1 chief)", "rosters r", "holidays 2026;", "areas 6 (2 zone"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    for (name, text, reason) in [
        ("people.toml", "[[people]]\nid = 7\n", "people.toml:1: person 7"),
        ("rosters.toml", "[[rosters]]\n", "rosters.toml:1: roster: missing field `id`"),
        ("holidays.toml", "[[years]]\n", "holidays.toml:1: year: missing field `year`"),
        ("spare.ics", "BEGIN:VCALENDAR", "spare.ics: no roster"),
    ] {
        let output = run(&["check"], &[&GOOD[..], &[(name, text)]].concat());
        let said = words(&output);
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(reason) && said.contains("directory.path"), "{reason}: {said}");
    }
}
