//! How a committed case is kept: its wire form, packed.
//!
//! The wire form of a case says the same names and words in every case. LZ4 with a dictionary of them takes it to
//! less than half; what is left are ids, numbers and hashes. What is likely to change again soon stays as it is for as
//! long: packing is the dearest part of a commit.

use lz4_flex::block::{DecompressError, compress_prepend_size_with_dict, decompress_size_prepended_with_dict};

use crate::core::case::Case;

/// Pieces of cases, the commonest last. Packed cases never leave the process, so that this may change.
const DICTIONARY: &[u8] = include_bytes!("packed_dictionary.txt");

/// Why a packed case cannot be read; nothing that was packed causes it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the packed bytes are damaged: {0}")]
    Damaged(#[from] DecompressError),
    #[error("no case was packed: {0}")]
    NotACase(#[from] serde_json::Error),
}

/// The first byte says how the others are to be read.
const PLAIN: u8 = 0;
const LZ4: u8 = 1;

/// The wire form of a case, packed or still plain.
pub(super) struct Packed(Box<[u8]>);

impl Packed {
    /// Packs a wire form.
    pub fn of(json: &[u8]) -> Self {
        let packed = compress_prepend_size_with_dict(json, DICTIONARY);
        Packed::tagged(LZ4, &packed)
    }

    /// Keeps a wire form as it is, until [`Packed::pack`].
    pub fn plain(json: &[u8]) -> Self {
        Packed::tagged(PLAIN, json)
    }

    /// Packs it, if it is not.
    pub fn pack(&mut self) {
        if let Some((&PLAIN, json)) = self.0.split_first() {
            *self = Packed::of(json);
        }
    }

    /// The bytes of the wire form, packed or not.
    pub fn wire_len(&self) -> usize {
        match *self.0 {
            [LZ4, a, b, c, d, ..] => u32::from_le_bytes([a, b, c, d]) as usize,
            _ => self.0.len().saturating_sub(1),
        }
    }

    /// Copied, so that what stays allocated is no longer than it must be.
    fn tagged(tag: u8, bytes: &[u8]) -> Self {
        let mut all = Vec::with_capacity(bytes.len() + 1);
        all.push(tag);
        all.extend_from_slice(bytes);
        Packed(all.into_boxed_slice())
    }

    /// The case.
    pub fn case(&self) -> Result<Case, Unreadable> {
        match self.0.split_first() {
            Some((&PLAIN, json)) => Ok(Case::decode(json)?),
            _ => {
                let packed = self.0.get(1..).unwrap_or_default();
                Ok(Case::decode(&decompress_size_prepended_with_dict(packed, DICTIONARY)?)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_comes_out_as_it_went_in_and_takes_less_than_half() {
        for json in [
            &include_bytes!("../../../tests/fixtures/cases/case.json")[..],
            include_bytes!("../../../tests/fixtures/cases/old_case.json"),
            include_bytes!("../../../tests/fixtures/cases/erased.json"),
        ] {
            let case = Case::decode(json).unwrap();
            let wire = case.encode().unwrap();
            let packed = Packed::of(&wire);
            assert_eq!(packed.case().unwrap(), case);
            assert!(packed.0.len() * 2 < wire.len(), "{} of {}", packed.0.len(), wire.len());
        }
        let json = include_bytes!("../../../tests/fixtures/cases/case.json");
        let mut later = Packed::plain(json);
        let case = later.case().unwrap();
        later.pack();
        assert_eq!(later.wire_len(), json.len());
        assert!(later.0.len() * 2 < json.len());
        later.pack();
        assert_eq!(later.case().unwrap(), case);
        assert!(Packed::of(b"no case").case().is_err());
        assert!(Packed::plain(b"no case").case().is_err());
        assert!(Packed(Box::default()).case().is_err());
    }
}
