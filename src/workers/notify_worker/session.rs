//! The thread of a destination: reads, hands out what can be sent, hears what became of it, and moves offsets.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use chrono::Utc;
use governor::clock::Clock;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde::Deserialize;
use tokio::task::AbortHandle;

use crate::core::dead_letter::{Reason, Reject};
use crate::core::notification::{Channel, Delivery, DeliveryReason, DeliveryState, Notification};
use crate::core::text::{Object, Text};
use crate::kafka::client::Purpose;
use crate::kafka::consumer::{GroupConsumer, Polled};
use crate::kafka::error::Error;
use crate::kafka::offsets::Progress;
use crate::kafka::rebalance::News;
use crate::kafka::record::Record;
use crate::kafka::watchdog::Leash;
use crate::notify::accepted_state;

use super::super::tally::seconds;
use super::super::{Shared, dead_letters};
use super::Destination;
use super::courier::{Errand, Event, Hold, Told};
use super::queue::{Item, Next, Queue};
use super::records::Records;

/// Records read between two looks at what became of others.
const BATCH: usize = 100;

/// How long a poll may wait: while things move, and where nothing does.
const BUSY: Duration = Duration::from_millis(2);
const IDLE: Duration = Duration::from_millis(25);

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
    limiter: Option<DefaultDirectRateLimiter>,
    under_way: HashMap<u64, UnderWay>,
    next: u64,
    tell: Sender<Told>,
    told: Receiver<Told>,
    hold: Arc<Hold>,
    full_since: Option<Instant>,
    paused: bool,
    moved: Instant,
    /// Whether the last attempt failed.
    failing: bool,
    reported: Instant,
    leash: Leash,
}

/// Only where it goes to, for the many that go elsewhere.
#[derive(Deserialize)]
struct Addressed<'a> {
    #[serde(borrow)]
    destination: Text<'a>,
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
            limiter: config.rate_per_minute.and_then(|rate| limiter(rate, config.burst)),
            under_way: HashMap::new(),
            next: 0,
            tell,
            told,
            hold: Arc::default(),
            full_since: None,
            paused: false,
            moved: now,
            failing: false,
            reported: now,
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
                let _call = leash.watch();
                self.read(wait)?;
            }
            self.send_out()?;
            self.hear(Duration::ZERO)?;
            self.settle(Duration::ZERO)?;
            if self.reported.elapsed() > Duration::from_secs(1) {
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
            let limiter = self.limiter.as_ref();
            let permit = || match limiter.map(|limiter| (limiter, limiter.check())) {
                Some((limiter, Err(until))) => Err(until.wait_time_from(limiter.clock().now())),
                _ => Ok(()),
            };
            match self.queue.next(permit) {
                Next::Send(items) => self.send(items),
                Next::Wait(wait, fresh) => {
                    for notification in fresh {
                        let reason = Some(DeliveryReason::Limit);
                        let delivery = Delivery { reason, ..self.delivery(&notification, DeliveryState::Pending) };
                        self.records.note(&delivery, notification.traceparent.as_deref())?;
                    }
                    return Ok(idle.min(wait.max(Duration::from_millis(1))));
                }
                Next::Nothing => return Ok(idle),
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
            hold: Arc::clone(&self.hold),
            message: self.next,
            notification: message,
            tell: self.tell.clone(),
        };
        let task = self.destination.runtime.spawn(errand.run()).abort_handle();
        self.under_way.insert(self.next, UnderWay { items, summary, task });
    }

    /// Reads what is there, as much as there is room for; waits a moment where nothing is.
    fn read(&mut self, wait: Duration) -> Result<(), Error> {
        if self.queue.has_room() {
            if std::mem::take(&mut self.paused) {
                self.consumer.resume(&self.topic, self.partitions.keys().copied())?;
            }
            self.full_since = None;
        } else if !self.paused {
            let since = *self.full_since.get_or_insert_with(Instant::now);
            if since.elapsed() < PAUSE_AFTER {
                return self.hear(wait);
            }
            self.consumer.pause(&self.topic, self.partitions.keys().copied())?;
            self.paused = true;
        }
        let mut wait = wait;
        for _ in 0..BATCH {
            if !self.read_one(wait)? || !self.queue.has_room() {
                break;
            }
            wait = Duration::ZERO;
        }
        for news in self.consumer.member().take_news() {
            self.serve(news)?;
        }
        Ok(())
    }

    /// Whether there was a record.
    fn read_one(&mut self, wait: Duration) -> Result<bool, Error> {
        match self.consumer.poll(wait)? {
            Polled::Record(record) => {
                let (partition, offset) = (record.partition(), record.offset());
                let strays = self.destination.answers_for_strays;
                let known = &self.shared.config.notify.destinations;
                let read = sort(&record, &self.destination.name, |name| strays && !known.contains_key(name));
                let concerns_us = !matches!(read, Sorted::Elsewhere) && (strays || !matches!(read, Sorted::Bad(_)));
                if let Some(progress) = self.partitions.get_mut(&partition) {
                    progress.handled(offset, u32::from(concerns_us));
                }
                match read {
                    Sorted::Bad(reject) if concerns_us => {
                        self.shared.metrics.dead_letter("notifications", reject.reason);
                        let letter = dead_letters::letter(&self.letters, &record, &reject);
                        self.records.put_aside(letter, partition, offset)?;
                    }
                    Sorted::Elsewhere | Sorted::Bad(_) => {}
                    Sorted::Ours(notification) => {
                        self.moved = Instant::now();
                        self.queue.push(Item { notification: *notification, partition, offset, held: false });
                    }
                    Sorted::Stray(notification) => {
                        let item = Item { notification: *notification, partition, offset, held: false };
                        self.give_up(item, 0, DeliveryReason::NoDestination)?;
                    }
                }
                Ok(true)
            }
            Polled::Nothing | Polled::End(_) => Ok(false),
            Polled::OutOfRange => {
                let positions: Vec<_> =
                    self.partitions.iter().map(|(&p, progress)| (self.topic.clone(), p, progress.position())).collect();
                for (_, partition, next) in self.consumer.rewind_lost(&positions)? {
                    self.shared.metrics.offset_resets.inc();
                    self.partitions.insert(partition, Progress::starting_at(Some(next)));
                    tracing::error!(
                        destination = self.destination.name,
                        partition,
                        next,
                        "notifications are gone before they were delivered, reading on at the earliest"
                    );
                }
                self.paused = false;
                Ok(false)
            }
        }
    }

    fn serve(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Failed(detail) => return Err(Error::Broker { what: "rebalance", tag: "rebalance", detail }),
            News::Revoked => self.let_go(),
            News::Assigned(assigned) => {
                self.partitions = assigned.iter().map(|a| (a.partition, Progress::starting_at(a.committed))).collect();
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
        self.records.forget();
        self.paused = false;
        self.full_since = None;
    }

    /// Takes in what couriers say; waits a moment for the first word.
    fn hear(&mut self, wait: Duration) -> Result<(), Error> {
        let mut told = if wait.is_zero() { self.told.try_recv().ok() } else { self.told.recv_timeout(wait).ok() };
        while let Some(word) = told {
            self.moved = Instant::now();
            self.decided(&word)?;
            told = self.told.try_recv().ok();
        }
        Ok(())
    }

    fn decided(&mut self, told: &Told) -> Result<(), Error> {
        if let Event::Failed(reason) = told.event {
            return self.failed_once(told, reason);
        }
        // Unknown is one whose partition went in between.
        let Some(message) = self.under_way.remove(&told.message) else { return Ok(()) };
        self.queue.finished(message.items.iter().map(|item| item.notification.subject_id.as_str()));
        let summary = message.summary.as_ref();
        match told.event {
            Event::Accepted(at) => {
                self.note_health(None);
                let state = accepted_state(self.kind());
                for item in message.items {
                    let delivery = Delivery {
                        attempts: told.attempts,
                        at,
                        bundled_into: summary.map(|summary| summary.notification_id.clone()),
                        ..self.delivery(
                            &item.notification,
                            if summary.is_some() { DeliveryState::Bundled } else { state },
                        )
                    };
                    let age = seconds(at - item.notification.created_at);
                    self.shared.metrics.notification_duration.of(self.kind()).observe(age);
                    self.settle_item(delivery, &item)?;
                }
                self.note_summary(summary, state, told.attempts, None)
            }
            Event::GivenUp(reason) => {
                self.note_health(Some(reason));
                self.note_summary(summary, DeliveryState::FailedPerm, told.attempts, Some(reason))?;
                message.items.into_iter().try_for_each(|item| self.give_up(item, told.attempts, reason))
            }
            Event::Unfinished | Event::Failed(_) => Ok(()),
        }
    }

    fn failed_once(&mut self, told: &Told, reason: DeliveryReason) -> Result<(), Error> {
        self.note_health(Some(reason));
        let Some(message) = self.under_way.get(&told.message) else { return Ok(()) };
        for item in &message.items {
            let notification = &item.notification;
            let delivery = Delivery {
                attempts: told.attempts,
                reason: Some(reason),
                ..self.delivery(notification, DeliveryState::FailedTemp)
            };
            self.records.note(&delivery, notification.traceparent.as_deref())?;
        }
        Ok(())
    }

    fn give_up(&mut self, item: Item, attempts: u32, reason: DeliveryReason) -> Result<(), Error> {
        let delivery =
            Delivery { attempts, reason: Some(reason), ..self.delivery(&item.notification, DeliveryState::FailedPerm) };
        self.settle_item(delivery, &item)
    }

    fn settle_item(&mut self, delivery: Delivery, item: &Item) -> Result<(), Error> {
        let trace = item.notification.traceparent.as_deref();
        self.records.settle(delivery, item.notification.urgent, trace, item.partition, item.offset)
    }

    fn note_summary(
        &mut self,
        summary: Option<&Notification>,
        state: DeliveryState,
        attempts: u32,
        reason: Option<DeliveryReason>,
    ) -> Result<(), Error> {
        let Some(summary) = summary else { return Ok(()) };
        let delivery = Delivery { attempts, reason, ..self.delivery(summary, state) };
        self.records.note(&delivery, None)
    }

    /// A delivery at this moment, which is counted with it.
    fn delivery(&self, notification: &Notification, state: DeliveryState) -> Delivery {
        self.shared.metrics.notifications.of(self.kind(), state).inc();
        Delivery::of(notification, self.kind(), state, Utc::now())
    }

    fn kind(&self) -> Channel {
        self.destination.config.kind
    }

    /// Says in the log when a destination begins to fail, and when it takes messages again.
    fn note_health(&mut self, failure: Option<DeliveryReason>) {
        let was = std::mem::replace(&mut self.failing, failure.is_some());
        let destination = &self.destination.name;
        match (was, failure) {
            (false, Some(reason)) => {
                tracing::warn!(destination, reason = reason.as_str(), "a notification could not be delivered");
            }
            (true, None) => tracing::info!(destination, "notifications are delivered again"),
            _ => {}
        }
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
                self.consumer.store(&self.topic, *partition, next);
            }
        }
        self.records.send_now();
        Ok(())
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
        Ok(())
    }

    fn report_lag(&mut self) {
        for (partition, progress) in &self.partitions {
            let Some(floor) = progress.floor() else { continue };
            if let Some(end) = self.consumer.cached_end(&self.topic, *partition) {
                self.shared.metrics.set_notification_lag(&self.destination.name, *partition, end - floor);
            }
        }
    }
}

/// What a record is to a destination.
enum Sorted {
    Ours(Box<Notification>),
    Stray(Box<Notification>),
    Elsewhere,
    Bad(Reject),
}

fn sort(record: &Record<'_>, name: &str, stray: impl Fn(&str) -> bool) -> Sorted {
    let Some(value) = record.value().filter(|value| !value.is_empty()) else {
        return Sorted::Bad(Reject::new(Reason::NotJson, "the value is empty"));
    };
    match serde_json::from_slice::<Object<Addressed<'_>>>(value) {
        Ok(addressed) if *addressed.destination == *name || stray(&addressed.destination) => {}
        Ok(_) => return Sorted::Elsewhere,
        Err(error) if error.is_data() => {
            return Sorted::Bad(Reject::new(Reason::Schema, "names no destination"));
        }
        Err(_) => return Sorted::Bad(Reject::new(Reason::NotJson, "the value is not JSON")),
    }
    match Notification::decode(value) {
        Err(fault) => Sorted::Bad(Reject::new(Reason::Schema, fault)),
        Ok(mut notification) => {
            let trace = record.header("traceparent").and_then(|trace| std::str::from_utf8(trace).ok());
            notification.traceparent = trace.map(str::to_owned);
            if notification.destination == name {
                Sorted::Ours(Box::new(notification))
            } else {
                Sorted::Stray(Box::new(notification))
            }
        }
    }
}

/// So many messages a minute, evenly spread, and so many at once after a rest.
fn limiter(rate_per_minute: u32, burst: u32) -> Option<DefaultDirectRateLimiter> {
    let quota = Quota::with_period(Duration::from_secs(60) / rate_per_minute.max(1))?;
    Some(RateLimiter::direct(quota.allow_burst(NonZeroU32::new(burst.max(1))?)))
}
