//! What was registered since: what is still to be looked for, what a batch of events was decided without, and up to
//! where all of it is done.

use std::collections::VecDeque;

use super::events::{Tag, Wanted};
use super::positions::Positions;

/// The additions that match workers and the search have to know of.
///
/// Every addition has a number. A worker notes the highest before it decides about a batch: an addition it may have
/// missed has a higher one. Those are kept until no batch is left that may have missed them.
#[derive(Debug)]
pub(super) struct Registrations {
    number: u64,
    waiting: Wanted,
    recent: VecDeque<Addition>,
    /// By worker, the highest number when its present batch began.
    batches: Vec<Option<u64>>,
    applied: Positions,
    done: Positions,
}

#[derive(Clone, Copy, Debug)]
struct Addition {
    number: u64,
    tag: Tag,
    read_at: i64,
}

/// How far the registrations had come when they were taken to be looked for.
#[derive(Clone, Debug)]
#[must_use = "what was taken must be settled when all of it is matched"]
pub struct Upto {
    number: u64,
    positions: Positions,
}

impl Registrations {
    pub(super) fn new(workers: usize) -> Self {
        Registrations {
            number: 0,
            waiting: Wanted::default(),
            recent: VecDeque::new(),
            batches: vec![None; workers],
            applied: Positions::default(),
            done: Positions::default(),
        }
    }

    /// Everything of a partition of `registrants` before `next` is in the index; `added` came new with it.
    pub(super) fn applied(&mut self, partition: i32, next: i64, added: impl IntoIterator<Item = Tag>, read_at: i64) {
        self.applied.advance(partition, next);
        for tag in added {
            self.number += 1;
            let earliest = self.waiting.entry(tag).or_insert(read_at);
            *earliest = read_at.min(*earliest);
            self.recent.push_back(Addition { number: self.number, tag, read_at });
        }
    }

    pub(super) fn begin(&mut self, worker: usize) {
        if let Some(batch) = self.batches.get_mut(worker) {
            *batch = Some(self.number);
        }
    }

    pub(super) fn end(&mut self, worker: usize) {
        if let Some(batch) = self.batches.get_mut(worker) {
            *batch = None;
        }
        self.prune();
    }

    /// What the events of a worker's batch may have been decided without.
    pub(super) fn missed(&self, worker: usize) -> Wanted {
        let Some(began) = self.batches.get(worker).copied().flatten() else { return Wanted::default() };
        let mut missed = Wanted::default();
        for addition in self.recent.iter().rev().take_while(|addition| addition.number > began) {
            missed.insert(addition.tag, addition.read_at);
        }
        missed
    }

    /// What is to be looked for among the events held now.
    pub(super) fn take(&mut self) -> (Wanted, Upto) {
        self.prune();
        (std::mem::take(&mut self.waiting), Upto { number: self.number, positions: self.applied.clone() })
    }

    pub(super) fn waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// All that was found for what was taken is matched. Whether it is done, which it is not while a batch may have
    /// missed some of it.
    pub(super) fn settle(&mut self, upto: &Upto) -> bool {
        let settled = self.batches.iter().flatten().all(|began| *began >= upto.number);
        if settled && self.done != upto.positions {
            self.done.clone_from(&upto.positions);
            return true;
        }
        false
    }

    pub(super) fn done(&self) -> &Positions {
        &self.done
    }

    pub(super) fn applied_so_far(&self) -> &Positions {
        &self.applied
    }

    fn prune(&mut self) {
        let oldest = self.batches.iter().flatten().min().copied().unwrap_or(self.number);
        while self.recent.front().is_some_and(|addition| addition.number <= oldest) {
            self.recent.pop_front();
        }
    }
}
