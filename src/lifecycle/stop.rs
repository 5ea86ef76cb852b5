//! The flag that asks everybody to stop, for threads and for tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

/// Whether the process is to stop. Once set it stays set; clones are the same flag.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requested: AtomicBool,
    lock: Mutex<()>,
    bell: Condvar,
    tasks: watch::Sender<bool>,
}

impl Stop {
    /// Whether the process is to stop; cheap enough to be asked for every record.
    pub fn stopping(&self) -> bool {
        self.0.requested.load(Ordering::Acquire)
    }

    /// Asks everybody to stop.
    pub fn request(&self) {
        {
            // With the lock held nobody is between looking at the flag and waiting for the bell.
            let _lock = self.0.lock.lock();
            self.0.requested.store(true, Ordering::Release);
        }
        self.0.bell.notify_all();
        self.0.tasks.send_replace(true);
    }

    /// Blocks the thread this long, or until the process is to stop, and tells whether it is.
    pub fn wait(&self, at_most: Duration) -> bool {
        let until = Instant::now() + at_most;
        let mut lock = self.0.lock.lock();
        while !self.stopping() {
            if self.0.bell.wait_until(&mut lock, until).timed_out() {
                break;
            }
        }
        self.stopping()
    }

    /// Resolves when the process is to stop.
    pub async fn requested(&self) {
        let mut tasks = self.0.tasks.subscribe();
        // The sender lives in `self`, so this cannot end otherwise.
        let _ = tasks.wait_for(|requested| *requested).await;
    }
}
