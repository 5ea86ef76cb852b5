//! Finds held events for what was registered, reads them again and matches them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use chrono::Utc;

use crate::core::lookback::{Hit, Place, Reading};
use crate::core::matching::{Again, stage1_again};
use crate::kafka::consumer::Polled;
use crate::kafka::error::Error;
use crate::kafka::recall::Recall;
use crate::kafka::record::Record;
use crate::kafka::watchdog::Leash;

use super::super::{Shared, sessions};
use super::WORKER;
use super::reread::Rereads;
use super::teller::{Due, Origin, Teller};

/// How long to wait for something to do. Positions that moved without anything new are noticed as late as this.
const IDLE: Duration = Duration::from_millis(50);

/// Held events read again between two looks at what was acknowledged.
const BATCH: usize = 500;

/// Events with matches under way, above which reading waits.
const MAX_UNDER_WAY: usize = 5_000;

/// Records between two wanted ones up to which reading on is cheaper than asking anew.
const GAP: i64 = 1_000;

/// How long a record may be waited for before the session starts anew.
const PATIENCE: Duration = Duration::from_secs(8);

/// Runs until the process stops.
///
/// # Errors
/// What makes going on pointless.
pub fn run(shared: &Shared) -> Result<(), Error> {
    let mut todo = Todo::default();
    sessions(shared, WORKER, || Session::start(shared)?.run(&mut todo))
}

/// What is left to do, whatever becomes of a session.
#[derive(Default)]
pub(super) struct Todo {
    /// Events that may be due.
    pub(super) hits: BTreeSet<Hit>,
    /// Windows to be read again.
    pub(super) readings: Vec<Reading>,
}

struct Session<'a> {
    shared: &'a Shared,
    recall: Recall,
    teller: Teller<'a>,
    rereads: Rereads,
    /// Hits whose matches are under way.
    told: BTreeSet<Hit>,
    leash: Leash,
}

impl<'a> Session<'a> {
    fn start(shared: &'a Shared) -> Result<Self, Error> {
        shared.readiness.ready(WORKER);
        Ok(Session {
            shared,
            recall: Recall::open(&shared.connection, WORKER)?,
            teller: Teller::new(shared)?,
            rereads: Rereads::default(),
            told: BTreeSet::new(),
            leash: shared.watchdog.leash(WORKER, shared.config.kafka.watchdog),
        })
    }

    fn run(mut self, todo: &mut Todo) -> Result<(), Error> {
        let result = self.work(todo);
        self.recall.close(Duration::from_secs(2));
        result
    }

    fn work(&mut self, todo: &mut Todo) -> Result<(), Error> {
        while !self.shared.stop.stopping() {
            let idle = todo.hits.is_empty() && todo.readings.is_empty();
            let work = self.shared.lookback.work(if idle { IDLE } else { Duration::ZERO });
            todo.readings.extend(work.readings);
            todo.hits.extend(work.late);
            todo.hits.extend(self.shared.lookback.find(&work.wanted));
            if self.teller.under_way() < MAX_UNDER_WAY {
                self.follow(todo)?;
                let leash = self.leash.clone();
                self.rereads.read_on(self.shared, &self.recall, &mut self.teller, todo, &leash)?;
                self.teller.send_now();
            }
            let waiting = self.teller.under_way() > 0;
            let done = self.teller.settle(if waiting { Duration::from_millis(2) } else { Duration::ZERO })?;
            self.take_note(done, todo);
            if todo.hits.is_empty() {
                self.shared.lookback.with(|lookback| lookback.settle(&work.upto));
            }
        }
        let done = self.teller.finish(Duration::from_secs(2))?;
        self.take_note(done, todo);
        Ok(())
    }

    fn take_note(&mut self, done: Vec<Origin>, todo: &mut Todo) {
        for origin in done {
            match origin {
                Origin::Held(hit) => {
                    self.told.remove(&hit);
                    todo.hits.remove(&hit);
                    self.shared.lookback.with(|lookback| lookback.matched(&hit));
                }
                Origin::Reread(opening) => self.rereads.acknowledged(opening),
            }
        }
        self.rereads.finish(self.shared, todo);
    }

    /// Reads found events again and sends their matches.
    fn follow(&mut self, todo: &mut Todo) -> Result<(), Error> {
        let mut by_place: BTreeMap<Place, Vec<Hit>> = BTreeMap::new();
        for hit in todo.hits.iter().filter(|hit| !self.told.contains(*hit)).take(BATCH) {
            by_place.entry(hit.place).or_default().push(*hit);
        }
        for (place, hits) in by_place {
            // Whoever holds a partition that was taken away reads its window again.
            let is_open = |hit: &Hit| self.shared.lookback.with(|lookback| lookback.events().is_open(hit));
            let (open, gone): (Vec<Hit>, Vec<Hit>) = hits.into_iter().partition(is_open);
            self.forget(&gone, todo);
            if !open.is_empty() {
                self.rereads.interrupted();
                let gone = self.follow_in(place, open, todo)?;
                self.forget(&gone, todo);
            }
        }
        Ok(())
    }

    /// Takes events off that are no longer there to be read, or not ours.
    fn forget(&self, hits: &[Hit], todo: &mut Todo) {
        for hit in hits {
            todo.hits.remove(hit);
            self.shared.lookback.with(|lookback| lookback.matched(hit));
        }
    }

    /// Reads found events of one partition, in order of their offsets; those that are gone from the topic.
    fn follow_in(&mut self, place: Place, hits: Vec<Hit>, todo: &mut Todo) -> Result<Vec<Hit>, Error> {
        let topic = self.shared.connection.topic(place.kind.topic());
        let (first, end) = self.recall.held(&topic, place.partition)?;
        let is_there = |hit: &Hit| (first..end).contains(&hit.offset);
        let (wanted, mut gone): (Vec<Hit>, Vec<Hit>) = hits.into_iter().partition(is_there);
        let mut wanted = VecDeque::from(wanted);
        let mut at: Option<i64> = None;
        let mut since = Instant::now();
        while let Some(hit) = wanted.front().copied() {
            if at.is_none_or(|at| hit.offset - at > GAP) {
                self.recall.read(&topic, &[(place.partition, hit.offset)])?;
                at = Some(hit.offset);
            }
            let leash = self.leash.clone();
            let _call = leash.watch("poll");
            match self.recall.poll(Duration::from_millis(20))? {
                Polled::Record(record) => {
                    since = Instant::now();
                    at = Some(record.offset() + 1);
                    while let Some(passed) = wanted.pop_front_if(|hit| hit.offset < record.offset()) {
                        gone.push(passed);
                    }
                    if wanted.pop_front_if(|hit| hit.offset == record.offset()).is_some() {
                        let hit = Hit { offset: record.offset(), ..hit };
                        match_held(self.shared, &mut self.teller, &mut self.told, &record, hit, todo)?;
                    }
                }
                Polled::End(partition) if partition == place.partition => gone.extend(wanted.drain(..)),
                Polled::OutOfRange => return Err(missing("out_of_range", "a held event is gone")),
                Polled::Nothing if since.elapsed() > PATIENCE => {
                    return Err(missing("timed_out", "a held event does not come"));
                }
                Polled::Nothing | Polled::End(_) if self.shared.stop.stopping() => break,
                Polled::Nothing | Polled::End(_) => {}
            }
        }
        self.recall.rest()?;
        Ok(gone)
    }
}

fn missing(tag: &'static str, detail: &str) -> Error {
    Error::Broker { what: "read again", tag, detail: detail.into() }
}

fn match_held(
    shared: &Shared,
    teller: &mut Teller<'_>,
    told: &mut BTreeSet<Hit>,
    record: &Record<'_>,
    hit: Hit,
    todo: &mut Todo,
) -> Result<(), Error> {
    let kind = hit.place.kind;
    let directory = shared.directory.load();
    let matcher = shared.matcher(directory.areas());
    let (again, trace) = stage1_again(kind, record.headers(), record.value(), &matcher, Utc::now(), None);
    match again {
        Again::Due { matches, beyond } => {
            told.insert(hit);
            let due = Due { record, kind, matches: &matches, beyond, trace: trace.as_deref() };
            teller.tell(&due, Origin::Held(hit))?;
        }
        // Withdrawn again, or half a key in common.
        Again::Unmatched(_) => {
            todo.hits.remove(&hit);
        }
        Again::Settled => {
            todo.hits.remove(&hit);
            shared.lookback.with(|lookback| lookback.matched(&hit));
        }
    }
    Ok(())
}
