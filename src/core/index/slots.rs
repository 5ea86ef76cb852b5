//! The records by handle.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

use super::record::RecordBytes;

/// How many parts the slots are in, each behind its own lock.
const PARTS: usize = 64;

/// Names the slot of a record; used again after the record is gone.
pub(crate) type Handle = u32;

/// No slot has this handle.
pub(super) const NO_HANDLE: Handle = Handle::MAX;

/// Every slot there is holds a record already: more registrants than people on earth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the index has no handle left")]
pub struct IndexFull;

/// The slots. A slot never moves its handle, so that whoever holds one finds either its record or, after a
/// withdrawal, none or that of somebody else: the reader must look whether it is the one meant.
#[derive(Debug)]
pub(super) struct Slots {
    parts: Box<[RwLock<Vec<RecordBytes>>]>,
    handles: Mutex<Handles>,
    record_bytes: AtomicUsize,
}

#[derive(Debug, Default)]
struct Handles {
    next: Handle,
    free: Vec<Handle>,
}

impl Slots {
    pub(super) fn new() -> Self {
        Slots {
            parts: (0..PARTS).map(|_| RwLock::default()).collect(),
            handles: Mutex::default(),
            record_bytes: AtomicUsize::new(0),
        }
    }

    /// A handle whose slot is vacant.
    pub(super) fn reserve(&self) -> Result<Handle, IndexFull> {
        let mut handles = self.handles.lock();
        if let Some(handle) = handles.free.pop() {
            return Ok(handle);
        }
        if handles.next == NO_HANDLE {
            return Err(IndexFull);
        }
        let handle = handles.next;
        handles.next += 1;
        Ok(handle)
    }

    /// Gives a handle back, whose slot is vacant again and which no posting names any more.
    pub(super) fn release(&self, handle: Handle) {
        self.handles.lock().free.push(handle);
    }

    /// Puts a record in a slot and hands out the one before it.
    pub(super) fn replace(&self, handle: Handle, record: RecordBytes) -> RecordBytes {
        let (part, place) = self.place(handle);
        let mut part = part.write();
        if part.len() <= place {
            part.resize_with(place + 1, RecordBytes::default);
        }
        let Some(slot) = part.get_mut(place) else {
            return RecordBytes::default();
        };
        self.record_bytes.fetch_add(record.len(), Ordering::Relaxed);
        let before = std::mem::replace(slot, record);
        self.record_bytes.fetch_sub(before.len(), Ordering::Relaxed);
        before
    }

    /// A copy of the record in a slot; `None` where it is vacant.
    pub(super) fn get(&self, handle: Handle) -> Option<RecordBytes> {
        let (part, place) = self.place(handle);
        part.read().get(place).filter(|record| !record.is_vacant()).cloned()
    }

    /// What slots and records take, bytes.
    pub(super) fn bytes(&self) -> usize {
        let slots: usize = self.parts.iter().map(|part| part.read().capacity()).sum();
        let free = self.handles.lock().free.capacity() * size_of::<Handle>();
        let fixed = self.parts.len() * size_of::<RwLock<Vec<RecordBytes>>>();
        fixed + slots * size_of::<RecordBytes>() + free + self.record_bytes.load(Ordering::Relaxed)
    }

    fn place(&self, handle: Handle) -> (&RwLock<Vec<RecordBytes>>, usize) {
        let handle = handle as usize;
        let part = &self.parts[handle % PARTS];
        (part, handle / PARTS)
    }
}
