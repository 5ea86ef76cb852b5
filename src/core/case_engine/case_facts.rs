//! What the rules can ask about the case of an event (contract 6).

use std::collections::HashSet;

use super::dossier::Dossier;
use crate::core::case::{Case, Evidence, Figure, IdHash, WINDOW, What, currency_tag};
use crate::core::event::EventKind;
use crate::core::rules::CaseFacts;

/// What the subject's other cases say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    dissuaded: bool,
    refused: bool,
}

impl Before {
    /// What the kept cases but the one in this place say.
    pub fn of(dossier: &Dossier, but: Option<usize>) -> Self {
        dossier.newest_first().filter(|(index, _)| Some(*index) != but).fold(Before::default(), |before, (_, case)| {
            Before {
                dissuaded: before.dissuaded || case.dissuaded_before || case.round.dissuaded,
                refused: before.refused || case.refused_before || case.round.refused,
            }
        })
    }
}

/// In which round an event is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InRound {
    /// In the one that runs.
    This,
    /// In one that it would start: what was counted in the one before is not of this round.
    Next,
}

/// The variable `case` for an event that makes `piece` what it is, scored in `case`.
pub(super) fn of(case: Option<&Case>, before: Before, piece: &Evidence, key: IdHash, round: InRound) -> CaseFacts {
    let mut facts =
        CaseFacts { dissuaded_before: before.dissuaded, refused_before: before.refused, ..CaseFacts::default() };
    if let Some(case) = case {
        facts.state = Some(case.state.as_str());
        facts.level = Some(case.level);
        facts.dissuaded_before |= case.dissuaded_before;
        facts.refused_before |= case.refused_before;
        match round {
            InRound::This => {
                facts.contacts = case.round.contacts.into();
                facts.warnings = case.round.warnings.into();
                facts.line_busy = case.round.line_busy;
            }
            InRound::Next => {
                facts.dissuaded_before |= case.round.dissuaded;
                facts.refused_before |= case.round.refused;
            }
        }
    }
    windows(&mut facts, case, piece, key);
    facts
}

/// Fills in what lies within (event time − 2 h, event time]: each call and transfer once, in its latest state.
fn windows(facts: &mut CaseFacts, case: Option<&Case>, piece: &Evidence, key: IdHash) {
    let until = piece.at;
    let from = until - WINDOW;
    let (until_ms, from_ms) = (until.timestamp_millis(), from.timestamp_millis());
    let held = case.map(|case| case.evidence.iter()).into_iter().flatten();
    let fallen = case.map(|case| case.fallen.without(key)).into_iter().flatten();
    let mut within: Vec<Figure> = held
        .filter(|other| other.counts() && other.at > from && !other.same_piece(piece))
        .map(Figure::of)
        .chain(fallen.filter(|figure| figure.at > from_ms))
        .chain(piece.counts().then(|| Figure::of(piece)))
        .collect();
    // A bank may be slower than an operator: a call that is told to last on after the transfer began before it all the
    // same, and that the two belong together is what an officer must know first.
    let first_call = within.iter().filter(|figure| figure.kind == EventKind::Call).map(|call| call.began_at).min();
    within.retain(|figure| figure.at <= until_ms);
    within.sort_by_key(|figure| (figure.at, figure.began_at));

    let of_kind = |kind| within.iter().filter(move |figure| figure.kind == kind);
    facts.calls_2h = of_kind(EventKind::Call).count() as u64;
    facts.transfers_2h = of_kind(EventKind::Transfer).count() as u64;
    facts.payees_2h = of_kind(EventKind::Transfer).map(|figure| figure.payee).collect::<HashSet<_>>().len() as u64;
    let last_transfer = of_kind(EventKind::Transfer).map(|figure| figure.at).max();
    facts.call_before_transfer_2h = last_transfer.zip(first_call).is_some_and(|(transfer, call)| call < transfer);

    // A call has no currency, and amounts count only in the event's.
    let What::Transfer { currency, .. } = &piece.what else {
        return;
    };
    let currency = currency_tag(currency);
    let amounts: Vec<u64> = of_kind(EventKind::Transfer)
        .filter(|figure| figure.currency == currency)
        .map(|figure| figure.amount_minor)
        .collect();
    facts.amount_2h_minor = amounts.iter().fold(0, |sum, amount| sum.saturating_add(*amount));
    facts.smallest_2h_minor = amounts.iter().copied().min();
    facts.rising_2h = amounts.len() >= 3 && amounts.is_sorted_by(|before, after| before < after);
}
