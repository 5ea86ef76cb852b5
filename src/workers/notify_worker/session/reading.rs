//! What is read, and whose it is.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::super::super::dead_letters;
use super::super::KEPT;
use super::super::queue::Item;
use super::{BATCH, PAUSE_AFTER, Session};
use crate::core::dead_letter::{Reason, Reject};
use crate::core::notification::{DeliveryReason, Notification};
use crate::core::text::{Object, Text};
use crate::kafka::consumer::Polled;
use crate::kafka::error::Error;
use crate::kafka::offsets::Progress;
use crate::kafka::record::Record;

/// Only where it goes to, for the many that go elsewhere.
#[derive(Deserialize)]
struct Addressed<'a> {
    #[serde(borrow)]
    destination: Text<'a>,
}

/// What a record is to a destination.
enum Sorted {
    Ours(Box<Notification>),
    Stray(Box<Notification>),
    /// Somebody else's, done before, or only to be remembered.
    Elsewhere,
    Bad(Reject),
}

impl Session<'_> {
    /// Reads what is there, as much as there is room for; waits a moment where nothing is.
    pub(super) fn read(&mut self, wait: Duration) -> Result<(), Error> {
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
        let come = {
            let polled = self.consumer.poll(wait)?;
            match polled {
                Polled::Nothing | Polled::End(_) => return Ok(false),
                Polled::OutOfRange => None,
                Polled::Record(record) => {
                    let (partition, offset) = (record.partition(), record.offset());
                    let done = self.partitions.get(&partition).is_some_and(|progress| progress.was_done(offset));
                    let read = if done { Sorted::Elsewhere } else { self.sort(&record) };
                    if let Some(progress) = self.partitions.get_mut(&partition) {
                        progress.handled(offset, u32::from(!matches!(read, Sorted::Elsewhere)));
                    }
                    if let Sorted::Bad(reject) = &read {
                        self.shared.metrics.dead_letter("notifications", reject.reason);
                        let letter = dead_letters::letter(&self.letters, &record, reject);
                        self.records.put_aside(letter, partition, offset)?;
                    }
                    Some((read, partition, offset))
                }
            }
        };
        let Some((read, partition, offset)) = come else {
            self.read_on_at_earliest()?;
            return Ok(false);
        };
        let item =
            |notification: Box<Notification>| Item { notification: *notification, partition, offset, held: false };
        match read {
            Sorted::Elsewhere | Sorted::Bad(_) => {}
            Sorted::Ours(notification) => {
                self.moved = Instant::now();
                self.queue.push(item(notification));
            }
            Sorted::Stray(notification) => self.give_up(item(notification), 0, DeliveryReason::NoDestination)?,
        }
        Ok(true)
    }

    fn read_on_at_earliest(&mut self) -> Result<(), Error> {
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
        Ok(())
    }

    /// What a record is to this destination. What no destination would take for its own is the first one's.
    fn sort(&self, record: &Record<'_>) -> Sorted {
        if record.header(KEPT).is_some() {
            return Sorted::Elsewhere;
        }
        let (name, strays) = (self.destination.name.as_str(), self.destination.answers_for_strays);
        let nameless = |reason, detail| match strays {
            true => Sorted::Bad(Reject::new(reason, detail)),
            false => Sorted::Elsewhere,
        };
        let Some(value) = record.value().filter(|value| !value.is_empty()) else {
            return nameless(Reason::NotJson, "the value is empty");
        };
        let stray = match serde_json::from_slice::<Object<Addressed<'_>>>(value) {
            Ok(addressed) if *addressed.destination == *name => false,
            Ok(addressed) => {
                let known = &self.shared.config.notify.destinations;
                if !strays || known.contains_key(addressed.destination.as_str()) {
                    return Sorted::Elsewhere;
                }
                true
            }
            Err(error) if error.is_data() => return nameless(Reason::Schema, "names no destination"),
            Err(_) => return nameless(Reason::NotJson, "the value is not JSON"),
        };
        match Notification::decode(value) {
            Err(fault) => Sorted::Bad(Reject::new(Reason::Schema, fault)),
            Ok(mut notification) => {
                let trace = record.header("traceparent").and_then(|trace| std::str::from_utf8(trace).ok());
                notification.traceparent = trace.map(str::to_owned);
                if stray { Sorted::Stray(Box::new(notification)) } else { Sorted::Ours(Box::new(notification)) }
            }
        }
    }
}
