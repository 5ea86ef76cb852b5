//! How a process lives: components that must not end, readiness, and a drain with a deadline.
//!
//! A [component](Components::spawn_thread) has a name. One that ends before it was asked to stops the whole process, with
//! its reason as the result of [`Lifecycle::supervise`]; so does one that panics. SIGTERM or SIGINT asks all of them to
//! stop through [`Stop`]; they have [`DRAIN_WITHIN`] to finish. Then those that may be [left behind](Component::leavable)
//! are, and any other makes the end a failure. A second signal does not wait for them.

mod farewell;
mod readiness;
mod signals;
mod stop;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

pub use farewell::{OnExit, on_exit, say_farewell};
pub use readiness::{NotReady, Readiness, State};
pub use signals::{hangups, termination};
pub use stop::Stop;

/// How long components may take to finish. `run` ends within 15 s of SIGTERM (contract 12); the rest is for the exit.
pub const DRAIN_WITHIN: Duration = Duration::from_secs(14);

/// Why a process stopped otherwise than it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// A component ended before it was asked to.
    #[error("{component}: {reason}")]
    Component {
        /// Its name.
        component: String,
        /// Why it ended.
        reason: String,
    },
    /// Some components did not finish in time.
    #[error("did not finish within {}: {}", humantime::format_duration(*.within), .components.join(", "))]
    Stuck {
        /// Their names.
        components: Vec<String>,
        /// The time they had.
        within: Duration,
    },
    /// A second signal came while components were still finishing.
    #[error("aborted by a second {signal} while these were finishing: {}", .components.join(", "))]
    Aborted {
        /// The signal.
        signal: &'static str,
        /// The names of those that were not done.
        components: Vec<String>,
    },
}

/// Watches over the components of a process.
#[derive(Debug)]
pub struct Lifecycle {
    components: Components,
    ended: mpsc::UnboundedReceiver<Ended>,
    drain_within: Duration,
}

/// Registers components; clones register with the same process.
#[derive(Clone, Debug)]
pub struct Components {
    stop: Stop,
    readiness: Readiness,
    running: Arc<Mutex<Running>>,
    ended: mpsc::UnboundedSender<Ended>,
}

#[derive(Debug, Default)]
struct Running {
    next: u64,
    names: BTreeMap<u64, String>,
    /// Those that may be left behind.
    leavable: BTreeSet<u64>,
}

#[derive(Debug)]
struct Ended {
    name: String,
    /// `None` for one whose work was done.
    result: Option<Result<(), String>>,
}

/// The guard of one component: whoever drops it has ended, for whatever reason.
#[derive(Debug)]
#[must_use = "dropping it ends the component"]
pub struct Component {
    components: Components,
    key: u64,
    name: String,
    result: Option<Result<(), String>>,
    done: bool,
}

// === impl Lifecycle ===

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new(DRAIN_WITHIN)
    }
}

impl Lifecycle {
    /// A process without components that may take this long to finish.
    pub fn new(drain_within: Duration) -> Self {
        let (sender, ended) = mpsc::unbounded_channel();
        let stop = Stop::default();
        let components =
            Components { readiness: Readiness::new(stop.clone()), stop, running: Arc::default(), ended: sender };
        Self { components, ended, drain_within }
    }

    /// Where components are registered.
    pub fn components(&self) -> &Components {
        &self.components
    }

    /// Waits for a signal, or for a component to end, and then for all components to finish.
    ///
    /// # Errors
    /// [`Stopped`] unless a signal came and all finished in time.
    pub async fn supervise(mut self, mut signals: mpsc::Receiver<&'static str>) -> Result<(), Stopped> {
        let failure = self.until_stop(&mut signals).await;
        self.components.stop.request();
        let result = self.drain(&mut signals, failure.is_some()).await;
        match (failure, result) {
            (None, result) => result,
            (Some(failure), result) => {
                if let Err(also) = result {
                    tracing::error!(reason = %also, "the drain failed as well");
                }
                Err(failure)
            }
        }
    }

    async fn until_stop(&mut self, signals: &mut mpsc::Receiver<&'static str>) -> Option<Stopped> {
        let stop = self.components.stop.clone();
        loop {
            tokio::select! {
                Some(signal) = signals.recv() => {
                    tracing::info!(signal, "stopping");
                    return None;
                }
                () = stop.requested() => {
                    tracing::info!("stopping");
                    return None;
                }
                Some(ended) = self.ended.recv() => {
                    let reason = match ended.result {
                        None => continue,
                        // Asked to stop between the two looks.
                        Some(Ok(())) if stop.stopping() => continue,
                        Some(Ok(())) => "ended although nobody asked it to".to_owned(),
                        Some(Err(reason)) => reason,
                    };
                    tracing::error!(component = ended.name, reason, "a component ended, stopping");
                    return Some(Stopped::Component { component: ended.name, reason });
                }
            }
        }
    }

    async fn drain(&mut self, signals: &mut mpsc::Receiver<&'static str>, failed: bool) -> Result<(), Stopped> {
        let deadline = Instant::now() + self.drain_within;
        // The first signal during the drain of a failure is the first one altogether.
        let mut signals_left = if failed { 2 } else { 1 };
        while self.components.any_running() {
            tokio::select! {
                () = sleep_until(deadline) => {
                    let (left, stuck) = self.components.left_and_stuck();
                    if !stuck.is_empty() {
                        return Err(Stopped::Stuck { components: stuck, within: self.drain_within });
                    }
                    tracing::warn!(components = left.join(", "), "left behind, what they had in hand is undone");
                    return Ok(());
                }
                Some(signal) = signals.recv() => {
                    signals_left -= 1;
                    if signals_left == 0 {
                        return Err(Stopped::Aborted { signal, components: self.components.names() });
                    }
                }
                Some(ended) = self.ended.recv() => {
                    // What it had in hand was rolled back; there is nobody left to do it again now.
                    if let Some(Err(reason)) = ended.result {
                        tracing::error!(component = ended.name, reason, "failed while finishing");
                    }
                }
            }
        }
        Ok(())
    }
}

// === impl Components ===

impl Components {
    /// The flag that asks all components to stop.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// What is not ready yet.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Registers a component that is run by the caller.
    pub fn register(&self, name: impl Into<String>) -> Component {
        let name = name.into();
        let mut running = self.running.lock();
        let key = running.next;
        running.next += 1;
        running.names.insert(key, name.clone());
        Component { components: self.clone(), key, name, result: None, done: false }
    }

    /// Runs a component in an operating system thread of its own.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn spawn_thread<E: fmt::Display>(
        &self,
        name: impl Into<String>,
        work: impl FnOnce() -> Result<(), E> + Send + 'static,
    ) -> io::Result<()> {
        let name = name.into();
        in_thread(self.register(name.clone()), name, work)
    }

    /// Runs a component as a task of the runtime this is called in.
    pub fn spawn<E: fmt::Display>(
        &self,
        name: impl Into<String>,
        work: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let component = self.register(name);
        tokio::spawn(async move { component.end(work.await) });
    }

    /// Like [`Components::spawn_thread`], for one that may be left behind.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn spawn_leavable<E: fmt::Display>(
        &self,
        name: impl Into<String>,
        work: impl FnOnce() -> Result<(), E> + Send + 'static,
    ) -> io::Result<()> {
        let name = name.into();
        in_thread(self.register(name.clone()).leavable(), name, work)
    }

    fn any_running(&self) -> bool {
        !self.running.lock().names.is_empty()
    }

    /// The names of the components that may be left behind, and of those that may not.
    fn left_and_stuck(&self) -> (Vec<String>, Vec<String>) {
        let running = self.running.lock();
        let (left, stuck): (Vec<_>, Vec<_>) = running.names.iter().partition(|(key, _)| running.leavable.contains(key));
        let names = |of: Vec<(&u64, &String)>| of.into_iter().map(|(_, name)| name.clone()).collect();
        (names(left), names(stuck))
    }

    fn names(&self) -> Vec<String> {
        self.running.lock().names.values().cloned().collect()
    }
}

/// The guard moves into the thread, so that a panic ends the component too.
fn in_thread<E: fmt::Display>(
    component: Component,
    name: String,
    work: impl FnOnce() -> Result<(), E> + Send + 'static,
) -> io::Result<()> {
    thread::Builder::new().name(name).spawn(move || component.end(work())).map(drop)
}

// === impl Component ===

impl Component {
    /// It may be left behind when the time to finish is over: whatever it has in hand is undone by itself, as after a
    /// kill. So it is with what waits for a broker that is away.
    pub fn leavable(self) -> Self {
        self.components.running.lock().leavable.insert(self.key);
        self
    }

    /// Ends the component with its result.
    pub fn end<E: fmt::Display>(mut self, result: Result<(), E>) {
        self.result = Some(result.map_err(|error| error.to_string()));
    }

    /// Ends a component that is not needed any more: the process goes on without it.
    pub fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        let result = match self.result.take() {
            _ if self.done => None,
            Some(result) => Some(result),
            None if thread::panicking() => Some(Err("panicked".to_owned())),
            None => Some(Err("ended without saying why".to_owned())),
        };
        {
            let mut running = self.components.running.lock();
            running.names.remove(&self.key);
            running.leavable.remove(&self.key);
        }
        // Nobody listens any more only when the supervisor itself is gone.
        let _ = self.components.ended.send(Ended { name: std::mem::take(&mut self.name), result });
    }
}
