//! What a case worker knows between two polls: its partitions and the batch it is gathering.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::core::case_engine::{Change, ChangesError, Handled, Moment};
use crate::core::dead_letter::{MAX_MATCH_BYTES, Reason, Reject};
use crate::core::time::from_millis;
use crate::kafka::error::Error;
use crate::kafka::partition::partition_of;
use crate::kafka::record::Record;

use super::super::Shared;
use super::batch::Batch;
use super::judge::{Decided, Judge};
use super::partition::Partition;

/// The most timers fired before a commit: a transaction must not grow without bound after a rest.
const MAX_FIRED: usize = 1_000;

/// Key, value and headers of an input together, bytes: what is sent on must fit into the topic again. How large a value
/// may be depends on what it is, which is for the envelope to say.
const MAX_INPUT_BYTES: usize = MAX_MATCH_BYTES + 32 * 1024;

/// The full names of the topics stage 2 works with.
pub struct Topics {
    pub inputs: String,
    pub cases: String,
    pub archive: String,
    pub warnings: String,
    pub notifications: String,
    pub dead_letters: String,
}

/// What became of a record handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a record that was not taken must be handed in again"]
pub enum Taken {
    /// It is part of the batch, or not ours to read.
    Taken,
    /// Only timers due before it are; it must be handed in again once they are committed.
    TimersFirst,
}

/// Partitions, batch and the rules it is judged by.
pub struct State<'a> {
    shared: &'a Shared,
    pub topics: Topics,
    pub partitions: BTreeMap<i32, Partition>,
    pub batch: Batch,
    /// When the first input of the batch was read.
    pub batch_began: Instant,
    judge: Judge<'a>,
}

impl<'a> State<'a> {
    pub fn new(shared: &'a Shared) -> Self {
        State {
            shared,
            topics: Topics {
                inputs: shared.connection.topic("case-inputs"),
                cases: shared.connection.topic("cases"),
                archive: shared.connection.topic("case-archive"),
                warnings: shared.connection.topic("warnings"),
                notifications: shared.connection.topic("notifications"),
                dead_letters: shared.connection.topic("dead-letters"),
            },
            partitions: BTreeMap::new(),
            batch: Batch::default(),
            batch_began: Instant::now(),
            judge: Judge::new(shared),
        }
    }

    /// Whether there is something to commit.
    pub fn dirty(&self) -> bool {
        !self.batch.is_empty() || self.partitions.values().any(Partition::dirty)
    }

    /// The partition has been read to its end.
    pub fn reached_end(&mut self, partition: i32) {
        if let Some(partition) = self.partitions.get_mut(&partition) {
            partition.reached_end();
        }
    }

    /// More of the partition is there to be read.
    pub fn inputs_wait(&mut self, partition: i32) {
        if let Some(partition) = self.partitions.get_mut(&partition) {
            partition.inputs_wait();
        }
    }

    /// Undoes everything since the last commit.
    pub fn rollback(&mut self) {
        self.batch = Batch::default();
        for partition in self.partitions.values_mut() {
            partition.rollback();
        }
    }

    /// What the transaction must publish of the cases of each partition, with the next offset to read of it.
    pub fn changes(&mut self) -> Result<Vec<(i32, i64, Vec<Change>)>, Error> {
        (self.partitions.iter_mut())
            .filter(|(_, partition)| partition.dirty())
            .map(|(&id, partition)| Ok((id, partition.next, partition.book.changes().map_err(unwritable)?)))
            .collect()
    }

    /// Everything so far is committed.
    pub fn commit(&mut self) -> Result<Batch, Error> {
        for partition in self.partitions.values_mut() {
            partition.commit().map_err(unwritable)?;
        }
        Ok(std::mem::take(&mut self.batch))
    }

    /// When the next timer is due, over all partitions whose clock is the wall clock.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.partitions.values().filter_map(Partition::next_due).min()
    }

    /// The partitions in which this clock has timers to fire, as far as is known here.
    pub fn due_by(&self, clock: DateTime<Utc>) -> Vec<i32> {
        self.partitions.iter().filter(|(_, partition)| partition.due_by(clock)).map(|(&id, _)| id).collect()
    }

    /// Fires what is due in a partition by this clock.
    pub fn fire(&mut self, partition: i32, clock: DateTime<Utc>) -> Result<(), Error> {
        self.begin();
        let Some(partition) = self.partitions.get_mut(&partition) else { return Ok(()) };
        let fired = self.judge.fire(partition, Moment { clock, wall: Utc::now() }, MAX_FIRED);
        self.collect_all(fired)
    }

    /// Handles one record of `case-inputs`.
    pub fn input(&mut self, record: &Record<'_>) -> Result<Taken, Error> {
        self.begin();
        let Some(partition) = self.partitions.get_mut(&record.partition()) else { return Ok(Taken::Taken) };
        if record.offset() < partition.next {
            return Ok(Taken::Taken);
        }
        let too_large = record.size() > MAX_INPUT_BYTES;
        let home = record.key().map_or(record.partition(), |key| partition_of(key, self.shared.case_partitions));
        if too_large || home != record.partition() {
            partition.read(record.offset());
            self.batch.inputs += 1;
            if too_large {
                let reject = Reject::new(Reason::TooLarge, "key, value and headers are too large to be read");
                self.batch.dead_letter(&self.topics.dead_letters, record, &reject);
            } else {
                self.batch.send_on(record, home);
            }
            return Ok(Taken::Taken);
        }
        let wall = Utc::now();
        let at = Moment { clock: record.timestamp().map_or(wall, from_millis), wall };
        let fired = self.judge.fire(partition, at, MAX_FIRED);
        if fired.len() >= MAX_FIRED {
            self.collect_all(fired)?;
            return Ok(Taken::TimersFirst);
        }
        partition.read(record.offset());
        self.batch.inputs += 1;
        let decided = self.judge.decide(&mut partition.book, record, at);
        self.collect_all(fired)?;
        match decided {
            Ok(Decided { handled, trace, action }) => {
                self.batch.follow_ups.extend(action);
                self.collect(handled, trace.as_deref())?;
            }
            Err(reject) => self.batch.dead_letter(&self.topics.dead_letters, record, &reject),
        }
        Ok(Taken::Taken)
    }

    /// Rules and directory are those of the moment a batch begins.
    fn begin(&mut self) {
        if self.batch.is_empty() {
            self.batch_began = Instant::now();
            self.judge.refresh();
        }
    }

    fn collect_all(&mut self, fired: Vec<Handled>) -> Result<(), Error> {
        fired.into_iter().try_for_each(|handled| self.collect(handled, None))
    }

    fn collect(&mut self, handled: Handled, trace: Option<&str>) -> Result<(), Error> {
        let source = &self.shared.config.kafka.source;
        for warning in &handled.warnings {
            self.batch
                .warning(&self.topics.warnings, source, warning, trace)
                .map_err(|error| Error::Layout(format!("a warning cannot be written: {error}")))?;
        }
        for notification in &handled.notifications {
            self.batch
                .notification(&self.topics.notifications, source, notification, trace)
                .map_err(|error| Error::Layout(format!("a notification cannot be written: {error}")))?;
        }
        self.batch.handled.push(handled);
        Ok(())
    }
}

fn unwritable(error: ChangesError) -> Error {
    Error::Layout(error.to_string())
}
