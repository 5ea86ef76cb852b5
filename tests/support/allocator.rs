//! An allocator that counts what it hands out: for test binaries of their own, because it counts every byte of the
//! process.
#![allow(unsafe_code)]
#![allow(dead_code, reason = "each test that includes this uses a part of it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

/// Declare it as the `#[global_allocator]`.
pub struct Counting {
    live: AtomicUsize,
    peak: AtomicUsize,
    allocations: AtomicUsize,
    taken: fn(usize) -> usize,
    alone: Mutex<()>,
}

/// A request counts as what was asked for.
pub fn exactly(size: usize) -> usize {
    size
}

/// What glibc's allocator takes for a request: 8 bytes of its own, in steps of 16, 32 at least.
pub fn by_glibc(size: usize) -> usize {
    let taken = (size + 8 + 15) & !15;
    if taken < 32 { 32 } else { taken }
}

impl Counting {
    /// `taken` says what a request of so many bytes counts as.
    pub const fn new(taken: fn(usize) -> usize) -> Self {
        Counting {
            live: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            allocations: AtomicUsize::new(0),
            taken,
            alone: Mutex::new(()),
        }
    }

    /// Bytes handed out and not given back.
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// The most there ever were.
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// Requests so far.
    pub fn allocations(&self) -> usize {
        self.allocations.load(Ordering::Relaxed)
    }

    /// The tests of a binary share the counters, so that only one may run at a time.
    pub fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().unwrap_or_else(|broken| broken.into_inner())
    }
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let taken = (self.taken)(layout.size());
        let live = self.live.fetch_add(taken, Ordering::Relaxed) + taken;
        self.peak.fetch_max(live, Ordering::Relaxed);
        self.allocations.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.live.fetch_sub((self.taken)(layout.size()), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}
