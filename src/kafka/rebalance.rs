//! What happens to a member when partitions come and go.
//!
//! The group metadata that fences a transaction is taken here, in the callback, and nowhere else: asked for at commit
//! time, a member that lost its place while it was paused gets metadata that the coordinator waves through. Metadata
//! without generation or member id, which the coordinator would wave through as well, is refused here.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{log, report};
use super::error::tag;
use super::fault_point::{self, Point};
use super::native::{self, Queue};

/// How long the callback may ask for committed offsets, below what the watchdog allows by default. An open transaction
/// of the partition's last owner makes the answer wait: up to 15 s and the broker's scan interval after it began, of
/// which the session time-out is over when this is asked. Later the session starts anew and asks again.
const COMMITTED_TIMEOUT: Duration = Duration::from_secs(16);

/// A partition that came, with the committed offset it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The full name of the topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The group's committed offset; `None` where it has none.
    pub committed: Option<i64>,
    /// What was stored beside it; empty where nothing was.
    pub marker: String,
}

/// News for the worker, in order.
#[derive(Debug)]
pub enum News {
    /// These partitions came.
    Assigned(Vec<Assigned>),
    /// All partitions went.
    Revoked,
    /// The committed offsets could not be learned; the session must start anew.
    Failed(String),
}

/// The membership as it was told by the last rebalance.
pub struct Membership(ConsumerGroupMetadata);

impl Membership {
    pub(super) fn metadata(&self) -> &ConsumerGroupMetadata {
        &self.0
    }
}

/// The consumer context of group members.
pub struct Member {
    /// Hold new partitions back until the worker has restored their state.
    pause_on_assign: bool,
    news: Mutex<Vec<News>>,
    membership: Mutex<Option<Arc<Membership>>>,
    /// Where the records of new partitions go, if not the usual way.
    gathering: Mutex<Option<Arc<Queue>>>,
}

impl Member {
    pub(super) fn new(pause_on_assign: bool) -> Self {
        Member { pause_on_assign, news: Mutex::default(), membership: Mutex::default(), gathering: Mutex::default() }
    }

    /// Lets partitions that are assigned from now on flow into `queue`; `None` ends that.
    pub(super) fn gather_into(&self, queue: Option<Arc<Queue>>) {
        *self.gathering.lock() = queue;
    }

    /// What happened since this was last asked.
    pub fn take_news(&self) -> Vec<News> {
        std::mem::take(&mut *self.news.lock())
    }

    /// Whether something happened since news were last taken.
    pub fn has_news(&self) -> bool {
        !self.news.lock().is_empty()
    }

    /// The membership that the last rebalance gave; `None` while there is none.
    pub fn membership(&self) -> Option<Arc<Membership>> {
        self.membership.lock().clone()
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList) -> Result<Vec<Assigned>, String> {
        let committed = if partitions.count() == 0 {
            TopicPartitionList::new()
        } else {
            consumer
                .committed_offsets(partitions.clone(), COMMITTED_TIMEOUT)
                .map_err(|error| format!("committed offsets: {}: {error}", tag(&error)))?
        };
        let mut start = TopicPartitionList::with_capacity(committed.count());
        let mut assigned = Vec::with_capacity(committed.count());
        for element in committed.elements() {
            element.error().map_err(|error| format!("committed offset: {}: {error}", tag(&error)))?;
            let offset = match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            start
                .add_partition_offset(
                    element.topic(),
                    element.partition(),
                    offset.map_or(Offset::Beginning, Offset::Offset),
                )
                .map_err(|error| error.to_string())?;
            assigned.push(Assigned {
                topic: element.topic().to_owned(),
                partition: element.partition(),
                committed: offset,
                marker: element.metadata().to_owned(),
            });
        }
        // Before the assignment, or the first records would go another way than those behind them.
        if let Some(queue) = self.gathering.lock().as_ref() {
            for partition in &assigned {
                queue.take_in(consumer.client().native_ptr(), &partition.topic, partition.partition);
            }
        }
        consumer.assign(&start).map_err(|error| error.to_string())?;
        if self.pause_on_assign && start.count() > 0 {
            consumer.pause(&start).map_err(|error| error.to_string())?;
        }
        Ok(assigned)
    }
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        report(&error, reason);
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, err: RDKafkaRespErr, tpl: &mut TopicPartitionList) {
        fault_point::pass(Point::Rebalance);
        match err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                let membership = consumer.group_metadata().map(|m| Arc::new(Membership(m)));
                // Looked at after it was taken: within this callback a place is lost, never won.
                let held = membership.is_some() && native::has_place(consumer.client().native_ptr());
                *self.membership.lock() = membership.filter(|_| held);
                let assigned =
                    if held { self.assign(consumer, tpl) } else { Err("the place in the group is lost".to_owned()) };
                let news = match assigned {
                    Ok(assigned) => News::Assigned(assigned),
                    Err(reason) => News::Failed(reason),
                };
                self.news.lock().push(news);
            }
            _ => {
                *self.membership.lock() = None;
                self.news.lock().push(News::Revoked);
                // A pause outlives an assignment; the next owner of the flag may be this very member.
                if let Err(error) = consumer.resume(tpl) {
                    tracing::debug!(%error, "partitions that go are not resumed");
                }
                if let Err(error) = consumer.unassign() {
                    self.news.lock().push(News::Failed(error.to_string()));
                }
            }
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::info!(error = tag(&error), "offsets were not committed, they will be with the next ones");
        }
    }
}
