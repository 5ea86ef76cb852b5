//! The loops that move records between Kafka and the core. They decide nothing: what a record comes to is the core's
//! word, how it is read and written is [`crate::kafka`]'s.

pub mod case_worker;
mod dead_letters;
pub mod envelope;
pub mod erasures_worker;
pub mod halt;
pub mod index_worker;
pub mod lookback;
pub mod match_worker;
mod matches;
pub mod notify_worker;
pub mod registrants_worker;
pub mod retention;
mod tally;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use backon::{BackoffBuilder, ExponentialBuilder};
use parking_lot::Mutex;

use crate::config::Config;
use crate::core::case::{ArchiveKey, CaseSettings};
use crate::core::case_engine::Outlets;
use crate::core::directory::{Areas, Directory};
use crate::core::erasure::Erasures;
use crate::core::identifier::TokenKey;
use crate::core::index::RegistrantIndex;
use crate::core::matching::{MatchSettings, Matcher};
use crate::core::message::Templates;
use crate::core::rules::RuleSet;
use crate::kafka::client::Connection;
use crate::kafka::error::Error;
use crate::kafka::watchdog::Watchdog;
use crate::lifecycle::{Readiness, Stop};
use crate::metrics::Metrics;

use halt::Halts;

/// What all workers of a process share.
pub struct Shared {
    /// The configuration.
    pub config: Config,
    /// How the brokers are reached.
    pub connection: Connection,
    /// Everything that is counted.
    pub metrics: Metrics,
    /// What is not ready yet.
    pub readiness: Readiness,
    /// Whether the process is to stop.
    pub stop: Stop,
    /// Ends the process when a call into Kafka hangs.
    pub watchdog: Watchdog,
    /// Who is registered.
    pub index: RegistrantIndex,
    /// What stage 1 allows and bounds.
    pub match_settings: MatchSettings,
    /// Names the subjects of the programme `precise`.
    pub token_key: TokenKey,
    /// The rules in force.
    pub rules: Arc<ArcSwap<RuleSet>>,
    /// The message templates in force.
    pub templates: Arc<ArcSwap<Templates>>,
    /// The directory in force.
    pub directory: Arc<ArcSwap<Directory>>,
    /// Deadlines and bounds of cases.
    pub case_settings: CaseSettings,
    /// Where notifications can go.
    pub outlets: Outlets,
    /// Hashes the ids of what leaves into the archive.
    pub archive_key: ArchiveKey,
    /// Partitions of `case-inputs` and `cases`.
    pub case_partitions: i32,
    /// How far the first filling of the index is.
    pub filling: Filling,
    /// Who is forgotten.
    pub erasures: Erasures,
    /// Whether they have been read; no registrant is before.
    pub erasures_read: Filling,
    /// Which feeds are paused.
    pub halts: Halts,
    /// Events that ended unmatched, held for a later registration.
    pub lookback: lookback::Window,
}

impl Shared {
    /// Stage 1 as it is now; `areas` are those of the directory in force.
    fn matcher<'m>(&'m self, areas: &'m Areas) -> Matcher<'m> {
        Matcher { index: &self.index, settings: &self.match_settings, areas, token_key: &self.token_key }
    }
}

/// The workers that have not reached the end of their partitions yet, of those that fill the index or read erasures.
/// No event is taken before all have.
pub struct Filling {
    left: Mutex<BTreeSet<usize>>,
    done: AtomicBool,
}

impl Filling {
    /// None of `workers` has.
    pub fn new(workers: usize) -> Self {
        Filling { left: Mutex::new((0..workers).collect()), done: AtomicBool::new(false) }
    }

    /// The worker in `slot` has; whether all have now.
    pub fn finished(&self, slot: usize) -> bool {
        let mut left = self.left.lock();
        left.remove(&slot);
        let done = left.is_empty();
        self.done.store(done, Ordering::Release);
        done
    }

    /// Whether all have.
    pub fn done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }
}

/// Runs one session of a worker after another until the process stops: an error that may pass ends a session, and the
/// next begins after a pause that grows while errors follow each other.
///
/// # Errors
/// Those that will not pass.
fn sessions(shared: &Shared, worker: &str, mut session: impl FnMut() -> Result<(), Error>) -> Result<(), Error> {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .with_jitter()
        .without_max_times();
    let mut pause = pauses.build();
    while !shared.stop.stopping() {
        let began = Instant::now();
        match session() {
            Ok(()) => {}
            Err(error @ Error::Broker { .. }) => {
                if began.elapsed() > Duration::from_secs(60) {
                    pause = pauses.build();
                }
                let wait = pause.next().unwrap_or(Duration::from_secs(5));
                shared.metrics.worker_restarts.inc();
                tracing::warn!(worker, %error, ?wait, "starting anew after an error");
                shared.readiness.waiting(worker, "starting anew after an error");
                shared.stop.wait(wait);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
