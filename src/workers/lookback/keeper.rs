//! A match worker's side of the look-back.

use std::sync::Arc;

use crate::core::event::EventKind;
use crate::core::lookback::{Held, Place};
use crate::core::matching::VictimKeys;
use crate::kafka::record::Record;

use super::super::Shared;
use super::now_ms;

/// Gathers what a batch of events left unmatched; the lock is taken twice a batch.
pub struct Keeper<'a> {
    shared: &'a Shared,
    worker: usize,
    batch: Vec<Held>,
}

impl<'a> Keeper<'a> {
    /// Of the match worker in this slot.
    pub fn new(shared: &'a Shared, worker: usize) -> Self {
        Keeper { shared, worker, batch: Vec::new() }
    }

    /// Events are about to be decided about.
    pub fn begin(&self) {
        if self.shared.lookback.is_on() {
            self.shared.lookback.with(|lookback| lookback.begin(self.worker));
        }
    }

    /// An event ended unmatched.
    pub fn hold(&mut self, kind: EventKind, record: &Record<'_>, keys: &VictimKeys) {
        if self.shared.lookback.is_on() {
            let place = Place { kind, partition: record.partition() };
            let time = record.timestamp().unwrap_or_else(now_ms);
            self.batch.push(Held::new(place, record.offset(), time, keys));
        }
    }

    /// Hands over what was held since the batch began: before any of its offsets is stored, and before partitions come
    /// or go.
    pub fn hand_over(&mut self) {
        if !self.shared.lookback.is_on() {
            return;
        }
        let (worker, batch) = (self.worker, &mut self.batch);
        let now = now_ms();
        let (dropped, held) = self.shared.lookback.with(|lookback| {
            let dropped = lookback.take_in(worker, batch, now);
            (dropped, lookback.events().held())
        });
        self.shared.metrics.lookback_events.set(i64::try_from(held).unwrap_or(i64::MAX));
        if dropped > 0 {
            self.shared.metrics.lookback_dropped.inc_by(dropped as u64);
        }
    }

    /// A partition came, to be read from `committed` on; `marker` was stored beside that.
    pub fn opened(&self, kind: EventKind, partition: i32, committed: Option<i64>, marker: &str) {
        if self.shared.lookback.is_on() {
            let place = Place { kind, partition };
            self.shared.lookback.with(|lookback| lookback.opened(self.worker, place, committed, marker));
        }
    }

    /// All partitions went.
    pub fn closed(&mut self) {
        self.batch.clear();
        if self.shared.lookback.is_on() {
            self.shared.lookback.with(|lookback| lookback.closed(self.worker));
        }
    }

    /// What to store beside an offset of a partition.
    pub fn marker(&self, kind: EventKind, partition: i32) -> Arc<str> {
        if !self.shared.lookback.is_on() {
            return Arc::from("");
        }
        self.shared.lookback.with(|lookback| lookback.marker(self.worker, Place { kind, partition }))
    }
}

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        self.closed();
    }
}
