//! How far a partition may be committed: never past a record whose products are not acknowledged yet; and which records
//! beyond that are done all the same, so that whoever comes next leaves them out.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::ops::Range;

/// The longest marker, bytes: brokers take 4,096 beside an offset (`offset.metadata.max.bytes`).
const MAX_MARKER: usize = 3_500;

/// The progress of one partition. Records come in order; those that produce something stay pending until every product
/// is acknowledged, all others are done at once.
#[derive(Debug, Default)]
pub struct Progress {
    /// One past the last record seen, or where reading begins.
    seen: Option<i64>,
    /// Pending record offsets and how many acknowledgements each still wants.
    pending: BTreeMap<i64, u32>,
    /// What was last handed out as committable.
    told: Option<i64>,
    /// Records not read yet that were done before this began, in order.
    before: VecDeque<Range<i64>>,
    /// A record was done beyond the floor, and no marker was handed out since.
    news_beyond: bool,
}

/// What an acknowledgement changed.
#[must_use = "an unknown acknowledgement belongs to a partition that was taken away in between"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// The record wants more acknowledgements.
    Waiting,
    /// It was the record's last one.
    Done,
    /// No such record is pending.
    Unknown,
}

impl Progress {
    /// A partition that is read from `next` on; `None` for one that is read from its beginning.
    pub fn starting_at(next: Option<i64>) -> Self {
        Progress { seen: next, told: next, ..Progress::default() }
    }

    /// The same, with what a [`Progress::marker`] beside `next` says of records beyond it. One that cannot be read says
    /// nothing: those records come again.
    pub fn going_on_at(next: Option<i64>, marker: &str) -> Self {
        let before = next.and_then(|next| done_by(next, marker)).unwrap_or_default();
        Progress { before, ..Progress::starting_at(next) }
    }

    /// Whether the record at `offset`, read now, was done before this began.
    pub fn was_done(&self, offset: i64) -> bool {
        self.before.iter().any(|done| done.contains(&offset))
    }

    /// Which records beyond the floor are done, to be stored beside it: lengths of runs from the floor on, of records to
    /// do and of records done by turns. Where that would be too long, the records behind count as to do. Empty where
    /// none is done.
    pub fn marker(&self) -> String {
        let Some(mut at) = self.floor() else { return String::new() };
        let seen = self.seen.unwrap_or(at);
        let mut marker = String::new();
        let mut open = self.pending.keys().copied().peekable();
        let read = std::iter::from_fn(|| {
            let mut first = open.next()?;
            // The run of records to do ends before the first that is not.
            while open.next_if_eq(&(first + 1)).is_some() {
                first += 1;
            }
            Some(first + 1..open.peek().copied().unwrap_or(seen))
        });
        for done in read.chain(self.before.iter().map(|done| done.start.max(seen)..done.end)) {
            if done.is_empty() {
                continue;
            }
            let length = marker.len();
            let _ = write!(marker, "{}.{}.", done.start - at, done.end - done.start);
            if marker.len() > MAX_MARKER {
                marker.truncate(length);
                break;
            }
            at = done.end;
        }
        marker.pop();
        marker
    }

    /// Whether records beyond the floor were done since a floor was last handed out or this was last asked.
    pub fn take_news_beyond(&mut self) -> bool {
        std::mem::take(&mut self.news_beyond)
    }

    /// The record at `offset` was handled and wants `products` acknowledgements.
    pub fn handled(&mut self, offset: i64, products: u32) {
        self.seen = Some(self.seen.map_or(offset + 1, |seen| seen.max(offset + 1)));
        while self.before.pop_front_if(|done| done.end <= offset + 1).is_some() {}
        if products > 0 {
            self.pending.insert(offset, products);
        }
    }

    /// One product of the record at `offset` is safe with the broker.
    pub fn acknowledged(&mut self, offset: i64) -> Acknowledged {
        match self.pending.get_mut(&offset) {
            None => Acknowledged::Unknown,
            Some(left) if *left > 1 => {
                *left -= 1;
                Acknowledged::Waiting
            }
            Some(_) => {
                self.news_beyond |= self.pending.first_key_value().is_some_and(|(first, _)| *first < offset);
                self.pending.remove(&offset);
                Acknowledged::Done
            }
        }
    }

    /// How many records are pending.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The offset reading would go on at after a crash: the first pending record, or one past the last seen.
    pub fn floor(&self) -> Option<i64> {
        self.pending.keys().next().copied().or(self.seen)
    }

    /// The next offset to read: one past the last record seen, or where reading begins.
    pub fn position(&self) -> Option<i64> {
        self.seen
    }

    /// The new floor, if it moved since it was last asked for.
    pub fn take_floor(&mut self) -> Option<i64> {
        let floor = self.floor();
        if floor == self.told {
            return None;
        }
        self.told = floor;
        self.news_beyond = false;
        floor
    }
}

/// What a marker beside `next` says is done.
fn done_by(next: i64, marker: &str) -> Option<VecDeque<Range<i64>>> {
    let mut at = next;
    let mut runs = marker.split('.').map(|run| run.parse().ok().filter(|length: &i64| *length >= 0));
    let mut done = VecDeque::new();
    while let Some(to_do) = runs.next() {
        let start = at.checked_add(to_do?)?;
        at = start.checked_add(runs.next()??)?;
        done.push_back(start..at);
    }
    Some(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_later_success_does_not_pass_an_earlier_pending_record() {
        let mut progress = Progress::default();
        progress.handled(10, 0);
        progress.handled(11, 2);
        progress.handled(12, 1);
        progress.handled(13, 0);
        assert_eq!(progress.acknowledged(12), Acknowledged::Done);
        assert_eq!(progress.floor(), Some(11));
        assert_eq!(progress.acknowledged(11), Acknowledged::Waiting);
        assert_eq!(progress.floor(), Some(11));
        assert_eq!(progress.acknowledged(11), Acknowledged::Done);
        assert_eq!(progress.floor(), Some(14));
        assert_eq!(progress.acknowledged(11), Acknowledged::Unknown);
    }

    #[test]
    fn a_floor_is_handed_out_once() {
        let mut progress = Progress::default();
        assert_eq!(progress.take_floor(), None);
        progress.handled(4, 0);
        assert_eq!(progress.take_floor(), Some(5));
        assert_eq!(progress.take_floor(), None);
    }

    #[test]
    fn a_marker_names_what_is_done_beyond_the_floor() {
        let mut progress = Progress::starting_at(Some(10));
        assert_eq!(progress.marker(), "");
        for offset in 10..16 {
            progress.handled(offset, 1);
        }
        assert!(!progress.take_news_beyond());
        for offset in [12, 13, 15] {
            let _ = progress.acknowledged(offset);
        }
        progress.handled(16, 0);
        assert!(progress.take_news_beyond() && !progress.take_news_beyond());
        assert_eq!((progress.floor(), progress.marker().as_str()), (Some(10), "2.2.1.2"));

        let mut next = Progress::going_on_at(Some(10), "2.2.1.2");
        assert_eq!((10..18).filter(|offset| next.was_done(*offset)).collect::<Vec<_>>(), [12, 13, 15, 16]);
        // What is not read yet is not forgotten by the next marker, nor what was just done.
        assert_eq!(next.marker(), "2.2.1.2");
        next.handled(10, 1);
        next.handled(11, 1);
        let _ = next.acknowledged(11);
        assert_eq!((next.floor(), next.marker().as_str()), (Some(10), "1.1.0.2.1.2"));
        let _ = next.acknowledged(10);
        next.handled(12, 0);
        assert_eq!((next.floor(), next.marker().as_str()), (Some(13), "0.1.1.2"));
        assert!(Progress::going_on_at(Some(13), "0.1.1.2").was_done(13));
    }

    #[test]
    fn a_marker_that_is_none_and_one_beside_no_offset_say_nothing() {
        for marker in ["", "1", "1.", "1.x", "-1.2", "1.2.3", "9223372036854775807.1", "{}"] {
            let progress = Progress::going_on_at(Some(5), marker);
            assert!((0..20).all(|offset| !progress.was_done(offset)), "{marker}");
        }
        assert!(!Progress::going_on_at(None, "0.9").was_done(3));
    }

    #[test]
    fn a_marker_is_never_longer_than_brokers_take() {
        let mut progress = Progress::starting_at(Some(1_000_000));
        for offset in 1_000_000..1_010_000 {
            progress.handled(offset, u32::from(offset % 3 == 0));
        }
        let marker = progress.marker();
        assert!(marker.len() <= MAX_MARKER && marker.len() > MAX_MARKER - 10);
        let next = Progress::going_on_at(progress.floor(), &marker);
        assert!(next.was_done(1_000_003) && !next.was_done(1_009_999));
    }

    proptest! {
        /// Whoever goes on where another stopped, again and again, does what that one had not done and nothing else.
        #[test]
        fn after_a_stop_exactly_what_was_not_done_comes_again(
            lives in proptest::collection::vec((0usize..40, proptest::collection::vec(any::<prop::sample::Index>(), 0..40)), 1..6),
        ) {
            const END: i64 = 60;
            let mut done = std::collections::BTreeSet::new();
            let (mut next, mut marker) = (0, String::new());
            for (reads, acknowledgements) in lives {
                let mut progress = Progress::going_on_at(Some(next), &marker);
                let mut open = Vec::new();
                for offset in (next..END).take(reads) {
                    prop_assert_eq!(progress.was_done(offset), done.contains(&offset));
                    progress.handled(offset, u32::from(!done.contains(&offset)));
                    if !done.contains(&offset) {
                        open.push(offset);
                    }
                }
                for index in acknowledgements {
                    if open.is_empty() { break; }
                    let offset = open.swap_remove(index.index(open.len()));
                    let _ = progress.acknowledged(offset);
                    done.insert(offset);
                }
                next = progress.floor().unwrap();
                marker = progress.marker();
                let again = Progress::going_on_at(Some(next), &marker);
                prop_assert!((0..next).all(|offset| done.contains(&offset)));
                prop_assert!((next..END).all(|offset| again.was_done(offset) == done.contains(&offset)));
            }
        }

        /// Whatever the order of acknowledgements, the floor never passes a record that still wants one, never falls,
        /// and reaches the end when all are in.
        #[test]
        fn the_floor_is_the_first_unacknowledged_record(
            products in proptest::collection::vec(0u32..3, 1..60),
            order in proptest::collection::vec(any::<prop::sample::Index>(), 0..200),
        ) {
            let mut progress = Progress::default();
            let mut open: Vec<i64> = Vec::new();
            for (offset, &n) in products.iter().enumerate() {
                progress.handled(offset as i64, n);
                open.extend(std::iter::repeat_n(offset as i64, n as usize));
            }
            let mut floor = progress.floor().unwrap();
            for index in order {
                if open.is_empty() { break; }
                let offset = open.swap_remove(index.index(open.len()));
                prop_assert_ne!(progress.acknowledged(offset), Acknowledged::Unknown);
                let now = progress.floor().unwrap();
                prop_assert!(now >= floor);
                floor = now;
                if let Some(first) = open.iter().min() {
                    prop_assert_eq!(now, *first);
                }
            }
            for offset in open.drain(..) {
                let _ = progress.acknowledged(offset);
            }
            prop_assert_eq!(progress.floor(), Some(products.len() as i64));
        }
    }
}
