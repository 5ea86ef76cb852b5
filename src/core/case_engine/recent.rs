//! The cases that were touched last, unpacked: somebody in whose case something has happened is likely to be heard of
//! again soon. The packed form stays what counts; what is here only spares reading it.

use std::collections::{BTreeMap, HashMap};

use super::dossier::Live;
use super::keys::SubjectKey;

/// The wire form of all that is kept here takes no more than this, bytes; unpacked it is about three times as much.
const MOST: usize = 512 * 1024;

struct Entry {
    cases: Vec<Live>,
    bytes: usize,
    turn: u64,
}

/// Committed cases by subject, those touched longest ago going first.
#[derive(Default)]
pub(super) struct Recent {
    entries: HashMap<SubjectKey, Entry>,
    /// Who goes first.
    turns: BTreeMap<u64, SubjectKey>,
    next_turn: u64,
    bytes: usize,
}

impl Recent {
    /// Takes out the cases of a subject.
    pub fn take(&mut self, subject: SubjectKey) -> Option<Vec<Live>> {
        let entry = self.entries.remove(&subject)?;
        self.turns.remove(&entry.turn);
        self.bytes -= entry.bytes;
        Some(entry.cases)
    }

    /// Keeps the cases of a subject, whose wire form takes so many bytes.
    pub fn put(&mut self, subject: SubjectKey, cases: Vec<Live>, bytes: usize) {
        drop(self.take(subject));
        self.next_turn += 1;
        self.turns.insert(self.next_turn, subject);
        self.bytes += bytes;
        self.entries.insert(subject, Entry { cases, bytes, turn: self.next_turn });
    }

    /// Lets those go for which there is no room, one subject a call.
    pub fn let_go(&mut self) -> Option<SubjectKey> {
        if self.bytes <= MOST {
            return None;
        }
        let subject = *self.turns.first_key_value()?.1;
        self.take(subject).map(|_| subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_touched_longest_ago_goes_first_and_room_comes_back() {
        let subject = |n: usize| SubjectKey::of(&format!("r-{n}"));
        let mut recent = Recent::default();
        for n in 0..4 {
            recent.put(subject(n), Vec::new(), MOST / 4);
        }
        assert!(recent.let_go().is_none());
        // The first is touched again, and another one comes.
        assert!(recent.take(subject(0)).is_some() && recent.take(subject(0)).is_none());
        recent.put(subject(0), Vec::new(), MOST / 4);
        recent.put(subject(4), Vec::new(), MOST / 4);
        assert_eq!((recent.let_go(), recent.let_go()), (Some(subject(1)), None));
        // One that is larger than all the room does not stay, and leaves nothing behind.
        recent.put(subject(5), Vec::new(), MOST + 1);
        let gone: Vec<SubjectKey> = std::iter::from_fn(|| recent.let_go()).collect();
        assert_eq!(gone, [2, 3, 0, 4, 5].map(subject));
        assert_eq!((recent.bytes, recent.entries.len(), recent.turns.len()), (0, 0, 0));
    }
}
