//! One transaction: everything the batch came to, with the positions read to.

use std::time::{Duration, Instant};

use crate::core::case_engine::Change;
use crate::kafka::consumer::GroupConsumer;
use crate::kafka::error::Error;
use crate::kafka::record::{Headers, Outgoing};
use crate::kafka::transaction::{Failed, Position, TransactionalProducer};
use crate::metrics::TransactionResult;

use super::report::Report;
use super::restore::INPUT_OFFSET;
use super::state::State;

/// How long to hold still after an aborted transaction.
const AFTER_ABORT: Duration = Duration::from_millis(50);

/// Aborted transactions in a row after which the session starts anew, with a growing pause and not ready meanwhile.
const MAX_ABORTS: u32 = 3;

/// The transactional producer of a session, and when it last committed.
pub struct Committer {
    producer: TransactionalProducer,
    last: Instant,
    aborts: u32,
}

impl Committer {
    pub fn new(producer: TransactionalProducer) -> Self {
        Committer { producer, last: Instant::now(), aborts: 0 }
    }

    /// Whether no input of a partition waits behind `next`, by the broker's word and not by what was last fetched: that
    /// may be old, after a pause of this process for one.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn caught_up(&self, consumer: &GroupConsumer, topic: &str, partition: i32, next: i64) -> Result<bool, Error> {
        let end = self.producer.end(topic, partition)?;
        Ok(consumer.position(topic, partition, next)? >= end)
    }

    /// How long ago the last transaction ended.
    pub fn idle_for(&self) -> Duration {
        self.last.elapsed()
    }

    /// Commits what the state has gathered. Whether it stands: if not, all of it is undone and will be read again.
    pub fn commit(
        &mut self,
        consumer: &GroupConsumer,
        state: &mut State<'_>,
        report: &Report<'_>,
    ) -> Result<bool, Error> {
        if !state.dirty() {
            return Ok(true);
        }
        let Some(membership) = consumer.member().membership() else {
            // The partitions are gone; their next owner reads the same inputs again.
            state.rollback();
            return Ok(false);
        };
        let began = Instant::now();
        let changes = state.changes()?;
        self.producer.begin()?;
        let committed = self.publish(state, &changes).and_then(|()| {
            let positions: Vec<Position> = (state.partitions.iter())
                .filter(|(_, partition)| partition.dirty())
                .map(|(&id, partition)| Position { partition: id, next: partition.next.max(0) })
                .collect();
            self.producer.commit(&state.topics.inputs, &positions, &membership)
        });
        self.last = Instant::now();
        match committed {
            Ok(()) => {
                self.aborts = 0;
                report.committed(&state.commit()?, began.elapsed());
                Ok(true)
            }
            Err(Failed::Aborted(detail)) => {
                report.failed(TransactionResult::Aborted);
                self.aborts += 1;
                if self.aborts >= MAX_ABORTS {
                    return Err(Error::Broker { what: "transaction", tag: "aborted", detail });
                }
                tracing::warn!(detail, "the transaction was aborted, its inputs are read again");
                read_again(consumer, state)?;
                Ok(false)
            }
            Err(Failed::Unknown(detail)) => {
                report.failed(TransactionResult::Failed);
                Err(Error::Broker { what: "transaction", tag: "unknown_outcome", detail })
            }
            Err(Failed::Fenced(detail)) => Err(Error::Fenced(detail)),
        }
    }

    fn publish(&mut self, state: &mut State<'_>, changes: &[(i32, i64, Vec<Change>)]) -> Result<(), Failed> {
        for record in &mut state.batch.records {
            self.producer.send(record.outgoing())?;
        }
        for (partition, next, changes) in changes {
            let input_offset = (next - 1).to_string();
            for change in changes {
                self.producer.send(Outgoing {
                    topic: &state.topics.cases,
                    partition: Some(*partition),
                    key: Some(change.case_id.as_bytes()),
                    value: change.value.as_deref(),
                    headers: Headers::new().with(INPUT_OFFSET, input_offset.as_bytes()),
                })?;
                if let Some(archived) = &change.archive {
                    self.producer.send(Outgoing {
                        topic: &state.topics.archive,
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
}

/// Forgets what was not committed and reads it again.
fn read_again(consumer: &GroupConsumer, state: &mut State<'_>) -> Result<(), Error> {
    state.rollback();
    std::thread::sleep(AFTER_ABORT);
    let positions: Vec<(i32, i64)> =
        state.partitions.iter().map(|(&id, partition)| (id, partition.committed)).collect();
    consumer.pause(&state.topics.inputs, positions.iter().map(|(id, _)| *id))?;
    consumer.resume_at(&state.topics.inputs, &positions)
}
