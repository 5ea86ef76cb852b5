//! From a loaded process to running workers: finds the broker, checks topics and name, and starts the roles.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::runtime::Handle;

use crate::config::Config;
use crate::core::erasure::Erasures;
use crate::kafka::client::Connection;
use crate::kafka::error::Error;
use crate::kafka::instance::{self, Name};
use crate::kafka::topics::{is_absence, partition_counts};
use crate::kafka::watchdog::Watchdog;
use crate::lifecycle::{self, Components};
use crate::metrics::Metrics;
use crate::workers::notify_worker::{self, Destination};
use crate::workers::{
    Shared, case_worker, erasures_worker, index_worker, lookback, match_worker, registrants_worker, retention,
};

use crate::workers::Filling;
use crate::workers::halt::Halts;

use super::Role;
use super::layout;
use super::load::Loaded;

/// Threads that fill the index: reading is bound by one core each, and more than two gain little.
const INDEX_WORKERS: usize = 2;

/// How long a broker may not know a topic: one that has just started, or that lags behind the controller, tells of less
/// than there is.
const TOPICS_GRACE: Duration = Duration::from_secs(3);

/// How long after its session time-out a dead namesake may still be listed.
const NAME_GRACE: Duration = Duration::from_secs(3);

/// librdkafka's default where the operator has set none; see [`Connection`].
const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

pub struct Start {
    pub config: Config,
    pub roles: Vec<Role>,
    pub loaded: Loaded,
    pub metrics: Metrics,
    pub halts: Halts,
    pub components: Components,
    /// Where deliveries run.
    pub runtime: Handle,
}

/// How the brokers are reached, by the configuration.
pub fn connection(config: &Config) -> Connection {
    Connection {
        bootstrap_servers: config.kafka.bootstrap_servers.clone(),
        topic_prefix: config.kafka.topic_prefix.clone(),
        group_prefix: config.kafka.group_prefix.clone(),
        instance_id: config.instance_id(),
        properties: config.kafka.properties.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
    }
}

impl Start {
    /// Starts everything in a thread of its own, which is done when all workers are started.
    pub fn spawn(self) -> io::Result<()> {
        let component = self.components.register("start").leavable();
        thread::Builder::new().name("start".into()).spawn(move || match self.run() {
            Ok(()) => component.done(),
            Err(error) => component.end(Err(error)),
        })?;
        Ok(())
    }

    fn run(self) -> Result<(), Error> {
        let connection = connection(&self.config);
        let needed = layout::needed(&self.roles);
        let Some(counts) = self.find_topics(&connection, &needed)? else { return Ok(()) };
        match self.take_name(&connection)? {
            None => return Ok(()),
            // The embedded broker has no settings, and would be asked for them in vain for seconds.
            Some(Name::Alone) => {}
            Some(_) => layout::check_settings(&connection, &counts, &self.runtime)?,
        }
        self.start_workers(connection, counts, needed).map_err(|error| Error::Client(error.to_string()))
    }

    /// Waits for the broker, and a little for topics that it does not know; `None` when the process stops before.
    fn find_topics(
        &self,
        connection: &Connection,
        needed: &[&'static str],
    ) -> Result<Option<BTreeMap<&'static str, i32>>, Error> {
        let stop = self.components.stop();
        let mut began = None;
        loop {
            let Some(counts) = self.find_broker(connection)? else { return Ok(None) };
            let problems = layout::check(connection, &counts, needed);
            let late = began.get_or_insert_with(Instant::now).elapsed() > TOPICS_GRACE;
            match problems {
                Ok(()) => return Ok(Some(counts)),
                Err(error) if late => return Err(error),
                Err(_) if stop.wait(Duration::from_millis(250)) => return Ok(None),
                Err(_) => {}
            }
        }
    }

    /// Waits for the broker as long as it takes; `None` when the process stops before.
    fn find_broker(&self, connection: &Connection) -> Result<Option<BTreeMap<&'static str, i32>>, Error> {
        let stop = self.components.stop();
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(2))
            .with_jitter()
            .without_max_times()
            .build();
        let servers = &connection.bootstrap_servers;
        let mut told = None;
        while !stop.stopping() {
            match partition_counts(connection, Duration::from_secs(2)) {
                Ok(counts) => return Ok(Some(counts)),
                Err(error) if is_absence(&error) => {
                    self.components.readiness().waiting("start", &format!("no broker answers at {servers}"));
                    if told.is_none_or(|at: Instant| at.elapsed() > Duration::from_secs(30)) {
                        tracing::warn!(servers, "no broker answers, trying on");
                        told = Some(Instant::now());
                    }
                    stop.wait(pauses.next().unwrap_or(Duration::from_secs(2)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Waits until nobody of this name is listed; `None` when the process stops before.
    fn take_name(&self, connection: &Connection) -> Result<Option<Name>, Error> {
        let stop = self.components.stop();
        let groups: Vec<String> = (self.roles.iter())
            .flat_map(|role| match role {
                Role::Match => vec![match_worker::GROUP.to_owned()],
                Role::Cases => vec![case_worker::GROUP.to_owned()],
                Role::Notify => self.config.notify.destinations.keys().map(|name| Destination::group(name)).collect(),
            })
            .collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let patience = session_timeout(connection) + NAME_GRACE;
        let mut began = Instant::now();
        while !stop.stopping() {
            match instance::look(connection, &groups) {
                Ok(Name::Held) => {}
                Ok(name) => return Ok(Some(name)),
                Err(error) if is_absence(&error) => {
                    tracing::info!(%error, "the members of the groups are not known yet, asking again");
                    began = Instant::now();
                }
                Err(error) => return Err(error),
            }
            if began.elapsed() > patience {
                return Err(Error::Fenced(format!(
                    "{} is in use by a process that is alive; give this one another kafka.instance_id",
                    connection.instance_id
                )));
            }
            let waiting = format!("a process named {} may still be alive, waiting", connection.instance_id);
            self.components.readiness().waiting("start", &waiting);
            stop.wait(Duration::from_millis(200));
        }
        Ok(None)
    }

    fn start_workers(
        self,
        connection: Connection,
        counts: BTreeMap<&'static str, i32>,
        needed: Vec<&'static str>,
    ) -> io::Result<()> {
        let Start { config, roles, loaded, metrics, halts, components, runtime } = self;
        let destinations = if roles.contains(&Role::Notify) {
            Destination::all(&config, &runtime, components.stop(), &metrics)?
        } else {
            Vec::new()
        };
        let count = |topic: &str| counts.get(topic).copied().unwrap_or_default();
        let (match_workers, case_workers) = (config.match_workers(), config.case_workers());
        let index_workers = INDEX_WORKERS.min(usize::try_from(count("registrants")).unwrap_or(1)).max(1);
        let shared = Arc::new(Shared {
            connection,
            stop: components.stop().clone(),
            readiness: components.readiness().clone(),
            watchdog: Watchdog::ending_process(
                {
                    let stop = components.stop().clone();
                    move || stop.stopping()
                },
                lifecycle::say_farewell,
            ),
            index: loaded.index,
            match_settings: loaded.match_settings,
            token_key: loaded.token_key,
            rules: loaded.rulebook.rules,
            templates: loaded.rulebook.templates,
            directory: loaded.rulebook.directory,
            case_settings: loaded.case_settings,
            outlets: loaded.outlets,
            archive_key: loaded.archive_key,
            case_partitions: count("case-inputs"),
            filling: Filling::new(index_workers),
            erasures: Erasures::new(),
            erasures_read: Filling::new(1),
            halts,
            lookback: lookback::Window::new(&config.matching, match_workers),
            config,
            metrics,
        });
        let readiness = components.readiness();
        if roles.contains(&Role::Match) {
            readiness.waiting(erasures_worker::WORKER, "reading who is forgotten");
            let partitions: Vec<i32> = (0..count("erasures")).collect();
            let reading = Arc::clone(&shared);
            components.spawn_leavable(erasures_worker::WORKER, move || erasures_worker::run(&reading, &partitions))?;
            for slot in 0..index_workers {
                readiness.waiting(&format!("index-{slot}"), "filling the index");
                let partitions: Vec<i32> =
                    (0..count("registrants")).filter(|p| *p as usize % index_workers == slot).collect();
                let shared = Arc::clone(&shared);
                components
                    .spawn_leavable(format!("index-{slot}"), move || index_worker::run(&shared, slot, &partitions))?;
            }
            for slot in 0..match_workers {
                readiness.waiting(&format!("match-{slot}"), "waiting for the index");
                let shared = Arc::clone(&shared);
                components.spawn_leavable(format!("match-{slot}"), move || match_worker::run(&shared, slot))?;
            }
            if shared.lookback.is_on() {
                let shared = Arc::clone(&shared);
                components.spawn_leavable(lookback::WORKER, move || lookback::run(&shared))?;
            }
            let shared = Arc::clone(&shared);
            components.spawn_leavable("registrants", move || registrants_worker::run(&shared))?;
        }
        if roles.contains(&Role::Cases) {
            for slot in 0..case_workers {
                readiness.waiting(&format!("cases-{slot}"), "waiting for its partitions");
                let shared = Arc::clone(&shared);
                components.spawn_leavable(format!("cases-{slot}"), move || case_worker::run(&shared, slot))?;
            }
        }
        let (aged, topics) = (Arc::clone(&shared), counts.clone());
        components.spawn_leavable(retention::WORKER, move || retention::run(&aged, &topics))?;
        let watched = Arc::clone(&shared);
        components
            .spawn_leavable("layout", move || layout::watch(&watched.connection, &counts, &needed, &watched.stop))?;
        for destination in destinations {
            notify(&shared, destination, &components)?;
        }
        readiness.remove("start");
        Ok(())
    }
}

/// The threads of one destination.
fn notify(shared: &Arc<Shared>, destination: Arc<Destination>, components: &Components) -> io::Result<()> {
    let worker = destination.worker();
    components.readiness().waiting(&worker, "waiting for its partitions");
    if destination.has_board() {
        let (shared, destination) = (Arc::clone(shared), Arc::clone(&destination));
        components
            .spawn_leavable(format!("{worker}-alerts"), move || notify_worker::run_alerts(&shared, &destination))?;
    }
    let shared = Arc::clone(shared);
    components.spawn_leavable(worker, move || notify_worker::run(&shared, &destination))
}

fn session_timeout(connection: &Connection) -> Duration {
    let set = connection.properties.get("session.timeout.ms").and_then(|millis| millis.parse().ok());
    set.map_or(SESSION_TIMEOUT, Duration::from_millis)
}
