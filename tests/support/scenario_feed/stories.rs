//! Calls and transfers, from the first sign of each to its end.

use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta, Utc};
use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

use super::draft::{Draft, Mode};
use super::people::{Cast, Target};
use super::{Chance, Plan, faults, spelling};
use crate::support::model::{FeedRecord, Header, Settings};

const SOURCES: [&str; 5] =
    ["urn:example:operator", "urn:example:bank", "urn:example:both", "//bank.example/feed?a=1", "urn:银行"];

/// Tells stories until there are enough records.
pub fn tell(chance: &mut Chance, plan: &Plan, cast: &Cast) -> Vec<FeedRecord> {
    let mut teller = Teller { plan, cast, next: [0; SOURCES.len()], sent: Vec::new(), good: Vec::new() };
    if plan.large {
        for record in faults::large(chance, &mut |chance| teller.single(chance)) {
            teller.sent.push((chance.random_range(0.0..0.9), record));
        }
    }
    let batch = teller.single(chance);
    teller.sent.push((0.5, faults::batch(chance, &batch)));
    while teller.sent.len() < plan.events {
        match chance.random_range(0..100) {
            0..=11 => {
                let draft = teller.single(chance);
                let at = chance.random();
                let record = faults::spoil(chance, draft);
                teller.sent.push((at, record));
            }
            12..=17 => teller.again(chance),
            _ => teller.story(chance),
        }
    }
    teller.sent.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    teller.sent.truncate(plan.events);
    teller.sent.into_iter().map(|(_, record)| record).collect()
}

/// A text header.
pub fn text_header(name: &str, value: &str) -> Header {
    (name.to_owned(), Some(value.as_bytes().to_vec()))
}

struct Teller<'a> {
    plan: &'a Plan,
    cast: &'a Cast,
    /// How many ids each source has given out. Different sources give out the same ones.
    next: [u32; SOURCES.len()],
    /// Records with their place in the feed, 0 to 1.
    sent: Vec<(f64, FeedRecord)>,
    good: Vec<(f64, Draft)>,
}

/// The person at risk of one story, as its source names them.
struct Victim {
    phone: Option<String>,
    account: Option<String>,
    area: Option<Value>,
    quiet: bool,
}

impl Teller<'_> {
    fn story(&mut self, chance: &mut Chance) {
        let call = chance.random_bool(0.5);
        let at: f64 = chance.random();
        let drafts = self.drafts(chance, call, at);
        let late = chance.random_bool(0.08);
        let mut places: Vec<f64> = drafts.iter().map(|_| at + chance.random_range(0.0..0.01)).collect();
        places.sort_by(|a, b| if late { b.total_cmp(a) } else { a.total_cmp(b) });
        for (place, draft) in places.into_iter().zip(drafts) {
            let record = draft.render(chance);
            self.sent.push((place, record));
            self.good.push((place, draft));
        }
    }

    /// Sends an event a second time, perhaps by another way and under another key.
    fn again(&mut self, chance: &mut Chance) {
        let Some((at, mut draft)) = self.good.choose(chance).cloned() else { return };
        if chance.random_bool(0.5) {
            draft.mode = mode(chance);
        }
        if chance.random_bool(0.3) {
            draft.key = Some(b"again".to_vec());
        }
        let place = at + chance.random_range(0.0..0.2);
        let record = draft.render(chance);
        self.sent.push((place, record));
    }

    fn single(&mut self, chance: &mut Chance) -> Draft {
        let (call, at) = (chance.random_bool(0.5), chance.random());
        self.drafts(chance, call, at).swap_remove(0)
    }

    fn drafts(&mut self, chance: &mut Chance, call: bool, at: f64) -> Vec<Draft> {
        let source = chance.random_range(0..SOURCES.len());
        let victim = self.victim(chance, call);
        let (payee, suspect) = (self.payee(chance), self.suspect(chance));
        let amount: u64 = chance.random_range(1..30_000_000);
        let piece = format!("P{}", self.next[source]);
        let key = key_mode(chance);
        let trace = chance
            .random_bool(0.3)
            .then(|| format!("00-{:032x}-{:016x}-01", chance.random::<u128>() | 1, chance.random::<u64>() | 1));
        let states = if call { phases(chance, &victim) } else { states(chance, &victim) };
        let start = self.plan.start + TimeDelta::milliseconds((at * 3_600_000.0) as i64);
        let mut seconds = 0;
        let mut drafts = Vec::new();
        for state in states {
            self.next[source] += 1;
            if chance.random_bool(0.9) {
                seconds += chance.random_range(1..60);
            }
            let kind = if call { "call" } else { "transfer" };
            let mut attributes = Map::new();
            attributes.insert("specversion".to_owned(), json!("1.0"));
            attributes.insert("id".to_owned(), json!(self.next[source].to_string()));
            attributes.insert("source".to_owned(), json!(SOURCES[source]));
            attributes.insert("type".to_owned(), json!(format!("golden-bell.{kind}.v1")));
            attributes.insert("time".to_owned(), json!(time(chance, start + TimeDelta::seconds(seconds))));
            let mut data = match call {
                true => call_data(chance, &piece, state, &victim, &suspect, seconds),
                false => transfer_data(chance, &piece, state, &victim, &payee, amount),
            };
            if let Some(area) = &victim.area {
                data["victim_area"] = area.clone();
            }
            drafts.push(Draft {
                topic: if call { "calls" } else { "transfers" },
                key: key.of(chance, &piece),
                mode: mode(chance),
                attributes,
                data,
                trace: trace.clone(),
            });
        }
        drafts
    }

    fn victim(&self, chance: &mut Chance, call: bool) -> Victim {
        let cast = self.cast;
        let settings = &self.plan.settings;
        let any = |chance: &mut Chance, list: &[Target]| list.choose(chance).cloned().unwrap_or_default();
        let (pool, area) = match chance.random_range(0..100) {
            0..=27 => (any(chance, &cast.hot), some_area(chance, settings)),
            28..=29 => (any(chance, &cast.quiet), some_area(chance, settings)),
            30..=51 => (any(chance, &cast.ordinary), some_area(chance, settings)),
            52..=64 => (any(chance, &cast.members), some_area(chance, settings)),
            65..=66 => (cast.crowd.clone(), None),
            67 => (any(chance, &cast.popular), None),
            68..=70 => (any(chance, &cast.gone), None),
            71..=74 => (mixed(chance, &cast.ordinary, &cast.ordinary), None),
            75..=78 => (mixed(chance, &cast.members, &cast.ordinary), None),
            79..=80 => (mixed(chance, &cast.members, &cast.members), None),
            81..=90 => (any(chance, &cast.precise), inner_area(chance, settings)),
            _ => (any(chance, &cast.strangers), outer_area(chance)),
        };
        let quiet = cast.quiet.iter().any(|q| q.phones.first() == pool.phones.first() && !q.phones.is_empty());
        let mut phone = pool.phones.choose(chance).cloned();
        let mut account = pool.accounts.choose(chance).cloned();
        if call || account.is_none() {
            phone = phone.or_else(|| any(chance, &cast.strangers).phones.pop());
        }
        match chance.random_range(0..6) {
            0 | 1 if phone.is_some() => account = None,
            2 | 3 if account.is_some() && !call => phone = None,
            _ => {}
        }
        Victim { phone, account, area, quiet }
    }

    fn suspect(&self, chance: &mut Chance) -> String {
        let fixed = [
            "unknown",
            "",
            "+96890000000",
            "0014155552671",
            "95588",
            "10086",
            "0579 8712-0000",
            "057987120000",
            "400-820-8820",
            "96110",
            "+8613900000000",
            "(0086) 579 87120000",
        ];
        match chance.random_range(0..20) {
            0..=2 => fixed.choose(chance).map_or_else(String::new, |s| (*s).to_owned()),
            // Somebody registered may be the other side, which makes nobody a victim.
            3 => self.cast.ordinary.choose(chance).and_then(|t| t.phones.first().cloned()).unwrap_or_default(),
            _ => format!("+86170{:08}", chance.random_range(0..99_999_999)),
        }
    }

    fn payee(&self, chance: &mut Chance) -> String {
        match chance.random_range(0..24) {
            0 => "6217000000000000004".to_owned(),
            1 => "GB29 NWBK 6016 1331 9268 19".to_owned(),
            2 => "wallet:张*@example".to_owned(),
            3 => self.cast.ordinary.choose(chance).and_then(|t| t.accounts.first().cloned()).unwrap_or("?".to_owned()),
            _ => format!("6228{:012}", chance.random_range(0..999_999_999_999_u64)),
        }
    }
}

fn mixed(chance: &mut Chance, phones: &[Target], accounts: &[Target]) -> Target {
    let phones = phones.choose(chance).map(|t| t.phones.clone()).unwrap_or_default();
    let accounts = accounts.choose(chance).map(|t| t.accounts.clone()).unwrap_or_default();
    Target { phones, accounts }
}

fn some_area(chance: &mut Chance, settings: &Settings) -> Option<Value> {
    if chance.random_bool(0.3) { inner_area(chance, settings) } else { outer_area(chance) }
}

fn inner_area(chance: &mut Chance, settings: &Settings) -> Option<Value> {
    let area = settings.areas.choose(chance)?;
    let below = if chance.random_bool(0.2) { "/building-3/2" } else { "" };
    Some(json!(format!("{area}{below}")))
}

fn outer_area(chance: &mut Chance) -> Option<Value> {
    [None, None, Some(Value::Null), Some(json!("")), Some(json!("kfqx/a")), Some(json!("kf")), Some(json!("xinq"))]
        .choose(chance)
        .cloned()
        .flatten()
}

fn phases(chance: &mut Chance, victim: &Victim) -> Vec<&'static str> {
    let all: &[&[&str]] = &[
        &["initiated", "ringing", "answered", "ongoing", "ongoing", "ended"],
        &["ringing", "answered", "ended"],
        &["ringing", "answered", "ended"],
        &["ongoing"],
        &["ongoing", "ended"],
        &["initiated", "busy"],
        &["initiated", "failed"],
        &["failed"],
        &["forwarded", "answered"],
    ];
    pick(chance, if victim.quiet { &[&["failed"]] } else { all })
}

fn states(chance: &mut Chance, victim: &Victim) -> Vec<&'static str> {
    let all: &[&[&str]] = &[
        &["accepted"],
        &["accepted", "settled"],
        &["accepted", "settled"],
        &["accepted", "reversed"],
        &["accepted", "rejected"],
        &["accepted", "settled", "reversed"],
        &["settled"],
        &["rejected"],
        &["reversed"],
        &["rejected", "accepted"],
    ];
    let quiet: &[&[&str]] = &[&["rejected"], &["reversed"], &["reversed", "rejected"]];
    pick(chance, if victim.quiet { quiet } else { all })
}

fn pick(chance: &mut Chance, from: &[&[&'static str]]) -> Vec<&'static str> {
    from.choose(chance).map(|states| states.to_vec()).unwrap_or_default()
}

fn call_data(chance: &mut Chance, piece: &str, phase: &str, victim: &Victim, suspect: &str, seconds: i64) -> Value {
    let number = spelling::phone(chance, victim.phone.as_deref().unwrap_or_default());
    // Which side is at risk is a matter of the call, not of its event.
    let calling = piece.ends_with('7');
    let (caller, callee) = if calling { (number.as_str(), suspect) } else { (suspect, number.as_str()) };
    let mut data = json!({"call_id": piece, "phase": phase, "caller": caller, "callee": callee});
    if calling {
        data["victim"] = json!("caller");
    } else if chance.random_bool(0.2) {
        data["victim"] = json!("callee");
    }
    if chance.random_bool(0.5) {
        data["started_at"] = json!("2021-07-15T14:03:10+08:00");
        data["answered_at"] = json!([None, Some("2021-07-15T06:03:22.250Z")].choose(chance));
        data["ended_at"] = Value::Null;
        data["duration_s"] = json!(seconds);
    }
    if phase == "forwarded" {
        data["forwarded_to"] = json!("+86 139 0000 0001");
    }
    suspicion(chance, &mut data);
    data
}

fn transfer_data(chance: &mut Chance, piece: &str, state: &str, victim: &Victim, payee: &str, amount: u64) -> Value {
    let mut payer = json!({"name": "张*", "unknown": [1]});
    if let Some(phone) = &victim.phone {
        payer["phone"] = json!(spelling::phone(chance, phone));
    } else if chance.random_bool(0.2) {
        // One that cannot be read does not matter where the other can.
        payer["phone"] = json!(["", "none", "12", "13a"].choose(chance));
    }
    if let Some(account) = &victim.account {
        payer["account"] = json!(spelling::account(chance, account));
    } else if chance.random_bool(0.2) {
        payer["account"] = json!(["", "none", "1234567"].choose(chance));
    }
    let mut data = json!({
        "transfer_id": piece, "state": state, "payer": payer, "amount_minor": amount,
        "payee": {"account": payee, "name": "*某", "bank": null},
        "currency": if amount.is_multiple_of(50) { "USD" } else { "CNY" },
    });
    if chance.random_bool(0.5) {
        data["channel"] = json!("mobile");
        data["first_payment_to_payee"] = json!([None, Some(true), Some(false)].choose(chance));
        data["settles_at"] = json!("2021-07-16T14:19:41+08:00");
    }
    suspicion(chance, &mut data);
    data
}

fn suspicion(chance: &mut Chance, data: &mut Value) {
    let types = ["fake_customer_service", "fake_loan", "something_new"];
    let suspicion = match chance.random_range(0..8) {
        0 | 1 => return,
        2 => Value::Null,
        3 => json!({}),
        4 => json!({"confidence": 1}),
        5 => json!({"confidence": 0.0, "list": null, "model": {"name": "x"}}),
        _ => json!({
            "confidence": f64::from(chance.random_range(0..100)) / 100.0,
            "fraud_type": types.choose(chance),
            "list": "involved_number",
        }),
    };
    data["suspicion"] = suspicion;
}

fn mode(chance: &mut Chance) -> Mode {
    if chance.random_bool(0.5) { Mode::Structured } else { Mode::Binary }
}

fn time(chance: &mut Chance, at: DateTime<Utc>) -> String {
    let format = if chance.random_bool(0.2) { SecondsFormat::Millis } else { SecondsFormat::Secs };
    match chance.random_range(0..3) {
        0 => at.to_rfc3339_opts(format, true),
        1 => at.to_rfc3339_opts(format, false),
        _ => FixedOffset::east_opt(8 * 3600)
            .map_or_else(String::new, |home| at.with_timezone(&home).to_rfc3339_opts(format, false)),
    }
}

/// How the records of one story are keyed.
#[derive(Clone, Copy)]
enum Key {
    Piece,
    Null,
    Any,
    Empty,
    Bytes,
}

fn key_mode(chance: &mut Chance) -> Key {
    match chance.random_range(0..20) {
        0 => Key::Null,
        1 | 2 => Key::Any,
        3 => Key::Empty,
        4 => Key::Bytes,
        _ => Key::Piece,
    }
}

impl Key {
    fn of(self, chance: &mut Chance, piece: &str) -> Option<Vec<u8>> {
        match self {
            Key::Piece => Some(piece.as_bytes().to_vec()),
            Key::Null => None,
            Key::Any => Some(chance.random::<u32>().to_string().into_bytes()),
            Key::Empty => Some(Vec::new()),
            Key::Bytes => Some([b"\x00\xff", piece.as_bytes()].concat()),
        }
    }
}
