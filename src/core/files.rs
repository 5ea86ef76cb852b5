//! What all files that are loaded as one version have in common.

use sha2::{Digest, Sha256};

/// The version of one text: the first 16 hex digits of its SHA-256.
pub(crate) fn version_of_text(text: &str) -> String {
    short(Sha256::digest(text.as_bytes()).into())
}

/// The version of several files: the first 16 hex digits of a SHA-256 over their names and texts.
pub(crate) fn version_of_files<'f>(files: impl IntoIterator<Item = (&'f str, &'f str)>) -> String {
    let mut hash = Sha256::new();
    for (name, text) in files {
        for part in [name, text] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    short(hash.finalize().into())
}

fn short(digest: [u8; 32]) -> String {
    hex::encode(digest.split_at(8).0)
}

/// The number of the line a byte is on, from 1.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
