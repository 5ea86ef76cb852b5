//! What a follow-up may do in which state: the table of contract 7, row by row.

use crate::core::case::{Case, Outcome, Role, State};

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Acknowledge,
    ContactThatReaches,
    ContactThatDoesNot,
    Dissuaded,
    Refused,
    Unreached,
    Loss,
    FalseAlarm,
    TransferWithin,
    TransferElsewhere,
    VisitNotInTouch,
    VisitStillInTouch,
    Close,
    Reopen,
    Note,
}

/// A cell of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    /// Not allowed.
    No,
    /// The state stays.
    Stays,
    /// The state becomes this one.
    To(State),
    /// The state becomes this one if the outcome is that one and a chief says so.
    ByChief(Outcome, State),
    /// The state becomes this one if the case is the subject's newest: there is at most one open case per subject.
    IfNewest(State),
    /// The state stays, or the case is closed after the last return visit.
    Visited,
}

/// What the conditions of the cells ask.
pub(super) struct Asked<'c> {
    pub case: &'c Case,
    pub by_role: Role,
    pub is_newest: bool,
}

const fn row(act: Act) -> [Cell; 6] {
    use Cell::{ByChief, IfNewest, No, Stays, To, Visited};
    use State::{Acknowledged, Closed, Contacting, Open, Reached, ReturnVisitDue};
    match act {
        //                        open                acknowledged        contacting          reached             return_visit_due    closed
        Act::Acknowledge => [To(Acknowledged), Stays, Stays, Stays, No, No],
        Act::ContactThatReaches => [To(Reached), To(Reached), To(Reached), Stays, Stays, No],
        Act::ContactThatDoesNot => [To(Contacting), To(Contacting), Stays, Stays, Stays, No],
        Act::Dissuaded => [No, No, No, To(ReturnVisitDue), No, No],
        Act::Refused => [No, No, No, Stays, No, No],
        Act::Unreached => [No, No, Stays, No, No, No],
        Act::Loss => [To(ReturnVisitDue), To(ReturnVisitDue), To(ReturnVisitDue), To(ReturnVisitDue), Stays, No],
        Act::FalseAlarm => [To(Closed), To(Closed), To(Closed), To(Closed), To(Closed), No],
        Act::TransferWithin => [To(Open), To(Open), To(Open), To(Open), To(Open), No],
        Act::TransferElsewhere => [To(Closed), To(Closed), To(Closed), To(Closed), To(Closed), No],
        Act::VisitNotInTouch => [No, No, No, No, Visited, No],
        Act::VisitStillInTouch => [No, No, No, No, To(Open), No],
        Act::Close => [No, No, ByChief(Outcome::Unreached, Closed), ByChief(Outcome::Refused, Closed), To(Closed), No],
        Act::Reopen => [No, No, No, No, To(Open), IfNewest(Open)],
        Act::Note => [Stays, Stays, Stays, Stays, Stays, Stays],
    }
}

/// The state after an act in this state; `None` if the act is not allowed.
pub(super) fn next(act: Act, state: State, asked: &Asked<'_>) -> Option<State> {
    let [open, acknowledged, contacting, reached, return_visit_due, closed] = row(act);
    let cell = match state {
        State::Open => open,
        State::Acknowledged => acknowledged,
        State::Contacting => contacting,
        State::Reached => reached,
        State::ReturnVisitDue => return_visit_due,
        State::Closed => closed,
    };
    match cell {
        Cell::No => None,
        Cell::Stays => Some(state),
        Cell::To(next) => Some(next),
        Cell::ByChief(outcome, next) => (asked.case.outcome == outcome && asked.by_role == Role::Chief).then_some(next),
        Cell::IfNewest(next) => asked.is_newest.then_some(next),
        Cell::Visited => {
            let open = asked.case.return_visits.iter().filter(|visit| visit.done_at.is_none()).count();
            Some(if open <= 1 { State::Closed } else { state })
        }
    }
}
