//! The registrant index: from an identifier to the people who have it (contract 4 and 5).
//!
//! Identifiers are 128-bit keyed hashes; each leads to the handles of the registrants in whose records it stands, as
//! their own or a household member's. A handle leads to the display record, which says which of the two it is.
//!
//! Readers and writers may run at the same time. A writer puts the new record in its slot, then the new postings, and
//! then takes the stale postings away; a reader looks in the record whether the identifier is there at all. So
//! whoever stays registered with an identifier is found by it at every moment, and whoever is withdrawn, or has given
//! the identifier up, is not, however stale the posting that was followed. No lock of a map is held while another map
//! is asked: values are copied out.

mod postings;
mod record;
mod slots;
mod words;

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use dashmap::DashMap;
use parking_lot::Mutex;
use siphasher::sip128::SipHasher13;

use super::identifier::{BuildIndexKeyHasher, Identifier, IdentifierKind, IdentifierReader, IndexKey, KeyHasher};
use super::registrant::Registrant;
use postings::{Capacity, Postings, SHARDS};
use record::identifier;
use slots::Slots;
use words::Words;

pub use slots::IndexFull;

pub(crate) use record::{MemberRecord, Moment, Record, RecordBytes, Stored};
pub(crate) use slots::Handle;
pub(crate) use words::Word;

/// What applying a record changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Whether the registrant was not registered before.
    pub new: bool,
    /// The identifiers, own or of a member, that the registrant did not list before: what a retroactive match looks
    /// for.
    pub added: Vec<IndexKey>,
}

/// All registrants of the zone, by what they can be recognised by.
#[derive(Debug)]
pub struct RegistrantIndex {
    reader: IdentifierReader,
    hasher: KeyHasher,
    postings: Postings,
    slots: Slots,
    words: Words,
    ids: DashMap<IndexKey, Handle, BuildIndexKeyHasher>,
    ids_capacity: Capacity,
    id_hasher: SipHasher13,
    /// Keeps two writers of the same registrant apart.
    writers: Box<[Mutex<()>]>,
    registrants: AtomicUsize,
}

impl RegistrantIndex {
    /// An empty index. `reader` and `hasher` must be of the same `privacy.tokens`.
    pub fn new(reader: IdentifierReader, hasher: KeyHasher) -> Self {
        // Registrant ids are no secret, but nobody should be able to choose two that hash to the same.
        let random = RandomState::new();
        let id_hasher = SipHasher13::new_with_keys(random.hash_one(1), random.hash_one(2));
        RegistrantIndex {
            reader,
            hasher,
            postings: Postings::new(),
            slots: Slots::new(),
            words: Words::default(),
            ids: DashMap::with_hasher_and_shard_amount(BuildIndexKeyHasher::default(), SHARDS),
            ids_capacity: Capacity::default(),
            id_hasher,
            writers: (0..SHARDS).map(|_| Mutex::default()).collect(),
            registrants: AtomicUsize::new(0),
        }
    }

    /// How phones and accounts are read.
    pub fn reader(&self) -> &IdentifierReader {
        &self.reader
    }

    /// The look-up key of an identifier; `None` for one that can match nothing.
    pub fn key(&self, identifier: &Identifier) -> Option<IndexKey> {
        self.hasher.key(identifier)
    }

    /// Puts a registrant in force, in place of the record before. `partition` and `offset` say where the record stands
    /// in `registrants`.
    ///
    /// Threads may apply different registrants at the same time.
    ///
    /// # Errors
    /// [`IndexFull`] where no handle is left; nothing has changed then.
    pub fn apply(&self, registrant: &Registrant<'_>, partition: i32, offset: i64) -> Result<Applied, IndexFull> {
        let id = self.id(&registrant.registrant_id);
        let _writer = self.writer(&id).lock();
        let keys = self.keys_of(registrant);
        let record = RecordBytes::of(registrant, (partition, offset), &self.words);
        let known = self.ids.get(&id).map(|found| *found);
        let handle = match known {
            Some(handle) => handle,
            None => self.slots.reserve()?,
        };
        let before = self.slots.replace(handle, record);
        let stale = self.keys_in(&before);
        let added: Vec<IndexKey> = keys.iter().filter(|key| stale.binary_search(key).is_err()).copied().collect();
        for key in &added {
            self.postings.add(*key, handle);
        }
        for key in stale.iter().filter(|key| keys.binary_search(key).is_err()) {
            self.postings.remove(key, handle);
        }
        if known.is_none() {
            self.ids.insert(id, handle);
            self.registrants.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Applied { new: known.is_none(), added })
    }

    /// Takes a registrant out; whether there was one of this id.
    pub fn withdraw(&self, registrant_id: &str) -> bool {
        let id = self.id(registrant_id);
        let _writer = self.writer(&id).lock();
        self.take_out(&id)
    }

    /// Takes out what an Erasure covers: the registrant, or the one member of the household named, unless they
    /// consented after `until`. Whether there was anything.
    pub fn erase(&self, registrant_id: &str, member_id: Option<&str>, until: DateTime<Utc>) -> bool {
        let id = self.id(registrant_id);
        let _writer = self.writer(&id).lock();
        let until = Moment::from(until);
        let Some(handle) = self.ids.get(&id).map(|found| *found) else {
            return false;
        };
        let Some(before) = self.slots.get(handle) else {
            return false;
        };
        let Some(mut record) = before.read() else {
            return false;
        };
        let given_at = record.given_at();
        let Some(member_id) = member_id else {
            return given_at <= until && self.take_out(&id);
        };
        let members = record.household.len();
        record
            .household
            .retain(|member| member.member_id != member_id || member.consented_at.unwrap_or(given_at) > until);
        if record.household.len() == members {
            return false;
        }
        let after = RecordBytes::write(&record);
        let keys = self.keys_in(&after);
        self.slots.replace(handle, after);
        for key in self.keys_in(&before).iter().filter(|key| keys.binary_search(key).is_err()) {
            self.postings.remove(key, handle);
        }
        true
    }

    /// Takes a registrant out, whose writer is locked.
    fn take_out(&self, id: &IndexKey) -> bool {
        let Some((_, handle)) = self.ids.remove(id) else {
            return false;
        };
        // From here on nobody finds the person, whatever postings are still there.
        let before = self.slots.replace(handle, RecordBytes::default());
        for key in self.keys_in(&before) {
            self.postings.remove(&key, handle);
        }
        self.slots.release(handle);
        self.registrants.fetch_sub(1, Ordering::Relaxed);
        true
    }

    /// Whether a registrant of this id is in force.
    pub fn contains(&self, registrant_id: &str) -> bool {
        self.ids.contains_key(&self.id(registrant_id))
    }

    /// Whether an identifier is listed by anybody, as far as its postings say: between two updates certain, during
    /// one a moment too long at most.
    pub fn lists(&self, key: &IndexKey) -> bool {
        self.postings.contains(key)
    }

    /// How many registrants are in force.
    pub fn registrants(&self) -> usize {
        self.registrants.load(Ordering::Relaxed)
    }

    /// How many different identifiers they and their households list.
    pub fn identifiers(&self) -> usize {
        self.postings.len()
    }

    /// What the index takes in memory, bytes, as asked of the allocator.
    pub fn index_bytes(&self) -> usize {
        let ids = self.ids_capacity.bytes(self.ids.capacity(), size_of::<(IndexKey, Handle)>());
        let writers = self.writers.len() * size_of::<Mutex<()>>();
        self.postings.bytes() + self.slots.bytes() + self.words.bytes() + ids + writers
    }

    /// Copies of the records that an identifier may stand in, but for one that is at hand already. Nothing is
    /// allocated where there are none.
    pub(crate) fn records(&self, key: &IndexKey, but: Option<Handle>) -> Vec<(Handle, RecordBytes)> {
        let handles = self.postings.handles(key).into_iter().filter(|handle| Some(*handle) != but);
        handles.filter_map(|handle| Some((handle, self.slots.get(handle)?))).collect()
    }

    /// The look-up key of an identifier in a record.
    pub(crate) fn stored_key(&self, kind: IdentifierKind, stored: Stored<'_>) -> Option<IndexKey> {
        self.key(&identifier(&self.reader, kind, stored)?)
    }

    /// The text of a word in a record.
    pub(crate) fn word(&self, word: Word<'_>) -> String {
        self.words.text(word)
    }

    fn keys_of(&self, registrant: &Registrant<'_>) -> Vec<IndexKey> {
        let own = registrant.phones.iter().chain(&registrant.accounts);
        let members = registrant.household.iter().flat_map(|member| member.phones.iter().chain(&member.accounts));
        distinct(own.chain(members).filter_map(|identifier| self.key(identifier)).collect())
    }

    fn keys_in(&self, record: &RecordBytes) -> Vec<IndexKey> {
        let Some(record) = record.read() else {
            return Vec::new();
        };
        let members = record.household.iter().flat_map(MemberRecord::own);
        distinct(record.own().chain(members).filter_map(|(kind, stored)| self.stored_key(kind, stored)).collect())
    }

    fn id(&self, registrant_id: &str) -> IndexKey {
        IndexKey::from_bytes(self.id_hasher.hash(registrant_id.as_bytes()).as_bytes())
    }

    fn writer(&self, id: &IndexKey) -> &Mutex<()> {
        let [.., last] = id.as_bytes();
        &self.writers[usize::from(*last) % SHARDS]
    }
}

/// Sorted, none twice.
fn distinct(mut keys: Vec<IndexKey>) -> Vec<IndexKey> {
    keys.sort_unstable();
    keys.dedup();
    keys
}
