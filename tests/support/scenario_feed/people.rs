//! Who lives in the zone: the topic `registrants`, and the identifiers the stories aim at.

use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

use super::Chance;
use super::faults;
use super::spelling::{self, Numbers};
use crate::support::model::{FeedRecord, Settings};

/// The phones and accounts of one person, in their normal forms.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// E.164.
    pub phones: Vec<String>,
    /// 8 to 34 characters of `0-9A-Z`.
    pub accounts: Vec<String>,
}

/// Whom the stories can be about.
#[derive(Default)]
pub struct Cast {
    /// Registrants with many events.
    pub hot: Vec<Target>,
    /// Registrants of whom only failed calls and refused transfers are told.
    pub quiet: Vec<Target>,
    /// All other registrants.
    pub ordinary: Vec<Target>,
    /// Household members.
    pub members: Vec<Target>,
    /// One phone of twenty registrants, and one account of five of them.
    pub crowd: Target,
    /// Listed by forty households; the first a registrant, the second not.
    pub popular: Vec<Target>,
    /// Identifiers that are registered no more.
    pub gone: Vec<Target>,
    /// Unregistered, but within the zone.
    pub precise: Vec<Target>,
    /// Unregistered.
    pub strangers: Vec<Target>,
    /// Where numbers come from.
    pub numbers: Numbers,
}

const CROWD: std::ops::Range<usize> = 0..20;
const LISTERS: std::ops::Range<usize> = 20..60;
const POPULAR: usize = 60;
const QUIET: std::ops::Range<usize> = 61..81;
const HOT: std::ops::Range<usize> = 81..91;

/// Registers `count` people; the records of one key are in their order, those of different keys mixed.
pub fn register(chance: &mut Chance, count: usize, settings: &Settings) -> (Vec<FeedRecord>, Cast) {
    assert!(count >= 120, "too few registrants for all there is to show");
    let mut cast = Cast::default();
    cast.crowd = person(chance, &mut cast.numbers, 1, 1);
    cast.popular = (0..2).map(|_| person(chance, &mut cast.numbers, 1, 1)).collect();
    cast.precise = (0..150).map(|_| person(chance, &mut cast.numbers, 1, 1)).collect();
    cast.strangers = (0..400).map(|_| person(chance, &mut cast.numbers, 1, 1)).collect();
    let mut records = Vec::new();
    for index in 0..count {
        let target = identity(chance, &mut cast, index);
        let value = registrant(chance, &mut cast, settings, index, &target);
        match index {
            POPULAR => {}
            i if CROWD.contains(&i) => {}
            i if QUIET.contains(&i) => cast.quiet.push(target.clone()),
            i if HOT.contains(&i) => cast.hot.push(target.clone()),
            _ => cast.ordinary.push(target.clone()),
        }
        let mut versions = Vec::new();
        if index < HOT.end {
            versions.push(Some(value));
        } else {
            history(chance, &mut cast, settings, index, value, &mut versions);
        }
        let key = value_key(index);
        let sent: Vec<_> = versions.into_iter().map(|value| record(chance, key.as_bytes(), value)).collect();
        place(chance, &mut records, sent);
        if chance.random_bool(0.03) {
            let stranger = faults::stray_registrant(chance, index);
            place(chance, &mut records, vec![stranger]);
        }
    }
    records.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    (records.into_iter().map(|(_, record)| record).collect(), cast)
}

fn value_key(index: usize) -> String {
    format!("r-{index:06}")
}

/// Gives the records of one key places in the topic that keep their order.
fn place(chance: &mut Chance, into: &mut Vec<(f64, FeedRecord)>, records: Vec<FeedRecord>) {
    let mut places: Vec<f64> = records.iter().map(|_| chance.random()).collect();
    places.sort_by(f64::total_cmp);
    into.extend(places.into_iter().zip(records));
}

fn record(chance: &mut Chance, key: &[u8], value: Option<Vec<u8>>) -> FeedRecord {
    let mut headers = Vec::new();
    if chance.random_bool(0.1) {
        headers.push(("x-office".to_owned(), Some(b"3".to_vec())));
        headers.push(("x-office".to_owned(), None));
    }
    FeedRecord { topic: "registrants", key: Some(key.to_vec()), headers, value }
}

fn person(chance: &mut Chance, numbers: &mut Numbers, phones: usize, accounts: usize) -> Target {
    Target {
        phones: (0..phones).map(|_| numbers.phone(chance)).collect(),
        accounts: (0..accounts).map(|_| numbers.account(chance)).collect(),
    }
}

fn identity(chance: &mut Chance, cast: &mut Cast, index: usize) -> Target {
    if index == POPULAR {
        return cast.popular[0].clone();
    }
    let (phones, accounts) = *[(1, 1), (1, 0), (1, 2), (2, 1), (0, 1), (3, 0)].choose(chance).unwrap_or(&(1, 1));
    let special = HOT.contains(&index) || QUIET.contains(&index);
    let mut target = match special {
        true => person(chance, &mut cast.numbers, 2, 2),
        false => person(chance, &mut cast.numbers, phones, accounts),
    };
    if CROWD.contains(&index) {
        target.phones.extend(cast.crowd.phones.clone());
        if index < 5 {
            target.accounts.extend(cast.crowd.accounts.clone());
        }
    } else if !special && chance.random_bool(0.1) {
        let other = cast.ordinary.choose(chance).cloned().unwrap_or_default();
        target.phones.extend(other.phones.first().cloned());
    }
    target
}

fn registrant(chance: &mut Chance, cast: &mut Cast, settings: &Settings, index: usize, target: &Target) -> Vec<u8> {
    let mut fields = spelled(chance, target);
    let mut set = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    set("registrant_id", json!(value_key(index)));
    let area = settings.areas.choose(chance).cloned().unwrap_or_default();
    set("area", json!(if chance.random_bool(0.1) { "elsewhere/lane".to_owned() } else { area }));
    // Few different times in several spellings, so that ties are common.
    let hour = chance.random_range(1..9);
    set(
        "registered_at",
        match chance.random_range(0..3) {
            0 => json!(format!("2021-06-01T{hour:02}:00:00Z")),
            1 => json!(format!("2021-06-01T{:02}:00:00+08:00", hour + 8)),
            _ => json!(format!("2021-06-01T{:02}:00:00.000+07:00", hour + 7)),
        },
    );
    set("channel", json!(["officer_qr", "self", "rental"].choose(chance)));
    set("language", json!([Some("zh-yongkang"), Some("zh-cmn"), Some("en"), None].choose(chance)));
    set("workplace", json!([None, Some("kfq/heyan-works")].choose(chance)));
    set("remark", json!({"unknown": ["to", "the", "contract"]}));
    let household = household(chance, cast, index);
    if !household.is_empty() || chance.random_bool(0.5) {
        set("household", Value::Array(household));
    }
    about(chance, &mut fields, &format!("住户{index}"));
    serde_json::to_vec(&fields).unwrap()
}

fn household(chance: &mut Chance, cast: &mut Cast, index: usize) -> Vec<Value> {
    let size = match index {
        i if LISTERS.contains(&i) => 3,
        i if i % 97 == 0 => 8,
        _ => *[0, 0, 1, 2, 3].choose(chance).unwrap_or(&0),
    };
    let mut members = Vec::new();
    let mut listed: Vec<String> = Vec::new();
    for n in 0..size {
        let target = match (LISTERS.contains(&index), n) {
            (true, 0 | 1) => cast.popular[n].clone(),
            _ => member(chance, cast),
        };
        // Under which relation somebody listed twice in one household is told, the contract leaves open.
        if target.phones.iter().chain(&target.accounts).any(|number| listed.contains(number)) {
            continue;
        }
        listed.extend(target.phones.iter().chain(&target.accounts).cloned());
        let mut fields = spelled(chance, &target);
        fields.insert("member_id".to_owned(), json!(format!("m{}", n + 1)));
        let relation = ["mother", "father", "son", "外婆"].choose(chance);
        fields.insert("relation".to_owned(), json!(relation));
        if chance.random_bool(0.2) {
            fields.insert("guardian".to_owned(), json!(true));
        }
        about(chance, &mut fields, &format!("家人{index}-{n}"));
        members.push(Value::Object(fields));
    }
    members
}

/// Mostly somebody new; at times a registrant, somebody listed before, or somebody of whom no number is known.
fn member(chance: &mut Chance, cast: &mut Cast) -> Target {
    let known = match chance.random_range(0..20) {
        0..=2 => cast.ordinary.choose(chance).cloned(),
        3..=5 => cast.members.choose(chance).cloned(),
        6 => Some(Target::default()),
        7 if chance.random_bool(0.1) => Some(Target { phones: cast.crowd.phones.clone(), accounts: Vec::new() }),
        8 => {
            let mut half = person(chance, &mut cast.numbers, 1, 1);
            half.phones.extend(cast.ordinary.choose(chance).and_then(|t| t.phones.first()).cloned());
            Some(half)
        }
        _ => None,
    };
    let accounts = chance.random_range(0..2);
    let target = known.unwrap_or_else(|| person(chance, &mut cast.numbers, 1, accounts));
    if !(target.phones.is_empty() && target.accounts.is_empty()) {
        cast.members.push(target.clone());
    }
    target
}

fn spelled(chance: &mut Chance, target: &Target) -> Map<String, Value> {
    let phones: Vec<_> = target.phones.iter().map(|p| spelling::phone(chance, p)).collect();
    let accounts: Vec<_> = target.accounts.iter().map(|a| spelling::account(chance, a)).collect();
    let mut fields = Map::new();
    for (name, list) in [("phones", phones), ("accounts", accounts)] {
        if !list.is_empty() || chance.random_bool(0.5) {
            fields.insert(name.to_owned(), json!(list));
        }
    }
    fields
}

fn about(chance: &mut Chance, fields: &mut Map<String, Value>, name: &str) {
    if chance.random_bool(0.95) {
        fields.insert("name".to_owned(), json!(name));
    }
    let groups: &[&[&str]] =
        &[&[], &["elderly"], &["minor"], &["student", "minor"], &["finance_staff", "prior_victim"]];
    if let Some(groups) = groups.choose(chance)
        && chance.random_bool(0.8)
    {
        fields.insert("groups".to_owned(), json!(groups));
    }
    match chance.random_range(0..4) {
        0 => {}
        1 => drop(fields.insert("consented_at".to_owned(), Value::Null)),
        _ => drop(fields.insert("consented_at".to_owned(), json!("2021-06-02T09:00:00+08:00"))),
    }
}

/// What else was said of this registrant, before and after `value`; what is in force at the end is mostly `value`.
fn history(
    chance: &mut Chance,
    cast: &mut Cast,
    settings: &Settings,
    index: usize,
    value: Vec<u8>,
    versions: &mut Vec<Option<Vec<u8>>>,
) {
    let bad = |chance: &mut Chance| Some(faults::bad_registrant(chance, &value));
    match chance.random_range(0..40) {
        0..=3 => {
            let mut old = person(chance, &mut cast.numbers, 1, 1);
            let earlier = registrant(chance, cast, settings, index, &old);
            versions.extend([Some(earlier), Some(value)]);
            old.accounts.clear();
            cast.gone.push(old);
        }
        4 | 5 => {
            let empty = [None, Some(Vec::new())].choose(chance).cloned().flatten();
            versions.extend([Some(value), empty]);
            cast.gone.extend(cast.ordinary.last().cloned());
        }
        6 => versions.extend([Some(value.clone()), None, Some(value)]),
        7 | 8 => versions.extend([Some(value.clone()), bad(chance)]),
        9 => versions.extend([bad(chance), Some(value)]),
        10 => versions.push(bad(chance)),
        11 => versions.extend([Some(value.clone()), None, bad(chance)]),
        _ => versions.push(Some(value)),
    }
}
