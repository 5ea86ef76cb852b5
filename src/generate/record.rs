//! What the generator hands over: records, and what must become of them.

use super::plots::StoryTag;

/// The topic a record belongs to (contract 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feed {
    /// `registrants`.
    Registrants,
    /// `calls`.
    Calls,
    /// `transfers`.
    Transfers,
}

impl Feed {
    /// The topic's name without the prefix.
    pub const fn topic(self) -> &'static str {
        match self {
            Feed::Registrants => "registrants",
            Feed::Calls => "calls",
            Feed::Transfers => "transfers",
        }
    }
}

/// A record to send, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it goes.
    pub topic: Feed,
    /// The key, null for some sources of events.
    pub key: Option<Vec<u8>>,
    /// The headers in order.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// The value; `None` is a null value.
    pub value: Option<Vec<u8>>,
}

impl Record {
    /// An empty record, to be filled.
    pub const fn empty(topic: Feed) -> Self {
        Record { topic, key: None, headers: Vec::new(), value: None }
    }

    /// Bytes of key, headers and value.
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.key.as_ref().map_or(0, Vec::len) + headers + self.value_size()
    }

    /// Bytes of the value.
    pub fn value_size(&self) -> usize {
        self.value.as_ref().map_or(0, Vec::len)
    }
}

/// Why an event must go to the dead letters (contract 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A value over 1,048,576 bytes.
    TooLarge,
    /// The value is no JSON text.
    NotJson,
    /// An attribute is missing or bad.
    Envelope,
    /// Not a type of this topic.
    UnknownType,
    /// A field is missing or bad.
    Schema,
    /// No usable identifier of the victim.
    Identifier,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 6] =
        [Reason::TooLarge, Reason::NotJson, Reason::Envelope, Reason::UnknownType, Reason::Schema, Reason::Identifier];

    /// The value of the header `dlq_reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::TooLarge => "too_large",
            Reason::NotJson => "not_json",
            Reason::Envelope => "envelope",
            Reason::UnknownType => "unknown_type",
            Reason::Schema => "schema",
            Reason::Identifier => "identifier",
        }
    }
}

/// What stage 1 must make of a record, known from how it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// Nobody of the zone.
    Unmatched,
    /// So many matches.
    Matched {
        /// How many persons, one match each.
        subjects: u32,
        /// Nobody registered, but in the zone: programme `precise`.
        precise: bool,
    },
    /// The other side is in the [allow-list](super::allow_list).
    Allowed,
    /// Put aside.
    DeadLetter(Reason),
    /// A registration, no event: from then on its phones and accounts match.
    Registration,
}

impl Expected {
    /// One registered person.
    pub(super) const ONE: Expected = Expected::Matched { subjects: 1, precise: false };
    /// Two registered persons.
    pub(super) const TWO: Expected = Expected::Matched { subjects: 2, precise: false };
    /// Somebody who lives in the zone unregistered.
    pub(super) const PRECISE: Expected = Expected::Matched { subjects: 1, precise: true };
}

/// How an event stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// A new event, not older than those of the same call or transfer before it.
    Fresh,
    /// An event of a call or transfer that is older than one already sent.
    Older,
    /// The very bytes of an event sent before.
    Resent,
}

/// A record and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// What to send.
    pub record: Record,
    /// What stage 1 must make of it; for one sent again, what it must have made of the first.
    pub expected: Expected,
    /// New, older or sent again.
    pub flavour: Flavour,
    /// The name of the way in which it is bad, see [`MALFORMED`](super::MALFORMED).
    pub malformed: Option<&'static str>,
    /// The story it belongs to, if any.
    pub story: Option<StoryTag>,
}

impl Generated {
    /// Something for [`EventFeed::fill`](super::EventFeed::fill) to fill, again and again.
    pub const fn blank() -> Self {
        Generated {
            record: Record::empty(Feed::Calls),
            expected: Expected::Unmatched,
            flavour: Flavour::Fresh,
            malformed: None,
            story: None,
        }
    }
}

/// What must have been counted once everything sent has been handled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All records.
    pub records: u64,
    /// Bytes of their values.
    pub value_bytes: u64,
    /// New or older events that end `unmatched`.
    pub unmatched: u64,
    /// New or older events that match.
    pub matched: u64,
    /// Their matches: one for each subject.
    pub matches: u64,
    /// Those of `matches` that are of the programme `precise`.
    pub precise: u64,
    /// New or older events that end `allowed`.
    pub allowed: u64,
    /// Dead letters, in the order of [`Reason::ALL`].
    pub dead_letters: [u64; 6],
    /// Events sent again, counted nowhere else but in `records` and `value_bytes`.
    pub resent: u64,
    /// Events older than one of the same call or transfer sent before; also counted by what they end as.
    pub older: u64,
    /// Registrations.
    pub registrations: u64,
}

impl Tally {
    /// Counts one record in.
    pub fn add(&mut self, generated: &Generated) {
        self.records += 1;
        self.value_bytes += generated.record.value_size() as u64;
        match generated.flavour {
            Flavour::Resent => {
                self.resent += 1;
                return;
            }
            Flavour::Older => self.older += 1,
            Flavour::Fresh => {}
        }
        match generated.expected {
            Expected::Unmatched => self.unmatched += 1,
            Expected::Allowed => self.allowed += 1,
            Expected::Registration => self.registrations += 1,
            Expected::Matched { subjects, precise } => {
                self.matched += 1;
                self.matches += u64::from(subjects);
                self.precise += if precise { u64::from(subjects) } else { 0 };
            }
            Expected::DeadLetter(reason) => {
                for (count, _) in self.dead_letters.iter_mut().zip(Reason::ALL).filter(|(_, r)| *r == reason) {
                    *count += 1;
                }
            }
        }
    }

    /// Dead letters of one reason.
    pub fn dead_letters_of(&self, reason: Reason) -> u64 {
        self.dead_letters.iter().zip(Reason::ALL).filter(|(_, r)| *r == reason).map(|(count, _)| count).sum()
    }

    /// All dead letters.
    pub fn dead_lettered(&self) -> u64 {
        self.dead_letters.iter().sum()
    }
}
