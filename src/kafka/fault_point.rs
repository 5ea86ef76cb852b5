//! Places at which a test makes a process die, or stand still, in the middle of what it is doing.
//!
//! They are there only with debug assertions, which the tests are built with and a release is not: in a shipped binary
//! a pass does nothing. `GOLDEN_BELL_FAULT_POINT=after_send_offsets:17` ends the process at the 17th pass, as abruptly as
//! SIGKILL does; `…:17:stop` stops it like SIGSTOP, until somebody sends SIGCONT.

/// The places, in the order in which a worker comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// In the rebalance callback.
    Rebalance,
    /// A record of `cases` was read.
    Restoring,
    /// An input was read, nothing done yet.
    AfterPoll,
    /// A timer is due, the broker says that no input is waiting, and it has not fired yet.
    TimerDue,
    /// The records of a transaction are handed to the client.
    AfterProduce,
    /// The positions are part of the transaction.
    AfterSendOffsets,
    /// Every record is acknowledged, the transaction not ended.
    BeforeEnd,
    /// The broker has said that the transaction is committed.
    AfterEnd,
    /// Stage 1: what came of a record is acknowledged, its offset not stored.
    BeforeStore,
}

impl Point {
    /// Every place.
    pub const ALL: [Point; 9] = [
        Point::Rebalance,
        Point::Restoring,
        Point::AfterPoll,
        Point::TimerDue,
        Point::AfterProduce,
        Point::AfterSendOffsets,
        Point::BeforeEnd,
        Point::AfterEnd,
        Point::BeforeStore,
    ];

    /// The name in the environment.
    pub const fn as_str(self) -> &'static str {
        match self {
            Point::Rebalance => "rebalance",
            Point::Restoring => "restoring",
            Point::AfterPoll => "after_poll",
            Point::TimerDue => "timer_due",
            Point::AfterProduce => "after_produce",
            Point::AfterSendOffsets => "after_send_offsets",
            Point::BeforeEnd => "before_end",
            Point::AfterEnd => "after_end",
            Point::BeforeStore => "before_store",
        }
    }
}

/// The environment variable that names a place.
pub const VARIABLE: &str = "GOLDEN_BELL_FAULT_POINT";

/// Somebody comes by `point`.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn pass(_point: Point) {}

/// Somebody comes by `point`.
#[cfg(debug_assertions)]
#[inline]
pub(crate) fn pass(point: Point) {
    armed::pass(point);
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Point, VARIABLE};

    struct Armed {
        point: Point,
        at: u64,
        stop: bool,
        passed: AtomicU64,
    }

    pub(super) fn pass(point: Point) {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        let armed = ARMED.get_or_init(|| read(&std::env::var(VARIABLE).ok()?));
        if let Some(armed) = armed.as_ref().filter(|armed| armed.point == point)
            && armed.passed.fetch_add(1, Ordering::Relaxed) + 1 == armed.at
        {
            tracing::warn!(point = point.as_str(), pass = armed.at, stop = armed.stop, "a fault point was reached");
            if armed.stop { stop() } else { std::process::abort() }
        }
    }

    fn read(text: &str) -> Option<Armed> {
        let mut parts = text.split(':');
        let name = parts.next()?;
        let point = Point::ALL.into_iter().find(|point| point.as_str() == name)?;
        let at = parts.next()?.parse().ok()?;
        Some(Armed { point, at, stop: parts.next() == Some("stop"), passed: AtomicU64::new(0) })
    }

    /// The signal comes to all threads, this one included, before `kill` is waited for.
    fn stop() {
        let id = std::process::id().to_string();
        if let Err(error) = std::process::Command::new("kill").args(["-STOP", &id]).status() {
            tracing::error!(%error, "the process could not be stopped");
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_point_is_read_by_its_name_and_anything_else_arms_nothing() {
            for point in Point::ALL {
                let armed = read(&format!("{}:3:stop", point.as_str())).unwrap();
                assert_eq!((armed.point, armed.at, armed.stop), (point, 3, true));
            }
            assert!(!read("after_poll:1").unwrap().stop);
            for nothing in ["", "after_poll", "after_poll:x", "nowhere:1"] {
                assert!(read(nothing).is_none(), "{nothing}");
            }
        }
    }
}
