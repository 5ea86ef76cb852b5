//! The thread of a destination: reads, hands out what can be sent, hears what became of it, and moves offsets.

mod outcomes;
mod reading;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use crate::core::notification::{Delivery, DeliveryReason, DeliveryState, Notification};
use crate::kafka::client::Purpose;
use crate::kafka::consumer::GroupConsumer;
use crate::kafka::error::Error;
use crate::kafka::offsets::Progress;
use crate::kafka::rebalance::News;
use crate::kafka::watchdog::Leash;

use super::super::Shared;
use super::Destination;
use super::courier::{Errand, Told};
use super::gate::{Gate, Trouble};
use super::queue::{Item, Next, Queue};
use super::records::Records;

/// Records read between two looks at what became of others.
const BATCH: usize = 100;

/// How long a poll may wait: while things move, and where nothing does.
const BUSY: Duration = Duration::from_millis(2);
const IDLE: Duration = Duration::from_millis(25);

/// The least time between two hurried sends of outcomes: nobody waits for them, and each partition is a request of its
/// own.
const SEND_EVERY: Duration = Duration::from_millis(20);

/// How long things count as moving after something happened.
const MOVING: Duration = Duration::from_millis(100);

/// How long the queue may be full before reading is paused; until then the consumer is simply not asked.
const PAUSE_AFTER: Duration = Duration::from_millis(200);

/// How long what is under way may take when the process stops, and how long its outcomes may take to be recorded. With
/// leaving the group it must fit into [`crate::lifecycle::DRAIN_WITHIN`].
const FINISH: Duration = Duration::from_secs(4);
const RECORD: Duration = Duration::from_secs(4);
const LEAVE: Duration = Duration::from_secs(3);

/// A message on its way.
struct UnderWay {
    items: Vec<Item>,
    /// The message itself where it stands for several.
    summary: Option<Notification>,
    /// It has failed.
    rests: bool,
    task: AbortHandle,
}

/// One membership of a destination's group.
pub struct Session<'a> {
    shared: &'a Shared,
    destination: &'a Arc<Destination>,
    worker: &'a str,
    consumer: GroupConsumer,
    records: Records<'a>,
    topic: String,
    letters: String,
    partitions: BTreeMap<i32, Progress>,
    queue: Queue,
    gate: Arc<Gate>,
    trouble: Trouble,
    under_way: HashMap<u64, UnderWay>,
    next: u64,
    tell: Sender<Told>,
    told: Receiver<Told>,
    full_since: Option<Instant>,
    paused: bool,
    moved: Instant,
    /// Since when it is said to fail.
    failing: Option<Instant>,
    reported: Instant,
    /// When outcomes were last sent.
    sent: Instant,
    leash: Leash,
}

impl<'a> Session<'a> {
    /// Joins the group of the destination.
    ///
    /// # Errors
    /// When the clients cannot be made.
    pub fn start(shared: &'a Shared, destination: &'a Arc<Destination>, worker: &'a str) -> Result<Self, Error> {
        let topic = shared.connection.topic("notifications");
        let group = Destination::group(&destination.name);
        let (tell, told) = channel();
        let config = &destination.config;
        let now = Instant::now();
        Ok(Session {
            shared,
            destination,
            worker,
            records: Records::new(shared, worker)?,
            consumer: GroupConsumer::join(
                &shared.connection,
                worker,
                &group,
                std::slice::from_ref(&topic),
                Purpose::Feed,
            )?,
            topic,
            letters: shared.connection.topic("dead-letters"),
            partitions: BTreeMap::new(),
            queue: Queue::new(config.rate_per_minute.is_some(), config.concurrency),
            gate: Arc::new(Gate::new(config)),
            trouble: Trouble::new(config, now),
            under_way: HashMap::new(),
            next: 0,
            tell,
            told,
            full_since: None,
            paused: false,
            moved: now,
            failing: None,
            reported: now,
            sent: now,
            leash: shared.watchdog.leash(worker, shared.config.kafka.watchdog),
        })
    }

    /// Works until the process stops.
    ///
    /// # Errors
    /// What ends the session.
    pub fn run(mut self) -> Result<(), Error> {
        self.shared.readiness.waiting(self.worker, "waiting for its partitions");
        let result = self.work();
        self.let_go();
        self.consumer.leave(LEAVE);
        result
    }

    fn work(&mut self) -> Result<(), Error> {
        while !self.shared.stop.stopping() {
            let wait = self.send_out()?;
            {
                let leash = self.leash.clone();
                let _call = leash.watch("poll");
                self.read(wait)?;
            }
            self.send_out()?;
            self.hear(Duration::ZERO)?;
            self.settle(Duration::ZERO)?;
            if self.reported.elapsed() > Duration::from_secs(1) {
                self.commit_beyond();
                self.report_lag();
                self.reported = Instant::now();
            }
        }
        self.finish()
    }

    /// Hands out all that may be sent, and says how long the next look may wait.
    fn send_out(&mut self) -> Result<Duration, Error> {
        let idle = if self.moved.elapsed() < MOVING { BUSY } else { IDLE };
        loop {
            let now = Instant::now();
            if let Some(wait) = self.trouble.wait(now) {
                self.gate.forget_first();
                return Ok(idle.min(wait));
            }
            let gate = &self.gate;
            match self.queue.next(|| gate.take_first()) {
                Next::Send(items) => {
                    self.trouble.tried(now);
                    self.send(items);
                }
                Next::Wait(wait, fresh) => {
                    for notification in fresh {
                        let reason = Some(DeliveryReason::Limit);
                        let delivery = Delivery { reason, ..self.delivery(&notification, DeliveryState::Pending) };
                        self.records.note(&delivery, notification.traceparent.as_deref())?;
                    }
                    return Ok(idle.min(wait.max(Duration::from_millis(1))));
                }
                Next::Nothing => {
                    self.gate.forget_first();
                    return Ok(idle);
                }
            }
        }
    }

    fn send(&mut self, items: Vec<Item>) {
        let summary = match items.as_slice() {
            [_] => None,
            several => {
                let all: Vec<Notification> = several.iter().map(|item| item.notification.clone()).collect();
                Notification::summary(&all)
            }
        };
        let Some(message) = summary.as_ref().or(items.first().map(|item| &item.notification)).cloned() else { return };
        self.next += 1;
        let errand = Errand {
            destination: Arc::clone(self.destination),
            gate: Arc::clone(&self.gate),
            message: self.next,
            notification: message,
            tell: self.tell.clone(),
        };
        let task = self.destination.runtime.spawn(errand.run()).abort_handle();
        self.under_way.insert(self.next, UnderWay { items, summary, rests: false, task });
    }

    fn serve(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Failed(detail) => return Err(Error::Broker { what: "rebalance", tag: "rebalance", detail }),
            News::Revoked => self.let_go(),
            News::Assigned(assigned) => {
                self.partitions =
                    (assigned.iter()).map(|a| (a.partition, Progress::going_on_at(a.committed, &a.marker))).collect();
                *self.destination.held.lock() = self.partitions.keys().copied().collect();
                self.shared.readiness.ready(self.worker);
                tracing::info!(worker = self.worker, partitions = assigned.len(), "assigned");
            }
        }
        Ok(())
    }

    /// The partitions are somebody else's, who begins with what is not recorded.
    fn let_go(&mut self) {
        for partition in self.partitions.keys() {
            self.shared.metrics.forget_notification_lag(&self.destination.name, *partition);
        }
        for (_, message) in self.under_way.drain() {
            message.task.abort();
        }
        self.partitions.clear();
        self.destination.held.lock().clear();
        self.queue.clear();
        self.gate.forget_first();
        self.records.forget();
        self.paused = false;
        self.full_since = None;
    }

    /// Takes acknowledgements in and stores the offsets that became safe.
    fn settle(&mut self, wait: Duration) -> Result<(), Error> {
        for (partition, offset) in self.records.acknowledged(wait)? {
            if let Some(progress) = self.partitions.get_mut(&partition) {
                let _ = progress.acknowledged(offset);
            }
        }
        for (partition, progress) in &mut self.partitions {
            if let Some(next) = progress.take_floor() {
                self.consumer.store_marked(&self.topic, *partition, next, &progress.marker());
            }
        }
        if self.sent.elapsed() >= SEND_EVERY {
            self.records.send_now();
            self.sent = Instant::now();
        }
        Ok(())
    }

    /// Commits what was done beyond offsets that do not move, or whoever comes next would send it again.
    fn commit_beyond(&mut self) {
        for (partition, progress) in &mut self.partitions {
            if progress.take_news_beyond()
                && let Some(floor) = progress.floor()
            {
                self.consumer.commit_marked(&self.topic, *partition, floor, &progress.marker());
            }
        }
    }

    /// Lets what is under way come to its end and be recorded, within bounds; the rest is sent again by whoever comes
    /// next.
    fn finish(&mut self) -> Result<(), Error> {
        let until = Instant::now() + FINISH;
        while !self.under_way.is_empty() && Instant::now() < until {
            self.hear(Duration::from_millis(10))?;
            self.settle(Duration::ZERO)?;
        }
        let until = Instant::now() + RECORD;
        while self.records.busy() && Instant::now() < until {
            self.settle(Duration::from_millis(5))?;
        }
        self.commit_beyond();
        Ok(())
    }

    fn report_lag(&mut self) {
        let handled = self
            .partitions
            .iter()
            .filter_map(|(&partition, progress)| Some((partition, progress.floor()?, progress.pending() == 0)));
        for (partition, left) in self.consumer.left(&self.topic, handled) {
            self.shared.metrics.set_notification_lag(&self.destination.name, partition, left);
        }
    }
}
