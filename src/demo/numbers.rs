//! What the program itself has counted, read as anybody can read it: from its metrics.

use crate::core::dead_letter::Reason;
use crate::core::event::EventKind;
use crate::core::matched::Programme;
use crate::core::notification::{Channel, DeliveryState};
use crate::core::rules::Level;
use crate::core::warning::Cause;
use crate::metrics::{EventOutcome, Metrics, Stage, Topic, TransactionResult};

const KINDS: [EventKind; 2] = [EventKind::Call, EventKind::Transfer];

/// How a notification ends that went well.
const TAKEN: [DeliveryState; 3] = [DeliveryState::Sent, DeliveryState::Delivered, DeliveryState::Bundled];

/// The counters and gauges of a process at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Events that found somebody.
    pub matched: u64,
    /// Events that found nobody.
    pub unmatched: u64,
    /// Events with a harmless other side.
    pub allowed: u64,
    /// Events put aside.
    pub dead_lettered: u64,
    /// Events put aside, by reason; those there are.
    pub dead_letters: Vec<(Reason, u64)>,
    /// Matches that had been seen before.
    pub duplicates: u64,
    /// Matches taken into a case without a warning.
    pub folded: u64,
    /// Matches older than what was known.
    pub outdated: u64,
    /// Matches of events that came before the registration.
    pub retroactive: u64,
    /// Warnings by level, the lowest first.
    pub by_level: [u64; 4],
    /// Warnings by cause; those there are.
    pub by_cause: Vec<(Cause, u64)>,
    /// Warnings about people who are not registered.
    pub precise: u64,
    /// Notifications that their receivers took.
    pub notified: u64,
    /// Follow-ups accepted.
    pub follow_ups: u64,
    /// Cases in which something is to be done now.
    pub open_cases: u64,
    /// Cases whose person was talked out of paying and is to be looked after.
    pub dissuaded: u64,
    /// Registrants in the index.
    pub registrants: u64,
    /// Phones and accounts in the index.
    pub identifiers: u64,
    /// Memory of the index, bytes.
    pub index_bytes: u64,
    /// Memory of the whole process, bytes.
    pub resident_bytes: u64,
    /// Calls not read yet.
    pub calls_lag: u64,
    /// Transfers not read yet.
    pub transfers_lag: u64,
    /// Case inputs not read yet.
    pub inputs_lag: u64,
    /// Transactions committed.
    pub commits: u64,
    /// Times a worker began anew.
    pub restarts: u64,
}

impl Numbers {
    /// Reads them.
    pub fn read(metrics: &Metrics) -> Self {
        let outcome = |outcome| KINDS.iter().map(|kind| metrics.events.of(*kind, outcome).get()).sum();
        let reason = |reason: Reason| -> u64 {
            [Topic::Calls, Topic::Transfers].iter().map(|topic| metrics.dead_letters.of(*topic, reason).get()).sum()
        };
        let warnings = |level: Level, cause: Cause, programme| metrics.warnings.of(level, cause, programme).get();
        let of_cause = |cause| -> u64 {
            let levels = Level::ALL.into_iter();
            levels.flat_map(|level| Programme::ALL.iter().map(move |p| warnings(level, cause, *p))).sum()
        };
        let mut numbers = Numbers {
            matched: outcome(EventOutcome::Matched),
            unmatched: outcome(EventOutcome::Unmatched),
            allowed: outcome(EventOutcome::Allowed),
            dead_lettered: outcome(EventOutcome::DeadLettered),
            dead_letters: present(Reason::ALL, reason),
            duplicates: metrics.duplicates.of(Stage::Cases).get(),
            folded: metrics.events_folded.get(),
            outdated: metrics.events_outdated.get(),
            retroactive: metrics.retroactive_matches.get(),
            by_level: Level::ALL.map(|level| {
                let causes = Cause::ALL.iter();
                causes.flat_map(|cause| Programme::ALL.iter().map(move |p| warnings(level, *cause, *p))).sum()
            }),
            by_cause: present(Cause::ALL, of_cause),
            precise: (Level::ALL.into_iter())
                .flat_map(|level| Cause::ALL.iter().map(move |cause| warnings(level, *cause, Programme::Precise)))
                .sum(),
            notified: (Channel::ALL.iter())
                .flat_map(|channel| TAKEN.iter().map(move |state| metrics.notifications.of(*channel, *state).get()))
                .sum(),
            registrants: gauge(metrics.index_registrants.get()),
            identifiers: gauge(metrics.index_identifiers.get()),
            index_bytes: gauge(metrics.index_bytes.get()),
            commits: metrics.transactions.of(TransactionResult::Committed).get(),
            restarts: metrics.worker_restarts.get(),
            ..Numbers::default()
        };
        // What has no handle of its own stands in the exposition.
        numbers.read_exposition(&metrics.encode().unwrap_or_default());
        numbers
    }

    fn read_exposition(&mut self, text: &str) {
        let lag = |topic: &str| sum(text, "golden_bell_consumer_lag_records", &format!("{topic}\""));
        self.calls_lag = lag(".calls");
        self.transfers_lag = lag(".transfers");
        self.inputs_lag = lag(".case-inputs");
        self.dissuaded = sum(text, "golden_bell_cases_open", "state=\"return_visit_due\"");
        self.open_cases = sum(text, "golden_bell_cases_open", "").saturating_sub(self.dissuaded);
        self.follow_ups = sum(text, "golden_bell_follow_ups_total", "");
        self.resident_bytes = sum(text, "process_resident_memory_bytes", "");
    }

    /// Events handled.
    pub fn events(&self) -> u64 {
        self.matched + self.unmatched + self.allowed + self.dead_lettered
    }

    /// Warnings published.
    pub fn warnings(&self) -> u64 {
        self.by_level.iter().sum()
    }

    /// Records waiting anywhere.
    pub fn lag(&self) -> u64 {
        self.calls_lag + self.transfers_lag + self.inputs_lag
    }

    /// Events put aside for one reason.
    pub fn dead_letters_of(&self, reason: Reason) -> u64 {
        self.dead_letters.iter().filter(|(r, _)| *r == reason).map(|(_, count)| count).sum()
    }
}

fn present<T: Copy>(all: &[T], count: impl Fn(T) -> u64) -> Vec<(T, u64)> {
    all.iter().map(|item| (*item, count(*item))).filter(|(_, count)| *count > 0).collect()
}

fn gauge(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// The sum of the samples of a metric whose labels hold `label`.
fn sum(text: &str, name: &str, label: &str) -> u64 {
    let samples = text.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (own, labels) = series.split_once('{').unwrap_or((series, ""));
        if own != name || !labels.contains(label) {
            return None;
        }
        value.parse::<f64>().ok()
    });
    samples.sum::<f64>().max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_counts_is_what_is_read() {
        let metrics = Metrics::new("demo.").unwrap();
        metrics.events.of(EventKind::Call, EventOutcome::Matched).inc_by(3);
        metrics.events.of(EventKind::Transfer, EventOutcome::Matched).inc_by(4);
        metrics.events.of(EventKind::Transfer, EventOutcome::DeadLettered).inc_by(2);
        metrics.dead_letter("calls", Reason::Schema);
        metrics.dead_letter("registrants", Reason::Schema);
        metrics.dead_letter("transfers", Reason::NotJson);
        metrics.warnings.of(Level::Urgent, Cause::Opened, Programme::GoldenBell).inc_by(5);
        metrics.warnings.of(Level::Low, Cause::Transfer, Programme::Precise).inc_by(2);
        metrics.set_lag("demo.calls", 0, 7);
        metrics.set_lag("demo.calls", 1, 8);
        metrics.set_lag("demo.case-inputs", 1, 9);
        let numbers = Numbers::read(&metrics);
        assert_eq!((numbers.matched, numbers.dead_lettered, numbers.events()), (7, 2, 9));
        assert_eq!(numbers.dead_letters, [(Reason::NotJson, 1), (Reason::Schema, 1)]);
        assert_eq!(numbers.by_level, [2, 0, 0, 5]);
        assert_eq!(numbers.by_cause, [(Cause::Opened, 5), (Cause::Transfer, 2)]);
        assert_eq!((numbers.warnings(), numbers.precise), (7, 2));
        assert_eq!((numbers.calls_lag, numbers.transfers_lag, numbers.inputs_lag), (15, 0, 9));
        assert!(numbers.resident_bytes > 1_000_000);
    }
}
