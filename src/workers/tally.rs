//! What a match worker counted since it last handed over: shared counters are touched once a batch, not once an event.

use chrono::TimeDelta;

use crate::core::dead_letter::Reason;
use crate::core::event::EventKind;
use crate::core::matching::{EventFacts, Outcome};
use crate::metrics::{EventOutcome, MAX_SOURCES, Metrics};

use super::halt::Halts;

/// Local counts of one worker.
pub struct Tally<'a> {
    metrics: &'a Metrics,
    events: [[u64; 4]; 2],
    bad: Vec<(EventKind, Reason)>,
    beyond: u64,
    /// The newest record time of each source seen in this batch, seconds since 1970; the last one used comes first.
    sources: Vec<(String, f64)>,
}

const OUTCOMES: [EventOutcome; 4] =
    [EventOutcome::Matched, EventOutcome::Unmatched, EventOutcome::Allowed, EventOutcome::DeadLettered];
const KINDS: [EventKind; 2] = [EventKind::Call, EventKind::Transfer];

impl<'a> Tally<'a> {
    /// Nothing counted yet.
    pub fn new(metrics: &'a Metrics) -> Self {
        Tally { metrics, events: [[0; 4]; 2], bad: Vec::new(), beyond: 0, sources: Vec::new() }
    }

    /// A record of `kind` came to `outcome`; `record_time` in milliseconds since 1970.
    pub fn decided(
        &mut self,
        kind: EventKind,
        event: Option<&EventFacts<'_>>,
        outcome: &Outcome<'_>,
        record_time: Option<i64>,
    ) {
        let which = match outcome {
            Outcome::Matched { beyond, .. } => {
                self.beyond += *beyond as u64;
                0
            }
            Outcome::Unmatched(_) => 1,
            Outcome::Allowed => 2,
            Outcome::DeadLettered(reject) => {
                self.bad.push((kind, reject.reason));
                3
            }
        };
        self.events[kind as usize][which] += 1;
        if let (Some(event), Some(millis)) = (event, record_time) {
            self.source(&event.source, millis as f64 / 1_000.0);
        }
    }

    fn source(&mut self, source: &str, seconds: f64) {
        match self.sources.iter().position(|(known, _)| known == source) {
            Some(index) => {
                if let Some((_, newest)) = self.sources.get_mut(index) {
                    *newest = newest.max(seconds);
                }
                self.sources.swap(0, index);
            }
            None if self.sources.len() <= MAX_SOURCES => self.sources.push((source.to_owned(), seconds)),
            None => {
                self.metrics.event_read(source, seconds);
            }
        }
    }

    /// All matches of an event were acknowledged this long after it happened.
    pub fn matched_after(&self, age: TimeDelta) {
        self.metrics.event_to_match.observe(seconds(age));
    }

    /// Adds everything to the shared counters.
    pub fn hand_over(&mut self, halts: &Halts) {
        for kind in KINDS {
            let counts = &self.events[kind as usize];
            let records: u64 = counts.iter().sum();
            if records > 0 {
                halts.read(kind, records, counts[3]);
            }
            for (outcome, count) in OUTCOMES.into_iter().zip(&mut self.events[kind as usize]) {
                if *count > 0 {
                    self.metrics.events.of(kind, outcome).inc_by(std::mem::take(count));
                }
            }
        }
        for (kind, reason) in self.bad.drain(..) {
            self.metrics.dead_letter(kind.topic(), reason);
        }
        if self.beyond > 0 {
            self.metrics.subjects_beyond_maximum.inc_by(std::mem::take(&mut self.beyond));
        }
        for (source, newest) in self.sources.drain(..) {
            self.metrics.event_read(&source, newest);
        }
    }
}

/// Seconds of a span of time, none where it is negative: the clocks of sources differ from ours.
pub fn seconds(span: TimeDelta) -> f64 {
    (span.num_microseconds().unwrap_or(i64::MAX).max(0)) as f64 / 1_000_000.0
}
