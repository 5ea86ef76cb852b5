//! The retroactive match (contract 5): what ended unmatched is held for a while, and matched when somebody registers.
//!
//! Three kinds of threads meet in [`Window`]: match workers hand over what ended unmatched ([`Keeper`]), index workers
//! say who came new, and the thread [`WORKER`] finds, reads again and matches. See [`crate::core::lookback`] for why
//! nothing is missed between them.

mod finder;
mod keeper;
mod reread;
mod teller;

use std::time::Duration;

use chrono::Utc;
use parking_lot::{Condvar, Mutex};

use crate::config::MatchingConfig;
use crate::core::identifier::IndexKey;
use crate::core::lookback::{Hit, Lookback, Wanted, Work};

pub use finder::run;
pub use keeper::Keeper;

/// The name of the thread that matches what was held.
pub const WORKER: &str = "lookback";

/// The look-back of this process, shared by all its threads.
pub struct Window {
    on: bool,
    millis: i64,
    most: usize,
    lookback: Mutex<Lookback>,
    bell: Condvar,
}

impl Window {
    /// An empty one, as `matching.lookback` and `matching.lookback_max_events` say, for `workers` match workers.
    pub fn new(config: &MatchingConfig, workers: usize) -> Self {
        let millis = i64::try_from(config.lookback.as_millis()).unwrap_or(i64::MAX);
        let most = config.lookback_max_events;
        Window {
            on: millis > 0 && most > 0,
            millis,
            most,
            lookback: Mutex::new(Lookback::new(millis, most, workers)),
            bell: Condvar::new(),
        }
    }

    /// Whether anything is held at all.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Everything of a partition of `registrants` before `next` is in the index; `added` are the keys that came new
    /// with the last of it.
    pub fn applied(&self, partition: i32, next: i64, added: &[IndexKey]) {
        if self.on {
            self.lookback.lock().applied(partition, next, added, now_ms());
            if !added.is_empty() {
                self.bell.notify_one();
            }
        }
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Lookback) -> T) -> T {
        let mut lookback = self.lookback.lock();
        let result = use_it(&mut lookback);
        if lookback.has_work() {
            self.bell.notify_one();
        }
        result
    }

    /// What there is to do, waited for no longer than `wait`.
    fn work(&self, wait: Duration) -> Work {
        let mut lookback = self.lookback.lock();
        if !wait.is_zero() && !lookback.has_work() {
            self.bell.wait_for(&mut lookback, wait);
        }
        lookback.work()
    }

    /// The held events that one of `wanted` may find. Partition by partition: nobody else may have to wait for longer.
    fn find(&self, wanted: &Wanted) -> Vec<Hit> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let places = self.lookback.lock().events().places();
        places.into_iter().flat_map(|place| self.lookback.lock().events().find(place, wanted)).collect()
    }
}

/// The wall clock, milliseconds since 1970.
fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}
