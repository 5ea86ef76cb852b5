//! What a match does to the cases of its subject (contract 7: Evidence, Cause, Reopening, Rounds).

use chrono::TimeDelta;

use super::arrival::{Arrival, rise, start_score};
use super::case_facts::{Before, InRound};
use super::dossier::{Dossier, Live};
use super::warn::{self, Origin};
use super::{Context, Disposition, Handled, Now};
use crate::core::case::{Case, Dropped, Happening, Outcome, Round, SeenIds, State};
use crate::core::event::EventKind;
use crate::core::rules::Verdict;
use crate::core::warning::{Cause, Reason};

/// How an event stands to the newest case of its subject.
enum Standing {
    /// The case is being handled: the event belongs to it.
    Handled,
    /// The event would open it again.
    Reopens,
    /// It was a false alarm: a call changes nothing about that.
    FalseAlarm,
    /// There is none, or it was closed too long ago.
    Past,
}

fn standing(dossier: &Dossier, arrival: &Arrival<'_>, now: Now, cx: &Context<'_>) -> Standing {
    let Some((_, newest)) = dossier.newest() else {
        return Standing::Past;
    };
    // What was stripped does not come back: whatever is new begins anew.
    if newest.is_erased() {
        return Standing::Past;
    }
    if !newest.is_settled() {
        return Standing::Handled;
    }
    match newest.closed_at {
        Some(closed_at) if now.clock - closed_at > cx.settings.reopen_within => Standing::Past,
        _ if newest.outcome == Outcome::FalseAlarm && arrival.piece.kind() == EventKind::Call => Standing::FalseAlarm,
        _ => Standing::Reopens,
    }
}

/// What is known of the piece so far.
enum Known {
    /// A state of it that is later than the event.
    Later,
    /// An earlier state of it, or only that there was one.
    Earlier,
}

/// The case that holds the piece, the newest of several, and what it knows of it.
fn holder(dossier: &Dossier, arrival: &Arrival<'_>) -> Option<(usize, Known)> {
    dossier.newest_first().find_map(|(index, case)| {
        let known = if let Some(held) = case.evidence.iter().find(|held| held.same_piece(&arrival.piece)) {
            if arrival.piece.is_later_than(held) { Known::Earlier } else { Known::Later }
        } else if let Some(figure) = case.fallen.get(arrival.key) {
            if arrival.piece.at.timestamp_millis() >= figure.at { Known::Earlier } else { Known::Later }
        } else if arrival.transfer.is_some_and(|transfer| case.seen.transfers.contains(transfer)) {
            Known::Earlier
        } else {
            return None;
        };
        Some((index, known))
    })
}

/// Handles a match.
pub(super) fn handle(dossier: &mut Dossier, arrival: &Arrival<'_>, now: Now, cx: &Context<'_>) -> Handled {
    if dossier.has_seen_event(arrival.event) {
        return Handled::new(Disposition::Duplicate);
    }
    let untold = arrival.piece.must_be_told() && !arrival.transfer.is_some_and(|id| dossier.has_told(id));
    if let Some((index, known)) = holder(dossier, arrival) {
        let before = Before::of(dossier, Some(index));
        if let Some(live) = dossier.cases.get_mut(index) {
            let late = matches!(known, Known::Later);
            // First heard of as rejected, settled with the case, and now on its way after all: no case will tell it
            // any more unless it counts as new.
            let lost_otherwise = untold && !late && live.case().is_settled();
            if late {
                return take_older(live, arrival);
            } else if !lost_otherwise {
                return take_update(live, before, untold, arrival, now, cx);
            }
        }
    }
    take_new(dossier, untold, arrival, now, cx)
}

/// An event that is older than what is known of its piece changes nothing, but that the piece began earlier.
fn take_older(live: &mut Live, arrival: &Arrival<'_>) -> Handled {
    let mut handled = handled_in(live.case(), Disposition::Older);
    let case = live.edit();
    if let Some(held) = case.piece_mut(&arrival.piece) {
        held.began_at = held.began_at.min(arrival.piece.at);
    }
    remember(case, arrival, &mut handled.dropped);
    case.fit(&mut handled.dropped);
    handled
}

/// A later event of a piece that a case holds.
fn take_update(
    live: &mut Live,
    before: Before,
    untold: bool,
    arrival: &Arrival<'_>,
    now: Now,
    cx: &Context<'_>,
) -> Handled {
    let mut handled = handled_in(live.case(), Disposition::Folded);
    let verdict = arrival.piece.counts().then(|| arrival.judge(Some(live.case()), before, InRound::This, now, cx));
    let case = live.edit();
    put(case, arrival, now, &mut handled.dropped);
    match verdict {
        None => handled.disposition = Disposition::Unscored,
        Some(verdict) => {
            note_errors(&mut handled, &verdict);
            // A case that is settled has no warnings to give, so its level must not rise unseen either.
            if !case.is_settled() {
                let rose = rise(case, arrival, &verdict, now, cx, &mut handled.dropped);
                let cause = if rose { Some(Cause::Raised) } else { untold.then_some(Cause::Transfer) };
                tell(case, cause, arrival, &verdict, now, cx, &mut handled);
            }
        }
    }
    finish(case, &mut handled);
    handled
}

/// An event of a call or transfer that no case holds.
fn take_new(dossier: &mut Dossier, untold: bool, arrival: &Arrival<'_>, now: Now, cx: &Context<'_>) -> Handled {
    let standing = standing(dossier, arrival, now, cx);
    let newest = dossier.newest().map(|(index, _)| index);
    let before = Before::of(dossier, newest);
    let counts = arrival.piece.counts();
    match (standing, dossier.cases.last_mut()) {
        (Standing::Handled, Some(live)) => {
            let verdict = counts.then(|| arrival.judge(Some(live.case()), before, InRound::This, now, cx));
            add_to_handled(live.edit(), untold, verdict.as_ref(), arrival, now, cx)
        }
        // Kept in a settled case it could never be told if it came to something after all.
        _ if !counts => Handled::new(Disposition::Unscored),
        (Standing::FalseAlarm, Some(live)) => {
            let mut handled = handled_in(live.case(), Disposition::Folded);
            let case = live.edit();
            case.evidence_count += 1;
            put(case, arrival, now, &mut handled.dropped);
            finish(case, &mut handled);
            handled
        }
        (Standing::Reopens, Some(live)) => {
            let verdict = arrival.judge(Some(live.case()), before, InRound::Next, now, cx);
            if verdict.score < cx.settings.open_at {
                return below(&verdict);
            }
            reopen(live.edit(), &verdict, arrival, now, cx)
        }
        (Standing::Past | Standing::Handled | Standing::FalseAlarm | Standing::Reopens, _) => {
            open(dossier, arrival, now, cx)
        }
    }
}

/// New evidence in a case that is being handled.
fn add_to_handled(
    case: &mut Case,
    untold: bool,
    verdict: Option<&Verdict<'_>>,
    arrival: &Arrival<'_>,
    now: Now,
    cx: &Context<'_>,
) -> Handled {
    let mut handled = handled_in(case, Disposition::Unscored);
    case.evidence_count += 1;
    put(case, arrival, now, &mut handled.dropped);
    if let Some(verdict) = verdict {
        note_errors(&mut handled, verdict);
        let rose = rise(case, arrival, verdict, now, cx, &mut handled.dropped);
        let quiet_for = case.last_warning_at.map_or(TimeDelta::MAX, |last| now.clock - last);
        let cause = if rose {
            Some(Cause::Raised)
        } else if untold {
            Some(Cause::Transfer)
        } else {
            (quiet_for >= cx.settings.repeat_after.of(case.level)).then_some(Cause::Repeated)
        };
        tell(case, cause, arrival, verdict, now, cx, &mut handled);
    }
    finish(case, &mut handled);
    handled
}

fn reopen(case: &mut Case, verdict: &Verdict<'_>, arrival: &Arrival<'_>, now: Now, cx: &Context<'_>) -> Handled {
    let mut handled = handled_in(case, Disposition::Reopened);
    note_errors(&mut handled, verdict);
    let was_elsewhere = case.outcome == Outcome::Transferred;
    case.next_round(now.clock, &mut handled.dropped);
    case.evidence_count += 1;
    put(case, arrival, now, &mut handled.dropped);
    if was_elsewhere {
        case.area.clone_from(&case.subject.area);
    }
    start_score(case, arrival, verdict);
    case.arm_round(now.clock, cx.settings);
    case.happened(Happening::Reopened, now.clock, None, None, &mut handled.dropped);
    tell(case, Some(Cause::Reopened), arrival, verdict, now, cx, &mut handled);
    finish(case, &mut handled);
    handled
}

fn open(dossier: &mut Dossier, arrival: &Arrival<'_>, now: Now, cx: &Context<'_>) -> Handled {
    let matched = arrival.matched;
    let case_id = Case::id_of(&matched.subject_id, &matched.event.source, &matched.event.id);
    if dossier.find(&case_id).is_some() {
        return Handled::new(Disposition::CaseExists);
    }
    let verdict = arrival.judge(None, Before::of(dossier, None), InRound::This, now, cx);
    if verdict.score < cx.settings.open_at {
        return below(&verdict);
    }
    let mut case = Case {
        case_id,
        subject_id: matched.subject_id.to_string(),
        programme: matched.programme,
        subject: (&matched.subject.0).into(),
        trusted_contacts: Vec::new(),
        state: State::Open,
        outcome: Outcome::None,
        level: verdict.level,
        score: verdict.score,
        fraud_type: None,
        area: None,
        step: 1,
        opened_at: now.clock,
        updated_at: now.clock,
        closed_at: None,
        respond_by: None,
        next_deadline_at: None,
        sequence: 0,
        evidence_count: 1,
        evidence: Vec::new(),
        follow_ups: Vec::new(),
        return_visits: Vec::new(),
        history: Vec::new(),
        ordinal: 0,
        registrant_offset: None,
        last_warning_at: None,
        reasons: Vec::new(),
        round: Round { number: 1, started_at: now.clock, ..Round::default() },
        deadlines: Default::default(),
        dissuaded_before: false,
        refused_before: false,
        fallen: Default::default(),
        seen: SeenIds::default(),
        erased: None,
    };
    let mut handled = handled_in(&case, Disposition::Opened);
    note_errors(&mut handled, &verdict);
    put(&mut case, arrival, now, &mut handled.dropped);
    case.area.clone_from(&case.subject.area);
    start_score(&mut case, arrival, &verdict);
    case.arm_round(now.clock, cx.settings);
    case.happened(Happening::Opened, now.clock, None, None, &mut handled.dropped);
    tell(&mut case, Some(Cause::Opened), arrival, &verdict, now, cx, &mut handled);
    finish(&mut case, &mut handled);
    dossier.open(case);
    handled
}

fn handled_in(case: &Case, disposition: Disposition) -> Handled {
    Handled { case_id: Some(case.case_id.clone()), ..Handled::new(disposition) }
}

fn below(verdict: &Verdict<'_>) -> Handled {
    let mut handled = Handled::new(Disposition::BelowOpenAt);
    note_errors(&mut handled, verdict);
    handled
}

fn note_errors(handled: &mut Handled, verdict: &Verdict<'_>) {
    handled.rule_errors.extend(verdict.failed.iter().map(|rule| (*rule).to_owned()));
}

fn remember(case: &mut Case, arrival: &Arrival<'_>, dropped: &mut Dropped) {
    dropped.ids += u32::from(case.seen.events.push(arrival.event));
}

/// Puts the piece into the case, in its place, and brings what the case knows of the people up to date.
fn put(case: &mut Case, arrival: &Arrival<'_>, now: Now, dropped: &mut Dropped) {
    let mut piece = arrival.piece.clone();
    if let Some(held) = case.piece_mut(&piece) {
        piece.began_at = piece.began_at.min(held.began_at);
    } else if let Some(began_at) = case.fallen.get(arrival.key).map(|figure| figure.began_at) {
        piece.began_at = piece.began_at.min(crate::core::time::from_millis(began_at).with_timezone(piece.at.offset()));
    }
    case.put_piece(piece, dropped);
    remember(case, arrival, dropped);
    // A match that waited long may come after one that knows the people better.
    if arrival.matched.registrant_offset >= case.registrant_offset {
        case.registrant_offset = arrival.matched.registrant_offset;
        case.know(&arrival.matched.subject, &arrival.matched.trusted_contacts, dropped);
    }
    case.updated_at = now.clock;
}

/// Gives the warning, if there is a cause for one, and says what became of the match.
fn tell(
    case: &mut Case,
    cause: Option<Cause>,
    arrival: &Arrival<'_>,
    verdict: &Verdict<'_>,
    now: Now,
    cx: &Context<'_>,
    handled: &mut Handled,
) {
    handled.disposition = match cause {
        None => Disposition::Folded,
        Some(Cause::Opened) => Disposition::Opened,
        Some(Cause::Reopened) => Disposition::Reopened,
        Some(Cause::Raised) => Disposition::Raised,
        Some(Cause::Transfer) => Disposition::Transfer,
        Some(Cause::Repeated | Cause::Escalated | Cause::Reassigned) => Disposition::Repeated,
    };
    let Some(cause) = cause else {
        return;
    };
    if let Some(transfer) = arrival.transfer
        && arrival.piece.must_be_told()
        && !case.seen.transfers.contains(transfer)
    {
        handled.dropped.ids += u32::from(case.seen.transfers.push(transfer));
    }
    let origin = Origin {
        piece: &arrival.piece,
        reasons: verdict.held.iter().map(|rule| Reason::from(*rule)).collect(),
        retroactive: arrival.matched.retroactive,
        traceparent: arrival.traceparent,
    };
    handled.warnings.push(warn::give(case, cause, Some(origin), now, cx));
}

fn finish(case: &mut Case, handled: &mut Handled) {
    case.settle();
    case.fit(&mut handled.dropped);
}
