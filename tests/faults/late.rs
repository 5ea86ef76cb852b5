//! Why work has not gone on: looked at while it has not, by clients other than the reader that waits for it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::campaign::{Campaign, now_ms};
use crate::support::instance::{Instance, Setting};
use crate::support::topic_io::{ends, group_standings};

/// How many of the last warnings and errors of a log are shown.
const LINES: usize = 3;

/// How long after the first look at the offsets they are looked at again.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// Where a partition of `cases` stands.
#[derive(Clone, Copy, Debug)]
struct Standing {
    /// The next offset of the reader that waits for progress.
    read: i64,
    /// The end that readers of committed records have.
    committed: i64,
    /// The true end.
    end: i64,
}

impl Standing {
    /// What keeps the reader from seeing something new.
    fn word(self) -> &'static str {
        if self.read < self.committed {
            "the reader is behind"
        } else if self.committed < self.end {
            "a transaction is open"
        } else {
            "nothing is written"
        }
    }
}

/// Looks at the instances now, and at the brokers on a thread of its own, which may have to wait for them.
pub fn look(c: &Campaign<'_>, since_ms: i64) -> JoinHandle<String> {
    let after = (now_ms() - since_ms) as f64 / 1_000.0;
    let mut text = format!("looked at after {after:.1} s");
    for (id, instance) in &c.instances {
        let _ = write!(text, "; {id}: {}", of_instance(c, id, instance));
    }
    let (latest, read) = c.load.as_ref().map(|load| (load.progress(), load.positions())).unwrap_or_default();
    let setting = c.setting.clone();
    thread::spawn(move || text + &of_topics(&setting, since_ms, &latest, &read))
}

/// One that stands still is not asked anything.
fn of_instance(c: &Campaign<'_>, id: &str, instance: &Instance) -> String {
    let state = instance.state().unwrap_or('?');
    let mut text = format!("state {state}");
    if !matches!(state, 'T' | 'Z' | '?') {
        let ready = instance.get("/-/ready").map_or_else(|error| error, |(code, body)| format!("{code} {body}"));
        let committed = c.metric(id, "golden_bell_transactions_total", "committed");
        let _ = write!(text, ", {} partitions, {committed} transactions, ready: {}", c.holds(id), ready.trim());
    }
    let log = instance.log_text();
    let assigned = log.lines().rfind(|line| line.contains("assigned and restored"));
    assigned.iter().for_each(|line| {
        let _ = write!(text, " | {line}");
    });
    let bad: Vec<&str> = log.lines().rev().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    bad.iter().take(LINES).rev().for_each(|line| {
        let _ = write!(text, " | {line}");
    });
    text
}

fn of_topics(setting: &Setting, since_ms: i64, latest: &BTreeMap<i32, i64>, read: &BTreeMap<i32, i64>) -> String {
    let began = Instant::now();
    let topic = |name: &str| format!("{}{name}", setting.prefix);
    let committed = ends(&setting.bootstrap, &topic("cases"), "read_committed");
    let all = ends(&setting.bootstrap, &topic("cases"), "read_uncommitted");
    let mut text = String::new();
    for (partition, (_, end)) in all {
        if latest.get(&partition).is_some_and(|latest| *latest > since_ms) {
            continue;
        }
        let committed = committed.get(&partition).map_or(0, |(_, end)| *end);
        let standing = Standing { read: read.get(&partition).copied().unwrap_or(0), committed, end };
        let _ = write!(text, "; cases {partition}: {}, {standing:?}", standing.word());
    }
    let standings = || group_standings(&setting.bootstrap, &topic("cases"), &topic("case-inputs")).unwrap_or_default();
    for (partition, standing) in standings() {
        let _ = write!(text, "; case-inputs {partition}: {standing:?}");
    }
    let _ = write!(text, "; the brokers answered in {:.1?}", began.elapsed());
    // Whether it moves at all is seen by looking twice.
    thread::sleep(BETWEEN_LOOKS);
    for (partition, standing) in standings() {
        let _ = write!(text, "; case-inputs {partition} later: {standing:?}");
    }
    text
}

#[test]
fn what_keeps_a_reader_from_progress_is_told_apart() {
    let word = |read, committed, end| Standing { read, committed, end }.word();
    assert_eq!(word(7, 7, 7), "nothing is written");
    assert_eq!(word(7, 7, 9), "a transaction is open");
    assert_eq!(word(5, 7, 7), "the reader is behind");
    // Behind what it could read already: the open transaction is not what it waits for.
    assert_eq!(word(5, 7, 9), "the reader is behind");
}
