//! What lets an attempt at a destination go out: so many at once, its limit, its own word, and how it has been doing.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use governor::clock::Clock;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::config::DestinationConfig;

/// How long another attempt leaves the limit to messages that have had none.
const TURN: Duration = Duration::from_millis(100);

/// Shared by all messages to a destination.
#[derive(Debug)]
pub struct Gate {
    /// Attempts under way.
    attempts: Semaphore,
    /// Those of them that are not a message's first. They get half the room, so that messages that fail again and again
    /// leave the other half to those that might not.
    repeated: Semaphore,
    limiter: Option<DefaultDirectRateLimiter>,
    /// A message without an attempt waits for the limit.
    first_waits: AtomicBool,
    /// The limit's last message was a repeated one.
    repeated_last: AtomicBool,
    /// Until when the destination wants to hear nothing, by its own word.
    hold: Mutex<Option<Instant>>,
}

/// The room of one attempt.
#[derive(Debug)]
pub struct Room<'a> {
    _attempt: SemaphorePermit<'a>,
    _repeated: Option<SemaphorePermit<'a>>,
}

impl Gate {
    /// The gate of a destination that nothing was sent to yet.
    pub fn new(config: &DestinationConfig) -> Self {
        Gate {
            attempts: Semaphore::new(config.concurrency),
            repeated: Semaphore::new(config.concurrency.div_ceil(2)),
            limiter: config.rate_per_minute.and_then(|rate| limiter(rate, config.burst)),
            first_waits: AtomicBool::new(false),
            repeated_last: AtomicBool::new(false),
            hold: Mutex::default(),
        }
    }

    /// Takes a message's first attempt from the limit, or says how long it is used up.
    pub fn take_first(&self) -> Result<(), Duration> {
        let taken = self.take();
        self.first_waits.store(taken.is_err(), Ordering::Relaxed);
        if taken.is_ok() {
            self.repeated_last.store(false, Ordering::Relaxed);
        }
        taken
    }

    /// Nobody waits any more for a first attempt.
    pub fn forget_first(&self) {
        self.first_waits.store(false, Ordering::Relaxed);
    }

    /// Takes another attempt from the limit; by turns with the first ones where both wait.
    fn take_repeated(&self) -> Result<(), Duration> {
        if self.first_waits.load(Ordering::Relaxed) && self.repeated_last.load(Ordering::Relaxed) {
            return Err(TURN);
        }
        self.take()?;
        self.repeated_last.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn take(&self) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check().map_err(|until| until.wait_time_from(limiter.clock().now()))
    }

    /// Waits until an attempt may go out. What a receiver said to another message holds for this one too.
    pub async fn enter(&self, repeated: bool) -> Room<'_> {
        loop {
            self.held().await;
            let again = if repeated { self.repeated.acquire().await.ok() } else { None };
            let Ok(attempt) = self.attempts.acquire().await else { continue };
            let room = Room { _attempt: attempt, _repeated: again };
            if self.until().is_some_and(|until| until > Instant::now()) {
                continue;
            }
            if !repeated {
                return room;
            }
            let Err(wait) = self.take_repeated() else { return room };
            drop(room);
            tokio::time::sleep(wait).await;
        }
    }

    async fn held(&self) {
        if let Some(until) = self.until() {
            tokio::time::sleep_until(until).await;
        }
    }

    /// Nothing goes out for so long.
    pub fn hold(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut hold = self.hold.lock();
        *hold = Some(hold.map_or(until, |known| known.max(until)));
    }

    fn until(&self) -> Option<Instant> {
        *self.hold.lock()
    }
}

/// So many messages a minute, evenly spread, and so many at once after a rest.
fn limiter(rate_per_minute: u32, burst: u32) -> Option<DefaultDirectRateLimiter> {
    let quota = Quota::with_period(Duration::from_secs(60) / rate_per_minute.max(1))?;
    Some(RateLimiter::direct(quota.allow_burst(NonZeroU32::new(burst.max(1))?)))
}

/// Whether a destination fails whatever it is sent. One that does is sent something new only now and then, to learn
/// whether it is the destination or what it was sent.
#[derive(Debug)]
pub struct Trouble {
    /// As many failures in a row as there may be attempts at once.
    enough: usize,
    pauses: ExponentialBuilder,
    in_a_row: usize,
    pause: Option<ExponentialBackoff>,
    /// When something new may be tried.
    next: std::time::Instant,
}

impl Trouble {
    /// Of a destination that nothing was sent to yet.
    pub fn new(config: &DestinationConfig, now: std::time::Instant) -> Self {
        Trouble { enough: config.concurrency, pauses: pauses(config), in_a_row: 0, pause: None, next: now }
    }

    /// An attempt failed.
    pub fn failed(&mut self) {
        self.in_a_row += 1;
        if self.in_a_row >= self.enough && self.pause.is_none() {
            self.pause = Some(self.pauses.build());
        }
    }

    /// The destination answered as it should, with yes or no.
    pub fn over(&mut self) {
        (self.in_a_row, self.pause) = (0, None);
    }

    /// How long nothing new is to be tried.
    pub fn wait(&self, now: std::time::Instant) -> Option<Duration> {
        self.pause.as_ref().map(|_| self.next.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }

    /// What was to be tried was too late for that.
    pub fn not_tried(&mut self, now: std::time::Instant) {
        self.next = now;
    }

    /// Something new was sent.
    pub fn tried(&mut self, now: std::time::Instant) {
        if let Some(pause) = self.pause.as_mut().and_then(Iterator::next) {
            self.next = now + pause;
        }
    }
}

/// The pauses between the attempts of a message, and between messages while all fail.
pub fn pauses(config: &DestinationConfig) -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_min_delay(config.retry_from)
        .with_max_delay(config.retry_up_to)
        .with_jitter()
        .without_max_times()
}
