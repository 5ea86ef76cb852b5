//! The directory that is shipped: complete, of one piece, and of nobody who exists.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use golden_bell::core::directory::{Directory, PersonRole, RouteQuery};
use golden_bell::core::rules::Level;
use golden_bell::runtime::read_files;

use crate::zone::{ids, time};

fn shipped() -> Directory {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/directory");
    Directory::load(&read_files(&folder).unwrap()).unwrap()
}

#[test]
fn every_area_has_both_grids_a_chief_and_a_centre_all_year() {
    let directory = shipped();
    assert_eq!(directory.areas().population("kfq"), Some(150_000));
    let mut at = time("2026-01-01T00:00:00+08:00");
    while at < time("2027-01-01T00:00:00+08:00") {
        for area in directory.areas().all() {
            let query = RouteQuery { area: Some(&area.code), workplace: None, level: Level::Low, step: 3, at };
            let route = directory.route(&query);
            for role in [PersonRole::Officer, PersonRole::GridWorker, PersonRole::Chief, PersonRole::Centre] {
                let there = route.people.iter().any(|routed| routed.person.role == role);
                assert!(there, "{} has no {} at {at}", area.code, role.as_str());
            }
            assert!(!route.unowned);
        }
        at += TimeDelta::days(7);
    }
}

/// On call for an urgent case beside those who would be told anyway.
fn on_call(directory: &Directory, at: DateTime<Utc>) -> Vec<String> {
    let query = RouteQuery { area: Some("kfq/jinxing"), workplace: None, level: Level::Urgent, step: 1, at };
    let route = directory.route(&query);
    let usual = directory.route(&RouteQuery { level: Level::High, ..query });
    let usual = ids(&usual);
    ids(&route).into_iter().filter(|id| !usual.contains(id)).map(ToOwned::to_owned).collect()
}

#[test]
fn somebody_of_the_station_is_on_call_at_every_hour_of_the_year() {
    let directory = shipped();
    let mut at = time("2026-01-08T00:00:00+08:00");
    while at < time("2027-01-01T00:00:00+08:00") {
        let on_call = on_call(&directory, at);
        // Officer 7 answers for this area anyway, and is then not listed again.
        let station = on_call.iter().any(|id| id.starts_with("officer") || id.starts_with("chief"));
        let week_of_officer_7 = {
            let days = (at - time("2026-01-05T08:00:00+08:00")).num_days();
            days.div_euclid(7) % 6 == 2
        };
        assert!(station || week_of_officer_7, "{at}: {on_call:?}");
        at += TimeDelta::hours(1);
    }
    assert_eq!(on_call(&directory, time("2026-02-22T21:00:00+08:00")), ["officer-08", "defence-05"]);
    assert_eq!(on_call(&directory, time("2026-02-15T21:00:00+08:00")), ["officer-11", "defence-04"]);
    assert_eq!(on_call(&directory, time("2026-02-17T12:00:00+08:00")), ["chief-02", "defence-06"]);
}

#[test]
fn the_people_are_made_up() {
    let directory = shipped();
    for person in directory.people().all() {
        let cycle = |text: &str| "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥".contains(text);
        let parts: Vec<String> = person.name.chars().map(String::from).collect();
        assert!(parts.len() == 3 && cycle(&parts[1]) && cycle(&parts[2]), "{}", person.id);
        assert!(person.contact.values().all(|contact| contact.starts_with("内线")), "{}", person.id);
        // A destination of some zone's own would keep the shipped configuration from starting.
        assert!(person.channels.is_empty(), "{}", person.id);
    }
}
