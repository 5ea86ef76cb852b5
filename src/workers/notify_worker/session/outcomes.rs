//! What became of messages, and who is told.

use std::time::{Duration, Instant};

use chrono::Utc;

use super::super::super::tally::seconds;
use super::super::courier::{Event, Told};
use super::super::queue::{Item, Lane};
use super::Session;
use crate::core::notification::{Channel, Delivery, DeliveryReason, DeliveryState, Notification};
use crate::kafka::error::Error;
use crate::notify::accepted_state;

/// How long after it was said that a destination fails nothing more is said of it.
const QUIET: Duration = Duration::from_secs(30);

impl Session<'_> {
    /// Takes in what couriers say; waits a moment for the first word.
    pub(super) fn hear(&mut self, wait: Duration) -> Result<(), Error> {
        let mut told = if wait.is_zero() { self.told.try_recv().ok() } else { self.told.recv_timeout(wait).ok() };
        while let Some(word) = told {
            // What fails again and again is no reason to look more often.
            if !matches!(word.event, Event::Failed(_)) {
                self.moved = Instant::now();
            }
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
        self.queue.finished(message.items.iter().map(|item| Lane::of(&item.notification)), message.rests);
        match told.event {
            Event::Accepted(_) | Event::Refused(_) => self.trouble.over(),
            Event::GivenUp(_) if told.attempts == 0 => self.trouble.not_tried(Instant::now()),
            _ => {}
        }
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
            Event::Refused(reason) | Event::GivenUp(reason) => {
                self.note_health(Some(reason));
                self.note_summary(summary, DeliveryState::FailedPerm, told.attempts, Some(reason))?;
                message.items.into_iter().try_for_each(|item| self.give_up(item, told.attempts, reason))
            }
            Event::Unfinished | Event::Failed(_) => Ok(()),
        }
    }

    fn failed_once(&mut self, told: &Told, reason: DeliveryReason) -> Result<(), Error> {
        self.note_health(Some(reason));
        let Some(message) = self.under_way.get_mut(&told.message) else { return Ok(()) };
        self.trouble.failed();
        if !std::mem::replace(&mut message.rests, true) {
            self.queue.rests();
        }
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

    pub(super) fn give_up(&mut self, item: Item, attempts: u32, reason: DeliveryReason) -> Result<(), Error> {
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
    pub(super) fn delivery(&self, notification: &Notification, state: DeliveryState) -> Delivery {
        self.shared.metrics.notifications.of(self.kind(), state).inc();
        Delivery::of(notification, self.kind(), state, Utc::now())
    }

    fn kind(&self) -> Channel {
        self.destination.config.kind
    }

    /// Says in the log when a destination begins to fail, and when it takes messages again.
    fn note_health(&mut self, failure: Option<DeliveryReason>) {
        let destination = &self.destination.name;
        match (self.failing, failure) {
            (None, Some(reason)) => {
                self.failing = Some(Instant::now());
                tracing::warn!(destination, reason = reason.as_str(), "a notification could not be delivered");
            }
            // One that fails now and then must not fill the log.
            (Some(since), None) if since.elapsed() > QUIET => {
                self.failing = None;
                tracing::info!(destination, "notifications are delivered again");
            }
            _ => {}
        }
    }
}
