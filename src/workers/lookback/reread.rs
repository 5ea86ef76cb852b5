//! Reads windows again that another process, or an earlier session, has read before.

use std::time::Duration;

use chrono::Utc;

use crate::core::event::EventKind;
use crate::core::lookback::{Held, Positions, Reading};
use crate::core::matching::{Again, Matcher, stage1_again};
use crate::kafka::consumer::Polled;
use crate::kafka::error::Error;
use crate::kafka::recall::Recall;
use crate::kafka::record::Record;
use crate::kafka::watchdog::Leash;

use super::super::Shared;
use super::finder::Todo;
use super::now_ms;
use super::teller::{Due, Origin, Teller};

/// Records read again between two looks at new registrations.
const BATCH: usize = 1_000;

/// Records of a partition that are read again at most, in multiples of `matching.lookback_max_events`: of these at
/// least half must have ended unmatched for the window to be as full as before.
const MOST_IN_EVENTS: usize = 2;

/// The windows of one feed that are being read again; the other feed's wait, because the end of a partition does not
/// say of which topic.
#[derive(Default)]
pub(super) struct Rereads {
    kind: Option<EventKind>,
    under_way: Vec<Reread>,
    /// Whether the reader is at their positions.
    in_place: bool,
}

struct Reread {
    reading: Reading,
    /// Which registrations had been taken in when its events were first decided about.
    before: Positions,
    /// The record time the window begins at, milliseconds since 1970.
    since: i64,
    next: i64,
    read: bool,
    /// Events whose matches are under way.
    unacknowledged: usize,
    held: Vec<Held>,
}

impl Rereads {
    /// The reader was sent elsewhere.
    pub(super) fn interrupted(&mut self) {
        self.in_place = false;
    }

    /// The matches of an event of this window are safe.
    pub(super) fn acknowledged(&mut self, opening: u64) {
        if let Some(reread) = self.under_way.iter_mut().find(|reread| reread.reading.opening == opening) {
            reread.unacknowledged = reread.unacknowledged.saturating_sub(1);
        }
    }

    /// Lets go of windows that are read, and of those whose partition went.
    pub(super) fn finish(&mut self, shared: &Shared, todo: &mut Todo) {
        if self.under_way.is_empty() {
            return;
        }
        let in_place = &mut self.in_place;
        self.under_way.retain(|reread| {
            let reading = &reread.reading;
            let ours = is_ours(shared, reading);
            let done = reread.read && reread.unacknowledged == 0;
            if ours && !done {
                return true;
            }
            if done {
                shared.lookback.with(|lookback| lookback.read_again(reading));
            }
            todo.readings.retain(|other| other.opening != reading.opening);
            *in_place &= reread.read;
            false
        });
        if todo.readings.is_empty() {
            let held = shared.lookback.with(|lookback| lookback.events().held());
            tracing::info!(held, "unmatched events are held again");
        }
    }

    /// Reads a batch, or begins with the next feed.
    pub(super) fn read_on(
        &mut self,
        shared: &Shared,
        recall: &Recall,
        teller: &mut Teller<'_>,
        todo: &mut Todo,
        leash: &Leash,
    ) -> Result<(), Error> {
        if self.under_way.is_empty() {
            todo.readings.retain(|reading| is_ours(shared, reading));
            let Some(kind) = todo.readings.first().map(|reading| reading.place.kind) else { return Ok(()) };
            self.kind = Some(kind);
            self.in_place = false;
            self.under_way = plan(shared, recall, kind, todo)?;
        }
        let Some(kind) = self.kind else { return Ok(()) };
        if !self.in_place {
            let left = self.under_way.iter().filter(|reread| !reread.read);
            let positions: Vec<(i32, i64)> = left.map(|r| (r.reading.place.partition, r.next)).collect();
            if positions.is_empty() {
                return recall.rest();
            }
            recall.read(&shared.connection.topic(kind.topic()), &positions)?;
            self.in_place = true;
        }
        let _call = leash.watch("poll");
        self.read_batch(shared, recall, teller)
    }

    fn read_batch(&mut self, shared: &Shared, recall: &Recall, teller: &mut Teller<'_>) -> Result<(), Error> {
        let directory = shared.directory.load();
        let matcher = shared.matcher(directory.areas());
        let mut wait = Duration::from_millis(5);
        for _ in 0..BATCH {
            match recall.poll(wait)? {
                Polled::Record(record) => {
                    let Some(reread) = self.of(record.partition()) else { continue };
                    reread.take(&record, &matcher, teller)?;
                    if reread.read {
                        self.in_place = false;
                        break;
                    }
                    wait = Duration::ZERO;
                }
                Polled::End(partition) => {
                    if let Some(reread) = self.of(partition) {
                        reread.read = true;
                    }
                }
                // What was there a moment ago has been deleted: begin anew.
                Polled::OutOfRange => {
                    self.under_way.clear();
                    break;
                }
                Polled::Nothing => break,
            }
        }
        let now = now_ms();
        for reread in &mut self.under_way {
            if !reread.held.is_empty() {
                let (opening, held) = (reread.reading.opening, &mut reread.held);
                shared.lookback.with(|lookback| lookback.hold_again(opening, held, now));
            }
        }
        Ok(())
    }

    fn of(&mut self, partition: i32) -> Option<&mut Reread> {
        self.under_way.iter_mut().find(|reread| !reread.read && reread.reading.place.partition == partition)
    }
}

impl Reread {
    fn take(&mut self, record: &Record<'_>, matcher: &Matcher<'_>, teller: &mut Teller<'_>) -> Result<(), Error> {
        self.next = record.offset() + 1;
        self.read = self.next >= self.reading.end;
        let time = record.timestamp().unwrap_or_else(now_ms);
        if record.offset() >= self.reading.end || time < self.since {
            return Ok(());
        }
        let place = self.reading.place;
        let before = Some(&self.before);
        let (again, trace) = stage1_again(place.kind, record.headers(), record.value(), matcher, Utc::now(), before);
        match again {
            Again::Unmatched(keys) => self.held.push(Held::new(place, record.offset(), time, &keys)),
            Again::Due { matches, beyond } => {
                let due = Due { record, kind: place.kind, matches: &matches, beyond, trace: trace.as_deref() };
                teller.tell(&due, Origin::Reread(self.reading.opening))?;
                self.unacknowledged += 1;
            }
            Again::Settled => {}
        }
        Ok(())
    }
}

/// Whether the partition is still held as it was when the reading was asked for.
fn is_ours(shared: &Shared, reading: &Reading) -> bool {
    shared.lookback.with(|lookback| lookback.events().opening(reading.place) == Some(reading.opening))
}

/// Where the windows of a feed begin.
fn plan(shared: &Shared, recall: &Recall, kind: EventKind, todo: &Todo) -> Result<Vec<Reread>, Error> {
    let topic = shared.connection.topic(kind.topic());
    let since = now_ms() - shared.lookback.millis;
    let readings: Vec<&Reading> = todo.readings.iter().filter(|reading| reading.place.kind == kind).collect();
    let partitions: Vec<i32> = readings.iter().map(|reading| reading.place.partition).collect();
    let starts = recall.first_since(&topic, &partitions, since)?;
    let most = i64::try_from(shared.lookback.most.saturating_mul(MOST_IN_EVENTS)).unwrap_or(i64::MAX);
    let mut recent = None;
    let mut rereads = Vec::with_capacity(readings.len());
    for reading in readings {
        let partition = reading.place.partition;
        let start = starts.iter().find(|(p, _)| *p == partition).map_or(reading.end, |(_, offset)| *offset);
        let before = match (Positions::parse(&reading.marker), &mut recent) {
            (Some(positions), _) => positions,
            (None, Some(positions)) => Positions::clone(positions),
            (None, none) => none.insert(by_time(shared, recall, since)?).clone(),
        };
        let next = start.max(reading.end.saturating_sub(most));
        let reading = reading.clone();
        let read = next >= reading.end;
        rereads.push(Reread { reading, before, since, next, read, unacknowledged: 0, held: Vec::new() });
    }
    Ok(rereads)
}

/// Where nothing stands beside the committed offset: who registered within the window may have come after any of its
/// events, whoever registered before it did not.
fn by_time(shared: &Shared, recall: &Recall, since: i64) -> Result<Positions, Error> {
    let known = shared.lookback.with(|lookback| lookback.index_positions().partitions());
    let partitions: Vec<i32> = (0..known).collect();
    let mut positions = Positions::default();
    if !partitions.is_empty() {
        let topic = shared.connection.topic("registrants");
        for (partition, offset) in recall.first_since(&topic, &partitions, since)? {
            positions.advance(partition, offset);
        }
    }
    Ok(positions)
}
