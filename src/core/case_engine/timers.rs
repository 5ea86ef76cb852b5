//! What the passing of time does to a case (contract 7, Clocks and Deadlines).

use chrono::{DateTime, Utc};

use super::dossier::Dossier;
use super::keys::CaseKey;
use super::warn;
use super::{Context, Disposition, Handled, Now};
use crate::core::case::{Case, Happening, Missed, State};
use crate::core::warning::Cause;

impl Case {
    /// Goes one step up, the last one repeating; the step it is at then.
    pub(super) fn escalate(&mut self) -> u8 {
        /// The anti-fraud centre.
        const LAST_STEP: u8 = 3;
        self.step = self.step.saturating_add(1).min(LAST_STEP);
        self.step
    }
}

/// Fires the timer of a case that stood at `due`.
pub(super) fn fire(dossier: &mut Dossier, case: CaseKey, due: DateTime<Utc>, now: Now, cx: &Context<'_>) -> Handled {
    let mut handled = Handled::new(Disposition::Rearmed);
    let Some((index, live)) = dossier.find_key(case).and_then(|index| Some((index, dossier.cases.get_mut(index)?)))
    else {
        return handled;
    };
    handled.case_id = Some(live.case().case_id.clone());
    let case = live.edit();
    let before = case.state;
    match case.miss(due, now.clock, cx.settings) {
        Missed::Nothing => {}
        Missed::Leaves => {
            dossier.leave(index, now.clock, cx);
            handled.disposition = Disposition::Left;
            handled.archived = 1;
            return handled;
        }
        Missed::Escalates => {
            if before == State::Acknowledged && case.state == State::Open {
                case.happened(Happening::Lapsed, now.clock, None, None, &mut handled.dropped);
            }
            handled.disposition = Disposition::Escalated;
            handled.escalated_to = Some(case.escalate());
            case.happened(Happening::Escalated, now.clock, None, None, &mut handled.dropped);
            handled.warnings.push(warn::give(case, Cause::Escalated, None, now, cx));
        }
    }
    case.settle();
    case.fit(&mut handled.dropped);
    handled
}
