//! The program, the feeder and the watcher on one stage, and how the demo goes from its beginning to its end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::core::directory::AreaKind;
use crate::core::rules::{Bilingual, FraudTypes};
use crate::generate::{Families, Places, Zone};
use crate::kafka::embedded::EmbeddedBroker;
use crate::lifecycle::{self, NotReady, Readiness, Stop};
use crate::metrics::Metrics;
use crate::operations::{self, BindError};
use crate::runtime::{Process, Role, Rulebook, RunError, connection};

use super::board::Board;
use super::cast::Cast;
use super::feeder;
use super::journal::Journal;
use super::model::{Model, Phase};
use super::numbers::Numbers;
use super::setting::{self, PARTITIONS, Setting};
use super::summary::{Outcome, Read};
use super::told::Latency;

/// How many people are registered.
pub const PEOPLE: u64 = 12_000;

/// How long what is under way is waited for at the end, and when somebody wants to leave.
const PATIENCE: Duration = Duration::from_secs(10);
const HASTE: Duration = Duration::from_millis(1_500);

/// Nothing more comes when nothing has changed for this long.
const STILL: Duration = Duration::from_millis(300);

/// The program's numbers are as old as this at most: reading all of them more often would be work for nobody.
const NUMBERS_FOR: Duration = Duration::from_millis(250);

/// Over how long the rate is reckoned.
const RATE_OVER: Duration = Duration::from_secs(5);

/// A demo under way.
pub struct Show {
    began: Instant,
    /// How long after the beginning the present phase ends at the latest.
    deadline: Option<Duration>,
    phase: Phase,
    interrupted: bool,
    zone: Bilingual,
    fraud_types: Arc<FraudTypes>,
    metrics_url: String,
    journal: Journal,
    board: Arc<Board>,
    metrics: Metrics,
    readiness: Readiness,
    program: Stop,
    /// The program before it is started.
    waiting: Option<(Process, TcpListener)>,
    running: Option<JoinHandle<Result<(), RunError>>>,
    cast: Cast,
    signals: mpsc::Receiver<&'static str>,
    /// The program's own channel for signals: ours come first.
    _quiet: mpsc::Sender<&'static str>,
    quiet: Option<mpsc::Receiver<&'static str>>,
    rate: VecDeque<(Instant, u64)>,
    /// When the numbers were read last, and what they were.
    known: Option<(Instant, Numbers, Latency)>,
    stillness: Stillness,
    outcome: Option<Outcome>,
    runtime: Runtime,
    // Last, so that they outlive all that work with them.
    _setting: Setting,
    _broker: EmbeddedBroker,
}

/// Whether what is counted still changes.
struct Stillness {
    last: Option<[u64; 8]>,
    since: Instant,
}

impl Show {
    /// Starts the broker and everybody who needs no program.
    ///
    /// # Errors
    /// When the configuration will not do, or something cannot be started.
    pub fn open(config: Config, duration: Option<Duration>, journal: Journal) -> anyhow::Result<Self> {
        let began = Instant::now();
        let broker = EmbeddedBroker::start().context("the embedded broker does not start")?;
        let setting = setting::prepare(config, broker.bootstrap_servers())?;
        let config = setting.config.clone();
        let own = connection(&config);
        broker.create_topics(&own, PARTITIONS.into()).context("the topics could not be made")?;

        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (signals, listener) =
            runtime.block_on(async { anyhow::Ok((lifecycle::termination()?, listen(&config).await?)) })?;
        let metrics_url = format!("http://{}/metrics", listener.local_addr()?);

        let rulebook = Rulebook::load(&config)?;
        let (zone, zone_name) = made_up(&rulebook)?;
        let process = Process::new(config, &Role::ALL)?;
        let components = process.lifecycle().components().clone();
        let (metrics, readiness) = (process.metrics.clone(), components.readiness().clone());
        let board = Arc::new(Board::default());
        let cast = Cast::start(&own, zone, &board, &readiness)?;
        let (quiet_sender, quiet) = mpsc::channel(1);
        Ok(Show {
            began,
            deadline: duration,
            phase: Phase::Starting,
            interrupted: false,
            zone: zone_name,
            fraud_types: Arc::new(rulebook.rules.load().fraud_types().clone()),
            metrics_url,
            journal,
            board,
            metrics,
            readiness,
            program: components.stop().clone(),
            waiting: Some((process, listener)),
            running: None,
            cast,
            signals,
            _quiet: quiet_sender,
            quiet: Some(quiet),
            rate: VecDeque::new(),
            known: None,
            stillness: Stillness { last: None, since: began },
            outcome: None,
            runtime,
            _setting: setting,
            _broker: broker,
        })
    }

    /// Goes on; `asked` says that somebody wants to leave. Gives whether the demo is over.
    ///
    /// # Errors
    /// When the program or somebody beside it has failed.
    pub fn step(&mut self, asked: bool) -> anyhow::Result<bool> {
        let asked = asked || self.signals.try_recv().is_ok();
        self.cast.check()?;
        self.check_program()?;
        match self.phase {
            Phase::Starting | Phase::Playing => {
                self.start_program();
                if self.board.with(|state| state.feeding_since.is_some()) {
                    self.phase = Phase::Playing;
                }
                if asked || self.late() {
                    self.interrupted = asked;
                    self.cast.fall_silent();
                    self.deadline = Some(self.began.elapsed() + if asked { HASTE } else { PATIENCE });
                    self.phase = Phase::Settling;
                }
            }
            Phase::Settling => {
                let settled = self.settled();
                if settled || asked || self.late() {
                    self.interrupted |= asked;
                    let fed = self.board.with(|state| state.feeding_since.is_some());
                    self.outcome = fed.then(|| self.come_to(settled));
                    self.program.request();
                    self.phase = Phase::Leaving;
                }
            }
            Phase::Leaving if asked => return Err(anyhow!("left before the program had finished")),
            Phase::Leaving => return Ok(self.running.is_none()),
        }
        Ok(false)
    }

    fn late(&self) -> bool {
        self.deadline.is_some_and(|deadline| self.began.elapsed() >= deadline)
    }

    /// The program starts when everybody is registered, as one does that comes to a topic that is there.
    fn start_program(&mut self) {
        if !self.board.with(|state| state.registered) {
            return;
        }
        if let (Some((process, listener)), Some(quiet)) = (self.waiting.take(), self.quiet.take()) {
            self.running = Some(self.runtime.spawn(process.run(listener, quiet, None)));
        }
    }

    /// Takes in the program's end, which must not come before it was asked to.
    fn check_program(&mut self) -> anyhow::Result<()> {
        let Some(running) = self.running.take_if(|running| running.is_finished()) else { return Ok(()) };
        self.runtime.block_on(running).context("the program has panicked")??;
        if self.phase == Phase::Leaving { Ok(()) } else { Err(anyhow!("the program has ended by itself")) }
    }

    /// Whether everything sent has been handled and everything published has been read.
    fn settled(&mut self) -> bool {
        let numbers = Numbers::read(&self.metrics);
        let (sent, read) = self.board.with(|state| (state.sent.events(), state.told.read));
        let now = [
            numbers.events(),
            numbers.warnings(),
            numbers.folded,
            numbers.outdated,
            numbers.duplicates,
            numbers.commits,
            numbers.registrants + numbers.follow_ups,
            read,
        ];
        if self.stillness.last != Some(now) {
            self.stillness = Stillness { last: Some(now), since: Instant::now() };
        }
        self.cast.silent()
            && numbers.events() >= sent
            && numbers.warnings() == read
            && numbers.lag() == 0
            && self.stillness.since.elapsed() >= STILL
    }

    fn come_to(&self, complete: bool) -> Outcome {
        let numbers = Numbers::read(&self.metrics);
        self.board.with(|state| Outcome {
            zone: self.zone.clone(),
            sent: state.sent.clone(),
            numbers,
            read: Read {
                records: state.told.read,
                repeated: state.told.repeated,
                unreadable: state.told.unreadable,
                latency: state.told.latency(),
            },
            lasted: self.began.elapsed(),
            complete,
            interrupted: self.interrupted,
            metrics_url: self.metrics_url.clone(),
        })
    }

    /// Everything there is to show now.
    pub fn model(&mut self) -> Model {
        let now = Instant::now();
        let (numbers, latency) = self.known(now);
        let (sent, stories, warnings) =
            self.board.with(|state| (state.sent.clone(), state.stories(now), state.told.rows()));
        let rate = self.rate(now, sent.events());
        Model {
            phase: self.phase,
            uptime: self.began.elapsed(),
            zone: self.zone.clone(),
            people: PEOPLE,
            metrics_url: self.metrics_url.clone(),
            missing: self.missing(),
            sent,
            rate,
            stories,
            warnings,
            latency,
            numbers,
            fraud_types: Arc::clone(&self.fraud_types),
            notice: self.journal.last_trouble(),
        }
    }

    fn known(&mut self, now: Instant) -> (Numbers, Latency) {
        match &self.known {
            Some((at, numbers, latency)) if now.duration_since(*at) < NUMBERS_FOR => (numbers.clone(), latency.clone()),
            _ => {
                let numbers = Numbers::read(&self.metrics);
                let latency = self.board.with(|state| state.told.latency());
                self.known = Some((now, numbers.clone(), latency.clone()));
                (numbers, latency)
            }
        }
    }

    fn missing(&self) -> Vec<String> {
        match self.readiness.check() {
            Ok(()) => Vec::new(),
            Err(NotReady::Waiting(components)) => {
                components.iter().map(|(name, state)| format!("{name}: {state}")).collect()
            }
            Err(other) => vec![other.to_string()],
        }
    }

    fn rate(&mut self, now: Instant, events: u64) -> f64 {
        self.rate.push_back((now, events));
        while self.rate.len() > 2 && self.rate.front().is_some_and(|(at, _)| now.duration_since(*at) > RATE_OVER) {
            self.rate.pop_front();
        }
        self.rate.front().map_or(0.0, |(at, before)| {
            let seconds = now.duration_since(*at).as_secs_f64();
            if seconds > 0.0 { events.saturating_sub(*before) as f64 / seconds } else { 0.0 }
        })
    }

    /// Lets everybody go home.
    ///
    /// # Errors
    /// When somebody has failed at the last moment.
    pub fn close(mut self) -> anyhow::Result<Option<Outcome>> {
        self.cast.go_home()?;
        self.runtime.shutdown_timeout(Duration::from_millis(200));
        Ok(self.outcome)
    }
}

/// Listens where the configuration says, or on any free port where somebody else is there.
async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    match operations::bind("operations.listen", config.operations.listen).await {
        Err(BindError::InUse { key, address }) => Ok(operations::bind(key, (address.ip(), 0).into()).await?),
        other => Ok(other?),
    }
}

/// The zone of the directory, its people made up, and its name.
fn made_up(rulebook: &Rulebook) -> anyhow::Result<(Zone, Bilingual)> {
    let directory = rulebook.directory.load_full();
    let areas = directory.areas();
    let root = areas.all().iter().find(|area| area.kind == AreaKind::Zone).or(areas.all().first());
    let name = root.map_or_else(|| bilingual("开发区", "development zone"), |area| area.name.clone());
    let places = Places::new(areas.all().iter().map(|area| (area.code.as_str(), area.kind.as_str())))?;
    Ok((Zone::new(feeder::SEED, PEOPLE, Families::Typical, places), name))
}

fn bilingual(zh: &str, en: &str) -> Bilingual {
    Bilingual { zh: zh.to_owned(), en: en.to_owned() }
}
