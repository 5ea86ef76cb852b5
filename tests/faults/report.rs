//! What came of it, as a table for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// One fault and what followed.
#[derive(Clone, Debug)]
pub struct Round {
    pub kind: &'static str,
    /// Whether it happened as it was meant to; a round that did not bite shows nothing.
    pub bit: bool,
    /// From the fault until all partitions were worked on again.
    pub recovery: Option<Duration>,
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
    /// Processes ended by their watchdog and started again.
    pub watchdog_ends: usize,
}

impl Verdict {
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
pub fn table(verdicts: &[Verdict]) -> String {
    let mut out = String::from(
        "| fault | rounds | did not bite | recovery, median | 99th percentile | longest |\n|---|--:|--:|--:|--:|--:|\n",
    );
    let mut total = 0;
    for (kind, rounds) in by_kind(verdicts) {
        let mut times: Vec<Duration> = rounds.iter().filter(|r| r.bit).filter_map(|round| round.recovery).collect();
        times.sort();
        let shown = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let _ = writeln!(
            out,
            "| {kind} | {} | {} | {} | {} | {} |",
            rounds.len(),
            rounds.iter().filter(|round| !round.bit).count(),
            shown(quantile(&times, 0.5)),
            shown(quantile(&times, 0.99)),
            shown(times.last().copied().unwrap_or_default()),
        );
        total += rounds.len();
    }
    let sum = |count: fn(&Verdict) -> usize| verdicts.iter().map(count).sum::<usize>();
    let _ = writeln!(
        out,
        "\n{total} faults in {} campaigns, over {} case inputs, {} timers that fired and {} warnings; {} anomalies; {} \
         processes ended by their watchdog and started again. Seeds: {}.",
        verdicts.len(),
        sum(|v| v.inputs),
        sum(|v| v.timers),
        sum(|v| v.warnings),
        sum(|v| v.anomalies.len()),
        sum(|v| v.watchdog_ends),
        verdicts.iter().map(|v| format!("{} {}", v.campaign, v.seed)).collect::<Vec<_>>().join(", "),
    );
    out
}

/// Adds lines to the file that the long set writes.
pub fn write(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../faults");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(name), text).expect("a file");
}
