//! The program as a process of its own, to be started, watched, killed and asked.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest a start may take on a busy machine, an old namesake's session time-out included.
pub const READY: Duration = Duration::from_secs(60);

/// The token key of all tests, as `privacy.token_key` has it.
pub fn token_key_hex(key: &[u8; 32]) -> String {
    hex::encode(key)
}

/// How instances of one test are started.
#[derive(Clone)]
pub struct Setting {
    /// `host:port` of the broker.
    pub bootstrap: String,
    /// `kafka.topic_prefix` and `kafka.group_prefix`.
    pub prefix: String,
    /// More environment variables, `GOLDEN_BELL__…`.
    pub environment: Vec<(String, String)>,
    /// Where logs go.
    pub folder: PathBuf,
}

impl Setting {
    /// The program with a command and this setting's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_golden-bell"));
        command
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("GOLDEN_BELL__KAFKA__BOOTSTRAP_SERVERS", &self.bootstrap)
            .env("GOLDEN_BELL__KAFKA__TOPIC_PREFIX", &self.prefix)
            .env("GOLDEN_BELL__KAFKA__GROUP_PREFIX", &self.prefix)
            .env("GOLDEN_BELL__PRIVACY__TOKEN_KEY", token_key_hex(&[7; 32]))
            .env("RUST_BACKTRACE", "1")
            .envs(self.environment.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        command
    }

    /// Makes the topics with the program's own command.
    pub fn create_topics(&self) {
        let output = self.command(&["topics", "create"]).output().expect("the program runs");
        assert!(output.status.success(), "topics create: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts `run` under the name `id`.
    pub fn start(&self, id: &str) -> Instance {
        self.start_with(id, &["run"])
    }

    /// Starts the program with these arguments under the name `id`.
    pub fn start_with(&self, id: &str, arguments: &[&str]) -> Instance {
        let port = free_port();
        let log = self.folder.join(format!("{id}.log"));
        let file = File::options().create(true).append(true).open(&log).expect("a log file");
        let child = self
            .command(arguments)
            .env("GOLDEN_BELL__KAFKA__INSTANCE_ID", id)
            .env("GOLDEN_BELL__OPERATIONS__LISTEN", format!("127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log file"))
            .stderr(file)
            .spawn()
            .expect("the program starts");
        Instance { child, port, log }
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(5)))
        .build()
        .into()
}

fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<(u16, String), String> {
    let mut response = response.map_err(|error| error.to_string())?;
    let body = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
    Ok((response.status().as_u16(), body))
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("a free port").port()
}

/// A running process of the program; killed when dropped.
pub struct Instance {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Instance {
    /// Waits until `/-/ready` says so.
    pub fn wait_ready(&mut self, within: Duration) {
        let until = Instant::now() + within;
        loop {
            let said = self.get("/-/ready");
            if matches!(said, Ok((200, _))) {
                return;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("ended with {status} before it was ready:\n{}", self.log_text());
            }
            assert!(Instant::now() < until, "not ready: {said:?}\n{}", self.log_text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Status and body of a request to the operations listener.
    pub fn get(&self, path: &str) -> Result<(u16, String), String> {
        answer(agent().get(self.url(path)).call())
    }

    /// Status and body of a command to the operations listener.
    pub fn post(&self, path: &str) -> Result<(u16, String), String> {
        answer(agent().post(self.url(path)).send_empty())
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Sum of a metric's samples whose labels contain `labels`; 0 where there is none.
    pub fn metric(&self, name: &str, labels: &str) -> f64 {
        let body = self.get("/metrics").map(|(_, body)| body).unwrap_or_default();
        (body.lines())
            .filter(|line| !line.starts_with('#') && line.contains(labels))
            .filter_map(|line| {
                let (series, value) = line.rsplit_once(' ')?;
                let base = series.split('{').next()?;
                (base == name).then(|| value.parse::<f64>().ok()).flatten()
            })
            .sum()
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most resident memory it ever had, bytes.
    pub fn peak_resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let kib =
            status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
        kib.unwrap_or(0u64) * 1024
    }

    /// The processor time it took so far, all threads, in user and system mode.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        // Behind the name in brackets, the 12th and 13th field; a tick is a hundredth of a second (proc(5)).
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("a kill");
        self.child.wait().expect("an end");
    }

    /// Sends it a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let signal = format!("-{name}");
        let sent = Command::new("kill").args([&signal, &self.pid().to_string()]).status().expect("kill runs");
        assert!(sent.success(), "{name} to {}", self.pid());
    }

    /// The status it ended with, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a status")
    }

    /// The letter that tells what it is doing: `T` while it is stopped.
    pub fn state(&self) -> Option<char> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("State:"))?.trim().chars().next()
    }

    /// SIGTERM, and the status it ends with.
    pub fn terminate(mut self, within: Duration) -> ExitStatus {
        let signalled = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().expect("kill runs");
        assert!(signalled.success());
        self.wait_for_end(within)
    }

    /// Waits for the process to end by itself.
    pub fn wait_for_end(&mut self, within: Duration) -> ExitStatus {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status;
            }
            assert!(Instant::now() < until, "still running:\n{}", self.log_text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has logged.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Where it logs to.
    pub fn log(&self) -> &Path {
        &self.log
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
