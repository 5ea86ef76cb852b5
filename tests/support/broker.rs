//! A real Apache Kafka for tests: one broker, or a cluster to break.
//!
//! ```ignore
//! mod support;
//! use support::broker::{Broker, broker_or_skip, unique};
//!
//! #[test]
//! fn a_record_comes_back() {
//!     broker_or_skip!("that a record comes back");
//!     let broker = Broker::shared();
//!     let topic = unique("records");
//!     broker.create_topic(&topic, 1, &[]);
//! }
//! ```
//!
//! Every broker listens on loopback, on ports below the range from which the system takes those of
//! outgoing connections, and ends with this process, however that ends. Environment:
//!
//! - `GOLDEN_BELL_REQUIRE_BROKER=1`: a missing Java or Maven fails a test instead of leaving it out.
//! - `GOLDEN_BELL_TEST_BROKER=host:port`: [`Broker::shared`] is that broker, started by somebody
//!   else, for instance by `kafka.sh start`.
//! - `GOLDEN_BELL_KEEP_BROKER=1`: folders, and with them the brokers' logs, stay in `target/tmp`.

#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses its own part of this")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a broker that does not come up ends the test"
)]

mod client;
mod cluster;
mod node;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rdkafka::ClientConfig;

pub use cluster::Cluster;

/// Longest start of a broker that counts as a start, on a machine busy with compiling.
pub const START: Duration = Duration::from_secs(90);

/// One broker, which is a cluster of one. Node id 1, one replica of everything.
pub struct Broker {
    place: Place,
    shared: bool,
}

enum Place {
    Own(Cluster),
    Elsewhere(String),
}

impl Broker {
    /// The broker for all tests of this process that do not break it, started by the first of them.
    /// Topic names, groups and transactional ids must be [`unique`].
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(|| {
            let place = match elsewhere() {
                Some(address) => Place::Elsewhere(address),
                None => Place::Own(Cluster::start(1)),
            };
            let broker = Self { place, shared: true };
            broker.wait_ready(START);
            broker
        })
    }

    /// A broker of one's own, to be broken; it ends with the value.
    pub fn start() -> Self {
        Self { place: Place::Own(Cluster::start(1)), shared: false }
    }

    /// Kills the broker (SIGKILL) and returns when it is gone. Ports and data stay for `restart`.
    pub fn kill(&self) {
        self.own().kill(1);
    }

    /// Ends the broker in an orderly way (SIGTERM) and returns when it is gone.
    pub fn stop(&self) {
        self.own().stop(1);
    }

    /// Stops the broker in its tracks (SIGSTOP): connections stay open, nothing answers.
    pub fn pause(&self) {
        self.own().pause(1);
    }

    /// Lets a paused broker go on (SIGCONT).
    pub fn resume(&self) {
        self.own().resume(1);
    }

    /// Starts the broker again on the same ports and data, after a kill if it runs; waits until it
    /// serves.
    pub fn restart(&self) {
        self.own().restart(1);
    }

    /// Waits until the broker answers and counts itself among the living.
    pub fn wait_ready(&self, within: Duration) {
        match &self.place {
            Place::Own(cluster) => cluster.wait_ready(within),
            Place::Elsewhere(address) => client::wait_until(
                within,
                || format!("the broker at {address} to answer"),
                || client::living(address).is_some_and(|ids| !ids.is_empty()),
            ),
        }
    }

    /// `host:port`, the value of `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        match &self.place {
            Place::Own(cluster) => cluster.bootstrap_servers(),
            Place::Elsewhere(address) => address.clone(),
        }
    }

    /// The start of a client's configuration: where the broker is, and quick reconnects.
    pub fn client_config(&self) -> ClientConfig {
        client::config(&self.bootstrap_servers())
    }

    /// Creates a topic with these settings and waits until each partition has a leader.
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        client::create_topic(&self.bootstrap_servers(), name, partitions, 1, settings);
    }

    fn own(&self) -> &Cluster {
        assert!(!self.shared, "the shared broker is not for breaking");
        match &self.place {
            Place::Own(cluster) => cluster,
            Place::Elsewhere(address) => panic!("the broker at {address} is not ours to break"),
        }
    }
}

/// Whether a broker can be started here: Java 17 or newer is present, and Kafka's jars are, or Maven
/// could bring them just now. The error says what is missing. Looks once a process.
pub fn available() -> Result<(), String> {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    FOUND
        .get_or_init(|| match script().arg("fetch").output() {
            Ok(fetch) if fetch.status.success() => Ok(()),
            Ok(fetch) => Err(String::from_utf8_lossy(&fetch.stderr).trim().to_owned()),
            Err(error) => Err(format!("bash: {error}")),
        })
        .clone()
}

/// Leaves the test out, saying so in one line on standard error, where no broker can be had; fails
/// it there when `GOLDEN_BELL_REQUIRE_BROKER=1`. The argument says what the test shows.
macro_rules! broker_or_skip {
    ($shows:expr) => {{
        fn here() {}
        if !$crate::support::broker::usable(std::any::type_name_of_val(&here), $shows) {
            return;
        }
    }};
}
pub(crate) use broker_or_skip;

/// Behind [`broker_or_skip`]: whether the test whose inner function is `here` can run.
pub fn usable(here: &str, shows: &str) -> bool {
    if elsewhere().is_some() {
        return true;
    }
    let Err(missing) = available() else {
        return true;
    };
    let test = here.trim_end_matches("::here");
    let line = format!("left out: {test} needs Java 17 and Maven to show {shows} ({missing})");
    assert!(!required(), "{line}");
    // Past the test harness, which swallows what a passing test prints.
    let _ = writeln!(std::io::stderr(), "{}", line.replace('\n', " "));
    false
}

/// A name that no other test uses, in this process or another: `prefix`, process, time, count.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let mut name = prefix.to_owned();
    let _ = write!(name, "-{}-{:x}-{count}", std::process::id(), now.as_millis());
    name
}

fn elsewhere() -> Option<String> {
    std::env::var("GOLDEN_BELL_TEST_BROKER").ok().filter(|address| !address.is_empty())
}

fn required() -> bool {
    std::env::var("GOLDEN_BELL_REQUIRE_BROKER").is_ok_and(|value| value == "1")
}

fn script() -> Command {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/support/kafka/kafka.sh");
    let mut command = Command::new("bash");
    command.arg(path);
    command
}
