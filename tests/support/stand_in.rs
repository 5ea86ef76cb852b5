//! A toy in the program's place, which does the right thing in some order: what an audit must let pass, and what the
//! tests of the audit then spoil.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::audit::Outputs;
use super::model::event::Event;
use super::model::expect::{Piece, piece};
use super::model::{DeadLetter, Expected, ExpectedMatch, FeedRecord, Header, Record, Settings, digest_id};

/// Partitions of every topic.
pub const PARTITIONS: usize = 6;

/// A topic that hands out offsets.
#[derive(Default)]
pub struct Log(pub Vec<Record>, BTreeMap<(String, i32), i64>);

impl Log {
    /// Appends, in the partition of the key; at random without one.
    pub fn send(&mut self, chance: &mut ChaCha8Rng, record: &FeedRecord) {
        let partition = record.key.as_deref().map_or_else(|| chance.random_range(0..PARTITIONS as i32), home);
        let next = self.1.entry((record.topic.to_owned(), partition)).or_default();
        // Gaps, as transactions leave them.
        *next += chance.random_range(1..3);
        self.0.push(record.at(partition, *next, 1_626_328_800_000 + *next));
    }
}

fn home(key: &[u8]) -> i32 {
    (key.iter().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte))) % PARTITIONS as u32) as i32
}

/// Sends a feed.
pub fn deliver(seed: u64, feed: &[FeedRecord]) -> Vec<Record> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut log = Log::default();
    for record in feed {
        log.send(&mut chance, record);
    }
    log.0
}

/// Reads the partitions of `events` in a random order and writes what must come of it.
pub fn run(seed: u64, settings: &Settings, expected: &Expected, events: &[Record]) -> Outputs {
    let mut toy = Toy {
        settings,
        chance: ChaCha8Rng::seed_from_u64(seed),
        inputs: Log::default(),
        warnings: Log::default(),
        cases: Log::default(),
        dead: Log::default(),
    };
    let mut by_event: BTreeMap<(String, String), Vec<&ExpectedMatch>> = BTreeMap::new();
    for found in expected.matches.values() {
        let text = |name: &str| found.json["event"][name].as_str().unwrap_or_default().to_owned();
        by_event.entry((text("source"), text("id"))).or_default().push(found);
    }
    for (origin, letter) in &expected.dead_letters {
        for _ in 0..toy.chance.random_range(1..3) {
            toy.bury(origin, letter);
        }
    }
    let mut queues: BTreeMap<(&str, i32), Vec<&Record>> = BTreeMap::new();
    for record in events.iter().rev() {
        queues.entry((&record.topic, record.partition)).or_default().push(record);
    }
    let mut open: BTreeMap<String, Case> = BTreeMap::new();
    while !queues.is_empty() {
        let turn = toy.chance.random_range(0..queues.len());
        let Some(mut queue) = queues.iter_mut().nth(turn).map(|(k, v)| (*k, std::mem::take(v))) else { break };
        for _ in 0..toy.chance.random_range(1..20) {
            let Some(event) = queue.1.pop().and_then(|record| Event::read(record).ok()) else { continue };
            let id = (event.source.clone(), event.id.clone());
            for found in by_event.get(&id).into_iter().flatten() {
                let handled_at = toy.matched(found);
                toy.handle(&mut open, found, &event, handled_at);
            }
        }
        match queue.1.is_empty() {
            true => drop(queues.remove(&queue.0)),
            false => drop(queues.insert(queue.0, queue.1)),
        }
    }
    Outputs { case_inputs: toy.inputs.0, warnings: toy.warnings.0, cases: toy.cases.0, dead_letters: toy.dead.0 }
}

struct Toy<'a> {
    settings: &'a Settings,
    chance: ChaCha8Rng,
    inputs: Log,
    warnings: Log,
    cases: Log,
    dead: Log,
}

struct Case {
    id: String,
    sequence: u64,
    score: i64,
    count: u64,
    pieces: Vec<(Piece, Event)>,
    seen: BTreeSet<(String, String)>,
    told: BTreeSet<Piece>,
    /// The level at which the person was last sent a text.
    texted: Option<usize>,
}

impl Toy<'_> {
    fn handle(&mut self, open: &mut BTreeMap<String, Case>, found: &ExpectedMatch, event: &Event, handled_at: i64) {
        let subject_id = &found.subject_id;
        if !open.contains_key(subject_id) && !event.can_open() {
            return;
        }
        let new = !open.contains_key(subject_id);
        let case = open.entry(subject_id.clone()).or_insert_with(|| Case {
            id: digest_id("c-", &[subject_id, &event.source, &event.id]),
            sequence: 0,
            score: 0,
            count: 0,
            pieces: Vec::new(),
            seen: BTreeSet::new(),
            told: BTreeSet::new(),
            texted: None,
        });
        if !case.seen.insert((event.source.clone(), event.id.clone())) {
            return;
        }
        let this = piece(event);
        match case.pieces.iter_mut().find(|(piece, _)| *piece == this) {
            Some((_, held)) if (held.time, &held.id) > (event.time, &event.id) => return,
            Some((_, held)) => *held = event.clone(),
            None => {
                case.pieces.push((this.clone(), event.clone()));
                case.count += 1;
            }
        }
        if case.pieces.len() > 50 {
            case.pieces.remove(0);
        }
        if event.can_open() {
            let before = level(case.score);
            let points = points(event);
            case.score = points.max(case.score);
            let untold = event.kind == "transfer" && !case.told.contains(&this);
            let cause = match () {
                () if new => "opened",
                () if level(case.score) > before => "raised",
                () if untold => "transfer",
                () => "",
            };
            if !cause.is_empty() {
                case.told.insert(this.clone());
                let age_ms = handled_at - event.time.timestamp_millis();
                self.warn(case, found, cause, Some((&this, event, points)), age_ms < 1_800_000);
            }
        }
        if self.chance.random_bool(0.02) {
            self.warn(case, found, "escalated", None, false);
        }
        self.save(case, found);
    }

    /// Sends a match once or twice; the time of the first.
    fn matched(&mut self, found: &ExpectedMatch) -> i64 {
        let mut value = found.json.clone();
        value["matched_at"] = json!("2021-07-15T06:00:00.123Z");
        value["registrant_offset"] = json!(found.registrant_offsets.first());
        let mut headers = self.headers("match", &found.match_id);
        headers.extend(found.traceparent.iter().map(|t| text("traceparent", t)));
        let record = out("case-inputs", &found.subject_id, headers, &value);
        let mut first = None;
        for _ in 0..self.chance.random_range(1..3) {
            self.inputs.send(&mut self.chance, &record);
            first = first.or(self.inputs.0.last().map(|record| record.timestamp_ms));
        }
        first.unwrap_or_default()
    }

    fn warn(
        &mut self,
        case: &mut Case,
        found: &ExpectedMatch,
        cause: &str,
        by: Option<(&Piece, &Event, i64)>,
        fresh: bool,
    ) {
        case.sequence += 1;
        let mut rest: Vec<&(Piece, Event)> =
            case.pieces.iter().filter(|(p, _)| by.is_none_or(|by| by.0 != p)).collect();
        rest.sort_by_key(|(_, event)| std::cmp::Reverse(event.time));
        let first = by.map(|(_, event, _)| event);
        let evidence: Vec<_> = first.into_iter().chain(rest.iter().map(|(_, e)| e)).take(20).map(evidence).collect();
        let id = format!("{}-{}", case.id, case.sequence);
        let mut subject = found.json["subject"].clone();
        subject["subject_id"] = json!(found.subject_id);
        let area = found.json["subject"]["area"].as_str().unwrap_or_default();
        let root = area.split('/').next().unwrap_or_default();
        let known = self.settings.areas.iter().any(|area| area == root);
        let roles: &[&str] = if known { &["officer", "grid_worker"] } else { &[] };
        let assigned = roles.iter().map(|role| json!({"person_id": format!("{role}-{root}"), "role": role, "step": 1}));
        let value = json!({
            "warning_id": id, "case_id": case.id, "sequence": case.sequence, "cause": cause,
            "programme": found.json["programme"], "level": LEVELS[level(case.score)], "score": case.score,
            "reasons": by.map(|by| json!({"rule": "toy", "points": by.2, "text": {"zh": "", "en": ""}})).into_iter().collect::<Vec<_>>(),
            "subject": subject, "trusted_contacts": found.json["trusted_contacts"],
            "area": {"code": found.json["subject"]["area"], "name": {"zh": "", "en": ""}},
            "assigned": assigned.collect::<Vec<_>>(), "unowned": !known,
            "evidence": evidence, "evidence_count": case.count,
            "event_time": first.map(|event| event.time.to_rfc3339()),
            "published_at": "2021-07-15T06:00:00.456Z", "retroactive": false,
            "messages": {"resident": text_for(case, &found.json["subject"], cause, fresh)},
        });
        let record = out("warnings", &found.subject_id, self.headers("warning", &id), &value);
        self.warnings.send(&mut self.chance, &record);
    }

    fn save(&mut self, case: &Case, found: &ExpectedMatch) {
        let evidence: Vec<_> = case.pieces.iter().map(|(_, event)| evidence(event)).collect();
        let value = json!({
            "case_id": case.id, "subject_id": found.subject_id, "programme": found.json["programme"],
            "subject": found.json["subject"], "trusted_contacts": found.json["trusted_contacts"],
            "state": "open", "outcome": "none", "step": 1, "level": LEVELS[level(case.score)], "score": case.score,
            "sequence": case.sequence, "evidence_count": case.count, "evidence": evidence, "follow_ups": [],
        });
        let partition = home(found.subject_id.as_bytes());
        let input = self.inputs.1.get(&("case-inputs".to_owned(), partition)).copied().unwrap_or(0);
        let mut record = out("cases", &case.id, vec![text("input_offset", &input.to_string())], &value);
        let key = record.key.replace(found.subject_id.clone().into_bytes());
        self.cases.send(&mut self.chance, &record);
        if let Some(last) = self.cases.0.last_mut() {
            last.key = key;
        }
    }

    fn bury(&mut self, origin: &(String, i32, i64), letter: &DeadLetter) {
        let mut headers = letter.headers.clone();
        headers.push(text("dlq_reason", letter.reason.as_str()));
        headers.push(text("dlq_detail", "as it is"));
        headers.push(text("dlq_topic", &format!("{}{}", self.settings.topic_prefix, origin.0)));
        headers.push(text("dlq_partition", &origin.1.to_string()));
        headers.push(text("dlq_offset", &origin.2.to_string()));
        headers.push(text("dlq_timestamp", &letter.timestamp_ms.to_string()));
        headers.extend(letter.truncated.map(|length| text("dlq_truncated", &length.to_string())));
        let (key, value) = (letter.key.clone(), letter.value.clone());
        self.dead.send(&mut self.chance, &FeedRecord { topic: "dead-letters", key, headers, value });
    }

    fn headers(&self, event_type: &str, id: &str) -> Vec<Header> {
        vec![
            text("ce_specversion", "1.0"),
            text("ce_id", id),
            text("ce_source", &self.settings.source),
            text("ce_type", &format!("golden-bell.{event_type}.v1")),
            text("ce_time", "2021-07-15T06:00:00Z"),
            text("content-type", "application/json"),
        ]
    }
}

fn text_for(case: &mut Case, person: &Value, cause: &str, fresh: bool) -> Value {
    let level = Some(level(case.score));
    let may = person["consented"] == true && person["minor"] != true;
    if !fresh || !may || (cause != "transfer" && level <= case.texted) {
        return Value::Null;
    }
    case.texted = level;
    match person["language"].as_str() {
        Some("en") => json!({"language": "en", "text": "[Anti-fraud warning] Dial 96110 at 14:03."}),
        Some("zh-yongkang") => json!({"language": "zh-yongkang", "text": "【反诈预警】96110"}),
        _ => json!({"language": "zh-cmn", "text": "【反诈预警】96110或110"}),
    }
}

const LEVELS: [&str; 4] = ["low", "medium", "high", "urgent"];

fn level(score: i64) -> usize {
    [25, 50, 80].iter().filter(|least| score >= **least).count()
}

fn points(event: &Event) -> i64 {
    (event.data["suspicion"]["confidence"].as_f64().unwrap_or(0.2) * 100.0) as i64
}

fn evidence(event: &Event) -> Value {
    let (id, state) = if event.kind == "call" { ("call_id", "phase") } else { ("transfer_id", "state") };
    let field = |name: &str| event.data.get(name).cloned().unwrap_or_default();
    json!({
        "kind": event.kind, "source": event.source, "id": event.id, "at": event.time.to_rfc3339(),
        id: event.piece_id(), state: event.state(), "counterparty": event.other_side(),
        "duration_s": field("duration_s"), "amount_minor": field("amount_minor"), "currency": field("currency"),
        "confidence": event.data["suspicion"]["confidence"],
    })
}

fn text(name: &str, value: &str) -> Header {
    (name.to_owned(), Some(value.as_bytes().to_vec()))
}

fn out(topic: &'static str, key: &str, headers: Vec<Header>, value: &Value) -> FeedRecord {
    FeedRecord { topic, key: Some(key.as_bytes().to_vec()), headers, value: Some(value.to_string().into_bytes()) }
}
