//! What a follow-up does to its case (contract 7 and 8).

use super::dossier::Dossier;
use super::officer_text::is_live;
use super::transitions::{Act, Asked, next};
use super::warn;
use super::{Context, Disposition, Handled, Now, Refusal};
use crate::core::case::{
    Action, Case, ContactMade, Deadlines, FollowUp, Happening, IdHash, Line, Outcome, OutcomeReported, State, later,
};
use crate::core::rules::Level;
use crate::core::warning::Cause;

/// Handles a follow-up.
pub(super) fn handle(dossier: &mut Dossier, follow_up: &FollowUp, now: Now, cx: &Context<'_>) -> Handled {
    // Of a case whose subject is forgotten nothing is left that anybody could do something about.
    let place = dossier.find(&follow_up.case_id).filter(|index| !dossier.is_erased(*index));
    let is_newest = place.is_some() && place == dossier.newest().map(|(index, _)| index);
    let id = IdHash::of(&[&follow_up.follow_up_id]);
    let was_done = dossier.has_done(id);
    let Some(live) = place.and_then(|index| dossier.cases.get_mut(index)) else {
        return Handled::new(Disposition::Refused(Refusal::UnknownCase));
    };
    if was_done {
        return in_case(live.case(), Disposition::Duplicate);
    }
    let asked = Asked { case: live.case(), by_role: follow_up.by_role, is_newest };
    if !is_allowed(&follow_up.action, &asked, cx) {
        return in_case(live.case(), Disposition::Refused(Refusal::InvalidTransition));
    }
    let case = live.edit();
    let mut handled = in_case(case, Disposition::FollowedUp);
    handled.dropped.ids += u32::from(case.seen.follow_ups.push(id));
    case.did(follow_up, &mut handled.dropped);
    case.updated_at = now.clock;
    Doing { case, by: &follow_up.officer_id, now, cx, handled: &mut handled }.act(&follow_up.action);
    case.settle();
    case.fit(&mut handled.dropped);
    handled
}

fn in_case(case: &Case, disposition: Disposition) -> Handled {
    Handled { case_id: Some(case.case_id.clone()), ..Handled::new(disposition) }
}

/// The rows of the table an action stands for: an outcome of a person whose identity was checked is a contact that
/// reaches, and then the outcome.
fn acts(action: &Action, cx: &Context<'_>) -> (Option<Act>, Act) {
    match action {
        Action::Acknowledge => (None, Act::Acknowledge),
        Action::Contact(contact) if contact.reaches() => (None, Act::ContactThatReaches),
        Action::Contact(_) => (None, Act::ContactThatDoesNot),
        Action::Outcome(reported) => {
            let act = match reported.outcome {
                Outcome::Dissuaded => Act::Dissuaded,
                Outcome::Refused => Act::Refused,
                Outcome::Unreached => Act::Unreached,
                Outcome::Loss => Act::Loss,
                Outcome::FalseAlarm => Act::FalseAlarm,
                // Neither can be reported; a note changes nothing.
                Outcome::None | Outcome::Transferred => Act::Note,
            };
            (reported.identity_checked.then_some(Act::ContactThatReaches), act)
        }
        Action::TransferUnit { area } if cx.directory.areas().contains(area) => (None, Act::TransferWithin),
        Action::TransferUnit { .. } => (None, Act::TransferElsewhere),
        Action::ReturnVisit { still_in_touch: false } => (None, Act::VisitNotInTouch),
        Action::ReturnVisit { still_in_touch: true } => (None, Act::VisitStillInTouch),
        Action::Note { .. } => (None, Act::Note),
        Action::Close => (None, Act::Close),
        Action::Reopen => (None, Act::Reopen),
    }
}

/// Whether the table allows all that the action stands for.
fn is_allowed(action: &Action, asked: &Asked<'_>, cx: &Context<'_>) -> bool {
    let (contact, act) = acts(action, cx);
    let state = match contact {
        Some(contact) => next(contact, asked.case.state, asked),
        None => Some(asked.case.state),
    };
    state.and_then(|state| next(act, state, asked)).is_some()
}

/// A follow-up being carried out; it is allowed.
struct Doing<'d, 'c> {
    case: &'d mut Case,
    by: &'d str,
    now: Now,
    cx: &'d Context<'c>,
    handled: &'d mut Handled,
}

impl Doing<'_, '_> {
    fn act(&mut self, action: &Action) {
        match action {
            Action::Acknowledge => self.acknowledge(),
            Action::Contact(contact) => self.contact(contact),
            Action::Outcome(reported) => self.outcome(reported),
            Action::TransferUnit { area } if self.cx.directory.areas().contains(area) => {
                self.start_round(Happening::Reassigned, Cause::Reassigned, Some(area));
            }
            Action::TransferUnit { area } => {
                self.case.outcome = Outcome::Transferred;
                self.close(Some(area));
            }
            Action::ReturnVisit { still_in_touch } => self.return_visit(*still_in_touch),
            Action::Close => self.close(None),
            Action::Reopen => self.start_round(Happening::Reopened, Cause::Reopened, None),
            Action::Note { .. } => {}
        }
    }

    fn happened(&mut self, what: Happening, area: Option<&str>) {
        self.case.happened(what, self.now.clock, Some(self.by), area, &mut self.handled.dropped);
    }

    fn warn(&mut self, cause: Cause) {
        self.handled.warnings.push(warn::give(self.case, cause, None, self.now, self.cx));
    }

    fn escalate(&mut self) {
        self.handled.escalated_to = Some(self.case.escalate());
        self.happened(Happening::Escalated, None);
        self.warn(Cause::Escalated);
    }

    /// Somebody does something about the case: until a lapse nobody else need take it on in this round.
    fn taken_on(&mut self) {
        self.case.deadlines.acknowledge = None;
        let round = &mut self.case.round;
        if round.acknowledged_at.is_none() {
            round.acknowledged_at = Some(self.now.clock);
            self.handled.acknowledged_after = Some((self.case.level, self.now.clock - round.started_at));
        }
    }

    fn acknowledge(&mut self) {
        self.taken_on();
        self.case.round.holder = Some(crate::core::case::short_id(self.by));
        if matches!(self.case.state, State::Open | State::Acknowledged) {
            self.case.state = State::Acknowledged;
            let expires = self.cx.settings.acknowledge_expires.of(self.case.level);
            self.case.deadlines.lapse = Some(later(self.now.clock, expires));
        }
        self.happened(Happening::Acknowledged, None);
    }

    fn contact(&mut self, contact: &ContactMade) {
        if contact.reaches() {
            self.reach();
        } else {
            self.contacted();
            self.case.round.missed_contact = true;
            if matches!(self.case.state, State::Open | State::Acknowledged) {
                self.case.state = State::Contacting;
            }
            self.happened(Happening::Contacting, None);
        }
        if contact.line == Some(Line::Busy) {
            self.busy();
        }
    }

    fn contacted(&mut self) {
        self.taken_on();
        self.case.deadlines.lapse = None;
        self.case.round.contacts = self.case.round.contacts.saturating_add(1);
    }

    fn reach(&mut self) {
        self.contacted();
        let case = &mut *self.case;
        if case.outcome == Outcome::Unreached {
            case.outcome = Outcome::None;
        }
        if matches!(case.state, State::Open | State::Acknowledged | State::Contacting) {
            case.state = State::Reached;
            let within = self.cx.settings.reach_within.of(case.level);
            case.deadlines = Deadlines { outcome: Some(later(self.now.clock, within)), ..Deadlines::default() };
        }
        if case.round.reached_at.is_none() {
            case.round.reached_at = Some(self.now.clock);
            self.handled.reached_after = Some((case.level, self.now.clock - case.round.started_at));
        }
        self.happened(Happening::Reached, None);
    }

    /// The line is busy: if the suspect may be on it, nothing is more urgent.
    fn busy(&mut self) {
        self.case.round.line_busy = true;
        let live = self.case.evidence.iter().any(|piece| is_live(piece, self.now.clock));
        if live && self.case.level < Level::Urgent {
            self.case.level = Level::Urgent;
            self.case.tighten(self.now.clock, self.cx.settings);
            self.happened(Happening::Raised, None);
            self.warn(Cause::Raised);
        }
    }

    fn outcome(&mut self, reported: &OutcomeReported) {
        if reported.identity_checked {
            self.reach();
        }
        self.taken_on();
        self.case.outcome = reported.outcome;
        match reported.outcome {
            Outcome::Dissuaded | Outcome::Loss => {
                self.case.round.dissuaded |= reported.outcome == Outcome::Dissuaded;
                if self.case.state != State::ReturnVisitDue {
                    self.case.state = State::ReturnVisitDue;
                    self.case.deadlines = Deadlines::default();
                    self.case.plan_return_visits(self.now.clock);
                }
                self.happened(Happening::Outcome, None);
            }
            Outcome::Refused | Outcome::Unreached => {
                self.case.round.refused |= reported.outcome == Outcome::Refused;
                self.happened(Happening::Outcome, None);
                self.escalate();
            }
            Outcome::FalseAlarm => {
                self.happened(Happening::Outcome, None);
                self.close(None);
            }
            Outcome::None | Outcome::Transferred => {}
        }
    }

    fn return_visit(&mut self, still_in_touch: bool) {
        if still_in_touch {
            self.happened(Happening::Visited, None);
            self.start_round(Happening::Reopened, Cause::Reopened, None);
            return;
        }
        let clock = self.now.clock;
        if let Some(visit) = self.case.next_visit() {
            visit.done_at = Some(clock);
        }
        self.happened(Happening::Visited, None);
        if self.case.next_visit().is_none() {
            self.close(None);
        }
    }

    fn close(&mut self, area: Option<&str>) {
        self.case.close(self.now.clock, self.cx.settings);
        self.happened(Happening::Closed, area);
    }

    /// Level and score stay as they were, for there is no new evidence.
    fn start_round(&mut self, what: Happening, cause: Cause, area: Option<&str>) {
        self.case.next_round(self.now.clock, &mut self.handled.dropped);
        if let Some(area) = area {
            self.case.area = Some(crate::core::case::short_id(area));
        }
        self.case.arm_round(self.now.clock, self.cx.settings);
        self.happened(what, area);
        self.warn(cause);
    }
}
