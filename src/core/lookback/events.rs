//! The events held for a later registration: where each stands in its feed, and by what it would be found.
//!
//! An event takes 24 bytes: half of each look-up key, offset and record time counted from those of its segment. Half a
//! key is enough, since whoever follows it reads the event itself again.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use super::super::event::EventKind;
use super::super::identifier::{BuildIndexKeyHasher, IndexKey};
use super::super::matching::VictimKeys;

/// Events of a segment. Memory comes and goes by segments: a run holds at most two that are not full.
const SEGMENT: usize = 1_024;

/// How long after its time is over an event is still there, milliseconds: the search for a registration may begin a
/// moment after its record was read, and counts from then.
const GRACE_MS: i64 = 10_000;

/// Half a look-up key.
pub type Tag = u64;

/// What to look for: the halves of keys that came new, with the moment their registration was read, milliseconds since
/// 1970.
pub type Wanted = HashMap<Tag, i64, BuildIndexKeyHasher>;

/// The tag of a key; never 0, which stands for none.
pub fn tag(key: &IndexKey) -> Tag {
    let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
    Tag::from_le_bytes([a, b, c, d, e, f, g, h]).max(1)
}

/// A partition of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The feed.
    pub kind: EventKind,
    /// Its partition.
    pub partition: i32,
}

/// An event that ended unmatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Where it stands.
    pub place: Place,
    /// Its offset there.
    pub offset: i64,
    /// Its record time, milliseconds since 1970.
    pub time: i64,
    /// By what it would be found; 0 for none.
    pub tags: [Tag; 2],
}

impl Held {
    /// An event by the keys of its victim.
    pub fn new(place: Place, offset: i64, time: i64, keys: &VictimKeys) -> Self {
        let of = |key: Option<IndexKey>| key.as_ref().map_or(0, tag);
        Held { place, offset, time, tags: [of(keys.phone), of(keys.account)] }
    }

    /// Whether one of `wanted` finds it, within `window` milliseconds.
    pub fn is_found_by(&self, wanted: &Wanted, window: i64) -> bool {
        found(&self.tags, self.time, wanted, window)
    }
}

/// A held event that something registered may find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Where it stands.
    pub place: Place,
    /// Of which opening of the place; another one is another window.
    pub opening: u64,
    /// Its offset.
    pub offset: i64,
}

/// The events held, oldest of all going first.
#[derive(Debug)]
pub struct Events {
    window: i64,
    most: usize,
    feeds: [Vec<Option<Ring>>; 2],
    /// The first event of every run that is not empty, and of some that are gone.
    oldest: BinaryHeap<Reverse<Head>>,
    held: usize,
    openings: u64,
}

/// The window of one partition.
#[derive(Debug)]
struct Ring {
    opening: u64,
    /// Where live reading began: what lies before it was read again and comes beside.
    live_from: i64,
    /// Before `live_from`, and from there on.
    runs: [Run; 2],
}

/// Ordered by time first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    time: i64,
    opening: u64,
    place: Place,
    run: usize,
}

/// Events of one partition, in order of their offsets.
#[derive(Debug, Default)]
struct Run {
    segments: VecDeque<Segment>,
}

#[derive(Debug)]
struct Segment {
    base_offset: i64,
    base_time: i64,
    /// How many of the entries are gone.
    gone: usize,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Both 0: matched in the meantime.
    tags: [Tag; 2],
    offset: u32,
    time: i32,
}

impl Events {
    /// Holds at most `most` events, each for `window` milliseconds.
    pub fn new(window: i64, most: usize) -> Self {
        Events { window, most, feeds: [Vec::new(), Vec::new()], oldest: BinaryHeap::new(), held: 0, openings: 0 }
    }

    /// How long an event is held, milliseconds.
    pub fn window(&self) -> i64 {
        self.window
    }

    /// How many events are held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// What they take, bytes, as asked of the allocator.
    pub fn bytes(&self) -> usize {
        let rings = self.feeds.iter().map(|feed| feed.capacity() * size_of::<Option<Ring>>()).sum::<usize>();
        let runs = self.feeds.iter().flatten().flatten().flat_map(|ring| &ring.runs);
        rings + self.oldest.capacity() * size_of::<Reverse<Head>>() + runs.map(Run::bytes).sum::<usize>()
    }

    /// Begins the window of a partition whose live reading begins at `live_from`; its number.
    pub fn open(&mut self, place: Place, live_from: i64) -> u64 {
        self.close(place);
        self.openings += 1;
        let Ok(index) = usize::try_from(place.partition) else { return self.openings };
        let feed = &mut self.feeds[place.kind as usize];
        if feed.len() <= index {
            feed.resize_with(index + 1, || None);
        }
        if let Some(slot) = feed.get_mut(index) {
            *slot = Some(Ring { opening: self.openings, live_from, runs: Default::default() });
        }
        self.openings
    }

    /// Ends the window of a partition.
    pub fn close(&mut self, place: Place) {
        let slot = usize::try_from(place.partition).ok().and_then(|p| self.feeds[place.kind as usize].get_mut(p));
        if let Some(ring) = slot.and_then(Option::take) {
            self.held -= ring.runs.iter().map(Run::held).sum::<usize>();
            self.oldest.retain(|Reverse(head)| head.opening != ring.opening);
        }
    }

    /// Holds an event of the window `opening`. One that is held already, and one of another opening, is left out.
    pub fn hold(&mut self, opening: u64, held: &Held) {
        let Some(ring) = ring(&mut self.feeds, held.place).filter(|ring| ring.opening == opening) else { return };
        let which = usize::from(held.offset >= ring.live_from);
        let run = &mut ring.runs[which];
        let was_empty = run.head_time().is_none();
        if !run.push(held) {
            return;
        }
        self.held += 1;
        if was_empty {
            self.oldest.push(Reverse(Head { time: held.time, opening, place: held.place, run: which }));
        }
    }

    /// Lets go of what is too old at `now`, and of the oldest that are too many; how many of these there were.
    pub fn trim(&mut self, now: i64) -> usize {
        let mut dropped = 0;
        let expired = now - self.window - GRACE_MS;
        while let Some(Reverse(head)) = self.oldest.peek().copied() {
            if head.time >= expired && self.held <= self.most {
                break;
            }
            self.oldest.pop();
            let next = self.oldest.peek().map_or(i64::MAX, |Reverse(next)| next.time);
            let Some(ring) = ring(&mut self.feeds, head.place).filter(|ring| ring.opening == head.opening) else {
                continue;
            };
            let run = &mut ring.runs[head.run];
            // As many of this run as come before all others, so that the heap is touched once for them.
            while let Some(time) = run.head_time().filter(|time| *time == head.time || *time < next) {
                if time >= expired && self.held <= self.most {
                    break;
                }
                if run.pop() {
                    self.held -= 1;
                    dropped += usize::from(time >= now - self.window);
                }
            }
            if let Some(time) = run.head_time() {
                self.oldest.push(Reverse(Head { time, ..head }));
            }
        }
        dropped
    }

    /// The partitions there are windows of.
    pub fn places(&self) -> Vec<Place> {
        let of = |kind: EventKind| {
            let feed = self.feeds[kind as usize].iter().enumerate();
            feed.filter(|(_, ring)| ring.is_some()).map(move |(p, _)| Place { kind, partition: p as i32 })
        };
        of(EventKind::Call).chain(of(EventKind::Transfer)).collect()
    }

    /// The events of a partition that one of `wanted` may find.
    pub fn find(&self, place: Place, wanted: &Wanted) -> Vec<Hit> {
        let Some(ring) = self.ring(place) else { return Vec::new() };
        let mut hits = Vec::new();
        for segment in ring.runs.iter().flat_map(|run| &run.segments) {
            for entry in segment.entries.iter().skip(segment.gone) {
                if found(&entry.tags, segment.base_time + i64::from(entry.time), wanted, self.window) {
                    let offset = segment.base_offset + i64::from(entry.offset);
                    hits.push(Hit { place, opening: ring.opening, offset });
                }
            }
        }
        hits
    }

    /// Lets go of an event that was matched.
    pub fn release(&mut self, hit: &Hit) {
        let Some(ring) = ring(&mut self.feeds, hit.place).filter(|ring| ring.opening == hit.opening) else { return };
        if ring.runs[usize::from(hit.offset >= ring.live_from)].forget(hit.offset) {
            self.held -= 1;
        }
    }

    /// Whether the window an event was found in is still the one of its partition.
    pub fn is_open(&self, hit: &Hit) -> bool {
        self.opening(hit.place) == Some(hit.opening)
    }

    /// The number of the present window of a partition.
    pub fn opening(&self, place: Place) -> Option<u64> {
        self.ring(place).map(|ring| ring.opening)
    }

    fn ring(&self, place: Place) -> Option<&Ring> {
        self.feeds[place.kind as usize].get(usize::try_from(place.partition).ok()?)?.as_ref()
    }
}

fn ring(feeds: &mut [Vec<Option<Ring>>; 2], place: Place) -> Option<&mut Ring> {
    feeds[place.kind as usize].get_mut(usize::try_from(place.partition).ok()?)?.as_mut()
}

fn found(tags: &[Tag; 2], time: i64, wanted: &Wanted, window: i64) -> bool {
    tags.iter().any(|tag| *tag != 0 && wanted.get(tag).is_some_and(|read_at| time >= read_at - window))
}

impl Run {
    /// Takes an event that comes after all others; whether it did.
    fn push(&mut self, held: &Held) -> bool {
        let newest = self.segments.back().and_then(|segment| Some((segment, segment.entries.last()?)));
        if newest.is_some_and(|(segment, last)| held.offset <= segment.base_offset + i64::from(last.offset)) {
            return false;
        }
        let entry = self.segments.back().and_then(|segment| segment.entry(held));
        let (Some(segment), Some(entry)) = (self.segments.back_mut(), entry) else {
            // A first segment grows as it must, so that a quiet partition takes little.
            let room = if self.segments.is_empty() { 0 } else { SEGMENT };
            let mut entries = Vec::with_capacity(room);
            entries.push(Entry { tags: held.tags, offset: 0, time: 0 });
            self.segments.push_back(Segment { base_offset: held.offset, base_time: held.time, gone: 0, entries });
            return true;
        };
        segment.entries.push(entry);
        true
    }

    fn head_time(&self) -> Option<i64> {
        let segment = self.segments.front()?;
        Some(segment.base_time + i64::from(segment.entries.get(segment.gone)?.time))
    }

    /// Takes the first event out; whether it was held still.
    fn pop(&mut self) -> bool {
        let Some(segment) = self.segments.front_mut() else { return false };
        let held = segment.entries.get(segment.gone).is_some_and(|entry| entry.tags != [0, 0]);
        segment.gone += 1;
        if segment.gone >= segment.entries.len() {
            self.segments.pop_front();
        }
        held
    }

    /// Takes the event at `offset` out of sight; whether it was held.
    fn forget(&mut self, offset: i64) -> bool {
        let after = self.segments.partition_point(|segment| segment.base_offset <= offset);
        let Some(segment) = after.checked_sub(1).and_then(|index| self.segments.get_mut(index)) else { return false };
        let place = segment.entries.binary_search_by_key(&(offset - segment.base_offset), |e| i64::from(e.offset));
        let Some(entry) = place.ok().filter(|at| *at >= segment.gone).and_then(|at| segment.entries.get_mut(at)) else {
            return false;
        };
        std::mem::take(&mut entry.tags) != [0, 0]
    }

    fn held(&self) -> usize {
        let entries = self.segments.iter().flat_map(|segment| segment.entries.iter().skip(segment.gone));
        entries.filter(|entry| entry.tags != [0, 0]).count()
    }

    fn bytes(&self) -> usize {
        let entries: usize = self.segments.iter().map(|segment| segment.entries.capacity()).sum();
        self.segments.capacity() * size_of::<Segment>() + entries * size_of::<Entry>()
    }
}

impl Segment {
    /// An event as an entry of this segment, if there is room and it is near enough.
    fn entry(&self, held: &Held) -> Option<Entry> {
        if self.entries.len() >= SEGMENT {
            return None;
        }
        let offset = u32::try_from(held.offset - self.base_offset).ok()?;
        let time = i32::try_from(held.time - self.base_time).ok()?;
        Some(Entry { tags: held.tags, offset, time })
    }
}
