//! Delivers notifications (contract 10): for each destination a consumer group, a thread that reads, and tasks that
//! send.
//!
//! The thread reads `notifications`, keeps what its destination cannot take yet within bounds, and records what became
//! of each; an offset moves only when that is acknowledged. A destination that is down holds its own group up and
//! nothing else: what is not delivered stays in Kafka. After a crash a notification may be sent again, under the same
//! id.
//!
//! `session` is the thread, `queue` decides what is sent when, `courier` sends one message until it is accepted or given
//! up, `gate` lets its attempts go out, `records` writes down what became of it, `alerts` tells an Alertmanager of open cases again.

mod alerts;
mod courier;
mod gate;
mod queue;
mod records;
mod session;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::config::{Config, DestinationConfig};
use crate::core::notification::Channel;
use crate::kafka::error::Error;
use crate::lifecycle::Stop;
use crate::metrics::Metrics;
use crate::notify::board::Board;
use crate::notify::client::HttpClient;

use super::{Shared, sessions};

/// The header of a notification that was delivered long ago and is written again to be remembered.
const KEPT: &str = "kept";

/// One configured destination and how it is spoken to.
pub struct Destination {
    /// Its name.
    pub name: String,
    config: DestinationConfig,
    /// None for the log.
    client: Option<HttpClient>,
    /// The cases it is to show; none for channels that show nothing.
    board: Option<Mutex<Board>>,
    /// The partitions of `notifications` that this process holds for it.
    held: Mutex<BTreeSet<i32>>,
    /// Whether it also answers for notifications that no destination will read.
    answers_for_strays: bool,
    runtime: Handle,
    stop: Stop,
    metrics: Metrics,
}

impl Destination {
    /// All that are configured, by name.
    ///
    /// # Errors
    /// When one is spoken to over TLS and this machine has no root certificates.
    pub fn all(config: &Config, runtime: &Handle, stop: &Stop, metrics: &Metrics) -> io::Result<Vec<Arc<Self>>> {
        let destinations = config.notify.destinations.iter().enumerate().map(|(n, (name, destination))| {
            let client =
                match destination.kind {
                    Channel::Log => None,
                    _ => Some(HttpClient::new(destination).map_err(|error| {
                        io::Error::new(error.kind(), format!("notify.destinations.{name}: {error}"))
                    })?),
                };
            Ok(Arc::new(Destination {
                name: name.clone(),
                config: destination.clone(),
                client,
                board: (destination.kind == Channel::Alertmanager).then(Mutex::default),
                held: Mutex::default(),
                answers_for_strays: n == 0,
                runtime: runtime.clone(),
                stop: stop.clone(),
                metrics: metrics.clone(),
            }))
        });
        destinations.collect()
    }

    /// The group of a destination, behind the prefix.
    pub fn group(name: &str) -> String {
        format!("notify.{name}")
    }

    /// The name of its worker.
    pub fn worker(&self) -> String {
        format!("notify-{}", self.name)
    }

    /// Whether it has cases to tell of again and again.
    pub fn has_board(&self) -> bool {
        self.board.is_some()
    }
}

/// Delivers to one destination until the process stops.
///
/// # Errors
/// What makes going on pointless.
pub fn run(shared: &Shared, destination: &Arc<Destination>) -> Result<(), Error> {
    let worker = destination.worker();
    sessions(shared, &worker, || session::Session::start(shared, destination, &worker)?.run())
}

/// Tells a destination of its open cases again and again until the process stops.
///
/// # Errors
/// What makes going on pointless.
pub fn run_alerts(shared: &Shared, destination: &Arc<Destination>) -> Result<(), Error> {
    let worker = format!("{}-alerts", destination.worker());
    sessions(shared, &worker, || alerts::session(shared, destination, &worker))
}
