//! Puts a process together: configuration in, workers running, and down again in good order.

mod directory;
mod layout;
mod load;
mod start;

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::config::{Config, ConfigError};
use crate::lifecycle::{Lifecycle, Stopped};
use crate::metrics::{Metrics, ReloadResult};
use crate::operations::{self, Operations};
use crate::workers::halt::Halts;

pub use directory::read_files;
pub use load::{Loaded, Rulebook, case_settings, identifiers, outlets};
pub use start::connection;

/// What a process does of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Stage 1: events to matches.
    Match,
    /// Stage 2: matches to cases and warnings.
    Cases,
    /// Notifications to where they belong.
    Notify,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Role; 3] = [Role::Match, Role::Cases, Role::Notify];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Match => "match",
            Role::Cases => "cases",
            Role::Notify => "notify",
        }
    }
}

/// A role that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of the roles: match, cases, notify")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Role::ALL.into_iter().find(|role| role.as_str() == name).ok_or_else(|| UnknownRole(name.to_owned()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a process did not start, or did not end as it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration, or a file it names, will not do.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The process could not be set up.
    #[error("{0}")]
    SetUp(String),
    /// It stopped otherwise than it was asked to.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl From<io::Error> for RunError {
    fn from(error: io::Error) -> Self {
        RunError::SetUp(error.to_string())
    }
}

/// A process about to run; what it counts and how ready it is can be watched from outside.
pub struct Process {
    config: Config,
    roles: Vec<Role>,
    loaded: Loaded,
    lifecycle: Lifecycle,
    /// Everything that is counted.
    pub metrics: Metrics,
}

impl Process {
    /// Loads and checks everything that needs no Kafka.
    ///
    /// # Errors
    /// [`RunError::Config`] with file, key and reason.
    pub fn new(config: Config, roles: &[Role]) -> Result<Self, RunError> {
        config.require_for_run()?;
        let loaded = Loaded::load(&config)?;
        let metrics = Metrics::new(&config.kafka.topic_prefix).map_err(|error| RunError::SetUp(error.to_string()))?;
        metrics.rule_errors.in_force(loaded.rulebook.rules.load().rules().iter().map(|rule| rule.id()));
        let mut roles = roles.to_vec();
        roles.sort_unstable();
        roles.dedup();
        Ok(Process { config, roles, loaded, lifecycle: Lifecycle::default(), metrics })
    }

    /// What the process is made of, to be watched or stopped from outside.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// Serves operations on `listener` and works until a signal comes or something ends that should not.
    ///
    /// # Errors
    /// [`RunError::Stopped`] says what ended, or did not end.
    pub async fn run(
        self,
        listener: TcpListener,
        signals: mpsc::Receiver<&'static str>,
        hangups: Option<mpsc::Receiver<&'static str>>,
    ) -> Result<(), RunError> {
        let Process { config, roles, loaded, lifecycle, metrics } = self;
        let components = lifecycle.components().clone();
        let stop = components.stop().clone();
        // Said before anything is served, so that a process that has not begun is never taken for ready.
        components.readiness().waiting("start", "starting");

        let reload = reporting(&metrics, {
            let (rulebook, config, metrics) = (loaded.rulebook.clone(), config.clone(), metrics.clone());
            move || rulebook.reload(&config, &metrics)
        });
        let reload_directory = reporting(&metrics, {
            let (rulebook, config) = (loaded.rulebook.clone(), config.clone());
            move || rulebook.reload_directory(&config)
        });
        let watch = directory::watch(config.clone(), loaded.rulebook.clone(), reload_directory, stop.clone());
        components.spawn("directory", watch);
        let halts = Halts::new(config.dead_letters.halt_ratio, metrics.clone());
        let resume = {
            let halts = halts.clone();
            Arc::new(move || Ok(halts.resume())) as operations::Command
        };
        let operations = Operations {
            metrics: metrics.clone(),
            readiness: components.readiness().clone(),
            reload: Arc::clone(&reload),
            resume,
        };
        components.spawn("operations", operations::serve(listener, operations, stop.clone()));
        if let Some(mut hangups) = hangups {
            let stop = stop.clone();
            components.spawn("reload", async move {
                loop {
                    tokio::select! {
                        () = stop.requested() => return Ok::<(), String>(()),
                        signal = hangups.recv() => match signal {
                            // Whether it was refused is logged and counted; a reload never ends the process.
                            Some(_) => drop(tokio::task::spawn_blocking({
                                let reload = Arc::clone(&reload);
                                move || reload()
                            }).await),
                            None => return Ok(()),
                        },
                    }
                }
            });
        }
        let runtime = Handle::current();
        start::Start { config, roles, loaded, metrics, halts, components, runtime }.spawn()?;
        lifecycle.supervise(signals).await?;
        Ok(())
    }
}

/// A reload that says what came of it in the log and in the metrics.
fn reporting(
    metrics: &Metrics,
    reload: impl Fn() -> Result<String, String> + Send + Sync + 'static,
) -> operations::Command {
    let metrics = metrics.clone();
    Arc::new(move || {
        let result = reload();
        let label = if result.is_ok() { ReloadResult::Applied } else { ReloadResult::Refused };
        metrics.reloads.of(label).inc();
        match &result {
            Ok(report) => tracing::info!(report, "reloaded"),
            Err(reason) => tracing::error!(reason, "the reload was refused, what was in force stays"),
        }
        result
    })
}
