//! Registrants and events as tests write them, and an index to put them in.
#![allow(dead_code)]

use chrono::{DateTime, Utc};
use golden_bell::core::directory::Areas;
use golden_bell::core::envelope::decode_event;
use golden_bell::core::event::{Event, EventKind};
use golden_bell::core::identifier::{IdentifierReader, IndexSecret, KeyHasher, TokenKey, Tokens};
use golden_bell::core::index::{Applied, RegistrantIndex};
use golden_bell::core::matching::{Decision, MatchSettings, Matcher};
use golden_bell::core::registrant::{RegistrantRecord, decode_registrant};
use serde_json::{Value, json};

pub const TOKEN_KEY: [u8; 32] = [9; 32];

pub fn token_key() -> TokenKey {
    TokenKey::new(&TOKEN_KEY)
}

pub fn index() -> RegistrantIndex {
    RegistrantIndex::new(IdentifierReader::default(), KeyHasher::keyed(&IndexSecret::from_random([7; 16])))
}

pub fn index_with_tokens() -> RegistrantIndex {
    let reader = IdentifierReader { tokens: Tokens::On, ..IdentifierReader::default() };
    RegistrantIndex::new(reader, KeyHasher::tokens(token_key()))
}

pub fn areas() -> Areas {
    let text = "[[areas]]\ncode = \"kfq\"\nname = { zh = \"开发区\", en = \"Zone\" }\nkind = \"zone\"\n";
    Areas::load(text, "areas.toml").unwrap()
}

pub fn now() -> DateTime<Utc> {
    "2021-07-15T06:03:31Z".parse().unwrap()
}

/// The least a registrant can be, with more fields over it.
pub fn registrant(id: &str, phones: &[&str], more: Value) -> Value {
    let mut value = json!({
        "registrant_id": id, "phones": phones, "area": "kfq/huangchengli",
        "registered_at": "2021-06-01T09:00:00+08:00",
    });
    for (name, field) in more.as_object().unwrap() {
        value[name] = field.clone();
    }
    value
}

pub fn member(id: &str, phones: &[&str]) -> Value {
    json!({"member_id": id, "phones": phones})
}

/// Puts a registrant in the index; panics where the record is bad.
pub fn apply(index: &RegistrantIndex, offset: i64, registrant: &Value) -> Applied {
    let key = registrant["registrant_id"].as_str().unwrap();
    let value = registrant.to_string();
    match decode_registrant(index.reader(), Some(key.as_bytes()), Some(value.as_bytes())) {
        Ok(RegistrantRecord::Registered(registrant)) => index.apply(&registrant, 0, offset).unwrap(),
        other => panic!("{other:?}"),
    }
}

pub fn call(caller: &str, callee: &str, more: Value) -> Value {
    let mut value = json!({"call_id": "A1", "phase": "ringing", "caller": caller, "callee": callee});
    for (name, field) in more.as_object().unwrap() {
        value[name] = field.clone();
    }
    value
}

pub fn transfer(payer: Value, payee_account: &str) -> Value {
    json!({
        "transfer_id": "T1", "state": "accepted", "payer": payer, "payee": {"account": payee_account},
        "amount_minor": 100, "currency": "CNY",
    })
}

/// The text of an event with this data, call or transfer, to be read with [`read`].
pub fn event(data: &Value) -> (EventKind, String) {
    let kind = if data.get("call_id").is_some() { EventKind::Call } else { EventKind::Transfer };
    let whole = json!({
        "specversion": "1.0", "id": "e-1", "source": "urn:operator:a", "type": kind.event_type(),
        "time": "2021-07-15T14:03:30+08:00", "data": data,
    });
    (kind, whole.to_string())
}

pub fn read((kind, text): &(EventKind, String)) -> Event<'_> {
    decode_event(*kind, [], Some(text.as_bytes())).unwrap()
}

/// Decides about an event and hands out the decision as text a test can compare.
pub fn decide(index: &RegistrantIndex, settings: &MatchSettings, data: &Value) -> Decided {
    let (areas, token_key) = (areas(), token_key());
    let matcher = Matcher { index, settings, areas: &areas, token_key: &token_key };
    let text = event(data);
    match matcher.decide(&read(&text), now()) {
        Decision::Matched { matches, beyond } => {
            Decided::Matched(matches.iter().map(|found| serde_json::to_value(found).unwrap()).collect(), beyond)
        }
        Decision::Unmatched(_) => Decided::Unmatched,
        Decision::Allowed => Decided::Allowed,
        Decision::Rejected => Decided::Rejected,
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Decided {
    Matched(Vec<Value>, usize),
    Unmatched,
    Allowed,
    Rejected,
}

impl Decided {
    /// The matches; panics where there are none.
    pub fn matches(self) -> Vec<Value> {
        match self {
            Decided::Matched(matches, _) => matches,
            other => panic!("{other:?}"),
        }
    }

    /// The subject ids, none where nothing matched.
    pub fn subject_ids(&self) -> Vec<String> {
        match self {
            Decided::Matched(matches, _) => {
                matches.iter().map(|found| found["subject_id"].as_str().unwrap().to_owned()).collect()
            }
            _ => Vec::new(),
        }
    }
}
