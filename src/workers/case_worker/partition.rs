//! One assigned partition of `case-inputs`: its cases, its clock and how far it has been read.

use chrono::{DateTime, Utc};

use crate::core::case_engine::{CaseBook, ChangesError, Moment};

/// A partition with its state restored.
pub struct Partition {
    /// The cases that live in it.
    pub book: CaseBook,
    /// The next offset to read, all inputs before it being in `book`.
    pub next: i64,
    /// The next offset as it was last committed.
    pub committed: i64,
    /// Whether a timer changed something since the last commit.
    pub timer_fired: bool,
    clock: DateTime<Utc>,
    at_end: bool,
}

impl Partition {
    /// A partition read up to `next`; -1 where nothing of it was ever read.
    pub fn new(book: CaseBook, next: i64) -> Self {
        Partition { book, next, committed: next, timer_fired: false, clock: DateTime::UNIX_EPOCH, at_end: false }
    }

    /// The partition has been read to its end: from now on the wall clock is its clock.
    pub fn reached_end(&mut self) {
        self.at_end = true;
    }

    /// Moves the clock to the record time of an input; it never goes back.
    pub fn input_at(&mut self, record_time: DateTime<Utc>, wall: DateTime<Utc>) -> Moment {
        self.at_end = false;
        self.clock = self.clock.max(record_time);
        Moment { clock: self.clock, wall }
    }

    /// The time by which timers may fire: the wall clock, but only where no input is waiting.
    pub fn idle_at(&mut self, wall: DateTime<Utc>) -> Option<Moment> {
        if !self.at_end {
            return None;
        }
        self.clock = self.clock.max(wall);
        Some(Moment { clock: self.clock, wall })
    }

    /// When its next timer is due, where the wall clock may fire it.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        if self.at_end { self.book.next_due() } else { None }
    }

    /// Whether there is something to commit.
    pub fn dirty(&self) -> bool {
        self.timer_fired || self.next != self.committed
    }

    /// The transaction with everything so far is committed.
    pub fn commit(&mut self) -> Result<(), ChangesError> {
        self.book.commit()?;
        self.committed = self.next;
        self.timer_fired = false;
        Ok(())
    }

    /// It was not: everything since the last commit is undone and will be read again.
    pub fn rollback(&mut self) {
        self.book.rollback();
        self.next = self.committed;
        self.timer_fired = false;
        self.at_end = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::from_millis;

    #[test]
    fn the_clock_never_goes_back_and_is_the_wall_clock_only_at_the_end() {
        let mut partition = Partition::new(CaseBook::new(), -1);
        assert!(partition.idle_at(from_millis(9_000)).is_none(), "inputs may be waiting");
        assert_eq!(partition.input_at(from_millis(5_000), from_millis(9_000)).clock, from_millis(5_000));
        assert_eq!(partition.input_at(from_millis(4_000), from_millis(9_000)).clock, from_millis(5_000));
        partition.reached_end();
        assert_eq!(partition.idle_at(from_millis(9_500)).map(|m| m.clock), Some(from_millis(9_500)));
        assert_eq!(partition.idle_at(from_millis(9_400)).map(|m| m.clock), Some(from_millis(9_500)));
        let _ = partition.input_at(from_millis(9_600), from_millis(9_600));
        assert!(partition.idle_at(from_millis(9_700)).is_none(), "another input may be waiting");
    }
}
