//! What a case worker tells the outside of its work.

use std::time::{Duration, Instant};

use chrono::Utc;

use crate::core::case_engine::{Disposition, Handled};
use crate::kafka::consumer::GroupConsumer;
use crate::metrics::{CaseItem, OpenShare, Stage, Step, TransactionResult};

use super::super::Shared;
use super::super::tally::seconds;
use super::batch::Batch;
use super::state::State;

/// Counters, gauges and readiness of one worker.
pub struct Report<'a> {
    shared: &'a Shared,
    worker: &'a str,
    open: Option<OpenShare>,
    last: Instant,
}

impl<'a> Report<'a> {
    pub fn new(shared: &'a Shared, worker: &'a str) -> Self {
        Report { shared, worker, open: None, last: Instant::now() }
    }

    /// The worker is not ready: it waits for, or is busy with, `what`.
    pub fn waiting(&self, what: &str, done: u64, total: u64) {
        self.shared.readiness.progress(self.worker, what, done, total);
    }

    /// The worker has its partitions and their cases, if there are any for it.
    pub fn ready(&self, restored_in: Option<Duration>) {
        if let Some(took) = restored_in {
            self.shared.metrics.restore.observe(took.as_secs_f64());
        }
        self.shared.readiness.ready(self.worker);
    }

    /// The partitions went.
    pub fn forget<'p>(&mut self, topic: &str, partitions: impl Iterator<Item = &'p i32>) {
        self.open = None;
        for partition in partitions {
            self.shared.metrics.forget_lag(topic, *partition);
        }
    }

    /// A transaction did not commit.
    pub fn failed(&self, result: TransactionResult) {
        self.shared.metrics.transactions.of(result).inc();
    }

    /// A transaction committed.
    pub fn committed(&self, batch: &Batch, took: Duration) {
        let metrics = &self.shared.metrics;
        metrics.transactions.of(TransactionResult::Committed).inc();
        metrics.transaction_duration.observe(took.as_secs_f64());
        let now = Utc::now();
        for told in &batch.told {
            metrics.warnings.of(told.level, told.cause, told.programme).inc();
            if let Some(time) = told.event_time {
                metrics.event_to_warning.of(told.level).observe(seconds(now - time));
            }
            if told.unowned {
                metrics.unowned_warnings.inc();
            }
        }
        for reason in &batch.dead_letters {
            metrics.dead_letter("case-inputs", *reason);
        }
        metrics.case_inputs_moved.inc_by(batch.moved);
        for action in &batch.follow_ups {
            metrics.follow_ups.of(*action).inc();
        }
        batch.handled.iter().for_each(|handled| self.handled(handled));
    }

    fn handled(&self, handled: &Handled) {
        let metrics = &self.shared.metrics;
        match handled.disposition {
            Disposition::Folded | Disposition::Unscored => metrics.events_folded.inc(),
            Disposition::Older => metrics.events_outdated.inc(),
            Disposition::BelowOpenAt => metrics.events_below_opening.inc(),
            Disposition::Duplicate | Disposition::CaseExists => metrics.duplicates.of(Stage::Cases).inc(),
            Disposition::Opened
            | Disposition::Reopened
            | Disposition::Raised
            | Disposition::Transfer
            | Disposition::Repeated
            | Disposition::FollowedUp
            | Disposition::Refused(_)
            | Disposition::Escalated
            | Disposition::Left
            | Disposition::Rearmed
            | Disposition::Outdated
            | Disposition::Erased
            | Disposition::NothingToErase => {}
        }
        if let Some(step) = handled.escalated_to {
            metrics.escalations.of(Step::numbered(step)).inc();
        }
        if let Some((level, after)) = handled.acknowledged_after {
            metrics.acknowledge.of(level).observe(seconds(after));
        }
        if let Some((level, after)) = handled.reached_after {
            metrics.reach.of(level).observe(seconds(after));
        }
        metrics.cases_archived.inc_by(handled.archived as u64);
        metrics.cases_erased.inc_by(handled.erased as u64);
        handled.rule_errors.iter().for_each(|rule| metrics.rule_errors.failed(rule));
        let dropped = &handled.dropped;
        for (item, count) in [
            (CaseItem::Evidence, dropped.evidence),
            (CaseItem::FollowUp, dropped.follow_ups),
            (CaseItem::History, dropped.history),
            (CaseItem::TrustedContact, dropped.trusted_contacts),
            (CaseItem::Id, dropped.ids),
        ] {
            metrics.case_items_dropped.of(item).inc_by(u64::from(count));
        }
    }

    /// Lag and open cases, once a second.
    pub fn every_second(&mut self, consumer: &GroupConsumer, state: &State<'_>) {
        if self.last.elapsed() < Duration::from_secs(1) {
            return;
        }
        self.last = Instant::now();
        let metrics = &self.shared.metrics;
        // The old share goes before the new one comes: for a moment too few is better than too many.
        self.open = None;
        let mut share = metrics.cases_open.share();
        let inputs = &state.topics.inputs;
        let handled = state.partitions.iter().map(|(&partition, held)| (partition, held.next, true));
        for (partition, left) in consumer.left(inputs, handled) {
            metrics.set_lag(inputs, partition, left);
        }
        for held in state.partitions.values() {
            for (level, case_state, count) in held.book.open_by().open() {
                share.holds(level, case_state, count);
            }
        }
        self.open = Some(share);
    }
}
