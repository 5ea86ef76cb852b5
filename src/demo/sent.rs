//! What the feeder has sent, and what must come of it.

use crate::core::dead_letter;
use crate::generate::{Flavour, Generated, Reason, Tally};

/// The generator's account: what the program must have counted when it has handled everything.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Registrants before the events.
    pub registrants: u64,
    /// Events sent for the first time, and registrations between them.
    pub first: Tally,
    /// The same of those sent again: stage 1 has no memory and finds in each what it found in the first.
    pub again: Tally,
    /// Follow-ups of officers.
    pub follow_ups: u64,
}

impl Sent {
    /// Counts a record in.
    pub fn add(&mut self, generated: &mut Generated) {
        self.first.add(generated);
        if generated.flavour == Flavour::Resent {
            generated.flavour = Flavour::Fresh;
            self.again.add(generated);
            generated.flavour = Flavour::Resent;
        }
    }

    /// Calls and transfers.
    pub fn events(&self) -> u64 {
        self.first.records - self.first.registrations
    }

    /// Everybody who is registered by now.
    pub fn registered(&self) -> u64 {
        self.registrants + self.first.registrations
    }

    /// Events that must match.
    pub fn matched(&self) -> u64 {
        self.first.matched + self.again.matched
    }

    /// Events that must not.
    pub fn unmatched(&self) -> u64 {
        self.first.unmatched + self.again.unmatched
    }

    /// Events whose other side is in the allow-list.
    pub fn allowed(&self) -> u64 {
        self.first.allowed + self.again.allowed
    }

    /// Events that must be put aside.
    pub fn dead_lettered(&self) -> u64 {
        self.first.dead_lettered() + self.again.dead_lettered()
    }

    /// Events that must be put aside, by reason; those there are, under the program's own names.
    pub fn dead_letters(&self) -> Vec<(dead_letter::Reason, u64)> {
        let count = |reason| self.first.dead_letters_of(reason) + self.again.dead_letters_of(reason);
        let known =
            Reason::ALL.into_iter().map(|reason| (dead_letter::Reason::from_name(reason.as_str()), count(reason)));
        known.filter_map(|(reason, count)| Some((reason?, count)).filter(|_| count > 0)).collect()
    }

    /// Matches that the case worker must recognise as seen before.
    pub fn duplicates(&self) -> u64 {
        self.again.matches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Expected;

    #[test]
    fn an_event_sent_again_counts_in_both_accounts() {
        let mut sent = Sent { registrants: 10, ..Sent::default() };
        let matched = Generated { expected: Expected::Matched { subjects: 2, precise: false }, ..Generated::blank() };
        let bad = Generated { expected: Expected::DeadLetter(Reason::Schema), ..Generated::blank() };
        let newcomer = Generated { expected: Expected::Registration, ..Generated::blank() };
        for generated in [&matched, &bad, &newcomer] {
            sent.add(&mut generated.clone());
        }
        for generated in [&matched, &bad] {
            sent.add(&mut Generated { flavour: Flavour::Resent, ..generated.clone() });
        }
        assert_eq!((sent.events(), sent.registered()), (4, 11));
        assert_eq!((sent.matched(), sent.dead_lettered(), sent.duplicates()), (2, 2, 2));
        assert_eq!(sent.dead_letters(), [(dead_letter::Reason::Schema, 2)]);
    }
}
