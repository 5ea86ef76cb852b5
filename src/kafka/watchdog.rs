//! Ends the process when a call into Kafka does not return.
//!
//! Some calls of librdkafka can hang for ever (sending offsets to a transaction while its coordinator is away, for
//! one). A process that hangs warns nobody; one that ends is restarted by its supervisor and starts from what is
//! committed.
//!
//! Only time in which the process ran counts: one that was stopped for a while (SIGSTOP, a frozen machine) has calls
//! under way that are long overdue by the clock and return at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The exit code of a process ended by its watchdog (contract 7, Instances).
pub const EXIT_CODE: i32 = 75;

/// Between two looks at the calls.
const TICK: Duration = Duration::from_millis(200);

/// What counts of the time between two looks at most; more than that the process, or the whole machine, was stopped.
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// Watches the calls of all workers of a process.
#[derive(Clone)]
pub struct Watchdog {
    inner: Arc<Inner>,
}

struct Inner {
    /// How long the process has run, as of the last look, milliseconds.
    ran: Arc<AtomicU64>,
    slots: Mutex<Vec<Arc<Slot>>>,
}

struct Slot {
    name: String,
    /// How long the process has run when the call is overdue, milliseconds; 0 when none is under way.
    due: AtomicU64,
    /// The call under way, or the last one.
    call: Mutex<&'static str>,
    limit: Duration,
}

/// One worker's line to the watchdog.
#[derive(Clone)]
pub struct Leash {
    slot: Arc<Slot>,
    ran: Arc<AtomicU64>,
}

/// A call under way; dropping it says that the call returned.
#[must_use = "the call is watched until this is dropped"]
pub struct Watched<'a>(&'a Slot);

impl Watchdog {
    /// Starts the watchdog; `overdue` is called with the worker's name and the call when one outlives its limit.
    pub fn start(overdue: impl Fn(&str, &'static str) + Send + 'static) -> Self {
        let inner = Arc::new(Inner { ran: Arc::default(), slots: Mutex::new(Vec::new()) });
        let watched = Arc::downgrade(&inner);
        thread::Builder::new()
            .name("watchdog".into())
            .spawn(move || {
                let started = Instant::now();
                let mut running = Running::default();
                while let Some(inner) = watched.upgrade() {
                    let now = running.seen_at(started.elapsed());
                    inner.ran.store(now, Ordering::Relaxed);
                    for slot in inner.slots.lock().iter() {
                        let due = slot.due.load(Ordering::Relaxed);
                        if due != 0 && due < now {
                            overdue(&slot.name, *slot.call.lock());
                        }
                    }
                    drop(inner);
                    thread::sleep(TICK);
                }
            })
            .map(drop)
            .unwrap_or_else(|error| tracing::error!(%error, "the watchdog thread could not be started"));
        Watchdog { inner }
    }

    /// Starts the watchdog that ends the process with [`EXIT_CODE`], unless it is ending already. `farewell` is called
    /// right before: nothing is dropped then.
    pub fn ending_process(ending: impl Fn() -> bool + Send + 'static, farewell: impl Fn() + Send + 'static) -> Self {
        Watchdog::start(move |name, call| {
            if ending() {
                return;
            }
            tracing::error!(worker = name, call, "a call into kafka did not return in time, ending the process");
            farewell();
            std::process::exit(EXIT_CODE);
        })
    }

    /// A line for the worker `name`, each of whose calls may take `limit`.
    pub fn leash(&self, name: impl Into<String>, limit: Duration) -> Leash {
        let slot = Arc::new(Slot { name: name.into(), due: AtomicU64::new(0), call: Mutex::new(""), limit });
        let mut slots = self.inner.slots.lock();
        slots.retain(|slot| Arc::strong_count(slot) > 1);
        slots.push(Arc::clone(&slot));
        Leash { slot, ran: Arc::clone(&self.inner.ran) }
    }
}

impl Leash {
    /// A call into Kafka begins; what it is for.
    pub fn watch(&self, call: &'static str) -> Watched<'_> {
        *self.slot.call.lock() = call;
        // The last look was up to a tick ago.
        let due = self.ran.load(Ordering::Relaxed) + (self.slot.limit + TICK).as_millis() as u64;
        self.slot.due.store(due, Ordering::Relaxed);
        Watched(&self.slot)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.due.store(0, Ordering::Relaxed);
    }
}

/// Adds up the time in which the process ran.
#[derive(Debug, Default)]
struct Running {
    ran: Duration,
    last: Duration,
}

impl Running {
    /// How long the process has run, milliseconds, when it looks at `now`, counted from its start.
    fn seen_at(&mut self, now: Duration) -> u64 {
        self.ran += now.saturating_sub(self.last).min(LONGEST_TICK);
        self.last = now;
        self.ran.as_millis() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn time_in_which_the_process_was_stopped_does_not_count() {
        let mut running = Running::default();
        let looks = (1..=10).map(|n| TICK * n);
        assert_eq!(looks.map(|now| running.seen_at(now)).last(), Some(2_000));
        // Stopped for 18 s, then going on as before: a call that had 20 s left a moment ago has 19.
        assert_eq!(running.seen_at(Duration::from_secs(20)), 3_000);
        assert_eq!(running.seen_at(Duration::from_secs(20) + TICK), 3_200);
        // A machine that is merely slow counts in full.
        assert_eq!(running.seen_at(Duration::from_secs(21)), 4_000);
    }

    #[test]
    fn a_call_that_does_not_return_is_reported_and_one_that_does_is_not() {
        let (tell, told) = mpsc::channel();
        let watchdog = Watchdog::start(move |name, call| {
            let _ = tell.send(format!("{name} {call}"));
        });
        let quick = watchdog.leash("quick", Duration::from_millis(1));
        drop(quick.watch("poll"));
        let stuck = watchdog.leash("stuck", Duration::from_millis(1));
        let call = stuck.watch("commit");
        assert_eq!(told.recv_timeout(Duration::from_secs(10)).unwrap(), "stuck commit");
        drop(call);
    }
}
