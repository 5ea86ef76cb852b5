//! The world outside: registers the people of the zone, then sends what operators and banks would send.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};

use crate::generate::{Mix, Record, Story, StoryBook, Zone};
use crate::kafka::client::Connection;
use crate::lifecycle::Stop;

use super::board::Board;
use super::sender::Sender;

/// Events a second, background and stories together.
pub const EVENTS_PER_SECOND: f64 = 200.0;

/// A story begins this often.
const STORY_EVERY: TimeDelta = TimeDelta::milliseconds(2_500);

/// How long a second of a story takes: a minute of it is over before a spectator has lost the thread.
const STORY_SECOND: TimeDelta = TimeDelta::milliseconds(400);

/// The background: now and then somebody matches, a source errs or repeats itself.
const MIX: Mix = Mix { matched: 0.003, malformed: 0.002, resent: 0.003, ..Mix::demo() };

/// Stories that begin beside those of the book's own order, so that the first minute has a bit of everything: when,
/// in milliseconds after the first event.
const OVERTURE: [(i64, Story); 2] = [(3_200, Story::SentAgain), (5_600, Story::Spoilt)];

/// The same people and stories every time.
pub const SEED: u64 = 2021;

/// The longest wait between two looks at the clock.
const TICK: Duration = Duration::from_millis(5);

/// Registers everybody of `zone`, waits until `ready`, and sends events until `stop`.
///
/// # Errors
/// When the broker does not take a record.
pub fn run(
    connection: &Connection,
    zone: Zone,
    board: &Board,
    ready: impl Fn() -> bool,
    stop: &Stop,
) -> anyhow::Result<()> {
    let mut sender = Sender::new(connection, "feeder")?;
    for record in zone.records() {
        send(&sender, &record)?;
        board.with(|state| state.sent.registrants += 1);
        if stop.stopping() {
            return Ok(());
        }
    }
    sender.flush()?;
    board.with(|state| state.registered = true);
    while !ready() {
        if stop.wait(TICK) {
            return Ok(());
        }
    }
    let start = Utc::now();
    let mut story_book = StoryBook::new(zone, &MIX, SEED, start, EVENTS_PER_SECOND, STORY_EVERY)?.paced(STORY_SECOND);
    let mut overture =
        OVERTURE.iter().map(|(after, story)| (start + TimeDelta::milliseconds(*after), *story)).peekable();
    board.with(|state| state.feeding_since = Some(Instant::now()));
    while !stop.stopping() {
        let now = Utc::now();
        if let Some((_, story)) = overture.next_if(|(due, _)| *due <= now) {
            story_book.begin(story, now);
        }
        for _ in 0..story_book.owed(now) {
            let mut generated = story_book.next(now);
            send(&sender, &generated.record)?;
            board.with(|state| {
                state.sent.add(&mut generated);
                if let Some(tag) = generated.story {
                    state.told_of(tag, Instant::now());
                }
            });
        }
        sender.look()?;
        stop.wait((story_book.next_due() - Utc::now()).to_std().unwrap_or_default().min(TICK));
    }
    sender.flush()
}

fn send(sender: &Sender, record: &Record) -> anyhow::Result<()> {
    let headers = record.headers.iter().map(|(name, value)| (*name, value.as_slice()));
    sender.send(record.topic.topic(), record.key.as_deref(), headers, record.value.as_deref())
}
