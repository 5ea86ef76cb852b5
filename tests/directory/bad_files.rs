//! A directory with a fault in any of its files is refused whole, and all faults are told with file, line and key.

use golden_bell::core::directory::{Directory, DirectoryFiles};

use crate::zone::{PEOPLE, files, refusal};

fn people(text: &str) -> String {
    refusal(&[("people.toml", text)])
}

fn rosters(text: &str) -> String {
    refusal(&[("people.toml", PEOPLE), ("rosters.toml", text)])
}

#[test]
fn people_with_faults_are_refused_with_the_line_they_begin_on() {
    let good = "[[people]]\nid = \"a\"\nname = \"甲\"\nrole = \"officer\"\nareas = [\"z\"]\n";
    let with = |from: &str, to: &str| format!("{good}\n{}", good.replace("\"a\"", "\"b\"").replace(from, to));
    for (text, reason) in [
        (
            with("\"officer\"", "\"general\""),
            "d/people.toml:7: person `b`: role: unknown role `general` (known: officer",
        ),
        (with("[\"z\"]", "[\"z\", \"x\"]"), "d/people.toml:7: person `b`: areas: there is no area `x`"),
        (with("[\"z\"]", "[{ area = \"z\", from = 2026-02-30 }]"), "d/people.toml"),
        (
            with("[\"z\"]", "[{ area = \"z\", from = \"soon\" }]"),
            "d/people.toml:7: person `b`: from: \"soon\" is no day",
        ),
        (
            with("[\"z\"]", "[{ area = \"z\", from = 2026-02-02, to = 2026-02-01 }]"),
            "person `b`: to: it is before from",
        ),
        (with("[\"z\"]", "[{ area = \"z\", until = 2026-02-02 }]"), "person `b`: areas: unknown field `until`"),
        (with("[\"z\"]", "[7]"), "person `b`: areas: "),
        (with("\"甲\"", "\" \""), "person `b`: name: it is empty"),
        (with("\"b\"", "\"b b\""), "person `b b`: id: an id is letters"),
        (with("\"b\"", "\"a\""), "d/people.toml:7: person `a`: id: somebody else has the same id"),
        (with("name = \"甲\"\n", ""), "d/people.toml:7: person `b`: missing field `name`"),
        (with("name =", "nome ="), "d/people.toml:7: person `b`: unknown field `nome`"),
        (with("areas = [\"z\"]", "channels = [\"\"]"), "person `b`: channels: one of them is empty"),
        (with("areas = [\"z\"]", "language = \"de\""), "person `b`: language: it must be one of zh, en"),
        (format!("time_zone = \"Moon\"\n{good}"), "d/people.toml: time_zone: `Moon` is no time zone"),
        (format!("{good}\nrole = "), "d/people.toml:7: "),
        (format!("{good}\n[people]\n"), "d/people.toml"),
    ] {
        let said = people(&text);
        assert!(said.contains(reason), "{reason}: {said}");
    }
}

#[test]
fn rosters_with_faults_are_refused_with_the_line_they_begin_on() {
    let roster = |rest: &str| format!("\n[[rosters]]\nid = \"r\"\nareas = [\"z\"]\n{rest}\n");
    let shift = |rest: &str| roster(&format!("shifts = [{{ from = 08:00:00, to = 20:00:00, {rest} }}]"));
    let good = shift("people = [\"a\"]");
    let span = "from = 2026-01-01T00:00:00\nto = 2026-01-02T00:00:00\n";
    for (text, reason) in [
        (roster(""), "d/rosters.toml:2: roster `r`: it has neither shifts nor a calendar"),
        (format!("{good}{good}"), "d/rosters.toml:7: roster `r`: id: another roster has the same id"),
        (good.replace("\"z\"", "\"x\""), "roster `r`: areas: there is no area `x`"),
        (good.replace("\"z\"", ""), "roster `r`: areas: it is on call for no area"),
        (good.replace("\"r\"", "\"r/s\""), "roster `r/s`: id: an id is"),
        (shift("people = [\"a\", \"x\"]"), "d/rosters.toml:2: roster `r`: people: there is no person `x`"),
        (shift("people = []"), "roster `r`: people: it names nobody"),
        (shift("people = [\"a\"], days = \"sunday\""), "roster `r`: days: it is none of"),
        (shift("people = [\"a\"], days = [\"sunday\"]"), "roster `r`: days: it is none of"),
        (shift("people = [\"a\"], days = []"), "roster `r`: days: it is none of"),
        (shift("people = [\"a\"], rotate = \"day\""), "roster `r`: since: a rotation needs the day"),
        (shift("people = [\"a\"], since = 2026-01-01"), "roster `r`: since: it says when a rotation begins"),
        (shift("people = [\"a\"], rotate = \"year\", since = 2026-01-01"), "rotate: `year` is neither day nor week"),
        (shift("people = [\"a\"], first_day = 2026-01-02, last_day = 2026-01-01"), "last_day: it is before first_day"),
        (good.replace("08:00:00", "\"eight\""), "roster `r`: from: \"eight\" is no time such as 08:30"),
        (format!("{good}time_zone = \"Moon\"\n"), "roster `r`: time_zone: `Moon` is no time zone"),
        (format!("{good}days = \"all\"\n"), "roster `r`: days: it is for a calendar"),
        (
            format!("{good}[[override]]\nroster = \"x\"\n{span}people = [\"a\"]\n"),
            "d/rosters.toml:6: override of roster `x`: roster: there is no roster `x`",
        ),
        (
            format!("{good}[[override]]\nroster = \"r\"\n{span}people = [\"x\"]\n"),
            "override of roster `r`: people: there is no person `x`",
        ),
        (
            format!("{good}[[override]]\nroster = \"r\"\n{span}people = [\"a\"]\ninstead_of = \"x\"\n"),
            "instead_of: there is no person `x`",
        ),
        (
            format!(
                "{good}[[override]]\nroster = \"r\"\nfrom = 2026-01-02T00:00:00\nto = 2026-01-02T00:00:00\npeople = [\"a\"]\n"
            ),
            "to: it is not after from",
        ),
        (
            format!(
                "{good}[[override]]\nroster = \"r\"\nfrom = 2026-01-02\nto = 2026-01-02T00:00:00\npeople = [\"a\"]\n"
            ),
            "is no moment such as",
        ),
        (
            format!("{good}[[swap]]\n{span}between = [\"a\", \"x\"]\n"),
            "d/rosters.toml:6: swap: between: there is no person `x`",
        ),
        (format!("{good}[[swap]]\n{span}between = [\"a\"]\n"), "d/rosters.toml:6: swap: "),
        (format!("{good}[[swaps]]\n"), "unknown field `swaps`"),
    ] {
        let said = rosters(&text);
        assert!(said.contains(reason), "{reason}: {said}");
    }
}

#[test]
fn all_faults_of_all_files_are_told_at_once() {
    let bad_person = "[[people]]\nid = \"a\"\nname = \"\"\nrole = \"x\"\n";
    let error = Directory::load(&files(&[
        ("people.toml", bad_person),
        ("holidays.toml", "[[years]]\nyear = 2026\nsource = \"\"\n"),
        (
            "rosters.toml",
            "[[rosters]]\nid = \"r\"\nareas = [\"z\"]\nshifts = [{ from = 1, to = \"2\", people = [\"b\"] }]\n",
        ),
    ]))
    .unwrap_err();
    let told: Vec<(&str, Option<usize>, Option<&str>)> =
        error.faults.iter().map(|fault| (fault.file.as_str(), fault.line, fault.key)).collect();
    assert_eq!(
        told,
        [
            ("d/holidays.toml", Some(1), Some("source")),
            ("d/people.toml", Some(1), Some("name")),
            ("d/people.toml", Some(1), Some("role")),
            ("d/rosters.toml", Some(1), Some("from")),
            ("d/rosters.toml", Some(1), Some("to")),
            ("d/rosters.toml", Some(1), Some("people")),
        ]
    );
}

#[test]
fn faults_of_the_areas_are_told_and_without_areas_there_is_no_directory() {
    let said =
        refusal(&[("areas.toml", "[[areas]]\ncode = \"a/b\"\nname = { zh = \"甲\", en = \"A\" }\nkind = \"site\"\n")]);
    assert!(said.contains("d/areas.toml:1: area `a/b`: code: the area above it, `a`, is missing"), "{said}");
    let said = Directory::load(&DirectoryFiles::default()).unwrap_err().to_string();
    assert_eq!(said, "areas.toml: this file is missing");
}
