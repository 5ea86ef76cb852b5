//! A campaign: some instances of the program under load, faults one after another, and the verdict at the end.

use std::collections::BTreeMap;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::TimeDelta;
use golden_bell::core::case::CaseSettings;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::arena::Arena;
use crate::late;
use crate::load::Load;
use crate::replay::levels;
use crate::report::Round;
use crate::support::instance::{Instance, READY, Setting};
use crate::support::model::Settings;
use crate::support::scenario_feed::Plan;
use crate::support::topic_io::send_all;
use crate::support::trial::set_up_at;

/// Partitions of every topic of a campaign.
pub const PARTITIONS: usize = 4;

/// How long a broker may wait with ending a transaction whose time is over: the test brokers look every second.
pub const SCAN: Duration = Duration::from_secs(1);

/// `transaction.timeout.ms` of the program.
pub const TRANSACTION: Duration = Duration::from_secs(15);

/// The longest time without any progress that counts as one that ends.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// By how much a round outlasts the slowest take-over before it is looked into.
pub const LATE: Duration = Duration::from_secs(3);

/// The exit code of a process ended by its watchdog, to be started again.
const WATCHDOG: i32 = 75;

/// How a campaign is set up.
#[derive(Clone, Copy)]
pub struct Options {
    /// The session time-out of the groups, of which a take-over has to wait out most.
    pub session: Duration,
    /// Events a second.
    pub per_second: u64,
    /// Whether the program reaches the brokers through the relays.
    pub through_proxies: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { session: Duration::from_secs(3), per_second: 25, through_proxies: false }
    }
}

pub struct Campaign<'a> {
    pub arena: &'a Arena,
    pub name: &'static str,
    /// How the test reaches the brokers.
    pub setting: Setting,
    /// How the program does.
    pub program: Setting,
    pub options: Options,
    pub chance: StdRng,
    pub instances: BTreeMap<String, Instance>,
    pub rounds: Vec<Round>,
    pub seed: u64,
    pub settings: Settings,
    pub load: Option<Load>,
    pub anomalies: Vec<String>,
    pub watchdog_ends: usize,
    /// A look into the round under way, which is late.
    late: Option<JoinHandle<String>>,
    pub began: Instant,
    pub folder: tempfile::TempDir,
}

/// Deadlines of seconds, so that timers fire all the time.
const DEADLINES: [(&str, [i64; 4]); 3] =
    [("ACKNOWLEDGE_WITHIN", [5, 6, 7, 9]), ("REACH_WITHIN", [25, 30, 35, 40]), ("ACKNOWLEDGE_EXPIRES", [8, 9, 10, 12])];

/// What the deadlines of a campaign are.
pub fn case_settings() -> CaseSettings {
    let of = |index: usize| {
        let [urgent, high, medium, low] = DEADLINES[index].1;
        levels(urgent, high, medium, low)
    };
    CaseSettings {
        acknowledge_within: of(0),
        reach_within: of(1),
        acknowledge_expires: of(2),
        keep_closed: TimeDelta::days(31),
        ..CaseSettings::default()
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

impl<'a> Campaign<'a> {
    /// Topics of its own, registrants, instances of these names at work, and the load on.
    pub fn begin(arena: &'a Arena, name: &'static str, seed: u64, ids: &[&str], options: Options) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("faults-")
            .disable_cleanup(std::env::var_os("GOLDEN_BELL_KEEP_BROKER").is_some())
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("a folder");
        println!("== {name}, seed {seed}, {}", folder.path().display());
        let mut settings = Settings::default();
        let mut more: Vec<(String, String)> = vec![
            ("KAFKA__PARTITIONS".into(), PARTITIONS.to_string()),
            ("KAFKA__REPLICATION_FACTOR".into(), "3".into()),
            ("KAFKA__PROPERTIES__SESSION_TIMEOUT_MS".into(), options.session.as_millis().to_string()),
            ("KAFKA__PROPERTIES__HEARTBEAT_INTERVAL_MS".into(), "500".into()),
            ("WORKERS__MATCH".into(), "1".into()),
            ("WORKERS__CASES".into(), "1".into()),
        ];
        for (table, seconds) in DEADLINES {
            for (level, seconds) in ["URGENT", "HIGH", "MEDIUM", "LOW"].iter().zip(seconds) {
                more.push((format!("CASES__{table}__{level}"), format!("{seconds}s")));
            }
        }
        let more: Vec<(&str, &str)> = more.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let servers = arena.cluster.bootstrap_servers();
        let setting = set_up_at(&servers, name, folder.path(), &mut settings, &more);
        let mut program = setting.clone();
        if options.through_proxies {
            program.bootstrap = arena.through_proxies();
        }
        let plan = Plan {
            seed,
            registrants: 120,
            events: 40_000,
            large: false,
            settings: settings.clone(),
            ..Plan::default()
        };
        let feed = plan.generate();
        send_all(&setting.bootstrap, &setting.prefix, &feed.registrants);
        let mut campaign = Campaign {
            arena,
            name,
            program,
            options,
            chance: StdRng::seed_from_u64(seed),
            instances: BTreeMap::new(),
            rounds: Vec::new(),
            seed,
            settings,
            load: None,
            anomalies: Vec::new(),
            watchdog_ends: 0,
            late: None,
            began: Instant::now(),
            folder,
            setting,
        };
        ids.iter().for_each(|id| campaign.start(id));
        for id in ids {
            campaign.instances.get_mut(*id).expect("just started").wait_ready(READY);
        }
        campaign.load = Some(Load::start(&campaign.setting, feed, options.per_second, seed));
        let since = now_ms();
        campaign.progress_since(since, PATIENCE).expect("the load makes progress without faults");
        campaign.late = None;
        campaign
    }

    /// Starts an instance.
    pub fn start(&mut self, id: &str) {
        self.instances.insert(id.to_owned(), self.program.start(id));
    }

    /// Has the load stop for a while, so that timers are fired by the wall clock; or go on.
    pub fn hush(&self, hushed: bool) {
        self.load.iter().for_each(|load| load.hush(hushed));
    }

    /// Starts an instance that dies, or stops, at the given pass of a fault point.
    pub fn start_at_point(&mut self, id: &str, point: &str) {
        let mut setting = self.program.clone();
        setting.environment.push(("GOLDEN_BELL_FAULT_POINT".to_owned(), point.to_owned()));
        self.instances.insert(id.to_owned(), setting.start(id));
    }

    /// SIGKILL.
    pub fn kill(&mut self, id: &str) {
        if let Some(instance) = self.instances.remove(id) {
            instance.kill();
        }
    }

    /// SIGTERM; anything but a good end in time is an anomaly.
    pub fn terminate(&mut self, id: &str) {
        let Some(mut instance) = self.instances.remove(id) else { return };
        instance.signal("TERM");
        let began = Instant::now();
        while instance.ended().is_none() && began.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(20));
        }
        match instance.ended() {
            Some(status) if status.success() && began.elapsed() < Duration::from_secs(15) => {}
            status => self.anomaly(format!("{id} ended with {status:?}, {:?} after SIGTERM", began.elapsed())),
        }
    }

    /// Something that must not be.
    pub fn anomaly(&mut self, what: String) {
        println!("ANOMALY: {what}");
        self.anomalies.push(what);
    }

    /// Starts again what a watchdog ended, and notes what ended otherwise.
    pub fn supervise(&mut self) {
        let mut ended = Vec::new();
        for (id, instance) in &mut self.instances {
            if let Some(status) = instance.ended() {
                ended.push((id.clone(), status, instance.log_text()));
            }
        }
        for (id, status, log) in ended {
            if status.code() == Some(WATCHDOG) {
                println!("{id} was ended by its watchdog, starting it again");
                self.watchdog_ends += 1;
            } else {
                let last: Vec<&str> = log.lines().rev().take(8).collect();
                self.anomaly(format!("{id} ended with {status}: {}", last.join(" | ")));
            }
            self.start(&id);
        }
    }

    /// Waits until every partition has a committed record of `cases` made after `since_ms`; how long after it that was
    /// seen. What a watchdog ended meanwhile is started again: while another is stopped, nobody else would be at work.
    pub fn progress_since(&mut self, since_ms: i64, bound: Duration) -> Option<Duration> {
        let until = Instant::now() + bound;
        while Instant::now() < until {
            if self.progressed_since(since_ms) {
                return Some(Duration::from_millis((now_ms() - since_ms).max(0) as u64));
            }
            self.supervise();
            self.look_if_late(since_ms);
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// Looks once into a round in which work should long go on.
    fn look_if_late(&mut self, since_ms: i64) {
        let late = self.options.session + TRANSACTION + SCAN + LATE;
        if self.late.is_none() && now_ms() - since_ms > late.as_millis() as i64 {
            self.late = Some(late::look(self, since_ms));
        }
    }

    /// Whether every partition has made progress since; does not wait.
    pub fn progressed_since(&self, since_ms: i64) -> bool {
        let progress = self.load.as_ref().map(Load::progress).unwrap_or_default();
        progress.len() == PARTITIONS && progress.values().all(|latest| *latest > since_ms)
    }

    /// Waits for progress after the fault and writes the round down.
    pub fn round(&mut self, kind: &'static str, detail: String, since_ms: i64, bit: bool) {
        let recovery = self.progress_since(since_ms, PATIENCE);
        self.note(kind, detail, bit, recovery);
    }

    /// Like [`Campaign::round`], where the instance `id` was started again: recovery ends when it commits itself.
    pub fn restart_round(&mut self, kind: &'static str, detail: String, since_ms: i64, bit: bool, id: &str) {
        let mut recovery = self.progress_since(since_ms, PATIENCE);
        let committed = |c: &Self| c.metric(id, "golden_bell_transactions_total", "committed") > 0.0;
        if recovery.is_some() && !self.wait_until(PATIENCE, |c| committed(c)) {
            recovery = None;
        }
        let recovery = recovery.map(|_| Duration::from_millis((now_ms() - since_ms).max(0) as u64));
        self.note(kind, detail, bit, recovery);
    }

    /// A metric of an instance, 0 while it does not answer.
    pub fn metric(&self, id: &str, name: &str, labels: &str) -> f64 {
        self.instances.get(id).map_or(0.0, |instance| instance.metric(name, labels))
    }

    /// Waits until the work is shared out, so that the next fault finds everybody at it.
    fn settle(&mut self) {
        let ids: Vec<String> = self.instances.keys().cloned().collect();
        let shared = |c: &Self| shared_out(&ids.iter().map(|id| c.holds(id)).collect::<Vec<_>>());
        if !self.wait_until(PATIENCE, |c| {
            c.supervise();
            shared(c)
        }) {
            self.anomaly(format!("{ids:?} do not share the work out within {PATIENCE:?}"));
        }
    }

    /// Writes a round down.
    pub fn note(&mut self, kind: &'static str, detail: String, bit: bool, recovery: Option<Duration>) {
        if recovery.is_none() {
            self.anomaly(format!("{kind}, {detail}: no progress in all partitions within {PATIENCE:?}"));
        }
        let shown = recovery.map_or("none".to_owned(), |r| format!("{:.1} s", r.as_secs_f64()));
        let invalid = if bit { "" } else { ", INVALID: it did not bite" };
        println!("{:>5.0} s {kind}, {detail}: progress after {shown}{invalid}", self.began.elapsed().as_secs_f64());
        let late = self.late.take().map(|look| look.join().unwrap_or_else(|_| "the brokers did not answer".to_owned()));
        late.iter().for_each(|late| println!("        late: {late}"));
        self.rounds.push(Round { kind, bit, recovery, late });
        self.settle();
    }

    /// Calls `done` until it holds.
    pub fn wait_until(&mut self, within: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let until = Instant::now() + within;
        while !done(self) {
            if Instant::now() > until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// How many partitions of `case-inputs` an instance holds, by its own word.
    pub fn holds(&self, id: &str) -> usize {
        let Some(instance) = self.instances.get(id) else { return 0 };
        let body = instance.get("/metrics").map(|(_, body)| body).unwrap_or_default();
        let topic = format!("topic=\"{}case-inputs\"", self.setting.prefix);
        let lines = body.lines();
        lines.filter(|line| line.starts_with("golden_bell_consumer_lag_records{") && line.contains(&topic)).count()
    }

    /// One of the running instances.
    pub fn any(&mut self) -> String {
        let ids: Vec<String> = self.instances.keys().cloned().collect();
        ids[self.chance.random_range(0..ids.len())].clone()
    }
}

/// Whether each has a share and the shares are those of one assignment: one that was stopped goes on naming the
/// partitions it had, until it hears that others have them.
fn shared_out(shares: &[usize]) -> bool {
    shares.iter().all(|share| *share > 0) && shares.iter().sum::<usize>() == PARTITIONS
}

#[test]
fn partitions_that_two_claim_are_not_shared_out() {
    assert!(shared_out(&[2, 2]));
    assert!(shared_out(&[1, 1, 1, 1]));
    // The first has just gone on after a stop, the second did all the work meanwhile.
    assert!(!shared_out(&[2, PARTITIONS]));
    assert!(!shared_out(&[0, PARTITIONS]));
    assert!(!shared_out(&[1, 2]));
}
