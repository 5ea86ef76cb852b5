//! The look-back: events that ended unmatched, held for a while in case somebody registers (contract 5).
//!
//! Match workers decide, the index takes registrations in, and a search matches what was held; none waits for another.
//! That no pair of event and registration is missed rests on three rules:
//!
//! * A worker notes how far the additions have come before it decides about a batch, and hands the batch over before
//!   it stores an offset. An event decided without a registration is found either by the search, because it was handed
//!   over before, or when it is handed over, because the registration has a higher number than was noted.
//! * [`Lookback::settle`] moves the positions that stand beside committed offsets only when nothing found is left to
//!   match and no batch is under way that may have missed a registration before them. So what was committed says: of
//!   the events before this offset, those that registrations before these positions find are matched.
//! * Whoever holds the partition next reads its window again with that: an event that a record from those positions on
//!   finds, and no record before them, ended unmatched and is due.

mod events;
mod positions;
mod registrations;

use std::sync::Arc;

use super::identifier::IndexKey;
use registrations::Registrations;

pub use events::{Events, Held, Hit, Place, Tag, Wanted, tag};
pub use positions::Positions;
pub use registrations::Upto;

/// A window to be read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The partition.
    pub place: Place,
    /// Which opening of it.
    pub opening: u64,
    /// The first offset that is read live.
    pub end: i64,
    /// What was stored beside it: see [`Positions::parse`].
    pub marker: Arc<str>,
}

/// The look-back of a process.
#[derive(Debug)]
pub struct Lookback {
    events: Events,
    registrations: Registrations,
    /// Found as they were handed over.
    late: Vec<Hit>,
    readings: Vec<Reading>,
    /// By worker, the partitions it holds.
    owned: Vec<Vec<Owned>>,
    done_text: Arc<str>,
}

#[derive(Debug)]
struct Owned {
    place: Place,
    opening: u64,
    /// What stands beside its offset while its window is being read again.
    marker: Option<Arc<str>>,
}

/// What there is for the search to do.
#[derive(Debug)]
pub struct Work {
    /// What to look for.
    pub wanted: Wanted,
    /// Found already, without looking.
    pub late: Vec<Hit>,
    /// Windows to be read again.
    pub readings: Vec<Reading>,
    /// To be settled when nothing of this is left.
    pub upto: Upto,
}

impl Lookback {
    /// Holds at most `most` events of `workers` workers, each for `window` milliseconds.
    pub fn new(window: i64, most: usize, workers: usize) -> Self {
        Lookback {
            events: Events::new(window, most),
            registrations: Registrations::new(workers),
            late: Vec::new(),
            readings: Vec::new(),
            owned: (0..workers).map(|_| Vec::new()).collect(),
            done_text: Arc::from(""),
        }
    }

    /// The events held.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// A worker is about to decide about a batch.
    pub fn begin(&mut self, worker: usize) {
        self.registrations.begin(worker);
    }

    /// A worker hands over what ended unmatched of its batch; how many events were given up too early for it, because
    /// there are too many. A record time that is still to come counts as now, or the events of a producer whose clock
    /// is wrong would outlive all others.
    pub fn take_in(&mut self, worker: usize, batch: &mut Vec<Held>, now: i64) -> usize {
        let missed = self.registrations.missed(worker);
        // Most often the next event is of the same partition.
        let mut last: Option<(Place, u64)> = None;
        for mut held in batch.drain(..) {
            held.time = held.time.min(now);
            let opening = match last {
                Some((place, opening)) if place == held.place => opening,
                _ => match owned(&mut self.owned, worker, held.place) {
                    Some(owned) => owned.opening,
                    None => continue,
                },
            };
            last = Some((held.place, opening));
            self.events.hold(opening, &held);
            if !missed.is_empty() && held.is_found_by(&missed, self.events.window()) {
                self.late.push(Hit { place: held.place, opening, offset: held.offset });
            }
        }
        self.registrations.end(worker);
        self.events.trim(now)
    }

    /// A partition came to a worker: read live from `committed` on, with `marker` stored beside that. What lies before
    /// is to be read again; without a committed offset nothing does.
    pub fn opened(&mut self, worker: usize, place: Place, committed: Option<i64>, marker: &str) {
        let opening = self.events.open(place, committed.unwrap_or(0));
        let marker: Option<Arc<str>> = committed.map(|_| Arc::from(marker));
        if let (Some(end), Some(marker)) = (committed, &marker) {
            self.readings.push(Reading { place, opening, end, marker: Arc::clone(marker) });
        }
        if let Some(owned) = self.owned.get_mut(worker) {
            owned.retain(|owned| owned.place != place);
            owned.push(Owned { place, opening, marker });
        }
    }

    /// A worker lost its partitions, or ends.
    pub fn closed(&mut self, worker: usize) {
        self.registrations.end(worker);
        for owned in self.owned.get_mut(worker).map(std::mem::take).unwrap_or_default() {
            // Another worker may have been given it by now.
            if self.events.opening(owned.place) == Some(owned.opening) {
                self.events.close(owned.place);
            }
        }
    }

    /// What to store beside an offset of a partition that is safe.
    pub fn marker(&mut self, worker: usize, place: Place) -> Arc<str> {
        let marker = owned(&mut self.owned, worker, place).and_then(|owned| owned.marker.clone());
        marker.unwrap_or_else(|| Arc::clone(&self.done_text))
    }

    /// Everything of a partition of `registrants` before `next` is in the index; `added` are the keys that came new
    /// with the last of it, read at `read_at`.
    pub fn applied(&mut self, partition: i32, next: i64, added: &[IndexKey], read_at: i64) {
        self.registrations.applied(partition, next, added.iter().map(tag), read_at);
    }

    /// Whether there is something for [`Lookback::work`] to hand out.
    pub fn has_work(&self) -> bool {
        self.registrations.waiting() || !self.late.is_empty() || !self.readings.is_empty()
    }

    /// Hands out what there is to do.
    pub fn work(&mut self) -> Work {
        let (wanted, upto) = self.registrations.take();
        Work { wanted, late: std::mem::take(&mut self.late), readings: std::mem::take(&mut self.readings), upto }
    }

    /// Holds events of a window that is read again; those that are too many are not counted a second time.
    pub fn hold_again(&mut self, opening: u64, batch: &mut Vec<Held>, now: i64) {
        for mut held in batch.drain(..) {
            held.time = held.time.min(now);
            self.events.hold(opening, &held);
        }
        let _ = self.events.trim(now);
    }

    /// A window has been read again, and what was due of it is matched.
    pub fn read_again(&mut self, reading: &Reading) {
        for owned in self.owned.iter_mut().flatten().filter(|owned| owned.opening == reading.opening) {
            owned.marker = None;
        }
    }

    /// A found event is matched, and held no longer.
    pub fn matched(&mut self, hit: &Hit) {
        self.events.release(hit);
    }

    /// Nothing of the work that was handed out with `upto` is left to do.
    pub fn settle(&mut self, upto: &Upto) {
        if self.late.is_empty() && self.registrations.settle(upto) {
            self.done_text = Arc::from(self.registrations.done().to_text());
        }
    }

    /// How far the index has come.
    pub fn index_positions(&self) -> &Positions {
        self.registrations.applied_so_far()
    }
}

fn owned(owned: &mut [Vec<Owned>], worker: usize, place: Place) -> Option<&mut Owned> {
    owned.get_mut(worker)?.iter_mut().find(|owned| owned.place == place)
}
