//! Who is told with a warning beside the officers, and in what words (contract 2, 7 and 10).
//!
//! * The person at risk: if an event caused the warning and is not old, if they consented, if they are no minor.
//! * Instead of a minor: each guardian who consented.
//! * The other trusted contacts who consented: once a contact of the round has not reached and as long as none has,
//!   whatever causes the warning, for it is not the event that they must know of.
//! * Instead of a contact or guardian who is a minor: each of their own guardians who consented.
//!
//! Each of them at most once a round and level; a new transfer always passes.

use chrono::TimeDelta;

use super::officer_text::is_live;
use super::{Context, Now};
use crate::core::case::{Case, Contact, Evidence, What};
use crate::core::event::{EventKind, EventTime};
use crate::core::message::{Caller, Happened, Recipient, Scene};
use crate::core::rules::{Level, SuspectFacts, age_s};
use crate::core::warning::{Cause, PersonalMessage, ResidentMessage};

/// The age of an event, seconds, from which on the person at risk is not told any more (contract 7).
pub(super) const TOLD_WITHIN_S: u64 = 1_800;

/// Writes the texts, and notes in the round who was told at what level.
pub(super) fn write(
    case: &mut Case,
    cause: Cause,
    first: Option<&Evidence>,
    now: Now,
    cx: &Context<'_>,
) -> Vec<PersonalMessage> {
    let passes = |told: Option<Level>| cause == Cause::Transfer || told < Some(case.level);
    let fresh = first.filter(|piece| age_s(piece.at, now.record) < TOLD_WITHIN_S);
    let happened = fresh.map(|piece| happened(case, piece, now, cx));
    let scene = Scene { cause, happened, fraud_type: case.fraud_type.as_deref() };
    let text = |recipient| cx.templates.write(recipient, case.subject.language.as_deref(), &scene);
    let mut messages = Vec::new();
    if happened.is_some() && passes(case.round.resident_told) {
        if case.subject.minor {
            let guardians = case.trusted_contacts.iter().filter(|contact| contact.guardian);
            messages.extend(to_contacts(guardians, Recipient::Guardian, text(Recipient::Guardian)));
        } else if case.subject.consented {
            messages.extend(text(Recipient::Resident).map(|message| PersonalMessage {
                recipient: Recipient::Resident,
                person_id: case.subject_id.clone(),
                phone: case.subject.phone.clone(),
                message,
            }));
        }
    }
    let residents = messages.len();
    let unreached = case.round.missed_contact && case.round.reached_at.is_none();
    if unreached && passes(case.round.contacts_told) {
        let others = case.trusted_contacts.iter().filter(|contact| !(case.subject.minor && contact.guardian));
        messages.extend(to_contacts(others, Recipient::TrustedContact, text(Recipient::TrustedContact)));
    }
    if residents > 0 {
        case.round.resident_told = Some(case.level);
    }
    if messages.len() > residents {
        case.round.contacts_told = Some(case.level);
    }
    messages
}

/// What stands in `messages.resident`: the text for the person at risk themselves.
pub(super) fn residents(messages: &[PersonalMessage]) -> Option<ResidentMessage> {
    messages.iter().find(|message| message.recipient == Recipient::Resident).map(|message| message.message.clone())
}

fn to_contacts<'c>(
    contacts: impl Iterator<Item = &'c Contact>,
    recipient: Recipient,
    text: Option<ResidentMessage>,
) -> impl Iterator<Item = PersonalMessage> {
    contacts.flat_map(may_be_told).filter_map(move |(person_id, phone)| {
        Some(PersonalMessage { recipient, person_id: person_id.clone(), phone: phone.clone(), message: text.clone()? })
    })
}

/// Id and phone of who may be told for a contact: the contact, or instead of a minor the guardians, who consented.
fn may_be_told(contact: &Contact) -> impl Iterator<Item = (&String, &Option<String>)> {
    let oneself = (contact.consented && !contact.minor).then_some((&contact.person_id, &contact.phone));
    let guardians = contact.guardians.iter().filter(|_| contact.minor);
    oneself.into_iter().chain(guardians.map(|guardian| (&guardian.person_id, &guardian.phone)))
}

/// The event as the texts may tell it.
fn happened(case: &Case, piece: &Evidence, now: Now, cx: &Context<'_>) -> Happened {
    // The case knows of the first event of a piece, the piece at hand only of its own.
    let held = case.evidence.iter().find(|held| held.same_piece(piece));
    let began_at = held.map_or(piece.began_at, |held| held.began_at.min(piece.began_at));
    match &piece.what {
        What::Transfer { .. } => {
            Happened { kind: EventKind::Transfer, began_at, caller: Caller::Plain, live: false, minutes: None }
        }
        What::Call { duration_s, .. } => {
            let suspect = SuspectFacts::of(&piece.counterparty, cx.settings.calling_code);
            Happened {
                kind: EventKind::Call,
                began_at: duration_s.map_or(began_at, |seconds| began_at.min(earlier(piece.at, seconds))),
                caller: match (suspect.withheld, suspect.overseas) {
                    (Some(true), _) => Caller::Withheld,
                    (_, Some(true)) => Caller::Overseas,
                    _ => Caller::Plain,
                },
                live: is_live(piece, now.record),
                minutes: duration_s.and_then(whole_minutes),
            }
        }
    }
}

/// The longest call a text gives the minutes of: what lasts longer is some error.
const DAY_S: u64 = 24 * 3600;

fn whole_minutes(seconds: u64) -> Option<u16> {
    u16::try_from(seconds / 60).ok().filter(|minutes| *minutes > 0 && seconds < DAY_S)
}

fn earlier(moment: EventTime, seconds: u64) -> EventTime {
    let seconds = i64::try_from(seconds).unwrap_or_default();
    let by = if seconds < DAY_S as i64 { TimeDelta::seconds(seconds) } else { TimeDelta::zero() };
    moment.checked_sub_signed(by).unwrap_or(moment)
}
