//! All that must come out of a given input, as far as it does not depend on the order in which partitions are read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::event::{Event, LARGEST_VALUE};
use super::matching::{Found, Matcher};
use super::registry::Registry;
use super::{Header, Position, Reason, Record, Settings};

/// The size over which only the first [`LARGEST_VALUE`] bytes of a value are kept in the dead letters.
pub const LARGEST_KEPT: usize = 2 * 1_048_576;

/// In what a feed record ended, as counted in `events_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// At least one match.
    Matched,
    /// Nobody is at risk that the programme knows.
    Unmatched,
    /// The other side is on the allow-list.
    Allowed,
    /// Bad.
    DeadLettered,
}

/// A match that must come out.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedMatch {
    /// `match_id`.
    pub match_id: String,
    /// `subject_id`, the key of the record.
    pub subject_id: String,
    /// All fields but `matched_at` and `registrant_offset`.
    pub json: Value,
    /// Contacts that may stand for the one of the same person in `json`.
    pub other_contacts: Vec<Value>,
    /// What `registrant_offset` may be; empty where it must be null.
    pub registrant_offsets: BTreeSet<i64>,
    /// The `traceparent` header.
    pub traceparent: Option<String>,
}

/// A dead letter that must come out, at least once.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// `dlq_reason`.
    pub reason: Reason,
    /// Key as received.
    pub key: Option<Vec<u8>>,
    /// Headers as received.
    pub headers: Vec<Header>,
    /// Value as received, or its beginning where it was too large to keep.
    pub value: Option<Vec<u8>>,
    /// `dlq_truncated`: the length of the value as received, where only its beginning is kept.
    pub truncated: Option<usize>,
    /// The time of the record as received.
    pub timestamp_ms: i64,
}

/// Whether a transfer must have a warning of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// In whatever order its events come: once.
    Must,
    /// It depends: a reversal or rejection may be read before the older news that it follows, and then nothing is
    /// told, unless there was no case yet to remember it.
    May,
    /// It was never `accepted` nor `settled`.
    MustNot,
}

/// What stage 2 gets to know of one subject.
#[derive(Debug, Default)]
pub struct ExpectedSubject {
    /// Whether there must be a case, with one `opened` warning; no case and no warning at all otherwise.
    pub opened: bool,
    /// By `source` and `transfer_id`.
    pub transfers: BTreeMap<(String, String), Telling>,
    /// Every event, by `source` and `id`.
    pub events: BTreeMap<(String, String), Event>,
    /// A match for each different way in which the subject and its contacts are described: for a registered person
    /// there is one, for another every event brings its own spelling.
    pub faces: Vec<ExpectedMatch>,
}

/// A call or transfer, as evidence: `kind`, `source`, `call_id` or `transfer_id`.
pub type Piece = (&'static str, String, String);

/// The piece of evidence an event belongs to.
pub fn piece(event: &Event) -> Piece {
    (event.kind, event.source.clone(), event.piece_id().to_owned())
}

impl ExpectedSubject {
    /// The events of each call and transfer, the latest by time and id last.
    pub fn pieces(&self) -> BTreeMap<Piece, Vec<&Event>> {
        let mut pieces: BTreeMap<Piece, Vec<&Event>> = BTreeMap::new();
        for event in self.events.values() {
            pieces.entry(piece(event)).or_default().push(event);
        }
        for events in pieces.values_mut() {
            events.sort_by_key(|event| (event.time, &event.id));
        }
        pieces
    }
}

/// Everything.
#[derive(Debug, Default)]
pub struct Expected {
    /// By match id.
    pub matches: BTreeMap<String, ExpectedMatch>,
    /// By the position of the bad record.
    pub dead_letters: BTreeMap<Position, DeadLetter>,
    /// How many records of each feed ended how, each copy counted.
    pub outcomes: BTreeMap<(String, Outcome), u64>,
    /// By subject id.
    pub subjects: BTreeMap<String, ExpectedSubject>,
    /// Subjects left out because an event had too many, over all records.
    pub left_out: usize,
}

/// Says what must come out when all `registrants` are known before the first of `events` is read.
///
/// The records of one partition must stand in the order of their offsets.
///
/// # Panics
/// Where the input is of no use as a test: two different events with the same `source` and `id`.
pub fn expect(settings: &Settings, registrants: &[Record], events: &[Record]) -> Expected {
    let registry = Registry::read(registrants);
    let matcher = Matcher::new(settings, &registry);
    let mut out = Expected::default();
    for (index, reason) in &registry.bad {
        out.dead(&registrants[*index], *reason);
    }
    let mut arrivals = Arrivals::default();
    for record in events {
        let event = match Event::read(record) {
            Ok(event) => event,
            Err(reason) => {
                out.end(record, Outcome::DeadLettered);
                out.dead(record, reason);
                continue;
            }
        };
        arrivals.note(record, &event);
        match matcher.find(&event) {
            Ok(Found::Subjects(matches, left_out)) => {
                out.left_out += left_out;
                out.end(record, Outcome::Matched);
                for found in matches {
                    out.matched(found, &event);
                }
            }
            Ok(Found::Allowed) => out.end(record, Outcome::Allowed),
            Ok(Found::Unmatched) => out.end(record, Outcome::Unmatched),
            Err(reason) => {
                out.end(record, Outcome::DeadLettered);
                out.dead(record, reason);
            }
        }
    }
    for subject in out.subjects.values_mut() {
        judge(subject, &arrivals);
    }
    out
}

impl Expected {
    fn end(&mut self, record: &Record, outcome: Outcome) {
        *self.outcomes.entry((record.topic.clone(), outcome)).or_default() += 1;
    }

    fn dead(&mut self, record: &Record, reason: Reason) {
        let length = record.value.as_ref().map_or(0, Vec::len);
        let cut = length > LARGEST_KEPT;
        let mut value = record.value.clone();
        if let (true, Some(value)) = (cut, value.as_mut()) {
            value.truncate(LARGEST_VALUE);
        }
        self.dead_letters.insert(
            record.position(),
            DeadLetter {
                reason,
                key: record.key.clone(),
                headers: record.headers.clone(),
                value,
                truncated: cut.then_some(length),
                timestamp_ms: record.timestamp_ms,
            },
        );
    }

    fn matched(&mut self, found: ExpectedMatch, event: &Event) {
        let subject = self.subjects.entry(found.subject_id.clone()).or_default();
        subject.events.insert((event.source.clone(), event.id.clone()), event.clone());
        if let Some(same) = self.matches.get(&found.match_id) {
            assert_eq!(same, &found, "the input has two events of one source and id");
            return;
        }
        let described = |m: &ExpectedMatch| (m.json["subject"].clone(), m.json["trusted_contacts"].clone());
        if !subject.faces.iter().any(|face| described(face) == described(&found)) {
            subject.faces.push(found.clone());
        }
        self.matches.insert(found.match_id.clone(), found);
    }
}

/// Where each event lies in the feed, copies included.
#[derive(Default)]
struct Arrivals(BTreeMap<(String, String), Vec<(i32, i64)>>);

impl Arrivals {
    fn note(&mut self, record: &Record, event: &Event) {
        let id = (event.source.clone(), event.id.clone());
        self.0.entry(id).or_default().push((record.partition, record.offset));
    }

    /// The events in the order of their first arrival, if all their copies lie in one partition.
    fn pinned<'a>(&self, events: &[&'a Event]) -> Option<Vec<&'a Event>> {
        let mut order = Vec::new();
        let mut partitions: BTreeSet<i32> = BTreeSet::new();
        for event in events {
            let copies = &self.0[&(event.source.clone(), event.id.clone())];
            partitions.extend(copies.iter().map(|(partition, _)| partition));
            order.push((copies.iter().map(|(_, offset)| *offset).min(), *event));
        }
        order.sort_by_key(|(offset, _)| *offset);
        (partitions.len() == 1).then(|| order.into_iter().map(|(_, event)| event).collect())
    }
}

fn judge(subject: &mut ExpectedSubject, arrivals: &Arrivals) {
    subject.opened = subject.events.values().any(Event::can_open);
    let mut transfers = BTreeMap::new();
    for ((kind, source, id), events) in subject.pieces() {
        if kind == "transfer" {
            transfers.insert((source, id), telling(&events, arrivals));
        }
    }
    subject.transfers = transfers;
}

/// `events` are those of one transfer, the latest last.
fn telling(events: &[&Event], arrivals: &Arrivals) -> Telling {
    if !events.iter().any(|event| event.can_open()) {
        return Telling::MustNot;
    }
    // When the latest of all arrives, the transfer is accepted or settled in its latest state, whatever came before.
    if events.last().is_some_and(|event| event.can_open()) {
        return Telling::Must;
    }
    // In a known order: so it was at some time before the reversal or rejection arrived. That a bad state was not
    // remembered, for want of a case, can only add to what is told.
    let mut latest: Option<&Event> = None;
    for event in arrivals.pinned(events).unwrap_or_default() {
        if latest.is_none_or(|l| (l.time, &l.id) < (event.time, &event.id)) {
            latest = Some(event);
        }
        if latest.is_some_and(Event::can_open) {
            return Telling::Must;
        }
    }
    Telling::May
}
