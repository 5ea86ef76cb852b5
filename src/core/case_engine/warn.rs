//! How a warning is made out of a case (contract 7, Warning).

use super::{Context, Now};
use super::{officer_text, personal};
use crate::core::case::{Case, Evidence, HeldRule};
use crate::core::directory::RouteQuery;
use crate::core::rules::Bilingual;
use crate::core::warning::{
    Assigned, Cause, MAX_WARNED_EVIDENCE, Messages, Reason, WarnedArea, WarnedSubject, Warning, mask_phone,
};

/// The event that caused a warning.
pub(super) struct Origin<'i> {
    /// The piece it told of.
    pub piece: &'i Evidence,
    /// The rules that held for it.
    pub reasons: Vec<Reason>,
    /// Whether the registration came after it.
    pub retroactive: bool,
    /// Its trace context.
    pub traceparent: Option<&'i str>,
}

/// Makes the next warning of a case, and counts it there.
pub(super) fn give(case: &mut Case, cause: Cause, origin: Option<Origin<'_>>, now: Now, cx: &Context<'_>) -> Warning {
    case.settle();
    case.sequence += 1;
    case.round.warnings = case.round.warnings.saturating_add(1);
    case.last_warning_at = Some(now.clock);
    case.updated_at = now.clock;
    let (reasons, piece, retroactive, traceparent) = match origin {
        Some(Origin { piece, reasons, retroactive, traceparent }) => {
            (reasons, Some(piece), retroactive, traceparent.map(str::to_owned))
        }
        None => (case.reasons.iter().map(|held| reason(held, cx)).collect(), None, false, None),
    };
    let area = case.area.as_deref().map(|code| WarnedArea { code: code.to_owned(), name: area_name(code, cx) });
    let personal = personal::write(case, cause, piece, now, cx);
    let (assigned, unowned) = assigned(case, now, cx);
    let officer = officer_text::write(case, cause, &reasons, area.as_ref(), now, cx);
    Warning {
        warning_id: format!("{}-{}", case.case_id, case.sequence),
        case_id: case.case_id.clone(),
        sequence: case.sequence,
        cause,
        programme: case.programme,
        level: case.level,
        score: case.score,
        reasons,
        fraud_type: case.fraud_type.clone(),
        subject: subject(case),
        trusted_contacts: case.trusted_contacts.clone(),
        area,
        assigned,
        unowned,
        respond_by: case.respond_by,
        evidence: evidence(case, piece),
        evidence_count: case.evidence_count,
        messages: Messages { resident: personal::residents(&personal), officer },
        rules_version: cx.rules.version().to_owned(),
        directory_version: cx.directory.version().to_owned(),
        event_time: piece.map(|piece| piece.at),
        published_at: now.wall,
        retroactive,
        personal,
        traceparent,
    }
}

/// Who is told, and whether nobody owns it. Those on duty when it goes out, not those of the record's time: a warning that
/// comes late must not reach somebody who has gone home.
fn assigned(case: &Case, now: Now, cx: &Context<'_>) -> (Vec<Assigned>, bool) {
    let route = cx.directory.route(&RouteQuery {
        area: case.area.as_deref(),
        workplace: case.subject.workplace.as_deref(),
        level: case.level,
        step: case.step,
        at: now.wall,
    });
    let assigned = route.people.iter().map(|routed| Assigned {
        person_id: routed.person.id.clone(),
        role: routed.person.role.as_str().to_owned(),
        step: routed.step,
    });
    (assigned.collect(), route.unowned)
}

/// A reason given before, in the words of the rules in force; a rule that is there no longer has only its id.
fn reason(held: &HeldRule, cx: &Context<'_>) -> Reason {
    let text = match cx.rules.rule(&held.rule) {
        Some(rule) => rule.reason().clone(),
        None => Bilingual { zh: held.rule.clone(), en: held.rule.clone() },
    };
    Reason { rule: held.rule.clone(), points: held.points, text }
}

pub(super) fn area_name(code: &str, cx: &Context<'_>) -> Bilingual {
    match cx.directory.areas().nearest(code) {
        Some(area) => area.name.clone(),
        None => Bilingual { zh: code.to_owned(), en: code.to_owned() },
    }
}

fn subject(case: &Case) -> WarnedSubject {
    let person = &case.subject;
    WarnedSubject {
        subject_id: case.subject_id.clone(),
        registrant_id: person.registrant_id.clone(),
        member_id: person.member_id.clone(),
        name: person.name.clone(),
        phone: person.phone.clone(),
        phone_masked: person.phone.as_deref().map(mask_phone),
        language: person.language.clone(),
        groups: person.groups.clone(),
    }
}

/// The piece that caused it first, then the others, the newest first.
fn evidence(case: &Case, first: Option<&Evidence>) -> Vec<Evidence> {
    let others = case.evidence.iter().filter(|other| !first.is_some_and(|first| first.same_piece(other)));
    first.into_iter().chain(others).take(MAX_WARNED_EVIDENCE).cloned().collect()
}
