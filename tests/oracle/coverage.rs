//! The feed shows what it is made to show, and the same seed makes the same feed.

use std::collections::BTreeMap;

use crate::support::model::{Outcome, Telling, expect};
use crate::support::scenario_feed::Plan;
use crate::support::stand_in::deliver;

#[test]
fn the_same_seed_makes_the_same_feed() {
    let plan = Plan { registrants: 200, events: 2_000, ..Plan::default() };
    let (first, second) = (plan.generate(), plan.generate());
    assert_eq!(first.registrants, second.registrants);
    assert_eq!(first.events, second.events);
    assert_ne!(first.events, Plan { seed: 2, ..plan }.generate().events);
}

#[test]
fn the_full_feed_has_everything() {
    let plan = Plan::default();
    let feed = plan.generate();
    assert_eq!(feed.events.len(), plan.events);
    let (registrants, events) = (deliver(1, &feed.registrants), deliver(1, &feed.events));
    let expected = expect(&plan.settings, &registrants, &events);

    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |what: String| *counts.entry(what).or_default() += 1;
    for (origin, letter) in &expected.dead_letters {
        count(format!("{} {}", origin.0, letter.reason.as_str()));
        if letter.truncated.is_some() {
            count("truncated".to_owned());
        }
    }
    for found in expected.matches.values() {
        count(format!("{} by {}", found.json["matched_by"], found.json["identifier"]));
        if found.json["trusted_contacts"].as_array().is_some_and(|c| c.len() == 32) {
            count("contacts cut".to_owned());
        }
        if found.json["subject"]["minor"] == true {
            count("minor".to_owned());
        }
    }
    for subject in expected.subjects.values() {
        count(format!("opened {}", subject.opened));
        subject.transfers.values().for_each(|telling| count(format!("{telling:?}")));
        assert!(subject.events.len() < 4_000, "a case would forget what it has seen");
        if subject.events.len() > 300 {
            count("busy".to_owned());
        }
    }
    for (what, least) in [
        ("calls not_json", 100),
        ("calls envelope", 100),
        ("calls unknown_type", 30),
        ("calls schema", 100),
        ("calls identifier", 50),
        ("transfers not_json", 100),
        ("transfers envelope", 100),
        ("transfers unknown_type", 30),
        ("transfers schema", 100),
        ("transfers identifier", 50),
        ("registrants not_json", 10),
        ("registrants schema", 20),
        ("registrants identifier", 5),
        ("truncated", 1),
        ("\"own\" by \"phone\"", 5_000),
        ("\"own\" by \"account\"", 1_000),
        ("\"household\" by \"phone\"", 500),
        ("\"household\" by \"account\"", 100),
        ("\"area\" by \"phone\"", 500),
        ("\"area\" by \"account\"", 100),
        ("contacts cut", 50),
        ("minor", 500),
        ("opened true", 1_000),
        ("opened false", 20),
        ("busy", 5),
        ("Must", 2_000),
        ("May", 50),
        ("MustNot", 200),
    ] {
        assert!(counts.get(what).is_some_and(|n| *n >= least), "{what}: fewer than {least} in {counts:#?}");
    }
    let too_large = ["calls too_large", "transfers too_large"].map(|what| counts.get(what).copied().unwrap_or(0));
    assert_eq!(too_large.iter().sum::<usize>(), 7, "{counts:#?}");
    assert!(expected.left_out > 100);
    for topic in ["calls", "transfers"] {
        for outcome in [Outcome::Matched, Outcome::Unmatched, Outcome::Allowed, Outcome::DeadLettered] {
            assert!(expected.outcomes[&(topic.to_owned(), outcome)] > 300, "{topic} {outcome:?}");
        }
    }
    assert!(expected.matches.values().filter(|m| !m.other_contacts.is_empty()).count() < 100);
    let must = expected.subjects.values().flat_map(|s| s.transfers.values()).filter(|t| **t == Telling::Must);
    assert!(must.count() > 2_000);
}
