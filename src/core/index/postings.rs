//! Which slots an identifier leads to.

use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::{DashMap, Entry};
use parking_lot::Mutex;

use super::super::identifier::{BuildIndexKeyHasher, IndexKey};
use super::slots::{Handle, NO_HANDLE};

/// How many parts each map is in.
pub(super) const SHARDS: usize = 64;
/// Says that an identifier has several holders, who are in the list of the other map.
const SHARED: Handle = NO_HANDLE;
/// What hashbrown keeps behind each table beside one byte a bucket.
const TABLE_TAIL: usize = 16;
/// A shard of dashmap: lock and table, padded to two cache lines.
const SHARD_HEAD: usize = 128;

/// Identifier to handle, and to handles for the few that several registrants list.
///
/// Writers of one identifier exclude each other by a lock of their own; readers take none but that of the shard, for
/// the length of one copy.
#[derive(Debug)]
pub(super) struct Postings {
    single: DashMap<IndexKey, Handle, BuildIndexKeyHasher>,
    shared: DashMap<IndexKey, Vec<Handle>, BuildIndexKeyHasher>,
    writers: Box<[Mutex<()>]>,
    single_capacity: Capacity,
    shared_capacity: Capacity,
}

impl Postings {
    pub(super) fn new() -> Self {
        Postings {
            single: DashMap::with_hasher_and_shard_amount(BuildIndexKeyHasher::default(), SHARDS),
            shared: DashMap::with_hasher_and_shard_amount(BuildIndexKeyHasher::default(), SHARDS),
            writers: (0..SHARDS).map(|_| Mutex::default()).collect(),
            single_capacity: Capacity::default(),
            shared_capacity: Capacity::default(),
        }
    }

    /// Whether the identifier leads anywhere.
    pub(super) fn contains(&self, key: &IndexKey) -> bool {
        self.single.contains_key(key)
    }

    /// The handles the identifier leads to. Nothing is allocated where it leads nowhere.
    pub(super) fn handles(&self, key: &IndexKey) -> Vec<Handle> {
        loop {
            match self.single.get(key).map(|found| *found) {
                None => return Vec::new(),
                Some(SHARED) => {
                    // A list that is gone was taken back after the single handle was written: look again.
                    if let Some(handles) = self.shared.view(key, |_, handles| handles.clone()) {
                        return handles;
                    }
                }
                Some(handle) => return vec![handle],
            }
        }
    }

    /// Lets the identifier lead to a handle too.
    pub(super) fn add(&self, key: IndexKey, handle: Handle) {
        let _writer = self.writer(&key).lock();
        let other = match self.single.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(handle);
                return;
            }
            Entry::Occupied(occupied) => *occupied.get(),
        };
        match other {
            SHARED => {
                if let Some(mut handles) = self.shared.get_mut(&key)
                    && !handles.contains(&handle)
                {
                    handles.push(handle);
                }
            }
            other if other == handle => {}
            other => {
                self.shared.insert(key, vec![other, handle]);
                self.single.insert(key, SHARED);
            }
        }
    }

    /// Takes a handle away from the identifier.
    pub(super) fn remove(&self, key: &IndexKey, handle: Handle) {
        let _writer = self.writer(key).lock();
        match self.single.get(key).map(|found| *found) {
            Some(SHARED) => {
                let last = self.shared.get_mut(key).and_then(|mut handles| {
                    handles.retain(|other| *other != handle);
                    match handles.as_slice() {
                        [last] => Some(*last),
                        _ => None,
                    }
                });
                if let Some(last) = last {
                    self.single.insert(*key, last);
                    self.shared.remove(key);
                }
            }
            Some(other) if other == handle => {
                self.single.remove(key);
            }
            _ => {}
        }
    }

    /// How many identifiers there are.
    pub(super) fn len(&self) -> usize {
        self.single.len()
    }

    /// What both maps take, bytes.
    pub(super) fn bytes(&self) -> usize {
        let lists: usize = self.shared.iter().map(|entry| entry.value().capacity() * size_of::<Handle>()).sum();
        let writers = self.writers.len() * size_of::<Mutex<()>>();
        lists
            + writers
            + self.single_capacity.bytes(self.single.capacity(), size_of::<(IndexKey, Handle)>())
            + self.shared_capacity.bytes(self.shared.capacity(), size_of::<(IndexKey, Vec<Handle>)>())
    }

    fn writer(&self, key: &IndexKey) -> &Mutex<()> {
        let [.., last] = key.as_bytes();
        &self.writers[usize::from(*last) % SHARDS]
    }
}

/// The most a map was ever seen to hold. Its tables never shrink, while what is told as capacity does, for a time,
/// after removals.
#[derive(Debug, Default)]
pub(super) struct Capacity(AtomicUsize);

impl Capacity {
    /// What a map of [`SHARDS`] shards takes, bytes, from its capacity now: hashbrown fills 7 of 8 buckets, and keeps
    /// a byte beside each.
    pub(super) fn bytes(&self, capacity: usize, entry: usize) -> usize {
        let most = self.0.fetch_max(capacity, Ordering::Relaxed).max(capacity);
        let buckets = most.saturating_mul(8) / 7;
        let tails = if most == 0 { 0 } else { SHARDS * TABLE_TAIL };
        SHARDS * SHARD_HEAD + tails + buckets * (entry + 1)
    }
}
