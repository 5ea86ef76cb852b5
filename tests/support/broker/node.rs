//! One broker process, its ports and its folder. `kafka.sh run` stands between the test and Java: it
//! kills Java as soon as the pipe from here closes, which the system does for a process that ends in
//! any way. A parent-death signal would not do: it goes by the thread, and tests are threads.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use super::{client, script};

/// Longest orderly end of a broker.
const STOP: Duration = Duration::from_secs(60);

/// Two neighbouring ports, for clients and for controllers, which no other test takes while this
/// lives, not even during a restart.
pub struct Ports {
    client: u16,
    _lock: File,
}

impl Ports {
    /// Below 32768, where the system begins to take ports for outgoing connections: a client that
    /// keeps trying to reach a dead broker would otherwise connect to itself one day, and the broker
    /// could not come back.
    const RANGE: std::ops::Range<u32> = 20_000..32_000;

    /// Finds two free ports and locks them against other test processes of this machine.
    pub fn reserve() -> Self {
        let locks = std::env::temp_dir().join("golden-bell-test-ports");
        fs::create_dir_all(&locks).expect("a folder for port locks");
        let pairs = (Self::RANGE.end - Self::RANGE.start) / 2;
        let now = UNIX_EPOCH.elapsed().unwrap_or_default().subsec_nanos();
        let first = (now / 1000) ^ std::process::id();
        (0..pairs)
            .map(|step| Self::RANGE.start + first.wrapping_add(step) % pairs * 2)
            .find_map(|port| Self::try_reserve(&locks, u16::try_from(port).ok()?))
            .expect("two free ports between 20000 and 32000")
    }

    fn try_reserve(locks: &Path, client: u16) -> Option<Self> {
        let lock = File::create(locks.join(client.to_string())).ok()?;
        lock.try_lock().ok()?;
        let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        (free(client) && free(client + 1)).then_some(Self { client, _lock: lock })
    }

    /// The port for clients; the controllers' is the next.
    pub fn client(&self) -> u16 {
        self.client
    }
}

/// A broker that runs, or that was ended and can be started again.
pub struct Node {
    id: i32,
    ports: Ports,
    folder: PathBuf,
    process: Mutex<Option<Process>>,
}

impl Node {
    /// Starts the broker that `kafka.sh prepare` made under `folder`; does not wait for it.
    pub fn start(id: i32, folder: &Path, ports: Ports) -> Self {
        let folder = folder.join(id.to_string());
        let process = Mutex::new(Some(Process::start(&folder)));
        Self { id, ports, folder, process }
    }

    /// Kafka's `node.id`.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// `host:port` for clients.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.client())
    }

    /// Whether it was started and neither killed, stopped nor paused since.
    pub fn runs(&self) -> bool {
        self.process().as_ref().is_some_and(|process| !process.paused)
    }

    /// Panics with the end of the broker's log if it has ended by itself.
    pub fn assert_alive(&self) {
        let ended = self.process().as_mut().and_then(Process::ended);
        if let Some(how) = ended {
            panic!("broker {} ended ({how}):\n{}", self.id, self.log_end());
        }
    }

    /// SIGKILL; returns when the process is gone.
    pub fn kill(&self) {
        let process = self.process().take();
        process.expect("the broker runs").kill();
    }

    /// SIGTERM; returns when the process is gone.
    pub fn stop(&self) {
        let process = self.process().take();
        process.expect("the broker runs").stop();
    }

    /// SIGSTOP; returns when it was sent.
    pub fn pause(&self) {
        self.set_paused(true);
    }

    /// SIGCONT; returns when it was sent.
    pub fn resume(&self) {
        self.set_paused(false);
    }

    /// Starts it again, after a kill if it runs; does not wait for it.
    pub fn restart(&self) {
        let mut process = self.process();
        if let Some(running) = process.take() {
            running.kill();
        }
        *process = Some(Process::start(&self.folder));
    }

    /// Lets it go on if it is paused, starts it if it was killed or stopped; does not wait for it.
    pub fn revive(&self) {
        let gone = self.process().as_ref().is_none();
        let paused = self.process().as_ref().is_some_and(|process| process.paused);
        if gone {
            self.restart();
        } else if paused {
            self.resume();
        }
    }

    /// The last lines of the broker's log and of what Java printed.
    pub fn log_end(&self) -> String {
        ["stdout.log", "broker.log"]
            .iter()
            .filter_map(|name| fs::read_to_string(self.folder.join(name)).ok())
            .map(|text| {
                let lines: Vec<&str> = text.lines().collect();
                let end = &lines[lines.len().saturating_sub(20)..];
                format!("--- broker {}\n{}\n", self.id, end.join("\n"))
            })
            .collect()
    }

    fn set_paused(&self, paused: bool) {
        let mut process = self.process();
        let process = process.as_mut().expect("the broker runs");
        process.ask(if paused { "pause" } else { "resume" });
        process.paused = paused;
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The supervisor and the pipes to it. Dropping it ends the broker and removes its folder.
struct Process {
    child: Child,
    commands: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    paused: bool,
}

impl Process {
    fn start(folder: &Path) -> Self {
        let mut child =
            script().arg("run").arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bash");
        let commands = child.stdin.take();
        let replies = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        Self { child, commands, replies, paused: false }
    }

    fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().expect("a child of this process")
    }

    fn send(&mut self, word: &str) {
        let commands = self.commands.as_mut().expect("open until the drop");
        writeln!(commands, "{word}").expect("the supervisor reads");
    }

    fn ask(&mut self, word: &str) {
        self.send(word);
        let mut reply = String::new();
        self.replies.read_line(&mut reply).expect("the supervisor answers");
        assert_eq!(reply.trim_end(), word, "the broker has ended by itself");
    }

    fn kill(mut self) {
        self.send("kill");
        self.child.wait().expect("a child of this process");
    }

    fn stop(mut self) {
        self.send("stop");
        client::wait_until(STOP, || "the broker to end in an orderly way".to_owned(), || self.ended().is_some());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input is the supervisor's order to clean up.
        self.commands = None;
        let _ = self.child.wait();
    }
}
