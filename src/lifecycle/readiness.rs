//! What is not ready yet, and how far it is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::stop::Stop;

/// How far a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It cannot do its work yet.
    Waiting {
        /// What for, as text for an operator.
        what: String,
        /// How much of it is there.
        done: u64,
        /// Out of how much, where that is known.
        total: Option<u64>,
    },
    /// It does its work.
    Ready,
}

/// Readiness of the process: all components that ever reported are ready, at least one has, and it is not stopping.
/// Clones are the same.
#[derive(Clone, Debug)]
pub struct Readiness {
    components: Arc<Mutex<BTreeMap<String, State>>>,
    stop: Stop,
}

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// Nothing has reported yet.
    Starting,
    /// These are not ready.
    Waiting(BTreeMap<String, State>),
    /// The process is about to end.
    Stopping,
}

impl Readiness {
    pub(super) fn new(stop: Stop) -> Self {
        Self { components: Arc::default(), stop }
    }

    /// Where `component` is now.
    pub fn set(&self, component: &str, state: State) {
        let mut components = self.components.lock();
        match components.get_mut(component) {
            Some(known) => *known = state,
            None => {
                components.insert(component.to_owned(), state);
            }
        }
    }

    /// `component` does its work.
    pub fn ready(&self, component: &str) {
        self.set(component, State::Ready);
    }

    /// `component` cannot work yet, `what` says why, such as "waiting for its partitions".
    pub fn waiting(&self, component: &str, what: &str) {
        self.set(component, State::Waiting { what: what.to_owned(), done: 0, total: None });
    }

    /// `component` is at `done` of `total` with `what`, such as "filling the index".
    pub fn progress(&self, component: &str, what: &str, done: u64, total: u64) {
        self.set(component, State::Waiting { what: what.to_owned(), done, total: Some(total) });
    }

    /// `component` is gone and nothing waits for it any more.
    pub fn remove(&self, component: &str) {
        self.components.lock().remove(component);
    }

    /// That all is ready.
    ///
    /// # Errors
    /// [`NotReady`] says what is missing.
    pub fn check(&self) -> Result<(), NotReady> {
        if self.stop.stopping() {
            return Err(NotReady::Stopping);
        }
        let components = self.components.lock();
        if components.is_empty() {
            return Err(NotReady::Starting);
        }
        let waiting: BTreeMap<_, _> = components
            .iter()
            .filter(|(_, state)| **state != State::Ready)
            .map(|(name, state)| (name.clone(), state.clone()))
            .collect();
        if waiting.is_empty() { Ok(()) } else { Err(NotReady::Waiting(waiting)) }
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotReady::Starting => f.write_str("starting"),
            NotReady::Stopping => f.write_str("stopping"),
            NotReady::Waiting(components) => {
                for (n, (name, state)) in components.iter().enumerate() {
                    let separator = if n == 0 { "" } else { "\n" };
                    write!(f, "{separator}{name}: {state}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for NotReady {}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Ready => f.write_str("ready"),
            State::Waiting { what, done: 0, total: None } => f.write_str(what),
            State::Waiting { what, done, total: None } => write!(f, "{what}, {done} so far"),
            State::Waiting { what, done, total: Some(total) } => {
                // Nothing to do is all done.
                let percent = (done.saturating_mul(100)).checked_div(*total).unwrap_or(100).min(100);
                write!(f, "{what}, {done} of {total} ({percent} %)")
            }
        }
    }
}
