//! Pauses a feed of which too many records are bad, until an operator says that it may go on
//! (`dead_letters.halt_ratio`, contract 11).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::core::event::EventKind;
use crate::metrics::Metrics;

/// Records a share is reckoned over at least: a single bad record after a quiet hour is no flood.
const LEAST_RECORDS: u64 = 100;

/// Records after which reckoning begins anew.
const WINDOW_RECORDS: u64 = 10_000;

/// Which feeds are paused. Clones are the same.
#[derive(Clone)]
pub struct Halts(Arc<Inner>);

struct Inner {
    ratio: Option<f64>,
    feeds: [Feed; 2],
    metrics: Metrics,
}

#[derive(Default)]
struct Feed {
    halted: AtomicBool,
    /// Records and bad ones among them, of the present window.
    window: Mutex<(u64, u64)>,
}

const KINDS: [EventKind; 2] = [EventKind::Call, EventKind::Transfer];

impl Halts {
    /// Nothing is paused; `ratio` is `dead_letters.halt_ratio`, `None` for never.
    pub fn new(ratio: Option<f64>, metrics: Metrics) -> Self {
        Halts(Arc::new(Inner { ratio, feeds: Default::default(), metrics }))
    }

    /// Whether the feed is paused.
    pub fn halted(&self, kind: EventKind) -> bool {
        self.0.feeds[kind as usize].halted.load(Ordering::Relaxed)
    }

    /// `records` more of a feed were read, `bad` of them put aside; pauses the feed if that makes too many.
    pub fn read(&self, kind: EventKind, records: u64, bad: u64) {
        let Some(ratio) = self.0.ratio else { return };
        let feed = &self.0.feeds[kind as usize];
        let mut window = feed.window.lock();
        window.0 += records;
        window.1 += bad;
        let (records, bad) = *window;
        if records >= LEAST_RECORDS && bad as f64 >= ratio * records as f64 && bad > 0 {
            *window = (0, 0);
            if !feed.halted.swap(true, Ordering::Relaxed) {
                self.0.metrics.feed_halted.of(kind).set(1);
                tracing::error!(
                    feed = kind.as_str(),
                    records,
                    bad,
                    "too many records are bad, the feed is paused until POST /-/resume"
                );
            }
        } else if records >= WINDOW_RECORDS {
            *window = (0, 0);
        }
    }

    /// Takes paused feeds up again; says which.
    pub fn resume(&self) -> String {
        let mut resumed = Vec::new();
        for kind in KINDS {
            let feed = &self.0.feeds[kind as usize];
            *feed.window.lock() = (0, 0);
            if feed.halted.swap(false, Ordering::Relaxed) {
                self.0.metrics.feed_halted.of(kind).set(0);
                resumed.push(kind.as_str());
            }
        }
        if resumed.is_empty() { "no feed was paused".to_owned() } else { format!("resumed: {}", resumed.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_paused_by_a_flood_of_bad_records_and_not_by_one() {
        let halts = Halts::new(Some(0.5), Metrics::new("t.").unwrap());
        halts.read(EventKind::Call, 1, 1);
        assert!(!halts.halted(EventKind::Call));
        halts.read(EventKind::Call, 200, 120);
        assert!(halts.halted(EventKind::Call));
        assert!(!halts.halted(EventKind::Transfer));
        assert_eq!(halts.resume(), "resumed: call");
        assert!(!halts.halted(EventKind::Call));
        assert_eq!(halts.resume(), "no feed was paused");
    }

    #[test]
    fn nothing_is_paused_where_that_is_off() {
        let halts = Halts::new(None, Metrics::new("t.").unwrap());
        halts.read(EventKind::Call, 1_000_000, 1_000_000);
        assert!(!halts.halted(EventKind::Call));
    }
}
