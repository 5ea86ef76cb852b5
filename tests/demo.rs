//! The demo as a process, without a terminal: it shows warnings, its numbers agree, nobody is named, and it ends.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Longest a demo of a few seconds may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// How soon it must be gone after Ctrl-C.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// A running demo; killed when dropped.
struct Demo {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    errors: Option<thread::JoinHandle<String>>,
}

impl Demo {
    fn start(arguments: &[&str], folder: &Path, temporary: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_golden-bell"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GOLDEN_BELL")) {
            command.env_remove(name);
        }
        let mut child = command
            .args(["demo", "--lang", "en"])
            .args(arguments)
            .current_dir(folder)
            .env("TMPDIR", temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (sender, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().expect("an output"));
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut stderr = child.stderr.take().expect("an output");
        let errors = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).expect("text");
            text
        });
        Demo { child, lines, seen: Vec::new(), errors: Some(errors) }
    }

    /// Waits for a line that says this.
    fn wait_for(&mut self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line.clone()),
                Err(error) => panic!("no line with {text:?} ({error}):\n{}", self.seen.join("\n")),
            }
            if let Some(line) = self.seen.last().filter(|line| line.contains(text)) {
                return line.clone();
            }
        }
    }

    /// Waits for its end: how it ended, and all it said, the errors last.
    fn end(mut self, within: Duration) -> (ExitStatus, Vec<String>, String) {
        let until = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                break status;
            }
            assert!(Instant::now() < until, "still running:\n{}", self.seen.join("\n"));
            thread::sleep(Duration::from_millis(10));
        };
        let mut seen = std::mem::take(&mut self.seen);
        seen.extend(self.lines.iter());
        let errors = self.errors.take().map(|errors| errors.join().expect("text")).unwrap_or_default();
        (status, seen, errors)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The longest run of digits.
fn longest_number(text: &str) -> usize {
    text.split(|c: char| !c.is_numeric()).map(|digits| digits.chars().count()).max().unwrap_or(0)
}

/// The two numbers of a line of the summary.
fn pair(lines: &[String], name: &str) -> (u64, u64) {
    let line = lines.iter().find(|line| line.trim_start().starts_with(name) && line.ends_with('✓'));
    let line = line.unwrap_or_else(|| panic!("no agreeing line {name:?} in\n{}", lines.join("\n")));
    let mut numbers = (line.trim_start()[name.len()..].split_whitespace())
        .filter_map(|word| word.replace(',', "").parse::<u64>().ok());
    (numbers.next().expect("a number"), numbers.next().expect("a number"))
}

#[test]
fn a_short_demo_shows_warnings_of_several_levels_and_its_numbers_agree() {
    let temporary = tempfile::tempdir().expect("a folder");
    let demo = Demo::start(&["--for", "8s"], root(), temporary.path());
    let (status, lines, errors) = demo.end(PATIENCE);
    let all = format!("{}\n{errors}", lines.join("\n"));
    assert!(status.success(), "{status}:\n{all}");
    assert!(errors.is_empty(), "{errors}");

    let warnings: Vec<&String> = lines.iter().filter(|line| line.contains("*·")).collect();
    let levels = ["URGENT", "HIGH", "MEDIUM", "LOW"].map(|level| warnings.iter().any(|line| line.contains(level)));
    assert!(levels.into_iter().filter(|there| *there).count() >= 2, "{all}");

    let summary = lines.iter().position(|line| line.contains("the demo in numbers")).expect("a summary");
    let summary = &lines[summary..];
    assert_eq!(pair(summary, "registrants"), (12_000, 12_000));
    let of = |name| {
        let (sent, counted) = pair(summary, name);
        assert_eq!(sent, counted, "{name}:\n{all}");
        sent
    };
    let events = of("events");
    assert!(events > 200, "{all}");
    assert_eq!(events, of("matched") + of("unmatched") + of("allowed") + of("dead letters"), "{all}");
    of("duplicates");
    of("follow-ups");
    assert!(!all.contains('✗'), "{all}");
    let told = format!("published {0}, read {0}, twice 0", warnings.len());
    assert!(summary.iter().any(|line| line.contains(&told)), "{told}:\n{all}");
    for text in ["median", "99th percentile", "calls 0, transfers 0, case-inputs 0", "http://127.0.0.1:"] {
        assert!(summary.iter().any(|line| line.contains(text)), "{text}:\n{all}");
    }
    assert!(longest_number(&all) < 9, "a number in full:\n{all}");
}

#[test]
fn ctrl_c_ends_it_in_good_order_and_soon() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut demo = Demo::start(&["--plain"], root(), temporary.path());
    let line = demo.wait_for("/metrics");
    let url = line.rsplit(' ').next().expect("an address").to_owned();
    demo.wait_for("*·");
    let metrics = ureq::get(&url).call().expect("metrics").body_mut().read_to_string().expect("text");
    assert!(metrics.contains("golden_bell_index_registrants 12000"), "{metrics}");
    let pid = demo.child.id().to_string();
    let asked = Command::new("kill").args(["-INT", &pid]).status().expect("kill runs");
    assert!(asked.success());
    let (status, lines, errors) = demo.end(GONE_WITHIN);
    let all = format!("{}\n{errors}", lines.join("\n"));
    assert!(status.success(), "{status}:\n{all}");
    assert!(all.contains("the demo in numbers"), "{all}");
    assert!(longest_number(&all) < 9, "a number in full:\n{all}");
}

#[test]
fn it_needs_no_file_but_the_program_and_leaves_none_behind() {
    let (folder, temporary) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let demo = Demo::start(&["--for", "5s"], folder.path(), temporary.path());
    let (status, lines, errors) = demo.end(PATIENCE);
    assert!(status.success(), "{status}:\n{}\n{errors}", lines.join("\n"));
    let left = |folder: &Path| std::fs::read_dir(folder).expect("a folder").count();
    assert_eq!((left(folder.path()), left(temporary.path())), (0, 0));
}
