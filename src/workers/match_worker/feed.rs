//! The partitions of a feed that a match worker holds, and how a product finds back to its record.

use crate::core::event::EventKind;
use crate::kafka::offsets::Progress;

use super::super::Shared;

/// One of the two input topics and how far its partitions are.
pub struct Feed {
    /// Which feed it is.
    pub kind: EventKind,
    /// The full name of its topic.
    pub topic: String,
    /// By partition, how far those that are assigned have been read.
    pub partitions: Vec<Option<Progress>>,
}

impl Feed {
    /// A feed without partitions.
    pub fn new(shared: &Shared, kind: EventKind) -> Self {
        Feed { kind, topic: shared.connection.topic(kind.topic()), partitions: Vec::new() }
    }

    /// The name under which a paused feed is not ready.
    pub fn component(&self) -> String {
        format!("feed-{}", self.kind.as_str())
    }

    /// A partition came, or is read anew from `committed` on.
    pub fn assigned(&mut self, partition: i32, committed: Option<i64>) {
        let Ok(index) = usize::try_from(partition) else { return };
        if self.partitions.len() <= index {
            self.partitions.resize_with(index + 1, || None);
        }
        if let Some(place) = self.partitions.get_mut(index) {
            *place = Some(Progress::starting_at(committed));
        }
    }

    /// How far a partition is, if it is assigned.
    pub fn progress(&mut self, partition: i32) -> Option<&mut Progress> {
        self.partitions.get_mut(usize::try_from(partition).ok()?)?.as_mut()
    }

    /// Every assigned partition.
    pub fn each(&mut self) -> impl Iterator<Item = (i32, &mut Progress)> {
        self.partitions.iter_mut().enumerate().filter_map(|(p, progress)| Some((p as i32, progress.as_mut()?)))
    }
}

/// Which record a product belongs to, packed into the producer's token: feed (1 bit), assignment (7 bits), partition
/// (14 bits: the configuration allows 10,000) and offset (42 bits). The assignment keeps late acknowledgements apart
/// from those of the same record read again.
pub fn token(feed: usize, assignment: u8, partition: i32, offset: i64) -> usize {
    feed << 63
        | usize::from(assignment & 0x7f) << 56
        | (partition as usize & 0x3fff) << 42
        | (offset as usize & 0x3ff_ffff_ffff)
}

/// The parts of a token.
pub fn untoken(token: usize) -> (usize, u8, i32, i64) {
    (token >> 63, (token >> 56 & 0x7f) as u8, (token >> 42 & 0x3fff) as i32, (token & 0x3ff_ffff_ffff) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_carries_feed_assignment_partition_and_offset() {
        for (feed, assignment, partition, offset) in
            [(0, 0, 0, 0), (1, 127, 5, 123_456_789), (1, 1, 16_383, 0x3ff_ffff_ffff)]
        {
            assert_eq!(untoken(token(feed, assignment, partition, offset)), (feed, assignment, partition, offset));
        }
    }
}
