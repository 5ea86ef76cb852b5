//! The registrant index: who is found, while and after it changes (contract 2, 4 and 5).

#[path = "support/people.rs"]
mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use golden_bell::core::index::RegistrantIndex;
use golden_bell::core::matching::MatchSettings;
use people::{apply, call, decide, index, index_with_tokens, member, registrant};
use proptest::prelude::*;
use serde_json::{Value, json};

fn owners(index: &RegistrantIndex, phone: &str) -> Vec<String> {
    let mut ids = decide(
        index,
        &MatchSettings { max_subjects: 1000, ..MatchSettings::default() },
        &call("110", phone, json!({})),
    )
    .subject_ids();
    ids.sort();
    ids
}

fn listed(index: &RegistrantIndex, phone: &str) -> bool {
    index.lists(&index.key(&index.reader().phone(phone).unwrap()).unwrap())
}

#[test]
fn a_record_takes_the_place_of_the_one_before() {
    let index = index();
    let first = apply(&index, 1, &registrant("r-1", &["13100000001", "13100000002"], json!({})));
    assert!(first.new);
    assert_eq!(first.added.len(), 2);
    let second = apply(&index, 2, &registrant("r-1", &["13100000002", "13100000003"], json!({})));
    assert!(!second.new);
    assert_eq!(second.added, [index.key(&index.reader().phone("13100000003").unwrap()).unwrap()]);
    assert_eq!((index.registrants(), index.identifiers()), (1, 2));
    assert_eq!(owners(&index, "13100000001"), [""; 0]);
    assert_eq!(owners(&index, "13100000002"), ["r-1"]);
    assert_eq!(owners(&index, "+8613100000003"), ["r-1"]);
}

#[test]
fn a_withdrawal_takes_a_registrant_out_and_frees_the_handle_for_another() {
    let index = index();
    apply(&index, 1, &registrant("r-1", &["13100000001"], json!({"household": [member("m", &["13100000009"])]})));
    apply(&index, 2, &registrant("r-2", &["13100000001"], json!({})));
    assert_eq!(owners(&index, "13100000001"), ["r-1", "r-2"]);
    assert!(index.withdraw("r-1"));
    assert!(!index.withdraw("r-1"));
    assert!(!index.contains("r-1"));
    assert_eq!(owners(&index, "13100000001"), ["r-2"]);
    assert_eq!(owners(&index, "13100000009"), [""; 0]);
    apply(&index, 3, &registrant("r-3", &["13100000005"], json!({})));
    assert_eq!(owners(&index, "13100000005"), ["r-3"]);
    assert_eq!(owners(&index, "13100000009"), [""; 0]);
    assert_eq!((index.registrants(), index.identifiers()), (2, 2));
    index.withdraw("r-2");
    index.withdraw("r-3");
    assert_eq!((index.registrants(), index.identifiers()), (0, 0));
}

#[test]
fn the_same_identifier_twice_in_one_record_counts_once() {
    let index = index();
    let household = json!([member("m1", &["131 0000 0001"]), member("m2", &["+8613100000001"])]);
    let applied =
        apply(&index, 1, &registrant("r-1", &["13100000001", "8613100000001"], json!({"household": household})));
    assert_eq!(applied.added.len(), 1);
    assert_eq!(index.identifiers(), 1);
    assert_eq!(owners(&index, "13100000001"), ["r-1"]);
    index.withdraw("r-1");
    assert_eq!(index.identifiers(), 0);
}

#[test]
fn a_phone_and_an_account_of_the_same_digits_have_nothing_in_common() {
    let index = index();
    apply(&index, 1, &registrant("r-1", &[], json!({"accounts": ["13100000001"]})));
    assert_eq!(owners(&index, "13100000001"), [""; 0]);
    apply(&index, 2, &registrant("r-2", &["13100000001"], json!({})));
    assert_eq!(owners(&index, "13100000001"), ["r-2"]);
    assert_eq!(index.identifiers(), 2);
}

#[test]
fn many_registrants_of_alike_ids_stay_apart() {
    let index = index();
    for n in 0..5000 {
        apply(&index, n, &registrant(&format!("r-{n}"), &[&format!("131{n:08}")], json!({})));
    }
    assert_eq!((index.registrants(), index.identifiers()), (5000, 5000));
    for n in (0..5000).step_by(97) {
        assert_eq!(owners(&index, &format!("131{n:08}")), [format!("r-{n}")]);
    }
}

#[test]
fn a_word_nobody_shares_is_kept_all_the_same() {
    let index = index();
    let long = "x".repeat(300);
    apply(&index, 1, &registrant("r-1", &["13100000001"], json!({"workplace": long, "groups": ["minor", ""]})));
    let found = decide(&index, &MatchSettings::default(), &call("110", "13100000001", json!({}))).matches();
    assert_eq!(found[0]["subject"]["workplace"], json!(long));
    assert_eq!(found[0]["subject"]["groups"], json!(["minor", ""]));
}

/// What a random record lists: own phones, and those of each member.
type Listing = (BTreeSet<u8>, Vec<BTreeSet<u8>>);

fn listing() -> impl Strategy<Value = Listing> {
    let phones = || prop::collection::btree_set(0..8_u8, 0..3);
    (prop::collection::btree_set(0..8_u8, 1..4), prop::collection::vec(phones(), 0..3))
}

fn phone(n: u8) -> String {
    format!("131000000{n:02}")
}

fn record(id: u8, (own, household): &Listing) -> Value {
    let phones = |set: &BTreeSet<u8>| set.iter().map(|n| json!(phone(*n))).collect::<Vec<_>>();
    let household: Vec<_> = household
        .iter()
        .enumerate()
        .map(|(place, set)| json!({"member_id": format!("m{place}"), "phones": phones(set)}))
        .collect();
    let mut record = registrant(&format!("r-{id}"), &[], json!({"household": household}));
    record["phones"] = json!(phones(own));
    record
}

fn expected(model: &BTreeMap<u8, Listing>, phone: u8) -> Vec<String> {
    let owners: Vec<_> =
        model.iter().filter(|(_, (own, _))| own.contains(&phone)).map(|(id, _)| format!("r-{id}")).collect();
    if !owners.is_empty() {
        return owners;
    }
    let listings = model.iter().flat_map(|(id, (_, household))| {
        household.iter().enumerate().filter(|(_, set)| set.contains(&phone)).map(move |(place, _)| (id, place))
    });
    // All are registered at the same moment, so that the id decides.
    listings.min().map(|(id, place)| format!("r-{id}/m{place}")).into_iter().collect()
}

proptest! {
    #[test]
    fn the_index_agrees_with_a_plain_map(
        tokens in any::<bool>(),
        steps in prop::collection::vec((0..6_u8, prop::option::weighted(0.7, listing())), 1..40),
    ) {
        let index = if tokens { index_with_tokens() } else { index() };
        let mut model: BTreeMap<u8, Listing> = BTreeMap::new();
        for (offset, (id, step)) in steps.into_iter().enumerate() {
            match step {
                Some(listing) => {
                    let applied = apply(&index, offset as i64, &record(id, &listing));
                    let all = |listing: &Listing| -> BTreeSet<u8> {
                        listing.1.iter().fold(listing.0.clone(), |all, set| &all | set)
                    };
                    let before = model.get(&id).map(all).unwrap_or_default();
                    prop_assert_eq!(applied.added.len(), all(&listing).difference(&before).count());
                    prop_assert_eq!(applied.new, model.insert(id, listing).is_none());
                }
                None => prop_assert_eq!(index.withdraw(&format!("r-{id}")), model.remove(&id).is_some()),
            }
            let distinct: BTreeSet<u8> =
                model.values().flat_map(|(own, household)| own.iter().chain(household.iter().flatten())).copied().collect();
            prop_assert_eq!(index.registrants(), model.len());
            prop_assert_eq!(index.identifiers(), distinct.len());
            for n in 0..8 {
                prop_assert_eq!(listed(&index, &phone(n)), distinct.contains(&n));
                prop_assert_eq!(owners(&index, &phone(n)), expected(&model, n));
            }
        }
    }
}

/// One thread changes everything around two people, others look for them all the time: one who stays registered, and
/// one who is listed in that household.
#[test]
fn whoever_stays_registered_is_found_at_every_moment_of_an_update() {
    const ROUNDS: usize = 3_000;
    let index = index();
    let stays = |round: usize| {
        let household = match round % 3 {
            0 => json!([member("m1", &["13300000001"])]),
            1 => json!([member("m0", &["13300000002"]), member("m1", &["13300000001", "13300000003"])]),
            _ => json!([member("m1", &["13300000003", "13300000001"])]),
        };
        let phones: &[&str] = if round.is_multiple_of(2) { &["13100000001"] } else { &["13100000002", "13100000001"] };
        registrant("r-stays", phones, json!({"household": household}))
    };
    apply(&index, 0, &stays(0));
    let done = AtomicBool::new(false);
    let looks = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                // Others come to share the identifiers and leave again, and their handles are used anew.
                for other in 0..3 {
                    let id = format!("r-{}", (round + other) % 5);
                    if (round + other).is_multiple_of(4) {
                        index.withdraw(&id);
                    } else {
                        apply(
                            &index,
                            0,
                            &registrant(
                                &id,
                                &["13500000000"],
                                json!({"household": [
                            member("m1", &["13100000001", "13300000001"]),
                        ], "registered_at": "2021-06-02T09:00:00+08:00"}),
                            ),
                        );
                    }
                }
                apply(&index, 0, &stays(round));
            }
            done.store(true, Ordering::Release);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    assert_eq!(owners(&index, "13100000001"), ["r-stays"]);
                    assert_eq!(owners(&index, "13300000001"), ["r-stays/m1"]);
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert!(looks.load(Ordering::Relaxed) > 0);
}

/// A withdrawal holds from the moment it returns, whatever else goes on with the same identifier.
#[test]
fn whoever_is_withdrawn_is_never_found_again() {
    let index = index();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                apply(&index, 0, &registrant("r-other", &["13100000001"], json!({})));
                index.withdraw("r-other");
            }
        });
        for round in 0..3_000 {
            let id = format!("r-{round}");
            apply(&index, 0, &registrant(&id, &["13100000001"], json!({})));
            assert!(owners(&index, "13100000001").contains(&id));
            index.withdraw(&id);
            assert!(!owners(&index, "13100000001").contains(&id));
        }
        done.store(true, Ordering::Release);
    });
    assert_eq!((index.registrants(), index.identifiers()), (0, 0));
}

#[test]
fn several_threads_may_fill_the_index_at_once() {
    const EACH: usize = 2_000;
    let index = index();
    let index = &index;
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for n in 0..EACH {
                    // Every phone is listed by all threads, every member's by this one alone.
                    let household = json!([member("m", &[&format!("133{thread}{n:07}")])]);
                    let id = format!("r-{thread}-{n}");
                    apply(index, 0, &registrant(&id, &[&format!("131{n:08}")], json!({"household": household})));
                }
            });
        }
    });
    assert_eq!((index.registrants(), index.identifiers()), (4 * EACH, 5 * EACH));
    for n in (0..EACH).step_by(191) {
        assert_eq!(owners(index, &format!("131{n:08}")), [0, 1, 2, 3].map(|thread| format!("r-{thread}-{n}")));
    }
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || (0..EACH).for_each(|n| assert!(index.withdraw(&format!("r-{thread}-{n}")))));
        }
    });
    assert_eq!((index.registrants(), index.identifiers()), (0, 0));
}
