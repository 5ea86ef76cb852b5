//! A match on its way into a case, and what the rules say of it there.

use super::case_facts::{self, Before, InRound};
use super::{Context, Now};
use crate::core::case::{Case, Dropped, Evidence, Happening, IdHash};
use crate::core::event::EventKind;
use crate::core::matched::Match;
use crate::core::rules::{Facts, Verdict, age_s};

/// A match, and what is asked of it again and again.
pub(super) struct Arrival<'i> {
    pub matched: &'i Match<'i>,
    pub traceparent: Option<&'i str>,
    /// The piece of evidence as its event tells it.
    pub piece: Evidence,
    /// Identifies the piece.
    pub key: IdHash,
    /// Identifies the event.
    pub event: IdHash,
    /// Identifies the transfer, if it is one that must be told.
    pub transfer: Option<IdHash>,
}

impl<'i> Arrival<'i> {
    pub fn of(matched: &'i Match<'i>, traceparent: Option<&'i str>) -> Self {
        let event = &matched.event;
        let piece = Evidence::of(event);
        Arrival {
            matched,
            traceparent,
            key: piece.key(),
            event: IdHash::of(&[&event.source, &event.id]),
            transfer: (piece.kind() == EventKind::Transfer)
                .then(|| IdHash::of(&[&event.source, event.data.piece_id()])),
            piece,
        }
    }

    /// What the rules say of it in this case.
    pub fn judge<'r>(
        &self,
        case: Option<&Case>,
        before: Before,
        round: InRound,
        now: Now,
        cx: &Context<'r>,
    ) -> Verdict<'r> {
        let age = age_s(self.matched.event.time, now.record);
        let facts = case_facts::of(case, before, &self.piece, self.key, round);
        cx.rules.evaluate(&Facts::new(self.matched, age, cx.settings.calling_code, facts))
    }

    /// The fraud type its source suspects.
    pub fn fraud_type(&self) -> Option<String> {
        let suspicion = self.matched.event.data.suspicion()?;
        suspicion.fraud_type.as_deref().map(crate::core::case::short_id)
    }
}

/// Level and score of a new round are those of the event that starts it.
pub(super) fn start_score(case: &mut Case, arrival: &Arrival<'_>, verdict: &Verdict<'_>) {
    case.level = verdict.level;
    case.score = verdict.score;
    case.reasons = verdict.held.iter().map(|rule| (*rule).into()).collect();
    case.fraud_type = arrival.fraud_type().or(case.fraud_type.take());
}

/// Takes the event's score and level where they are higher; true if the level rose.
pub(super) fn rise(
    case: &mut Case,
    arrival: &Arrival<'_>,
    verdict: &Verdict<'_>,
    now: Now,
    cx: &Context<'_>,
    dropped: &mut Dropped,
) -> bool {
    if verdict.score > case.score {
        case.score = verdict.score;
        case.reasons = verdict.held.iter().map(|rule| (*rule).into()).collect();
        case.fraud_type = arrival.fraud_type().or(case.fraud_type.take());
    } else if case.fraud_type.is_none() {
        case.fraud_type = arrival.fraud_type();
    }
    let rose = verdict.level > case.level;
    if rose {
        case.level = verdict.level;
        case.tighten(now.clock, cx.settings);
        case.happened(Happening::Raised, now.clock, None, None, dropped);
    }
    rose
}
