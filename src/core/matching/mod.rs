//! Who is at risk in an event (contract 5).
//!
//! What the contract leaves open: a registrant whose household lists the subject more than once is one trusted
//! contact, with the relation of the listing that comes first in the record; of a household subject's own registrant
//! with that of the subject itself. The guardian of a minor is marked among the trusted contacts, because stage 2
//! never reads registrants.

mod allow;
mod contacts;
mod stage1;
mod subjects;
mod victim;

use chrono::{DateTime, Utc};

use super::directory::Areas;
use super::event::Event;
use super::identifier::{Identifier, TokenKey};
use super::index::RegistrantIndex;
use super::lookback::Positions;
use super::matched::{IdentifierKind, Match, MatchedBy, MatchedEvent, Programme, Subject, match_id};
use super::text::{Object, Text};
use contacts::trusted_contacts;
use subjects::Found;
use victim::Victim;

pub use allow::{AllowList, BadAllowEntry};
pub use stage1::{EventFacts, Outcome, Stage1, stage1, stage1_again};
pub use victim::VictimKeys;

/// What `matching` in the configuration says.
#[derive(Clone, Debug)]
pub struct MatchSettings {
    /// Other sides that are known to be good (`matching.allow`).
    pub allow: AllowList,
    /// The most subjects one event gives (`matching.max_subjects`).
    pub max_subjects: usize,
}

impl Default for MatchSettings {
    fn default() -> Self {
        MatchSettings { allow: AllowList::default(), max_subjects: 16 }
    }
}

/// All that stage 1 decides by.
#[derive(Clone, Copy, Debug)]
pub struct Matcher<'m> {
    /// The registrants.
    pub index: &'m RegistrantIndex,
    /// What the configuration says.
    pub settings: &'m MatchSettings,
    /// The areas of the zone.
    pub areas: &'m Areas,
    /// `privacy.token_key`: names the subjects of the programme `precise`.
    pub token_key: &'m TokenKey,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "every event ends in one outcome, and each outcome is counted"]
pub enum Decision<'e> {
    /// Somebody is at risk.
    Matched {
        /// One match per subject, own first, then household.
        matches: Vec<Match<'e>>,
        /// Subjects beyond `matching.max_subjects`, for whom there is no match.
        beyond: usize,
    },
    /// Nobody of the zone: kept for a while under these keys, in case of a registration.
    Unmatched(VictimKeys),
    /// The other side is in the allow-list.
    Allowed,
    /// No usable victim identifier.
    Rejected,
}

/// What became of an event that is decided about again.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "an event that is due must be matched"]
pub enum Again<'e> {
    /// It finds somebody now.
    Due {
        /// One match per subject, own first, then household.
        matches: Vec<Match<'e>>,
        /// Subjects beyond `matching.max_subjects`, for whom there is no match.
        beyond: usize,
    },
    /// Still nobody.
    Unmatched(VictimKeys),
    /// It did not end unmatched.
    Settled,
}

impl<'m> Matcher<'m> {
    /// Decides again about an event, after a registration: its matches are retroactive.
    ///
    /// Without `before` the event is known to have ended unmatched. With it, it is not known how the event ended:
    /// unmatched, if no record before these positions finds it. Nobody is warned under the programme `precise` again.
    pub fn decide_again<'e>(&self, event: &Event<'e>, now: DateTime<Utc>, before: Option<&Positions>) -> Again<'e> {
        let victim = Victim::of(&event.data, self.index);
        if victim.is_nobody() || self.settings.allow.allows(&event.data, self.index) {
            return Again::Settled;
        }
        if before.is_some() && self.area(event).is_some() {
            return Again::Settled;
        }
        let copies = subjects::copies(&victim, self.index);
        let records = subjects::read(&copies);
        if before.is_some_and(|before| subjects::known_before(&records, before, self.index)) {
            return Again::Settled;
        }
        let subjects = subjects::among(&records, self.index);
        if subjects.is_empty() {
            return Again::Unmatched(victim.keys());
        }
        let (matches, beyond) = self.all(subjects, &Making { event, now, retroactive: true });
        Again::Due { matches, beyond }
    }

    /// Decides about an event as it comes.
    pub fn decide<'e>(&self, event: &Event<'e>, now: DateTime<Utc>) -> Decision<'e> {
        let victim = Victim::of(&event.data, self.index);
        if victim.is_nobody() {
            return Decision::Rejected;
        }
        if self.settings.allow.allows(&event.data, self.index) {
            return Decision::Allowed;
        }
        let copies = subjects::copies(&victim, self.index);
        let records = subjects::read(&copies);
        let subjects = subjects::among(&records, self.index);
        let making = Making { event, now, retroactive: false };
        if subjects.is_empty() {
            return match self.precise(&victim, &making) {
                Some(found) => Decision::Matched { matches: vec![found], beyond: 0 },
                None => Decision::Unmatched(victim.keys()),
            };
        }
        let (matches, beyond) = self.all(subjects, &making);
        Decision::Matched { matches, beyond }
    }

    /// A match for each subject, and how many subjects there are beyond the most.
    fn all<'e>(&self, mut subjects: Vec<Found<'_>>, making: &Making<'_, 'e>) -> (Vec<Match<'e>>, usize) {
        let beyond = subjects.len().saturating_sub(self.settings.max_subjects);
        subjects.truncate(self.settings.max_subjects);
        (subjects.iter().map(|found| self.golden_bell(found, making)).collect(), beyond)
    }

    /// The area of the zone that an event says it happens in.
    fn area<'v>(&self, event: &'v Event<'_>) -> Option<&'v str> {
        event.data.victim_area().filter(|code| self.areas.contains(code))
    }

    fn golden_bell<'e>(&self, found: &Found<'_>, making: &Making<'_, 'e>) -> Match<'e> {
        let subject_id = found.subject_id();
        let subject = found.subject(self.index);
        let trusted_contacts = trusted_contacts(found, subject.minor, self.index);
        Match {
            programme: Programme::GoldenBell,
            matched_by: found.matched_by(),
            identifier: found.identifier,
            subject: Object(subject),
            trusted_contacts,
            registrant_offset: Some(found.record.offset),
            ..making.blank(subject_id)
        }
    }

    /// Nobody is registered, but the event happens in the zone.
    fn precise<'e>(&self, victim: &Victim, making: &Making<'_, 'e>) -> Option<Match<'e>> {
        let area = self.area(making.event)?;
        let identifier = victim.first()?;
        let subject_id = format!("p-{}", self.token_key.token(identifier).short_hex());
        let phone = match identifier {
            Identifier::Phone(phone) => Some(phone.as_str().to_owned().into()),
            Identifier::PhoneToken(token) => Some(token.to_string().into()),
            Identifier::Account(_) | Identifier::AccountToken(_) => None,
        };
        let subject = Subject { phone, area: Some(area.to_owned().into()), ..Subject::default() };
        Some(Match { identifier: identifier.kind(), subject: Object(subject), ..making.blank(subject_id) })
    }
}

/// What all matches of one decision share.
struct Making<'a, 'e> {
    event: &'a Event<'e>,
    now: DateTime<Utc>,
    retroactive: bool,
}

impl<'e> Making<'_, 'e> {
    /// A match of the programme `precise` without anything about the subject.
    fn blank(&self, subject_id: String) -> Match<'e> {
        let event = self.event;
        Match {
            match_id: match_id(&event.source, &event.id, &subject_id).into(),
            subject_id: Text::from(subject_id),
            programme: Programme::Precise,
            matched_by: MatchedBy::Area,
            identifier: IdentifierKind::Phone,
            subject: Object(Subject::default()),
            trusted_contacts: Vec::new(),
            event: MatchedEvent {
                kind: event.data.kind(),
                source: event.source.clone(),
                id: event.id.clone(),
                time: event.time,
                data: event.data.clone(),
            },
            registrant_offset: None,
            matched_at: self.now,
            retroactive: self.retroactive,
        }
    }
}
