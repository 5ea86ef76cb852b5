//! One assigned partition of `case-inputs`: its cases, and how far it has been read.

use chrono::{DateTime, Utc};

use crate::core::case_engine::{CaseBook, ChangesError};

/// A partition with its state restored.
pub struct Partition {
    /// The cases that live in it; the book keeps the partition's clock, which never goes back.
    pub book: CaseBook,
    /// The next offset to read, all inputs before it being in `book`; -1 where nothing was ever read.
    pub next: i64,
    /// The next offset as it was last committed.
    pub committed: i64,
    /// Whether a timer changed something since the last commit.
    pub timer_fired: bool,
    at_end: bool,
}

impl Partition {
    /// A partition read up to `next`; -1 where nothing of it was ever read.
    pub fn new(book: CaseBook, next: i64) -> Self {
        Partition { book, next, committed: next, timer_fired: false, at_end: false }
    }

    /// The partition has been read to its end: from now on the wall clock is its clock.
    pub fn reached_end(&mut self) {
        self.at_end = true;
    }

    /// Inputs are waiting: the end comes after them.
    pub fn inputs_wait(&mut self) {
        self.at_end = false;
    }

    /// An input was read: others may be waiting behind it.
    pub fn read(&mut self, offset: i64) {
        self.next = offset + 1;
        self.at_end = false;
    }

    /// Reading goes on at `next`, whatever was there before.
    pub fn skip_to(&mut self, next: i64) {
        self.next = next;
        self.at_end = false;
    }

    /// Whether the wall clock may fire a timer by now: one is due and no input is known to wait.
    pub fn due_by(&self, wall: DateTime<Utc>) -> bool {
        self.next_due().is_some_and(|due| due <= wall)
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

    #[test]
    fn what_was_not_committed_is_read_again_and_the_end_must_be_found_again() {
        let mut partition = Partition::new(CaseBook::new(), 5);
        assert!(!partition.dirty());
        partition.read(5);
        partition.reached_end();
        assert!(partition.dirty());
        partition.rollback();
        assert_eq!((partition.next, partition.at_end, partition.dirty()), (5, false, false));
        partition.read(5);
        partition.commit().unwrap();
        assert_eq!((partition.next, partition.committed, partition.dirty()), (6, 6, false));
    }
}
