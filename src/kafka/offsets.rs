//! How far a partition may be committed: never past a record whose products are not acknowledged yet.

use std::collections::BTreeMap;

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
        Progress { seen: next, pending: BTreeMap::new(), told: next }
    }

    /// The record at `offset` was handled and wants `products` acknowledgements.
    pub fn handled(&mut self, offset: i64, products: u32) {
        self.seen = Some(self.seen.map_or(offset + 1, |seen| seen.max(offset + 1)));
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
        floor
    }
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

    proptest! {
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
