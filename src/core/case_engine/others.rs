//! What else can change a case: an urgent notification that could not be delivered, and the wish to be forgotten.

use serde::{Deserialize, Serialize};

use super::dossier::Dossier;
use super::warn;
use super::{Context, Disposition, Handled, Now};
use crate::core::case::{Happening, IdHash, State};
use crate::core::rules::Level;
use crate::core::warning::Cause;

/// A Delivery that says that an urgent notification cannot be delivered, for good (contract 10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedDelivery {
    /// The notification.
    pub notification_id: String,
    /// The warning it was of.
    pub warning_id: String,
    /// The case.
    pub case_id: String,
    /// Whose case; the key of the record.
    pub subject_id: String,
}

/// Handles a failed delivery.
///
/// Of all the notifications of one warning the first that fails escalates: if each did, a broken channel would double
/// the warnings from round to round.
pub(super) fn failed(dossier: &mut Dossier, delivery: &FailedDelivery, now: Now, cx: &Context<'_>) -> Handled {
    let place = dossier.find(&delivery.case_id);
    let Some(live) = place.and_then(|index| dossier.cases.get_mut(index)) else {
        return Handled::new(Disposition::Outdated);
    };
    let mut handled = Handled::new(Disposition::Outdated);
    handled.case_id = Some(delivery.case_id.clone());
    let id = IdHash::of(&["delivery", &delivery.warning_id]);
    if live.case().seen.follow_ups.contains(id) {
        handled.disposition = Disposition::Duplicate;
        return handled;
    }
    // Once the person is dissuaded or the money gone, nobody has to come running any more.
    let waits = !matches!(live.case().state, State::ReturnVisitDue | State::Closed);
    if !waits || live.case().level < Level::Urgent {
        return handled;
    }
    let case = live.edit();
    handled.disposition = Disposition::Escalated;
    handled.dropped.ids += u32::from(case.seen.follow_ups.push(id));
    handled.escalated_to = Some(case.escalate());
    case.happened(Happening::Escalated, now.clock, None, None, &mut handled.dropped);
    handled.warnings.push(warn::give(case, Cause::Escalated, None, now, cx));
    case.fit(&mut handled.dropped);
    handled
}

/// Handles an erasure: nothing personal stays of any case of the subject.
///
/// A stripped case is kept as a closed one is, though nobody can do anything about it any more: what opened it, sent
/// again, must not open a case of the same id, whose warnings would bear the ids of warnings already given.
pub(super) fn erase(dossier: &mut Dossier, now: Now, cx: &Context<'_>) -> Handled {
    let mut handled = Handled::new(Disposition::NothingToErase);
    for live in dossier.cases.iter_mut().filter(|live| !live.case().is_erased()) {
        let dropped = &mut handled.dropped;
        live.edit().erase(now.clock, cx.settings, dropped);
        handled.erased += 1;
        handled.disposition = Disposition::Erased;
    }
    handled
}
