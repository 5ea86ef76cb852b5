//! Sends one message until it is accepted, refused or given up.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use backon::BackoffBuilder;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::Destination;
use super::gate::{Gate, pauses};
use crate::core::notification::{DeliveryReason, DeliveryState, Notification};
use crate::notify::client::HttpClient;
use crate::notify::{Request, Verdict, alertmanager, request};

/// What a courier tells of its message.
#[derive(Debug)]
pub struct Told {
    /// The message.
    pub message: u64,
    /// Attempts so far.
    pub attempts: u32,
    /// What happened.
    pub event: Event,
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An attempt failed; there will be another.
    Failed(DeliveryReason),
    /// The receiver took it, at this time.
    Accepted(DateTime<Utc>),
    /// The receiver will not have it.
    Refused(DeliveryReason),
    /// It will not be tried again: its time is over.
    GivenUp(DeliveryReason),
    /// The process stops before it was decided.
    Unfinished,
}

/// One message on its way.
pub struct Errand {
    /// Where to.
    pub destination: Arc<Destination>,
    /// What lets attempts go out.
    pub gate: Arc<Gate>,
    /// Its number.
    pub message: u64,
    /// What is sent.
    pub notification: Notification,
    /// Where to tell what happens.
    pub tell: Sender<Told>,
}

impl Errand {
    /// Goes on until it is decided or the process stops.
    pub async fn run(self) {
        let mut attempts = 0;
        let event = self.decide(&mut attempts).await;
        self.say(attempts, event);
    }

    fn say(&self, attempts: u32, event: Event) {
        // Whoever does not listen any more has given the partition up; its next owner begins anew.
        let _ = self.tell.send(Told { message: self.message, attempts, event });
    }

    async fn decide(&self, attempts: &mut u32) -> Event {
        let config = &self.destination.config;
        let within = TimeDelta::from_std(config.give_up_after).unwrap_or(TimeDelta::MAX);
        let deadline = self.notification.deadline(within);
        let mut pauses = pauses(config).build();
        let mut reason = DeliveryReason::TooLate;
        loop {
            let left = (deadline - Utc::now()).to_std().unwrap_or_default();
            if left.is_zero() {
                return Event::GivenUp(reason);
            }
            let room = tokio::select! {
                room = self.gate.enter(*attempts > 0) => room,
                () = tokio::time::sleep(left) => return Event::GivenUp(reason),
                () = self.destination.stop.requested() => return Event::Unfinished,
            };
            *attempts += 1;
            let verdict = self.attempt().await;
            drop(room);
            let after = match verdict {
                Verdict::Accepted => return Event::Accepted(Utc::now()),
                Verdict::Refused(reason) => return Event::Refused(reason),
                Verdict::Retry { reason: why, after } => {
                    reason = why;
                    after
                }
            };
            let left = (deadline - Utc::now()).to_std().unwrap_or_default();
            let pause = match after {
                // Nobody may ask before the time is over: better told now than then.
                Some(after) if after >= left => {
                    self.gate.hold(after.min(config.give_up_after));
                    return Event::GivenUp(reason);
                }
                Some(after) => {
                    self.gate.hold(after);
                    after
                }
                None if left.is_zero() => return Event::GivenUp(reason),
                None => pauses.next().unwrap_or(config.retry_up_to).min(config.retry_up_to).min(left),
            };
            self.say(*attempts, Event::Failed(reason));
            if !self.rest(Instant::now() + pause).await {
                return Event::Unfinished;
            }
        }
    }

    /// Waits; whether the process goes on.
    async fn rest(&self, until: Instant) -> bool {
        tokio::select! {
            () = tokio::time::sleep_until(until) => true,
            () = self.destination.stop.requested() => false,
        }
    }

    async fn attempt(&self) -> Verdict {
        let destination = &*self.destination;
        destination.metrics.notifications.of(destination.config.kind, DeliveryState::Sending).inc();
        let Some(client) = &destination.client else {
            log(&self.notification);
            return Verdict::Accepted;
        };
        match &destination.board {
            Some(_) => tell_case(destination, client, &self.notification).await,
            None => match request(&self.notification, &destination.config, Utc::now()) {
                Ok(request) => client.attempt(&destination.config, request).await,
                Err(reason) => Verdict::Refused(reason),
            },
        }
    }
}

/// Tells an Alertmanager how the case stands by now, which may be later than what the notification says.
async fn tell_case(destination: &Destination, client: &HttpClient, notification: &Notification) -> Verdict {
    let Some(board) = &destination.board else { return Verdict::Accepted };
    let now = Utc::now();
    let alerts = {
        let mut board = board.lock();
        board.take(notification);
        board.alerts(&notification.case_id, &destination.config, now)
    };
    let request: Request = alertmanager::request(&destination.config, &alerts);
    let verdict = client.attempt(&destination.config, request).await;
    if verdict == Verdict::Accepted {
        board.lock().told(&notification.case_id, now);
    }
    verdict
}

/// Ids only: a log is kept longer, and read by more, than any message.
fn log(notification: &Notification) {
    tracing::info!(
        notification = notification.notification_id,
        warning = notification.warning_id,
        level = notification.level.as_str(),
        kind = notification.recipient.kind.as_str(),
        urgent = notification.urgent,
        merged = notification.merged.len(),
        "notification"
    );
}
