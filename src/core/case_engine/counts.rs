//! How many cases there are.

use crate::core::case::State;
use crate::core::rules::Level;

/// How many cases there are by level and state, for `cases_open`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenCounts([[u64; State::ALL.len()]; Level::ALL.len()]);

impl OpenCounts {
    /// The number of cases of this level in this state.
    pub fn of(&self, level: Level, state: State) -> u64 {
        self.0.get(level as usize).and_then(|row| row.get(state as usize)).copied().unwrap_or(0)
    }

    /// The cells that `cases_open` shows: of every state but `closed`.
    pub fn open(&self) -> impl Iterator<Item = (Level, State, u64)> + '_ {
        let states = || State::ALL.iter().copied().filter(|state| *state != State::Closed);
        Level::ALL.into_iter().flat_map(move |level| states().map(move |state| (level, state, self.of(level, state))))
    }

    fn cell(&mut self, level: Level, state: State) -> Option<&mut u64> {
        self.0.get_mut(level as usize)?.get_mut(state as usize)
    }

    pub(super) fn add(&mut self, level: Level, state: State) {
        if let Some(cell) = self.cell(level, state) {
            *cell += 1;
        }
    }

    pub(super) fn remove(&mut self, level: Level, state: State) {
        if let Some(cell) = self.cell(level, state) {
            *cell = cell.saturating_sub(1);
        }
    }
}
