//! Short ASCII text kept in place, without an allocation.

use std::fmt;

/// Up to `N` bytes of ASCII; `N` is at most 255.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Inline<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Inline<N> {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        const { assert!(N <= u8::MAX as usize) };
        Self { bytes: [0; N], len: 0 }
    }

    /// The first `len` of these bytes; the caller has seen that they are ASCII.
    #[inline]
    pub(super) const fn of_ascii(bytes: [u8; N], len: usize) -> Self {
        const { assert!(N <= u8::MAX as usize) };
        Self { bytes, len: len as u8 }
    }

    /// Adds one ASCII byte; `None` if there is no room or it is no ASCII.
    pub(super) fn push(&mut self, byte: u8) -> Option<()> {
        let place = self.bytes.get_mut(usize::from(self.len))?;
        if !byte.is_ascii() {
            return None;
        }
        *place = byte;
        self.len += 1;
        Some(())
    }

    /// Adds ASCII text; `None` if there is no room or it is no ASCII.
    pub(super) fn extend(&mut self, more: &[u8]) -> Option<()> {
        let start = usize::from(self.len);
        let place = self.bytes.get_mut(start..start + more.len())?;
        if !more.is_ascii() {
            return None;
        }
        place.copy_from_slice(more);
        self.len += more.len() as u8;
        Some(())
    }

    /// The bytes written so far.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The text written so far.
    pub(super) fn as_str(&self) -> &str {
        // Only ASCII is ever added, so this never falls back.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Write for Inline<N> {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.extend(more.as_bytes()).ok_or(fmt::Error)
    }
}
