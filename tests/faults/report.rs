//! What came of it, as a table for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// One fault and what followed.
#[derive(Clone, Debug)]
pub struct Round {
    pub kind: &'static str,
    /// Whether it happened as it was meant to; a round that did not bite shows nothing.
    pub bit: bool,
    /// From the fault until all partitions were worked on again.
    pub recovery: Option<Duration>,
    /// What was seen when work should long have gone on and had not.
    pub late: Option<String>,
}

/// What a campaign came to.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub campaign: &'static str,
    pub seed: u64,
    pub rounds: Vec<Round>,
    /// Everything that must not be.
    pub anomalies: Vec<String>,
    pub inputs: usize,
    pub warnings: usize,
    pub timers: usize,
    pub notifications: usize,
    /// From its beginning until it was judged.
    pub took: Duration,
    /// Processes ended by their watchdog and started again.
    pub watchdog_ends: usize,
}

/// A bound on the time until work goes on, and to which kinds of fault it applies.
pub struct Bound {
    pub what: &'static str,
    pub applies: fn(&str) -> bool,
    pub limit: Duration,
}

/// What is true of the whole run.
pub struct Run {
    pub seed: u64,
    /// The load average of the last minute when it began, before anything of it ran.
    pub load: f64,
    pub began: Instant,
}

/// Above this load average at the start the machine is another's, and the times say nothing of the program.
pub const BUSY: f64 = 4.0;

impl Run {
    pub fn begin(seed: u64) -> Self {
        Run { seed, load: load_average(), began: Instant::now() }
    }
}

fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0)
}

impl Bound {
    /// The 99th percentile of the recovery of its rounds, and how many those are.
    fn seen(&self, verdicts: &[Verdict]) -> (Duration, usize) {
        let rounds = verdicts.iter().flat_map(|verdict| &verdict.rounds);
        let bitten = rounds.filter(|round| round.bit && (self.applies)(round.kind));
        let mut times: Vec<Duration> = bitten.filter_map(|round| round.recovery).collect();
        times.sort();
        (quantile(&times, 0.99), times.len())
    }

    /// What is wrong, in words.
    pub fn missed(&self, verdicts: &[Verdict]) -> Option<String> {
        let (seen, rounds) = self.seen(verdicts);
        (rounds > 0 && seen >= self.limit)
            .then(|| format!("{}: 99 % take up to {seen:.1?}, {:?} are allowed", self.what, self.limit))
    }
}

/// The bounds as a table, in Markdown.
pub fn bounds_table(bounds: &[Bound], verdicts: &[Verdict]) -> String {
    let mut out = String::from("| recovery | bound | 99th percentile seen | rounds | |\n|---|--:|--:|--:|---|\n");
    for bound in bounds {
        let (seen, rounds) = bound.seen(verdicts);
        let word = match (rounds, seen < bound.limit) {
            (0, _) => "not run",
            (_, true) => "kept",
            (_, false) => "missed",
        };
        let (limit, seen) = (bound.limit.as_secs(), seen.as_secs_f64());
        let _ = writeln!(out, "| {} | {limit} s | {seen:.1} s | {rounds} | {word} |", bound.what);
    }
    out
}

impl Verdict {
    /// Of a campaign that could not be brought to its end.
    pub fn broken(campaign: &'static str, seed: u64, what: String) -> Self {
        let (rounds, anomalies) = (Vec::new(), vec![what]);
        let (inputs, warnings, timers, notifications, watchdog_ends) = (0, 0, 0, 0, 0);
        let took = Duration::ZERO;
        Verdict { campaign, seed, rounds, anomalies, inputs, warnings, timers, notifications, took, watchdog_ends }
    }

    /// Fails the test where something is wrong, or where a kind of fault never bit.
    pub fn assert(&self) {
        assert!(
            self.anomalies.is_empty(),
            "{} (seed {}): {} anomalies:\n{}",
            self.campaign,
            self.seed,
            self.anomalies.len(),
            self.anomalies.join("\n")
        );
        for (kind, rounds) in by_kind(std::slice::from_ref(self)) {
            let bit = rounds.iter().any(|round| round.bit);
            assert!(bit, "INVALID: {kind} never bit in {} rounds (seed {})", rounds.len(), self.seed);
        }
    }
}

fn by_kind(verdicts: &[Verdict]) -> BTreeMap<&'static str, Vec<&Round>> {
    let mut kinds: BTreeMap<&'static str, Vec<&Round>> = BTreeMap::new();
    for round in verdicts.iter().flat_map(|verdict| &verdict.rounds) {
        kinds.entry(round.kind).or_default().push(round);
    }
    kinds
}

/// The value below which this share of the sorted times lies.
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.max(1) - 1).copied().unwrap_or_default()
}

/// A table of all kinds of fault, in Markdown.
pub fn table(run: &Run, verdicts: &[Verdict]) -> String {
    let mut out = String::from(
        "| fault | rounds | INVALID | anomalies in its campaigns | recovery, median | 99th percentile | longest |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    let (mut total, mut invalid) = (0, 0);
    for (kind, rounds) in by_kind(verdicts) {
        let bitten: Vec<&&Round> = rounds.iter().filter(|round| round.bit).collect();
        let mut times: Vec<Duration> = bitten.iter().filter_map(|round| round.recovery).collect();
        times.sort();
        let shown =
            |time: Option<Duration>| time.map_or("none".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()));
        let of_times = |share| (!times.is_empty()).then(|| quantile(&times, share));
        let with_it = verdicts.iter().filter(|verdict| verdict.rounds.iter().any(|round| round.kind == kind));
        let _ = writeln!(
            out,
            "| {kind} | {} | {} | {} | {} | {} | {} |",
            bitten.len(),
            rounds.len() - bitten.len(),
            with_it.map(|verdict| verdict.anomalies.len()).sum::<usize>(),
            shown(of_times(0.5)),
            shown(of_times(0.99)),
            shown(times.last().copied()),
        );
        total += bitten.len();
        invalid += rounds.len() - bitten.len();
    }
    let sum = |count: fn(&Verdict) -> usize| verdicts.iter().map(count).sum::<usize>();
    let _ = writeln!(
        out,
        "\n{total} faults that bit and {invalid} that did not (INVALID, not counted and repeated), in {} campaigns, over \
         {} case inputs, {} timers that fired, {} warnings and {} notifications; {} anomalies; {} processes ended by \
         their watchdog and started again. {:.0} minutes on {} cores, load average {:.1} at the start, seed {}.",
        verdicts.len(),
        sum(|v| v.inputs),
        sum(|v| v.timers),
        sum(|v| v.warnings),
        sum(|v| v.notifications),
        sum(|v| v.anomalies.len()),
        sum(|v| v.watchdog_ends),
        run.began.elapsed().as_secs_f64() / 60.0,
        std::thread::available_parallelism().map_or(0, usize::from),
        run.load,
        run.seed,
    );
    out
}

/// The rounds that were late, and what was seen meanwhile.
pub fn late_rounds(verdicts: &[Verdict]) -> String {
    let rounds = verdicts.iter().flat_map(|verdict| verdict.rounds.iter().map(move |round| (verdict, round)));
    rounds
        .filter_map(|(v, r)| Some(format!("- {} (seed {}), {}: {}\n", v.campaign, v.seed, r.kind, r.late.as_ref()?)))
        .collect()
}

/// Writes a file of the long set.
pub fn write(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../faults");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(name), text).expect("a file");
}
