//! A member of a consumer group that is read by the batch: for the feeds, where most records come to nothing.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Connection, Purpose};
use super::consumer::{GroupConsumer, Polled, instead};
use super::error::Error;
use super::native::{Batch, Queue};
use super::rebalance::Member;
use rdkafka::consumer::Consumer;

/// A member of a consumer group whose partitions flow into a queue of their own.
pub struct FeedConsumer {
    // The first to be dropped: a queue must be gone before its client.
    queue: Gathering,
    group: GroupConsumer,
}

struct Gathering {
    queue: Arc<Queue>,
    member: Arc<Member>,
}

impl Drop for Gathering {
    fn drop(&mut self) {
        self.member.gather_into(None);
    }
}

impl FeedConsumer {
    /// Joins `group` for `topics` (full names).
    ///
    /// # Errors
    /// When the client cannot be made; an absent broker shows later.
    pub fn join(connection: &Connection, worker: &str, group: &str, topics: &[String]) -> Result<Self, Error> {
        let group = GroupConsumer::join(connection, worker, group, topics, Purpose::Feed)?;
        let queue = Queue::new(group.consumer.client().native_ptr()).map(Arc::new);
        let queue = queue.ok_or_else(|| Error::Client("no queue for the feeds".into()))?;
        // Nothing is assigned before the first look at the group.
        let member = Arc::clone(group.consumer.context());
        member.gather_into(Some(Arc::clone(&queue)));
        Ok(FeedConsumer { queue: Gathering { queue, member }, group })
    }

    /// All that does not concern records.
    pub fn group(&self) -> &GroupConsumer {
        &self.group
    }

    /// Takes part in what the group does, waiting at most `wait` for something to happen; see [`GroupConsumer::member`].
    ///
    /// # Errors
    /// When the client is beyond help and must be made anew.
    pub fn attend(&self, wait: Duration) -> Result<(), Error> {
        match self.group.poll(wait)? {
            Polled::Nothing | Polled::End(_) => Ok(()),
            // The order of a partition would be lost; the next session reads from what is committed.
            Polled::Record(_) | Polled::OutOfRange => Err(Error::Broker {
                what: "consume",
                tag: "stray_record",
                detail: "a record came beside its queue".into(),
            }),
        }
    }

    /// Makes sure that a partition flows into the queue: it stops to when it is assigned anew by hand.
    pub fn gather(&self, topic: &str, partition: i32) {
        self.queue.queue.take_in(self.group.consumer.client().native_ptr(), topic, partition);
    }

    /// Up to `most` records: waits for the first, and takes what else is there. All must be handled: what is dropped
    /// is not read again.
    pub fn read(&self, wait: Duration, most: usize) -> Records<'_> {
        Records(self.queue.queue.read(wait, most))
    }

    /// Leaves the group, waiting no longer than `limit`; what is stored is committed on the way.
    pub fn leave(self, limit: Duration) {
        let FeedConsumer { queue, group } = self;
        drop(queue);
        group.leave(limit);
    }
}

/// Records read together, and what stands in the place of one.
pub struct Records<'q>(Batch<'q>);

impl Records<'_> {
    /// How many are left, what stands in the place of one included.
    pub fn left(&self) -> usize {
        self.0.left()
    }
}

impl<'q> Iterator for Records<'q> {
    type Item = Result<Polled<'q>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let message = self.0.next()?;
        Some(match message.error() {
            None => Ok(Polled::Record(message.into())),
            Some(error) => instead(&error),
        })
    }
}
