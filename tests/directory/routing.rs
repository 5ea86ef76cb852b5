//! Who is told of a case, step by step, and why.

use golden_bell::core::directory::{Directory, RouteQuery};
use golden_bell::core::rules::Level;

use crate::zone::{ids, load, query, time};

const NOON: &str = "2026-03-02T12:00:00+08:00";

fn person(id: &str, role: &str, areas: &[&str]) -> String {
    format!("[[people]]\nid = \"{id}\"\nname = \"某\"\nrole = \"{role}\"\nareas = {areas:?}\n")
}

fn directory(people: &[(&str, &str, &[&str])]) -> Directory {
    let people: String = people.iter().map(|(id, role, areas)| person(id, role, areas)).collect();
    let all = people + &person("duty", "defence_team", &[]);
    let rosters = "[[rosters]]\nid = \"r\"\nareas = [\"z\"]\nshifts = [{ from = 08:00:00, to = 20:00:00, people = [\"duty\"] }]\n";
    load(&[("people.toml", &all), ("rosters.toml", rosters)])
}

/// The ids told at each step, and whether nobody owns it.
#[track_caller]
fn check(people: &[(&str, &str, &[&str])], area: &str, level: Level, expected: [&[&str]; 3], unowned: bool) {
    let directory = directory(people);
    for (step, expected) in (1..).zip(expected) {
        let route = directory.route(&query(area, level, step, NOON));
        assert_eq!(ids(&route), expected, "step {step}");
        assert_eq!(route.unowned, unowned, "step {step}");
    }
}

#[test]
fn each_grid_is_asked_by_itself_for_the_nearest_area_upwards() {
    let people: &[(&str, &str, &[&str])] = &[
        ("o-zone", "officer", &["z"]),
        ("o-village", "officer", &["z/v"]),
        ("g-yard", "grid_worker", &["z/v/yard"]),
        ("g-zone", "grid_worker", &["z"]),
        ("g-zone-2", "grid_worker", &["z"]),
        ("chief", "chief", &["z"]),
        ("centre", "centre", &["z"]),
        ("elsewhere", "officer", &["y"]),
    ];
    let chief = ["chief"];
    for (area, field) in [
        ("z/v/yard", &["o-village", "g-yard"][..]),
        ("z/v", &["o-village", "g-zone", "g-zone-2"]),
        ("z/v/unknown/deep", &["o-village", "g-zone", "g-zone-2"]),
        ("z/c", &["o-zone", "g-zone", "g-zone-2"]),
    ] {
        let two = [field, &chief].concat();
        let three = [&two[..], &["centre"]].concat();
        check(people, area, Level::High, [field, &two, &three], false);
    }
}

#[test]
fn an_urgent_case_is_told_to_whoever_is_on_call_as_well() {
    let people: &[(&str, &str, &[&str])] = &[("o", "officer", &["z"]), ("g", "grid_worker", &["z"])];
    check(people, "z/v", Level::Urgent, [&["o", "g", "duty"], &["o", "g", "duty"], &["o", "g", "duty"]], false);
    for level in [Level::High, Level::Medium, Level::Low] {
        check(people, "z/v", level, [&["o", "g"], &["o", "g"], &["o", "g"]], false);
    }
    let directory = directory(people);
    let route = directory.route(&query("z/v", Level::Urgent, 1, "2026-03-02T21:00:00+08:00"));
    assert_eq!(ids(&route), ["o", "g"], "nobody is on call at night");
}

#[test]
fn a_village_worker_stands_in_only_where_no_area_upwards_has_a_grid_worker() {
    let worker = ("w", "village_worker", &["z/v"][..]);
    check(&[worker], "z/v", Level::Low, [&["w"], &["w"], &["w"]], false);
    check(&[worker, ("g", "grid_worker", &["z"])], "z/v", Level::Low, [&["g"], &["g"], &["g"]], false);
}

#[test]
fn a_step_that_brings_nobody_new_goes_on_to_the_next_that_does() {
    let (officer, chief, centre) =
        (("o", "officer", &["z"][..]), ("k", "chief", &["z"][..]), ("c", "centre", &["z"][..]));
    check(&[officer, centre], "z/v", Level::Low, [&["o"], &["o", "c"], &["o", "c"]], false);
    check(&[chief, centre], "z/v", Level::Low, [&["k"], &["k", "c"], &["k", "c"]], false);
    check(&[officer, chief], "z/v", Level::Low, [&["o"], &["o", "k"], &["o", "k"]], false);
}

#[test]
fn what_nobody_owns_goes_to_the_centre_and_is_said_to_be_unowned() {
    let far = ("c", "centre", &["y"][..]);
    check(&[("c", "centre", &["z"])], "z/v", Level::Low, [&["c"], &["c"], &["c"]], true);
    check(&[far], "z/v", Level::Urgent, [&["duty"], &["duty", "c"], &["duty", "c"]], false);
    check(&[far], "z/v", Level::High, [&["c"], &["c"], &["c"]], true);
    check(&[far, ("o", "officer", &["z"])], "nowhere", Level::Urgent, [&["c"], &["c"], &["c"]], true);
    check(&[("o", "officer", &["z"])], "nowhere", Level::Low, [&[], &[], &[]], true);
}

#[test]
fn a_case_without_an_area_is_left_to_the_centre_and_to_the_workplace() {
    let directory = directory(&[("c", "centre", &["z"]), ("e", "officer", &["z/e"])]);
    let query = |workplace| RouteQuery { area: None, workplace, level: Level::High, step: 1, at: time(NOON) };
    let route = directory.route(&query(None));
    assert_eq!((ids(&route), route.unowned), (vec!["c"], true));
    let route = directory.route(&query(Some("z/e")));
    assert_eq!((ids(&route), route.unowned), (vec!["e"], false));
}

#[test]
fn those_of_the_enterprise_where_the_person_works_are_added_and_of_no_other_place() {
    let directory = directory(&[
        ("o", "officer", &["z/v"]),
        ("e-officer", "officer", &["z/e"]),
        ("e-worker", "grid_worker", &["z/e", "z/c"]),
        ("e-guard", "defence_team", &["z/e"]),
        ("e-chief", "chief", &["z/e"]),
        ("g", "grid_worker", &["z"]),
    ]);
    let at = |workplace| {
        let query = RouteQuery { workplace: Some(workplace), ..query("z/v", Level::Low, 1, NOON) };
        let route = directory.route(&query);
        route.people.iter().map(|routed| (routed.person.id.clone(), routed.why.to_string())).collect::<Vec<_>>()
    };
    let owned =
        |list: &[(&str, &str)]| list.iter().map(|(id, why)| ((*id).to_owned(), (*why).to_owned())).collect::<Vec<_>>();
    let home = [("o", "answers for z/v"), ("g", "answers for z")];
    let work = [
        ("e-officer", "answers for the workplace z/e"),
        ("e-worker", "answers for the workplace z/e"),
        ("e-guard", "answers for the workplace z/e"),
    ];
    assert_eq!(at("z/e"), owned(&[&home[..], &work].concat()));
    assert_eq!(at("z/e/hall-2"), owned(&[&home[..], &work].concat()), "a part of it that is not in the directory");
    assert_eq!(at("z/c"), owned(&home), "no enterprise");
    assert_eq!(at("nowhere"), owned(&home));
}

#[test]
fn somebody_who_comes_in_twice_is_told_once_for_the_first_reason() {
    let people = person("o", "officer", &["z/v", "z/e"]);
    let rosters = "[[rosters]]\nid = \"r\"\nareas = [\"z\"]\nshifts = [{ from = 00:00:00, to = 00:00:00, people = [\"o\", \"o\"] }]\n";
    let directory = load(&[("people.toml", &people), ("rosters.toml", rosters)]);
    let route = directory.route(&RouteQuery { workplace: Some("z/e"), ..query("z/v", Level::Urgent, 3, NOON) });
    assert_eq!(ids(&route), ["o"]);
    assert_eq!(route.people[0].why.to_string(), "answers for z/v");
}
