//! A made-up zone and its feeds, the same for the same seed: registrants with households, and calls and transfers of
//! every kind the contract speaks of, the broken ones included. It aims at what may go wrong but knows no outcome;
//! those are for [`super::model`] to say.
#![allow(dead_code, reason = "each test binary uses its own part of this")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a feed that cannot be made ends the test")]

mod draft;
mod faults;
mod people;
mod spelling;
mod stories;

use chrono::{DateTime, Utc};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::model::{FeedRecord, Settings};

/// The only source of chance.
type Chance = ChaCha8Rng;

/// What feed to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The same seed gives the same feed.
    pub seed: u64,
    /// How many people register, at least 120.
    pub registrants: usize,
    /// How many records the topics `calls` and `transfers` get together.
    pub events: usize,
    /// About when the events happen: they are spread over the hour after it.
    pub start: DateTime<Utc>,
    /// With values over 1 MiB; their producer needs `message.max.bytes` of 4 MiB and compression.
    pub large: bool,
    /// What the program is configured with.
    pub settings: Settings,
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            seed: 1,
            registrants: 1_200,
            events: 30_000,
            start: DateTime::from_timestamp(1_626_328_800, 0).unwrap_or_default(),
            large: true,
            settings: Settings::default(),
        }
    }
}

/// The records to send. Those of `registrants` go first, all of them: the records of one key in their order. They must
/// be in the index before the first of `events` is read.
#[derive(Clone, Debug)]
pub struct Feed {
    /// For the topic `registrants`.
    pub registrants: Vec<FeedRecord>,
    /// For the topics `calls` and `transfers`, in the order of sending.
    pub events: Vec<FeedRecord>,
}

impl Plan {
    /// Makes the feed.
    pub fn generate(&self) -> Feed {
        let mut chance = Chance::seed_from_u64(self.seed);
        let (registrants, cast) = people::register(&mut chance, self.registrants, &self.settings);
        let events = stories::tell(&mut chance, self, &cast);
        Feed { registrants, events }
    }
}
