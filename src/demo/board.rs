//! What feeder and watcher tell of themselves, for whoever shows it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::generate::{Story, StoryTag};

use super::sent::Sent;
use super::told::Told;

/// A story that has not told anything for this long is over: none pauses longer at the demo's pace.
const OVER_AFTER: Duration = Duration::from_secs(13);

/// How many stories are kept.
const STORIES: usize = 16;

/// Written by feeder and watcher, read by the face.
#[derive(Debug, Default)]
pub struct Board(Mutex<State>);

/// Everything on it.
#[derive(Debug, Default)]
pub struct State {
    /// What was sent.
    pub sent: Sent,
    /// All registrants are with the broker.
    pub registered: bool,
    /// Events are being sent since then.
    pub feeding_since: Option<Instant>,
    /// What was read.
    pub told: Told,
    stories: Vec<Telling>,
}

/// A story in which something has happened lately.
#[derive(Clone, Debug)]
struct Telling {
    tag: StoryTag,
    last: Instant,
}

/// A story as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Playing {
    /// Which one.
    pub story: Story,
    /// Whether more is to come, as far as one can see.
    pub going_on: bool,
}

impl Board {
    /// Looks at the board, or writes on it.
    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.0.lock())
    }
}

impl State {
    /// An event of a story was sent.
    pub fn told_of(&mut self, tag: StoryTag, now: Instant) {
        match self.stories.iter_mut().find(|telling| telling.tag == tag) {
            Some(telling) => telling.last = now,
            None => {
                self.stories.insert(0, Telling { tag, last: now });
                self.stories.truncate(STORIES);
            }
        }
    }

    /// The last stories, the newest first.
    pub fn stories(&self, now: Instant) -> Vec<Playing> {
        let playing = |telling: &Telling| Playing {
            story: telling.tag.story,
            going_on: now.duration_since(telling.last) < OVER_AFTER,
        };
        self.stories.iter().map(playing).collect()
    }
}
