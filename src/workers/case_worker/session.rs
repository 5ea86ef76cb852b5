//! One life of a case worker: from joining the group to leaving it, or to an error that wants a new start.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::kafka::client::Purpose;
use crate::kafka::consumer::{GroupConsumer, Polled};
use crate::kafka::error::Error;
use crate::kafka::fault_point::{self, Point};
use crate::kafka::rebalance::{Assigned, News};
use crate::kafka::transaction::TransactionalProducer;
use crate::kafka::watchdog::Leash;

use super::super::Shared;
use super::GROUP;
use super::commit::Committer;
use super::report::Report;
use super::restore::restore;
use super::state::{State, Taken};

/// The most inputs of one transaction: keeps it far below its time-out.
const MAX_INPUTS: usize = 1_000;

/// How long a poll may wait where nothing is due.
const IDLE: Duration = Duration::from_millis(100);

/// How far the clock of timers is behind the wall clock. An input bears the time at which its leader took it in, and is
/// there to be read only once the other replicas have it: without this a timer could fire between the two, and stand
/// behind an input that was handled after it.
const READABLE_AFTER: TimeDelta = TimeDelta::milliseconds(100);

/// How long to wait before the broker is asked again whether a partition has more to read.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// A worker at work.
pub struct Session<'a> {
    shared: &'a Shared,
    worker: &'a str,
    consumer: GroupConsumer,
    leash: Leash,
    committer: Committer,
    state: State<'a>,
    report: Report<'a>,
    /// The last poll found nothing waiting.
    drained: bool,
    /// When timers may be looked at again, after the broker could not say whether inputs wait.
    timers_after: Instant,
}

impl<'a> Session<'a> {
    /// Takes over the worker's transactional id and joins the group.
    pub fn start(shared: &'a Shared, worker: &'a str) -> Result<Self, Error> {
        let leash = shared.watchdog.leash(worker, shared.config.kafka.watchdog);
        let producer = TransactionalProducer::start(&shared.connection, worker, leash.clone())?;
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
            leash,
            committer: Committer::new(producer),
            state,
            report,
            drained: false,
            timers_after: Instant::now(),
        })
    }

    /// Works until the process stops. What is in hand then is left to the next owner of the partitions: nothing of it
    /// has been published, and a commit could take longer than the process has.
    pub fn run(mut self) -> Result<(), Error> {
        let result = self.work();
        self.report.forget(&self.state.topics.inputs, self.state.partitions.keys());
        self.consumer.leave(Duration::from_secs(3));
        result
    }

    fn work(&mut self) -> Result<(), Error> {
        while !self.shared.stop.stopping() {
            if !self.read_one()? {
                self.read_on_at_earliest()?;
            }
            for news in self.consumer.member().take_news() {
                self.serve(news)?;
            }
            self.fire_timers(timers_clock())?;
            if self.commit_is_due() {
                self.committer.commit(&self.consumer, &mut self.state, &self.report)?;
            }
            self.report.every_second(&self.consumer, &self.state);
        }
        Ok(())
    }

    /// Takes in what comes next, or that nothing does; false if what should come next is no longer held.
    fn read_one(&mut self) -> Result<bool, Error> {
        let wait = self.wait();
        let polled = {
            let _call = self.leash.watch("poll");
            self.consumer.poll(wait)?
        };
        match polled {
            Polled::Record(record) => {
                self.drained = false;
                fault_point::pass(Point::AfterPoll);
                // Timers due before the input that are too many for one transaction are committed first.
                while self.state.input(&record)? == Taken::TimersFirst {
                    if !self.committer.commit(&self.consumer, &mut self.state, &self.report)? {
                        break;
                    }
                }
            }
            Polled::End(partition) => {
                self.drained = true;
                self.state.reached_end(partition);
            }
            Polled::Nothing => self.drained = true,
            Polled::OutOfRange => return Ok(false),
        }
        Ok(true)
    }

    /// How long the next poll may wait.
    fn wait(&self) -> Duration {
        if self.state.dirty() {
            return self.shared.config.cases.commit_interval.saturating_sub(self.committer.idle_for());
        }
        match self.state.next_due() {
            Some(due) => {
                let until_due = (due - timers_clock()).to_std().unwrap_or_default();
                until_due.max(self.timers_after.saturating_duration_since(Instant::now())).min(IDLE)
            }
            None => IDLE,
        }
    }

    /// A commit is due once the interval since the last one is over, and either nothing more is waiting or the batch
    /// itself is as old or as large as it may become.
    fn commit_is_due(&self) -> bool {
        let interval = self.shared.config.cases.commit_interval;
        self.state.dirty()
            && (self.state.batch.inputs >= MAX_INPUTS
                || (self.committer.idle_for() >= interval
                    && (self.drained || self.state.batch_began.elapsed() >= interval)))
    }

    /// Fires what is due by the wall clock, in partitions of which the broker says that no input is waiting. Where one is,
    /// it is read before the broker is asked again: a question for every input of a backlog would make it last.
    fn fire_timers(&mut self, clock: DateTime<Utc>) -> Result<(), Error> {
        if self.timers_after > Instant::now() {
            return Ok(());
        }
        for partition in self.state.due_by(clock) {
            let next = self.state.partitions.get(&partition).map_or(0, |held| held.next.max(0));
            let caught_up = {
                let _call = self.leash.watch("watermarks");
                self.committer.caught_up(&self.consumer, &self.state.topics.inputs, partition, next)
            };
            match caught_up {
                Ok(true) => {
                    fault_point::pass(Point::TimerDue);
                    self.state.fire(partition, clock)?;
                }
                Ok(false) => self.state.inputs_wait(partition),
                Err(error) => {
                    tracing::info!(worker = self.worker, %error, "timers wait until the broker answers");
                    self.timers_after = Instant::now() + ASK_AGAIN;
                    break;
                }
            }
        }
        Ok(())
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
        if assigned.is_empty() {
            self.report.ready(None);
            return Ok(());
        }
        let (consumer, shared, report) = (&self.consumer, self.shared, &self.report);
        let mut failed = None;
        let restored = restore(shared, self.worker, assigned, |done, total| {
            report.waiting("restoring cases", done, total);
            // The partitions are held back: this only keeps the membership alive and hears of its end.
            failed = consumer.poll(Duration::ZERO).err();
            failed.is_none() && !consumer.member().has_news() && !shared.stop.stopping()
        })?;
        let Some(restored) = restored else { return failed.map_or(Ok(()), Err) };
        let positions: Vec<(i32, i64)> = restored.iter().map(|(&id, partition)| (id, partition.next)).collect();
        self.state.partitions = restored;
        self.consumer.resume_at(&self.state.topics.inputs, &positions)?;
        self.report.ready(Some(began.elapsed()));
        tracing::info!(worker = self.worker, partitions = assigned.len(), "assigned and restored");
        Ok(())
    }

    /// An input that was to be read next is no longer held: reading goes on at the earliest one that is.
    fn read_on_at_earliest(&mut self) -> Result<(), Error> {
        // What is in hand goes first, so that the positions below are also the committed ones.
        self.state.rollback();
        let positions: Vec<_> = (self.state.partitions.iter())
            .map(|(&id, held)| (self.state.topics.inputs.clone(), id, (held.next >= 0).then_some(held.next)))
            .collect();
        for (_, partition, next) in self.consumer.rewind_lost(&positions)? {
            self.shared.metrics.offset_resets.inc();
            tracing::error!(partition, next, "inputs are gone before they were read, reading on at the earliest");
            if let Some(held) = self.state.partitions.get_mut(&partition) {
                held.skip_to(next);
            }
        }
        Ok(())
    }
}

/// Up to when timers may fire where no input is waiting.
fn timers_clock() -> DateTime<Utc> {
    Utc::now() - READABLE_AFTER
}
