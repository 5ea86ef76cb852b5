//! Contract 5 once more, as plainly as it can be written: every rule a walk over all registrants.

use std::collections::BTreeMap;

use golden_bell::core::matching::MatchSettings;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::people::{Decided, apply, decide, index, index_with_tokens, transfer};

/// Phones and accounts of one person, by number.
#[derive(Clone, Debug, Default, PartialEq)]
struct Has {
    phones: Vec<u8>,
    accounts: Vec<u8>,
}

impl Has {
    fn any(&self, other: &Has) -> bool {
        self.phones.iter().any(|phone| other.phones.contains(phone))
            || self.accounts.iter().any(|account| other.accounts.contains(account))
    }
}

#[derive(Clone, Debug)]
struct Registrant {
    own: Has,
    household: Vec<Has>,
    registered_day: u8,
    minor: bool,
    consented: bool,
}

fn phone(n: u8) -> String {
    format!("+86131000000{n:02}")
}

fn account(n: u8) -> String {
    format!("62000000000000{n:02}")
}

fn id(n: u8) -> String {
    format!("r-{n}")
}

fn value(n: u8, registrant: &Registrant) -> Value {
    let household: Vec<Value> = registrant
        .household
        .iter()
        .enumerate()
        .map(|(place, has)| {
            let mut member = json!({
                "member_id": format!("m{place}"), "relation": format!("relation {place}"), "guardian": place == 0,
                "phones": has.phones.iter().map(|n| phone(*n)).collect::<Vec<_>>(),
                "accounts": has.accounts.iter().map(|n| account(*n)).collect::<Vec<_>>(),
                "groups": if place == 1 { vec!["minor"] } else { vec![] },
            });
            if place == 0 {
                member["consented_at"] = json!("2021-06-01T09:00:00+08:00");
            }
            member
        })
        .collect();
    let mut value = json!({
        "registrant_id": id(n), "name": format!("name {n}"), "area": "kfq", "language": format!("language {n}"),
        "phones": registrant.own.phones.iter().map(|n| phone(*n)).collect::<Vec<_>>(),
        "accounts": registrant.own.accounts.iter().map(|n| account(*n)).collect::<Vec<_>>(),
        "groups": if registrant.minor { vec!["minor"] } else { vec!["elderly"] },
        "household": household,
        "registered_at": format!("2021-06-{:02}T09:00:00+08:00", registrant.registered_day),
    });
    if registrant.consented {
        value["consented_at"] = json!("2021-06-01T09:00:00+08:00");
    }
    value
}

/// A subject, as the test compares it.
type Brief = (String, &'static str, &'static str, Value);

fn by_the_book(world: &BTreeMap<u8, Registrant>, victim: &Has) -> Vec<Brief> {
    // (household, day, registrant, member) sorts as the contract wants it.
    let mut found: BTreeMap<(bool, u8, u8, usize), &'static str> = BTreeMap::new();
    let singles = victim.phones.iter().map(|n| ("phone", Has { phones: vec![*n], accounts: vec![] }));
    let singles =
        singles.chain(victim.accounts.iter().map(|n| ("account", Has { phones: vec![], accounts: vec![*n] })));
    for (kind, single) in singles {
        let owners: Vec<_> = world.iter().filter(|(_, registrant)| registrant.own.any(&single)).collect();
        for (n, registrant) in &owners {
            found.entry((false, registrant.registered_day, **n, 0)).or_insert(kind);
        }
        if owners.is_empty() {
            let listings = world.iter().flat_map(|(n, registrant)| {
                let places = registrant.household.iter().enumerate().filter(|(_, has)| has.any(&single));
                places.map(move |(place, _)| (true, registrant.registered_day, *n, place))
            });
            if let Some(first) = listings.min() {
                found.entry(first).or_insert(kind);
            }
        }
    }
    found
        .into_iter()
        .map(|((household, _, n, place), kind)| {
            if household {
                (format!("{}/m{place}", id(n)), "household", kind, contacts(world, n, Some(place)))
            } else {
                (id(n), "own", kind, contacts(world, n, None))
            }
        })
        .collect()
}

fn contacts(world: &BTreeMap<u8, Registrant>, n: u8, place: Option<usize>) -> Value {
    let registrant = &world[&n];
    let mut contacts: BTreeMap<String, Value> = BTreeMap::new();
    let subject = match place {
        None => &registrant.own,
        Some(place) => &registrant.household[place],
    };
    let minor = place.map_or(registrant.minor, |place| place == 1);
    if place.is_none() {
        for (place, has) in registrant.household.iter().enumerate() {
            let person_id = format!("{}/m{place}", id(n));
            let mut contact = json!({
                "person_id": person_id, "relation": format!("relation {place}"), "name": null,
                "phone": has.phones.first().map(|n| phone(*n)), "consented": place == 0,
            });
            if place == 1 {
                contact["minor"] = json!(true);
            }
            if minor && place == 0 {
                contact["guardian"] = json!(true);
            }
            contacts.insert(person_id, contact);
        }
    }
    for (other, lister) in world {
        if *other == n && place.is_none() {
            continue;
        }
        let listing = if *other == n { place } else { lister.household.iter().position(|has| has.any(subject)) };
        if let Some(place) = listing {
            let mut contact = json!({
                "person_id": id(*other), "relation": format!("relation {place}"), "name": format!("name {other}"),
                "phone": lister.own.phones.first().map(|n| phone(*n)), "consented": lister.consented,
            });
            if lister.minor {
                contact["minor"] = json!(true);
                // The guardian in every household, unless that is the person at risk.
                let guardian = lister.household.first().filter(|has| place != 0 && !has.any(subject));
                if let Some(guardian) = guardian {
                    let of = guardian.phones.first().map(|n| phone(*n));
                    contact["guardians"] =
                        json!([{"person_id": format!("{}/m0", id(*other)), "name": null, "phone": of}]);
                }
            }
            if minor && *other == n {
                contact["guardian"] = json!(true);
            }
            contacts.insert(id(*other), contact);
        }
    }
    contacts.into_values().collect()
}

fn has(least: usize) -> impl Strategy<Value = Has> {
    let numbers = |range| prop::collection::vec(0..6_u8, range);
    (numbers(least..3), numbers(0..2)).prop_map(|(phones, accounts)| Has { phones, accounts })
}

fn registrant() -> impl Strategy<Value = Registrant> {
    (has(1), prop::collection::vec(has(0), 0..4), 1..4_u8, any::<bool>(), any::<bool>()).prop_map(
        |(own, household, registered_day, minor, consented)| Registrant {
            own,
            household,
            registered_day,
            minor,
            consented,
        },
    )
}

proptest! {
    #[test]
    fn decisions_agree_with_the_book(
        tokens in any::<bool>(),
        steps in prop::collection::vec((0..5_u8, prop::option::weighted(0.8, registrant())), 1..12),
        victims in prop::collection::vec((0..6_u8, prop::option::of(0..6_u8)), 6),
    ) {
        let index = if tokens { index_with_tokens() } else { index() };
        let mut world = BTreeMap::new();
        for (n, step) in steps {
            match step {
                Some(registrant) => {
                    apply(&index, 0, &value(n, &registrant));
                    world.insert(n, registrant);
                }
                None => {
                    index.withdraw(&id(n));
                    world.remove(&n);
                }
            }
        }
        for (phone_number, account_number) in victims {
            let victim = Has { phones: vec![phone_number], accounts: account_number.into_iter().collect() };
            let payer = json!({"phone": phone(phone_number), "account": account_number.map(account)});
            let decided = decide(&index, &MatchSettings::default(), &transfer(payer, "?"));
            let expected = by_the_book(&world, &victim);
            let found: Vec<Brief> = match decided {
                Decided::Unmatched => Vec::new(),
                decided => decided.matches().into_iter().map(|one| brief(&one)).collect(),
            };
            prop_assert_eq!(found, expected);
        }
    }
}

fn brief(one: &Value) -> Brief {
    let known = |name: &str, values: [&'static str; 2]| values.into_iter().find(|value| one[name] == **value).unwrap();
    (
        one["subject_id"].as_str().unwrap().to_owned(),
        known("matched_by", ["own", "household"]),
        known("identifier", ["phone", "account"]),
        one["trusted_contacts"].clone(),
    )
}
