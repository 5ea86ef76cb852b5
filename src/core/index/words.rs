//! Words that many records share, kept once: areas, workplaces, groups, languages, relations.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

/// The most words kept. They are never dropped, so that a source which fills an open field with a new text each time
/// must not fill the memory with them.
const MAX_WORDS: usize = 65_536;
/// The longest word kept, bytes.
const MAX_WORD_BYTES: usize = 64;
/// What a kept word costs beside its text: the counted pointer's head, its two pointers and its number, and the
/// slack of the map and the list.
const WORD_OVERHEAD: usize = 16 + 64;

/// A word in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Word<'a> {
    /// A kept word.
    Kept(u32),
    /// One that is written out.
    Written(&'a str),
}

/// The kept words.
#[derive(Debug, Default)]
pub(super) struct Words {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    numbers: HashMap<Arc<str>, u32>,
    words: Vec<Arc<str>>,
    bytes: usize,
}

impl Words {
    /// The word as a record holds it.
    pub(super) fn keep<'a>(&self, text: &'a str) -> Word<'a> {
        if text.len() > MAX_WORD_BYTES {
            return Word::Written(text);
        }
        if let Some(number) = self.inner.read().numbers.get(text) {
            return Word::Kept(*number);
        }
        let mut inner = self.inner.write();
        if let Some(number) = inner.numbers.get(text) {
            return Word::Kept(*number);
        }
        match u32::try_from(inner.words.len()) {
            Ok(number) if inner.words.len() < MAX_WORDS => {
                let word: Arc<str> = text.into();
                inner.bytes += word.len() + WORD_OVERHEAD;
                inner.words.push(Arc::clone(&word));
                inner.numbers.insert(word, number);
                Word::Kept(number)
            }
            _ => Word::Written(text),
        }
    }

    /// The text of a word of a record.
    pub(super) fn text(&self, word: Word<'_>) -> String {
        match word {
            Word::Written(text) => text.to_owned(),
            // A number comes from a record, so the word is there.
            Word::Kept(number) => {
                self.inner.read().words.get(number as usize).map(|word| word.as_ref().to_owned()).unwrap_or_default()
            }
        }
    }

    /// What the words take, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.inner.read().bytes
    }
}
