//! Stories over a background, one event after the other.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::feed::EventFeed;
use super::mix::{Mix, MixError};
use super::plots::{self, Beginning, Story, StoryTag};
use super::record::Generated;
use super::stamp::Stamp;
use super::zone::Zone;

/// How long after the start the first story begins.
const FIRST_STORY_MS: i64 = 2_000;

/// Tells [stories](Story) of several events each over a background of single ones, in time order.
///
/// It holds no clock: whoever sends the events asks [how many are owed](Self::owed) by now and takes them with
/// [`next`](Self::next).
#[derive(Clone, Debug)]
pub struct StoryBook {
    feed: EventFeed,
    /// What the stories begun still have to tell, in time order; the second number keeps those of one moment in order.
    coming: BTreeMap<(Stamp, u64), Generated>,
    planned: u64,
    begun: u64,
    /// How many stories have begun by themselves.
    in_turn: u64,
    newcomers: u64,
    start: Stamp,
    next_story: Stamp,
    story_every_ms: i64,
    /// How long a second of a story takes.
    story_second_ms: i64,
    /// How many records come in a million milliseconds.
    per_million_ms: u128,
    told: u64,
}

impl StoryBook {
    /// Stories about a zone, one begun every `story_every`, over a background in the shares of `mix`, in all
    /// `events_per_second` from `start` on.
    ///
    /// # Errors
    /// Shares that cannot be, see [`Mix::check`].
    pub fn new(
        zone: Zone,
        mix: &Mix,
        seed: u64,
        start: DateTime<Utc>,
        events_per_second: f64,
        story_every: TimeDelta,
    ) -> Result<Self, MixError> {
        let start = Stamp::from(start);
        Ok(StoryBook {
            feed: EventFeed::new(zone, mix, seed)?,
            coming: BTreeMap::new(),
            planned: 0,
            begun: 0,
            in_turn: 0,
            newcomers: 0,
            start,
            next_story: start.plus(FIRST_STORY_MS),
            story_every_ms: story_every.num_milliseconds().max(1),
            story_second_ms: 1000,
            per_million_ms: ((events_per_second * 1000.0) as u128).max(1),
            told: 0,
        })
    }

    /// Tells stories at another pace: a second between two of their events takes this long.
    #[must_use]
    pub fn paced(mut self, second: TimeDelta) -> Self {
        self.story_second_ms = second.num_milliseconds().max(0);
        self
    }

    /// The zone the stories are about.
    pub fn zone(&self) -> &Zone {
        self.feed.zone()
    }

    /// How many records are still to be taken so that the rate is kept up to `now`.
    pub fn owed(&self, now: DateTime<Utc>) -> u64 {
        let passed_ms = Stamp::from(now).millis().saturating_sub(self.start.millis()).max(0);
        let by_now = u128::from(passed_ms.unsigned_abs()) * self.per_million_ms / 1_000_000;
        (by_now as u64).saturating_sub(self.told)
    }

    /// When the next record is owed.
    pub fn next_due(&self) -> DateTime<Utc> {
        let after_ms = (u128::from(self.told + 1) * 1_000_000).div_ceil(self.per_million_ms);
        self.start.plus(after_ms as i64).utc()
    }

    /// The next record: of a story if one is due by `now`, else an event of the background told at `now`. An event of
    /// a story carries the moment at which it was due.
    pub fn next(&mut self, now: DateTime<Utc>) -> Generated {
        self.told += 1;
        let stamp = Stamp::from(now);
        if stamp >= self.next_story {
            let story = Story::ALL.get((self.in_turn % Story::ALL.len() as u64) as usize);
            self.in_turn += 1;
            if let Some(story) = story {
                self.begin(*story, now);
            }
            self.next_story = self.next_story.max(stamp.plus(-self.story_every_ms)).plus(self.story_every_ms);
        }
        if let Some(first) = self.coming.first_entry()
            && first.key().0 <= stamp
        {
            return first.remove();
        }
        self.feed.next(now)
    }

    /// Begins a story at `now`, besides those that begin by themselves.
    pub fn begin(&mut self, story: Story, now: DateTime<Utc>) -> StoryTag {
        self.begun += 1;
        let tag = StoryTag { story, number: self.begun };
        let newcomer = self.feed.zone().size() + self.newcomers;
        self.newcomers += u64::from(story == Story::RegistersLater);
        let beginning = Beginning { start: Stamp::from(now), second_ms: self.story_second_ms, newcomer };
        for (due, scene) in plots::write(&mut self.feed, tag, beginning) {
            self.planned += 1;
            self.coming.insert((due, self.planned), scene);
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Families, Feed, Places};

    /// Milliseconds from the start until the long call's transfer.
    fn transfer_after(second: TimeDelta) -> i64 {
        let zone = Zone::new(1, 100, Families::Typical, Places::sample());
        let start = DateTime::<Utc>::UNIX_EPOCH;
        let book = StoryBook::new(zone, &Mix::demo(), 1, start, 100.0, TimeDelta::days(1)).unwrap();
        let mut book = book.paced(second);
        book.begin(Story::LongCall, start);
        let told_at = (0..100_000).map(|millis| start + TimeDelta::milliseconds(millis)).find(|now| {
            (0..book.owed(*now)).any(|_| {
                let told = book.next(*now);
                told.story.is_some() && told.record.topic == Feed::Transfers
            })
        });
        told_at.map_or(-1, |at| at.timestamp_millis())
    }

    #[test]
    fn a_story_goes_at_its_pace() {
        assert_eq!(transfer_after(TimeDelta::seconds(1)), 23_000);
        assert_eq!(transfer_after(TimeDelta::milliseconds(400)), 9_200);
    }
}
