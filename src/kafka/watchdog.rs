//! Ends the process when a call into Kafka does not return.
//!
//! Some calls of librdkafka can hang for ever (sending offsets to a transaction while its coordinator is away, for
//! one). A process that hangs warns nobody; one that ends is restarted by its supervisor and starts from what is
//! committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The exit code of a process ended by its watchdog (contract 7, Instances).
pub const EXIT_CODE: i32 = 75;

/// Watches the calls of all workers of a process.
#[derive(Clone)]
pub struct Watchdog {
    inner: Arc<Inner>,
}

struct Inner {
    started: Instant,
    slots: Mutex<Vec<Arc<Slot>>>,
}

struct Slot {
    name: String,
    /// Milliseconds after `started` at which the call is overdue; 0 when none is under way.
    due: AtomicU64,
    limit: Duration,
}

/// One worker's line to the watchdog.
#[derive(Clone)]
pub struct Leash {
    slot: Arc<Slot>,
    started: Instant,
}

/// A call under way; dropping it says that the call returned.
#[must_use = "the call is watched until this is dropped"]
pub struct Watched<'a>(&'a Slot);

impl Watchdog {
    /// Starts the watchdog; `overdue` is called with the worker's name when a call outlives its limit.
    pub fn start(overdue: impl Fn(&str) + Send + 'static) -> Self {
        let inner = Arc::new(Inner { started: Instant::now(), slots: Mutex::new(Vec::new()) });
        let watched = Arc::downgrade(&inner);
        thread::Builder::new()
            .name("watchdog".into())
            .spawn(move || {
                while let Some(inner) = watched.upgrade() {
                    let now = millis(inner.started);
                    for slot in inner.slots.lock().iter() {
                        let due = slot.due.load(Ordering::Relaxed);
                        if due != 0 && due < now {
                            overdue(&slot.name);
                        }
                    }
                    drop(inner);
                    thread::sleep(Duration::from_millis(200));
                }
            })
            .map(drop)
            .unwrap_or_else(|error| tracing::error!(%error, "the watchdog thread could not be started"));
        Watchdog { inner }
    }

    /// Starts the watchdog that ends the process with [`EXIT_CODE`], unless it is ending already. `farewell` is called
    /// right before: nothing is dropped then.
    pub fn ending_process(ending: impl Fn() -> bool + Send + 'static, farewell: impl Fn() + Send + 'static) -> Self {
        Watchdog::start(move |name| {
            if ending() {
                return;
            }
            tracing::error!(worker = name, "a call into kafka did not return in time, ending the process");
            farewell();
            std::process::exit(EXIT_CODE);
        })
    }

    /// A line for the worker `name`, each of whose calls may take `limit`.
    pub fn leash(&self, name: impl Into<String>, limit: Duration) -> Leash {
        let slot = Arc::new(Slot { name: name.into(), due: AtomicU64::new(0), limit });
        let mut slots = self.inner.slots.lock();
        slots.retain(|slot| Arc::strong_count(slot) > 1);
        slots.push(Arc::clone(&slot));
        Leash { slot, started: self.inner.started }
    }
}

impl Leash {
    /// A call into Kafka begins.
    pub fn watch(&self) -> Watched<'_> {
        let due = millis(self.started) + self.slot.limit.as_millis() as u64;
        self.slot.due.store(due.max(1), Ordering::Relaxed);
        Watched(&self.slot)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.0.due.store(0, Ordering::Relaxed);
    }
}

fn millis(since: Instant) -> u64 {
    since.elapsed().as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_call_that_does_not_return_is_reported_and_one_that_does_is_not() {
        let (tell, told) = mpsc::channel();
        let watchdog = Watchdog::start(move |name| {
            let _ = tell.send(name.to_owned());
        });
        let quick = watchdog.leash("quick", Duration::from_millis(1));
        drop(quick.watch());
        let stuck = watchdog.leash("stuck", Duration::from_millis(1));
        let call = stuck.watch();
        assert_eq!(told.recv_timeout(Duration::from_secs(10)).unwrap(), "stuck");
        drop(call);
    }
}
