//! The timers of a book, in the order in which they fire.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::keys::{CaseKey, SubjectKey};

/// When the clock does something to a case. Timers fire in the order of the fields: by moment, then by case id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// The moment.
    pub due: DateTime<Utc>,
    /// The case.
    pub case: CaseKey,
    /// Whose case it is.
    pub subject: SubjectKey,
}

/// All timers of a book. Setting, cancelling and finding the next are logarithmic in their number; a cancelled one is
/// gone at once, with its memory.
#[derive(Debug, Default)]
pub struct TimerBook(BTreeSet<Timer>);

impl TimerBook {
    /// Sets a timer.
    pub fn set(&mut self, timer: Timer) {
        self.0.insert(timer);
    }

    /// Takes a timer away, because it has fired or must not; whether it was there.
    pub fn cancel(&mut self, timer: &Timer) -> bool {
        self.0.remove(timer)
    }

    /// The timer that fires next.
    pub fn next(&self) -> Option<&Timer> {
        self.0.first()
    }

    /// How many are set.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Timer> for TimerBook {
    /// Sets many at once, in less time and memory than one by one.
    fn from_iter<I: IntoIterator<Item = Timer>>(timers: I) -> Self {
        TimerBook(timers.into_iter().collect())
    }
}
