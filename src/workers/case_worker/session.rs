//! One life of a case worker: from joining the group to leaving it, or to an error that wants a new start.

use std::time::{Duration, Instant};

use chrono::Utc;

use crate::core::case_engine::Change;
use crate::kafka::client::Purpose;
use crate::kafka::consumer::{GroupConsumer, Polled};
use crate::kafka::error::Error;
use crate::kafka::rebalance::{Assigned, News};
use crate::kafka::record::{Headers, Outgoing};
use crate::kafka::transaction::{Failed, Position, TransactionalProducer};

use crate::metrics::TransactionResult;

use super::super::Shared;
use super::GROUP;
use super::report::Report;
use super::restore::{INPUT_OFFSET, restore};
use super::state::State;

/// The most inputs of one transaction: keeps it far below its time-out.
const MAX_INPUTS: usize = 2_000;

/// How long a poll may wait where nothing is due.
const IDLE: Duration = Duration::from_millis(100);

/// How long to hold still after an aborted transaction.
const AFTER_ABORT: Duration = Duration::from_millis(50);

/// A worker at work.
pub struct Session<'a> {
    shared: &'a Shared,
    worker: &'a str,
    consumer: GroupConsumer,
    producer: TransactionalProducer,
    state: State<'a>,
    report: Report<'a>,
    last_commit: Instant,
    /// The last poll found nothing waiting.
    drained: bool,
}

impl<'a> Session<'a> {
    /// Takes over the worker's transactional id and joins the group.
    pub fn start(shared: &'a Shared, worker: &'a str) -> Result<Self, Error> {
        let leash = shared.watchdog.leash(worker, shared.config.kafka.watchdog);
        let producer = TransactionalProducer::start(&shared.connection, worker, leash)?;
        let state = State::new(shared);
        let consumer = GroupConsumer::join(
            &shared.connection,
            worker,
            GROUP,
            std::slice::from_ref(&state.topics.inputs),
            Purpose::Transactional,
        )?;
        let report = Report::new(shared, worker);
        report.waiting("waiting for its partitions", 0, 0);
        Ok(Session {
            shared,
            worker,
            consumer,
            producer,
            state,
            report,
            last_commit: Instant::now(),
            drained: false,
        })
    }

    /// Works until the process stops.
    pub fn run(mut self) -> Result<(), Error> {
        let result = self.work();
        self.report.forget(&self.state.topics.inputs, self.state.partitions.keys());
        self.consumer.leave(Duration::from_secs(3));
        result
    }

    fn work(&mut self) -> Result<(), Error> {
        while !self.shared.stop.stopping() {
            let wait = self.wait();
            match self.consumer.poll(wait)? {
                Polled::Record(record) => {
                    self.drained = false;
                    self.state.input(&record)?;
                }
                Polled::End(partition) => {
                    self.drained = true;
                    self.state.reached_end(partition);
                }
                Polled::Nothing => self.drained = true,
                Polled::OutOfRange => self.read_on_at_earliest()?,
            }
            for news in self.consumer.member().take_news() {
                self.serve(news)?;
            }
            self.state.fire_timers(Utc::now())?;
            if self.commit_is_due() {
                self.commit()?;
            }
            self.report.every_second(&self.consumer, &self.state);
        }
        self.commit()
    }

    /// How long the next poll may wait.
    fn wait(&self) -> Duration {
        if self.state.dirty() {
            let since = self.last_commit.elapsed();
            return self.shared.config.cases.commit_interval.saturating_sub(since);
        }
        match self.state.next_due() {
            Some(due) => (due - Utc::now()).to_std().unwrap_or_default().min(IDLE),
            None => IDLE,
        }
    }

    /// A commit is due once the interval since the last one is over, and either nothing more is waiting or the batch
    /// itself is as old or as large as it may become.
    fn commit_is_due(&self) -> bool {
        let interval = self.shared.config.cases.commit_interval;
        self.state.dirty()
            && (self.state.batch.inputs >= MAX_INPUTS
                || (self.last_commit.elapsed() >= interval
                    && (self.drained || self.state.batch_began.elapsed() >= interval)))
    }

    fn serve(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Failed(detail) => Err(Error::Broker { what: "rebalance", tag: "rebalance", detail }),
            News::Revoked => {
                self.report.forget(&self.state.topics.inputs, self.state.partitions.keys());
                self.state.rollback();
                self.state.partitions.clear();
                self.report.waiting("waiting for its partitions", 0, 0);
                Ok(())
            }
            News::Assigned(assigned) => self.take_over(&assigned),
        }
    }

    /// Restores the cases of new partitions and lets their inputs flow.
    fn take_over(&mut self, assigned: &[Assigned]) -> Result<(), Error> {
        let began = Instant::now();
        if !assigned.is_empty() {
            let (consumer, shared, report) = (&self.consumer, self.shared, &self.report);
            let restored = restore(shared, self.worker, assigned, |done, total| {
                report.waiting("restoring cases", done, total);
                // The partitions are held back: this only keeps the membership alive and hears of its end.
                let polled = consumer.poll(Duration::ZERO);
                polled.is_ok() && !consumer.member().has_news() && !shared.stop.stopping()
            })?;
            let Some(restored) = restored else { return Ok(()) };
            let positions: Vec<(i32, i64)> = restored.iter().map(|(&p, state)| (p, state.next)).collect();
            self.state.partitions = restored;
            self.consumer.resume_at(&self.state.topics.inputs, &positions)?;
        }
        self.report.ready(began.elapsed());
        tracing::info!(worker = self.worker, partitions = assigned.len(), "assigned and restored");
        Ok(())
    }

    /// Publishes the batch in one transaction with the positions read to.
    fn commit(&mut self) -> Result<(), Error> {
        if !self.state.dirty() {
            return Ok(());
        }
        let Some(membership) = self.consumer.member().membership() else {
            // The partitions are gone; their next owner reads the same inputs again.
            self.state.rollback();
            return Ok(());
        };
        let began = Instant::now();
        let changes = self.state.changes()?;
        self.producer.begin()?;
        let committed = self.publish(&changes).and_then(|()| {
            let positions: Vec<Position> = (self.state.partitions.iter())
                .filter(|(_, state)| state.dirty())
                .map(|(&partition, state)| Position { partition, next: state.next.max(0) })
                .collect();
            self.producer.commit(&self.state.topics.inputs, &positions, &membership)
        });
        self.last_commit = Instant::now();
        match committed {
            Ok(()) => {
                let batch = self.state.commit()?;
                self.report.committed(&batch, began.elapsed());
                Ok(())
            }
            Err(Failed::Aborted(reason)) => {
                tracing::warn!(worker = self.worker, reason, "the transaction was aborted, its inputs are read again");
                self.report.failed(TransactionResult::Aborted);
                self.read_again()
            }
            Err(Failed::Unknown(detail)) => {
                self.report.failed(TransactionResult::Failed);
                Err(Error::Broker { what: "transaction", tag: "unknown_outcome", detail })
            }
            Err(Failed::Fenced(detail)) => Err(Error::Fenced(detail)),
        }
    }

    fn publish(&mut self, changes: &[(i32, i64, Vec<Change>)]) -> Result<(), Failed> {
        for record in &mut self.state.batch.records {
            self.producer.send(record.outgoing())?;
        }
        for (partition, next, changes) in changes {
            let input_offset = (next - 1).to_string();
            for change in changes {
                self.producer.send(Outgoing {
                    topic: &self.state.topics.cases,
                    partition: Some(*partition),
                    key: Some(change.case_id.as_bytes()),
                    value: change.value.as_deref(),
                    headers: Headers::new().with(INPUT_OFFSET, input_offset.as_bytes()),
                })?;
                if let Some(archived) = &change.archive {
                    self.producer.send(Outgoing {
                        topic: &self.state.topics.archive,
                        partition: None,
                        key: Some(change.case_id.as_bytes()),
                        value: Some(archived),
                        headers: Headers::new(),
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Forgets what was not committed and reads it again.
    fn read_again(&mut self) -> Result<(), Error> {
        self.state.rollback();
        std::thread::sleep(AFTER_ABORT);
        let positions: Vec<(i32, i64)> = self.state.partitions.iter().map(|(&p, state)| (p, state.committed)).collect();
        self.consumer.pause(&self.state.topics.inputs, positions.iter().map(|(p, _)| *p))?;
        self.consumer.resume_at(&self.state.topics.inputs, &positions)
    }

    /// An input that was to be read next is no longer held: reading goes on at the earliest one that is.
    fn read_on_at_earliest(&mut self) -> Result<(), Error> {
        let positions: Vec<_> =
            self.state.partitions.iter().map(|(&p, state)| (self.state.topics.inputs.clone(), p, state.next)).collect();
        for (_, partition, next) in self.consumer.rewind_lost(&positions)? {
            self.shared.metrics.offset_resets.inc();
            tracing::error!(partition, next, "inputs are gone before they were read, reading on at the earliest");
            if let Some(state) = self.state.partitions.get_mut(&partition) {
                state.next = next;
            }
        }
        Ok(())
    }
}
