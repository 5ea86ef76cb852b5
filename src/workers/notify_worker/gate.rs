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
    hold: Mutex<Instant>,
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
            hold: Mutex::new(Instant::now()),
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
            tokio::time::sleep_until(self.held_until()).await;
            let again = if repeated { self.repeated.acquire().await.ok() } else { None };
            let Ok(attempt) = self.attempts.acquire().await else { continue };
            let room = Room { _attempt: attempt, _repeated: again };
            if self.held_until() > Instant::now() {
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

    /// Nothing goes out for so long.
    pub fn hold(&self, wait: Duration) {
        let mut hold = self.hold.lock();
        *hold = (*hold).max(Instant::now() + wait);
    }

    fn held_until(&self) -> Instant {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A destination with these lines.
    fn destination(lines: &str) -> DestinationConfig {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("golden-bell.toml");
        let text = format!(
            "[notify.destinations.hook]\nkind = \"webhook\"\nurl = \"https://receiver.example/\"\n\
             secret = \"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\"\n{lines}\n"
        );
        std::fs::write(&path, text).unwrap();
        let none = crate::config::Environment::default();
        let mut config = crate::config::Config::load(Some(&path), &none).unwrap();
        config.notify.destinations.remove("hook").unwrap()
    }

    #[test]
    fn first_attempts_and_others_take_from_the_limit_by_turns() {
        let gate = Gate::new(&destination("rate_per_minute = 1\nburst = 3"));
        // Where no first one waits, others may follow each other.
        assert_eq!((gate.take_repeated(), gate.take_repeated()), (Ok(()), Ok(())));
        assert_eq!(gate.take_first(), Ok(()));
        let long = gate.take_first().unwrap_err();
        assert!(long > TURN);
        // The last one was a first one: only the limit is in the way.
        assert!(gate.take_repeated().unwrap_err() > TURN);
        let gate = Gate::new(&destination("rate_per_minute = 1\nburst = 1"));
        assert_eq!(gate.take_repeated(), Ok(()));
        gate.take_first().unwrap_err();
        assert_eq!(gate.take_repeated(), Err(TURN));
        gate.forget_first();
        assert!(gate.take_repeated().unwrap_err() > TURN);
    }

    #[test]
    fn a_destination_is_in_trouble_after_as_many_failures_in_a_row_as_there_may_be_attempts() {
        let now = std::time::Instant::now();
        let mut trouble =
            Trouble::new(&destination("concurrency = 2\nretry_from = \"10s\"\nretry_up_to = \"10s\""), now);
        trouble.failed();
        trouble.over();
        trouble.failed();
        trouble.tried(now);
        assert_eq!(trouble.wait(now), None);
        trouble.failed();
        // One may go at once, the next one after a pause.
        assert_eq!(trouble.wait(now), None);
        trouble.tried(now);
        assert!(trouble.wait(now).unwrap() >= Duration::from_secs(10));
        trouble.not_tried(now);
        assert_eq!(trouble.wait(now), None);
        trouble.tried(now);
        trouble.over();
        assert_eq!(trouble.wait(now), None);
    }
}
