//! The made-up zone and its feeds: the same from the same seed, in the shares asked for, and labelled with the truth.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first thing that does not hold")]

#[path = "generate/reference.rs"]
mod reference;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use golden_bell::core::event::{CallData, TransferData};
use golden_bell::core::identifier::IdentifierReader;
use golden_bell::core::registrant::decode_registrant;
use golden_bell::core::text::Object;
use golden_bell::generate::{
    EventFeed, Expected, Families, Feed, Flavour, Generated, MALFORMED, Mix, Places, Reason, Record, Stamp, Story,
    StoryBook, Tally, Zone,
};
use reference::Reference;
use sha2::{Digest, Sha256};

fn start() -> DateTime<Utc> {
    "2021-07-15T06:03:10.250Z".parse().unwrap()
}

fn zone(size: u64) -> Zone {
    Zone::new(7, size, Families::Typical, Places::sample())
}

fn bench_zone(size: u64) -> Zone {
    Zone::new(7, size, Families::Few, Places::sample())
}

/// So many events, 5 ms apart.
fn events(feed: &mut EventFeed, count: usize) -> Vec<Generated> {
    (0..count).map(|n| feed.next(start() + TimeDelta::milliseconds(5 * n as i64))).collect()
}

fn tally(events: &[Generated]) -> Tally {
    let mut tally = Tally::default();
    events.iter().for_each(|event| tally.add(event));
    tally
}

fn digest<'a>(records: impl IntoIterator<Item = &'a Record>) -> String {
    let mut hash = Sha256::new();
    for record in records {
        hash.update(record.topic.topic());
        hash.update(record.key.as_deref().unwrap_or(b"-"));
        for (name, value) in &record.headers {
            hash.update(name);
            hash.update(value);
        }
        hash.update(record.value.as_deref().unwrap_or(b"-"));
    }
    hex::encode(&hash.finalize()[..8])
}

fn assert_near(what: &str, value: f64, expected: f64, part: f64) {
    assert!((value - expected).abs() <= expected * part, "{what}: {value}, not within {part} of {expected}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_machine() {
    let registrants: Vec<Record> = zone(300).records().collect();
    assert_eq!(digest(&registrants), "1464f936cdcd91d9");
    let mut feed = EventFeed::new(zone(300), &Mix::rich(), 3).unwrap();
    let events = events(&mut feed, 2000);
    assert_eq!(digest(events.iter().map(|event| &event.record)), "783fde7e044d2fbb");
    let mut book = StoryBook::new(zone(300), &Mix::demo(), 3, start(), 200.0, TimeDelta::seconds(1)).unwrap();
    let told: Vec<Generated> = (0..4000).map(|n| book.next(start() + TimeDelta::milliseconds(5 * n))).collect();
    assert_eq!(digest(told.iter().map(|event| &event.record)), "190c047cf08d5bdd");
}

#[test]
fn other_seeds_give_other_people_and_other_event_ids() {
    assert_ne!(zone(10).registrant(3), Zone::new(8, 10, Families::Typical, Places::sample()).registrant(3));
    let ids = |seed| -> HashSet<String> {
        let mut feed = EventFeed::new(zone(100), &Mix::bench(), seed).unwrap();
        events(&mut feed, 3000).iter().filter_map(|event| reference::event_id(&event.record)).collect()
    };
    assert!(ids(1).is_disjoint(&ids(2)));
}

#[test]
fn a_registrant_does_not_depend_on_the_size_of_the_zone() {
    let (small, large) = (zone(100), zone(1000));
    assert!((0..100).all(|i| small.registrant(i) == large.registrant(i)));
}

#[test]
fn people_live_and_work_in_the_areas_of_the_directory() {
    let shipped = include_str!("../config/directory/areas.toml");
    for code in Places::sample().all() {
        assert!(shipped.contains(&format!("code = \"{code}\"")), "{code}");
    }
    let areas = [("z", "zone"), ("z/v", "village"), ("z/c", "community"), ("z/e", "enterprise"), ("z/m", "market")];
    let places = Places::new(areas).unwrap();
    assert_eq!(places.homes(), ["z/v", "z/c"]);
    assert_eq!(places.workplaces(), ["z/e", "z/m"]);
    assert_eq!(Places::new([("z", "zone")]).unwrap().homes(), ["z"]);
    assert!(Places::new([]).is_err());
}

#[test]
fn every_registrant_reads_as_the_contract_says() {
    let reader = IdentifierReader::default();
    let (typical, few) = (zone(3_000), bench_zone(3_000));
    let newcomers = (3_000..3_100).map(|i| typical.registrant(i).to_record());
    for record in typical.records().chain(few.records()).chain(newcomers) {
        let read = decode_registrant(&reader, record.key.as_deref(), record.value.as_deref());
        assert!(read.is_ok(), "{:?}: {}", read.err(), String::from_utf8_lossy(record.value.as_deref().unwrap()));
    }
}

#[test]
fn registrants_have_ids_phones_and_accounts_of_their_own() {
    let zone = zone(12_000);
    let (mut ids, mut phones, mut accounts) = (HashSet::new(), HashMap::new(), HashSet::new());
    for i in 0..zone.size() {
        let registrant = zone.registrant(i);
        assert!(ids.insert(registrant.registrant_id));
        for phone in registrant.phones {
            phones.entry(phone).or_insert_with(Vec::new).push(i);
        }
        for account in registrant.accounts {
            assert!(accounts.insert(account));
        }
    }
    for (phone, owners) in phones {
        match owners[..] {
            [_] => {}
            [a, b] => assert!(a / 2 == b / 2 && phone.starts_with("0579"), "{phone} of {a} and {b}"),
            _ => panic!("{phone} has {} owners", owners.len()),
        }
    }
}

#[test]
fn families_are_as_people_are() {
    let zone = zone(12_000);
    let registrants: Vec<_> = (0..zone.size()).map(|i| zone.registrant(i)).collect();
    let share = |what: &dyn Fn(&golden_bell::generate::RegistrantRecord) -> bool| {
        registrants.iter().filter(|r| what(r)).count() as f64 / registrants.len() as f64
    };
    for group in ["elderly", "student", "finance_staff", "prior_victim", "at_risk", "minor"] {
        assert!(share(&|r| r.groups.contains(&group)) > 0.005, "{group}");
    }
    for language in ["zh-cmn", "zh-yongkang", "en"] {
        assert!(share(&|r| r.language == Some(language)) > 0.01, "{language}");
    }
    for members in 0..=4 {
        assert!(share(&|r| r.household.len() == members) > 0.05, "{members} members");
    }
    assert!(share(&|r| r.consented_at.is_none()) > 0.01);
    assert!(share(&|r| r.household.iter().any(|m| m.consented_at.is_none())) > 0.1);
    assert!(share(&|r| r.workplace.is_some()) > 0.2);
    for registrant in registrants.iter().filter(|r| r.groups.contains(&"minor")) {
        assert!(registrant.household.iter().any(|m| m.guardian && !m.phones.is_empty()));
    }
}

#[test]
fn sizes_are_those_the_benches_agree_on() {
    let zone = bench_zone(20_000);
    let mut json = Vec::new();
    (0..zone.size()).for_each(|i| zone.write_registrant(i, &mut json));
    assert_near("registrant", json.len() as f64 / zone.size() as f64, 325.0, 0.05);
    let mut feed = EventFeed::new(zone, &Mix::bench(), 1).unwrap();
    let tally = tally(&events(&mut feed, 40_000));
    assert_near("event", tally.value_bytes as f64 / tally.records as f64, 380.0, 0.05);
}

#[test]
fn shares_are_those_asked_for() {
    let mut feed = EventFeed::new(bench_zone(20_000), &Mix::bench(), 1).unwrap();
    let events = events(&mut feed, 100_000);
    let bench = tally(&events);
    assert_near("matched", bench.matched as f64, 2_000.0, 0.1);
    assert_near("malformed", bench.dead_lettered() as f64, 1_000.0, 0.1);
    assert_near("precise", bench.precise as f64, 200.0, 0.3);
    assert_eq!((bench.allowed, bench.resent, bench.older), (0, 0, 0));
    assert!(bench.matches > bench.matched);
    assert_eq!(bench.unmatched + bench.matched + bench.dead_lettered(), bench.records);
    let calls = events.iter().filter(|event| event.record.topic == Feed::Calls).count();
    assert!((40_000..80_000).contains(&calls), "{calls} calls");

    let mut feed = EventFeed::new(zone(2_000), &Mix::rich(), 1).unwrap();
    let rich = tally(&self::events(&mut feed, 20_000));
    assert_near("matched", rich.matched as f64, 6_000.0, 0.05);
    assert_near("allowed", rich.allowed as f64, 2_000.0, 0.1);
    assert_near("resent", rich.resent as f64, 1_000.0, 0.1);
    assert!(rich.older > 500);
    assert!(rich.dead_letters_of(Reason::TooLarge) == 0);
}

#[test]
fn shares_that_cannot_be_are_refused() {
    let mix = Mix { matched: 0.9, malformed: 0.2, ..Mix::bench() };
    assert!(EventFeed::new(zone(1), &mix, 1).is_err());
    let mix = Mix { older: -0.1, ..Mix::bench() };
    assert!(mix.check().is_err());
}

#[test]
fn no_event_comes_twice_unless_it_is_sent_again() {
    let mut feed = EventFeed::new(zone(500), &Mix::rich(), 5).unwrap();
    let mut seen: HashMap<String, Record> = HashMap::new();
    for event in events(&mut feed, 20_000) {
        let Some(id) = reference::event_id(&event.record) else { continue };
        match seen.get(&id) {
            None => assert_ne!(event.flavour, Flavour::Resent, "{id} was never sent"),
            Some(first) => assert!(event.flavour == Flavour::Resent && *first == event.record, "{id} comes twice"),
        }
        seen.entry(id).or_insert(event.record);
    }
}

#[test]
fn every_good_event_reads_as_the_contract_says() {
    let mut feed = EventFeed::new(zone(500), &Mix::rich(), 9).unwrap();
    let mut structured = 0;
    for event in events(&mut feed, 5_000).iter().filter(|event| event.malformed.is_none()) {
        let value = event.record.value.as_deref().unwrap();
        let binary = event.record.headers.iter().any(|(name, _)| *name == "ce_id");
        let whole: serde_json::Value = serde_json::from_slice(value).unwrap();
        let data = if binary { whole.to_string() } else { whole["data"].to_string() };
        match event.record.topic {
            Feed::Calls => drop(serde_json::from_str::<Object<CallData<'_>>>(&data).unwrap()),
            Feed::Transfers => drop(serde_json::from_str::<Object<TransferData<'_>>>(&data).unwrap()),
            Feed::Registrants => panic!("a registrant among the events"),
        }
        structured += usize::from(!binary);
    }
    assert!((1_000..4_000).contains(&structured), "both content modes: {structured} structured");
}

#[test]
fn every_way_of_being_bad_comes_and_is_told_apart() {
    let mix = Mix { malformed: 1.0, matched: 0.0, allowed: 0.0, resent: 0.0, too_large: true, ..Mix::rich() };
    let mut feed = EventFeed::new(zone(100), &mix, 2).unwrap();
    let events = events(&mut feed, MALFORMED.len());
    let reference = Reference::of(feed.zone());
    let names: HashSet<_> = events.iter().map(|event| (event.malformed, event.record.topic)).collect();
    assert_eq!(names.len(), MALFORMED.len());
    for reason in Reason::ALL {
        let expected = Expected::DeadLetter(reason);
        let some = events.iter().filter(|event| event.expected == expected).count();
        assert!(some >= 5, "{} has {some}", reason.as_str());
    }
    let wrong: Vec<_> = events
        .iter()
        .map(|event| (event.malformed, event.expected, reference.judge(&event.record)))
        .filter(|(_, expected, judged)| expected != judged)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_label_is_the_truth() {
    let zone = zone(2_000);
    let reference = Reference::of(&zone);
    let mut feed = EventFeed::new(zone, &Mix::rich(), 4).unwrap();
    for event in events(&mut feed, 20_000) {
        assert_eq!(reference.judge(&event.record), event.expected, "{:?}", event.record);
    }
}

#[test]
fn stories_come_in_time_order_at_the_rate_and_all_of_them() {
    let zone = zone(12_000);
    let mut reference = Reference::of(&zone);
    let every = TimeDelta::seconds(4);
    let mut book = StoryBook::new(zone, &Mix::demo(), 11, start(), 200.0, every).unwrap();
    let mut told: HashMap<Story, Vec<Generated>> = HashMap::new();
    let mut now = start();
    let mut records = 0;
    while now < start() + TimeDelta::seconds(150) {
        now = book.next_due();
        assert_eq!(book.owed(now), 1);
        let event = book.next(now);
        assert_eq!(book.owed(now), 0);
        records += 1;
        let judged = reference.judge(&event.record);
        assert_eq!(judged, event.expected, "{:?}: {:?}", event.story, event.record);
        if event.expected == Expected::Registration {
            reference.register(&event.record);
        }
        if let Some(tag) = event.story {
            let time = reference::event_time(&event.record);
            let late = time.map(|time| now - time.with_timezone(&Utc));
            if event.malformed.is_none() && event.flavour == Flavour::Fresh {
                assert!(late.is_none_or(|late| late >= TimeDelta::zero() && late < TimeDelta::milliseconds(100)));
            }
            told.entry(tag.story).or_default().push(event);
        }
    }
    assert_near("events", records as f64, 30_000.0, 0.001);
    assert_eq!(told.len(), Story::ALL.len());
    let expected = |story: Story| told[&story].iter().map(|event| event.expected).collect::<HashSet<_>>();
    assert!(expected(Story::Unregistered).contains(&Expected::Matched { subjects: 1, precise: true }));
    assert!(expected(Story::SharedLandline).contains(&Expected::Matched { subjects: 2, precise: false }));
    let registers = expected(Story::RegistersLater);
    assert!(registers.contains(&Expected::Unmatched) && registers.contains(&Expected::Registration));
    let flavours: HashSet<_> = told[&Story::SentAgain].iter().map(|event| event.flavour).collect();
    assert_eq!(flavours.len(), 3);
    assert!(told[&Story::Spoilt].iter().filter(|event| event.malformed.is_some()).count() >= 5);
}

#[test]
fn a_record_can_be_filled_again_and_again() {
    let mut fresh = EventFeed::new(zone(300), &Mix::rich(), 6).unwrap();
    let mut reusing = fresh.clone();
    let mut buffer = Generated::blank();
    for n in 0..3_000 {
        let now = start() + TimeDelta::milliseconds(n);
        reusing.fill(now, &mut buffer);
        assert_eq!(fresh.next(now), buffer);
    }
}

#[test]
fn times_are_written_at_the_offset_of_the_zone() {
    let mut out = Vec::new();
    Stamp::from(start()).write_millis(&mut out);
    assert_eq!(out, b"2021-07-15T14:03:10.250+08:00");
}
