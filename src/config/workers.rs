//! `[workers]`: how many threads do what.

use std::thread;

use serde::Deserialize;

use super::error::Problems;

/// Numbers of threads; 0 stands for one per core.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkersConfig {
    /// `workers.match`: threads that match events. Default 0. Read it through [`super::Config::match_workers`].
    #[serde(rename = "match")]
    pub matching: usize,
    /// `workers.cases`: threads that keep cases. Default 0. Read it through [`super::Config::case_workers`].
    pub cases: usize,
}

impl WorkersConfig {
    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        problems.range("workers.match", self.matching, 0..=256);
        problems.range("workers.cases", self.cases, 0..=256);
    }
}

/// A worker without a partition would only hold a connection, hence the bound.
pub(super) fn resolve(configured: usize, partitions: u16) -> usize {
    if configured > 0 {
        return configured;
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    cores.min(usize::from(partitions)).max(1)
}
