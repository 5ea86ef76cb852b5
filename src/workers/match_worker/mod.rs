//! Stage 1's loop: events in, matches and dead letters out, at least once.
//!
//! A match id is a function of the event and the subject, so that what is produced twice after a crash is recognised
//! by stage 2. An offset is stored only when everything that came of its record, and of every record before it, is
//! acknowledged by the broker.

mod feed;
mod record;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::core::event::EventKind;
use crate::kafka::consumer::Polled;
use crate::kafka::error::Error;
use crate::kafka::feed::FeedConsumer;
use crate::kafka::offsets::{Acknowledged, Progress};
use crate::kafka::producer::{Delivered, ReportingProducer};
use crate::kafka::rebalance::News;
use crate::kafka::watchdog::Leash;

use super::lookback::Keeper;
use super::tally::Tally;
use super::{Shared, sessions};
use feed::{Feed, untoken};
use record::{Hands, handle};

/// The group of stage 1, behind the prefix.
pub const GROUP: &str = "match";

/// Records handled between two looks at deliveries, offsets and counters.
const BATCH: usize = 1_000;

/// Records whose products are not acknowledged yet, above which reading waits.
const MAX_PENDING: usize = 20_000;

/// How long a poll may wait where nothing is there.
const IDLE: Duration = Duration::from_millis(50);

/// The least time between two hurried sends, where so little comes that products would wait for their linger time:
/// each partition is a request of its own.
const SEND_EVERY: Duration = Duration::from_millis(3);

/// How long a full producer queue or a slow broker may hold a worker up before its session starts anew.
const PATIENCE: Duration = Duration::from_secs(8);

/// Runs until the process stops.
///
/// # Errors
/// What makes going on pointless.
pub fn run(shared: &Shared, slot: usize) -> Result<(), Error> {
    let worker = format!("match-{slot}");
    while !shared.filling.done() {
        // A few milliseconds late is as good as at once, and a worker more than the index has is not worth a bell.
        if shared.stop.wait(Duration::from_millis(2)) {
            return Ok(());
        }
    }
    sessions(shared, &worker, || Session::start(shared, &worker, slot)?.run())
}

struct Session<'a> {
    shared: &'a Shared,
    worker: &'a str,
    consumer: FeedConsumer,
    producer: ReportingProducer,
    feeds: [Feed; 2],
    inputs: String,
    dead_letters: String,
    tally: Tally<'a>,
    keeper: Keeper<'a>,
    delivered: Vec<Delivered>,
    /// When an event of a pending record happened, by token.
    event_times: HashMap<usize, DateTime<Utc>>,
    last_report: Instant,
    /// When what was held back was last sent.
    sent: Instant,
    /// Which feeds this worker holds back.
    held_back: [bool; 2],
    /// Counts assignments, modulo 128.
    assignment: u8,
    leash: Leash,
}

impl<'a> Session<'a> {
    fn start(shared: &'a Shared, worker: &'a str, slot: usize) -> Result<Self, Error> {
        let feeds = [EventKind::Call, EventKind::Transfer].map(|kind| Feed::new(shared, kind));
        let topics: Vec<String> = feeds.iter().map(|feed| feed.topic.clone()).collect();
        Ok(Session {
            shared,
            worker,
            producer: ReportingProducer::new(&shared.connection, worker)?,
            consumer: FeedConsumer::join(&shared.connection, worker, GROUP, &topics)?,
            feeds,
            inputs: shared.connection.topic("case-inputs"),
            dead_letters: shared.connection.topic("dead-letters"),
            tally: Tally::new(&shared.metrics),
            keeper: Keeper::new(shared, slot),
            delivered: Vec::new(),
            event_times: HashMap::new(),
            last_report: Instant::now(),
            sent: Instant::now(),
            held_back: [false; 2],
            assignment: 0,
            leash: shared.watchdog.leash(worker, shared.config.kafka.watchdog),
        })
    }

    fn run(mut self) -> Result<(), Error> {
        self.shared.readiness.waiting(self.worker, "waiting for its partitions");
        let result = self.work();
        self.forget_partitions();
        self.consumer.leave(Duration::from_secs(3));
        result
    }

    fn work(&mut self) -> Result<(), Error> {
        while !self.shared.stop.stopping() {
            {
                let leash = self.leash.clone();
                let _call = leash.watch("poll");
                self.read_batch()?;
            }
            self.settle(Duration::ZERO)?;
            self.obey_halts()?;
            let mut waiting_since = None;
            while self.pending() > MAX_PENDING && !self.shared.stop.stopping() {
                let since: &mut Instant = waiting_since.get_or_insert_with(Instant::now);
                if since.elapsed() > PATIENCE {
                    return Err(stuck());
                }
                self.settle(Duration::from_millis(5))?;
            }
            if self.last_report.elapsed() > Duration::from_secs(1) {
                self.report_lag();
                self.gather();
                self.last_report = Instant::now();
            }
        }
        let finished = self.producer.flush(Duration::from_secs(5), &mut self.delivered);
        self.settle(Duration::ZERO)?;
        if finished { Ok(()) } else { Err(stuck()) }
    }

    /// Handles what is there, up to a batch; waits a moment where nothing is.
    fn read_batch(&mut self) -> Result<(), Error> {
        self.consumer.attend(if self.assigned() { Duration::ZERO } else { IDLE })?;
        for news in self.consumer.group().member().take_news() {
            self.serve(news)?;
        }
        let wait = match self.producer.in_flight() {
            0 => IDLE,
            _ => SEND_EVERY.saturating_sub(self.sent.elapsed()),
        };
        let directory = self.shared.directory.load();
        let matcher = self.shared.matcher(directory.areas());
        let mut hands = Hands {
            shared: self.shared,
            producer: &self.producer,
            feeds: &mut self.feeds,
            inputs: &self.inputs,
            dead_letters: &self.dead_letters,
            tally: &mut self.tally,
            keeper: &mut self.keeper,
            event_times: &mut self.event_times,
            assignment: self.assignment,
        };
        let records = self.consumer.read(wait, BATCH);
        let busy = records.left() > BATCH / 2;
        hands.keeper.begin();
        let now = Utc::now();
        let mut lost = false;
        for polled in records {
            match polled? {
                Polled::Record(record) => handle(&record, &matcher, now, &mut hands)?,
                Polled::OutOfRange => lost = true,
                Polled::Nothing | Polled::End(_) => {}
            }
        }
        self.keeper.hand_over();
        if !busy && self.producer.in_flight() > 0 && self.sent.elapsed() >= SEND_EVERY {
            self.producer.send_now();
            self.sent = Instant::now();
        }
        if lost { self.read_on_at_earliest() } else { Ok(()) }
    }

    fn assigned(&self) -> bool {
        self.feeds.iter().any(|feed| !feed.partitions.is_empty())
    }

    fn serve(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Failed(detail) => return Err(Error::Broker { what: "rebalance", tag: "rebalance", detail }),
            News::Revoked => self.forget_partitions(),
            News::Assigned(assigned) => {
                self.assignment = (self.assignment + 1) & 0x7f;
                for partition in &assigned {
                    if let Some(feed) = self.feeds.iter_mut().find(|feed| feed.topic == partition.topic) {
                        feed.assigned(partition.partition, partition.committed);
                        self.keeper.opened(feed.kind, partition.partition, partition.committed, &partition.marker);
                    }
                }
                // New partitions flow; those of a halted feed are held back right after this.
                self.held_back = [false; 2];
                for feed in self.feeds.iter().filter(|feed| !self.shared.halts.halted(feed.kind)) {
                    self.shared.readiness.remove(&feed.component());
                }
                self.shared.readiness.ready(self.worker);
                tracing::info!(worker = self.worker, partitions = assigned.len(), "assigned");
            }
        }
        Ok(())
    }

    /// Takes in deliveries, stores the offsets that became safe, and hands the counters over.
    fn settle(&mut self, wait: Duration) -> Result<(), Error> {
        self.producer.poll(wait, &mut self.delivered);
        let now = Utc::now();
        for delivered in self.delivered.drain(..) {
            if let Some(reason) = delivered.failed {
                return Err(Error::Broker { what: "produce", tag: "not_delivered", detail: reason });
            }
            let (feed, assignment, partition, offset) = untoken(delivered.token);
            let feed = self.feeds.get_mut(feed).filter(|_| assignment == self.assignment);
            let progress = feed.and_then(|feed| feed.progress(partition));
            match progress.map(|progress| progress.acknowledged(offset)) {
                Some(Acknowledged::Done) => {
                    if let Some(time) = self.event_times.remove(&delivered.token) {
                        self.tally.matched_after(now - time);
                    }
                }
                Some(Acknowledged::Waiting) => {}
                Some(Acknowledged::Unknown) | None => {
                    self.event_times.remove(&delivered.token);
                }
            }
        }
        for feed in &mut self.feeds {
            for (partition, progress) in feed.partitions.iter_mut().enumerate() {
                if let Some(next) = progress.as_mut().and_then(Progress::take_floor) {
                    let marker = self.keeper.marker(feed.kind, partition as i32);
                    self.consumer.group().store_marked(&feed.topic, partition as i32, next, &marker);
                }
            }
        }
        self.tally.hand_over(&self.shared.halts);
        Ok(())
    }

    /// Holds back feeds that are halted, and lets those flow that are no longer.
    fn obey_halts(&mut self) -> Result<(), Error> {
        for (feed, held_back) in self.feeds.iter_mut().zip(&mut self.held_back) {
            let halted = self.shared.halts.halted(feed.kind);
            if halted == *held_back {
                continue;
            }
            let partitions: Vec<i32> = feed.each().map(|(partition, _)| partition).collect();
            let component = feed.component();
            if halted {
                self.consumer.group().pause(&feed.topic, partitions)?;
                self.shared.readiness.waiting(&component, "paused, too many records are bad; POST /-/resume");
            } else {
                self.consumer.group().resume(&feed.topic, partitions)?;
                self.shared.readiness.remove(&component);
            }
            *held_back = halted;
        }
        Ok(())
    }

    fn pending(&self) -> usize {
        self.feeds.iter().flat_map(|feed| feed.partitions.iter().flatten()).map(Progress::pending).sum()
    }

    fn forget_partitions(&mut self) {
        for feed in &mut self.feeds {
            for partition in 0..feed.partitions.len() {
                self.shared.metrics.forget_lag(&feed.topic, partition as i32);
            }
            feed.partitions.clear();
        }
        self.keeper.closed();
        self.event_times.clear();
    }

    fn report_lag(&mut self) {
        for feed in &self.feeds {
            let handled = feed.partitions.iter().enumerate().filter_map(|(partition, progress)| {
                Some((partition as i32, progress.as_ref().and_then(Progress::position)?, true))
            });
            for (partition, left) in self.consumer.group().left(&feed.topic, handled) {
                self.shared.metrics.set_lag(&feed.topic, partition, left);
            }
        }
    }

    /// Lets every partition flow into the queue; one that was assigned anew by hand has stopped to.
    fn gather(&mut self) {
        for feed in &mut self.feeds {
            let topic = feed.topic.clone();
            feed.each().for_each(|(partition, _)| self.consumer.gather(&topic, partition));
        }
    }

    /// An event that was to be read next is no longer held: reading goes on at the earliest one that is.
    fn read_on_at_earliest(&mut self) -> Result<(), Error> {
        let mut positions = Vec::new();
        for feed in &mut self.feeds {
            let topic = feed.topic.clone();
            positions.extend(feed.each().map(|(p, progress)| (topic.clone(), p, progress.position())));
        }
        for (topic, partition, next) in self.consumer.group().rewind_lost(&positions)? {
            self.shared.metrics.offset_resets.inc();
            if let Some(feed) = self.feeds.iter_mut().find(|feed| feed.topic == topic) {
                feed.assigned(partition, Some(next));
            }
            tracing::error!(
                topic,
                partition,
                next,
                "events are gone before they were read, reading on at the earliest"
            );
        }
        // Everything flows again; what belongs to a halted feed is held back before anything more is read.
        self.held_back = [false; 2];
        Ok(())
    }
}

fn stuck() -> Error {
    Error::Broker { what: "produce", tag: "timed_out", detail: "the broker does not acknowledge".into() }
}
