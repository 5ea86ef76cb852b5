//! Open cases by level and state, summed over the partitions a process holds.

use std::collections::HashMap;

use prometheus::Registry;

use super::family::{Family, Gauges2, Spec};
use super::label::{Label, OpenState};
use crate::core::case::State;
use crate::core::rules::Level;

/// The gauges; whoever holds a partition has a share in them.
#[derive(Clone, Debug)]
pub struct CasesOpen(Gauges2<Level, OpenState>);

impl Family for CasesOpen {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        Gauges2::register(registry, spec).map(Self)
    }
}

impl CasesOpen {
    /// The share of one partition; dropping it takes its cases out again.
    pub fn share(&self) -> OpenShare {
        OpenShare { gauges: self.0.clone(), counts: HashMap::new() }
    }
}

/// What one partition adds to the gauges.
#[derive(Debug)]
#[must_use = "its cases are counted only while it is held"]
pub struct OpenShare {
    gauges: Gauges2<Level, OpenState>,
    counts: HashMap<(usize, usize), (Level, OpenState, i64)>,
}

impl OpenShare {
    /// A case is there, or has come to this level and state.
    pub fn entered(&mut self, level: Level, state: State) {
        self.change(level, state, 1);
    }

    /// A case is gone, or has left this level and state.
    pub fn left(&mut self, level: Level, state: State) {
        self.change(level, state, -1);
    }

    /// So many cases are there at this level and in this state, beside those told before.
    pub fn holds(&mut self, level: Level, state: State, count: u64) {
        self.change(level, state, i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn change(&mut self, level: Level, state: State, by: i64) {
        let Some(state) = OpenState::of(state) else { return };
        self.gauges.of(level, state).add(by);
        self.counts.entry((level.index(), state.index())).or_insert((level, state, 0)).2 += by;
    }
}

impl Drop for OpenShare {
    fn drop(&mut self) {
        for (level, state, count) in self.counts.values() {
            self.gauges.of(*level, *state).sub(*count);
        }
    }
}
