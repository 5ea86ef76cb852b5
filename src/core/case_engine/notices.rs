//! Which notifications a warning, and the closing of a case, give (contract 10).
//!
//! * Everybody assigned: one by each destination of theirs.
//! * The public, as [`super::personal`] has written to them: one by each destination for residents.
//! * The destinations that show a case until it is closed: one to the centre, and another when it closes. Where nobody
//!   at all is assigned, the default ones get it for the centre too, so that it is not lost.
//!
//! Urgent, so that a failure escalates, are those of an urgent case to the people who came in by the latest step. Those
//! told before have heard of it before, and the public can neither be escalated to nor from. At the last step none is:
//! there is nobody left to turn to, and each failure would give another warning that fails.

use std::collections::HashSet;

use chrono::TimeDelta;

use super::warn::area_name;
use super::{Context, Now, Outlet};
use crate::core::case::{Case, Outcome};
use crate::core::directory::{LAST_STEP, Person};
use crate::core::message::Recipient as Addressee;
use crate::core::notification::{Channel, Notification, Recipient, RecipientKind};
use crate::core::rules::{Bilingual, Level};
use crate::core::warning::{Assigned, PersonalMessage, WarnedArea, Warning, mask_name};

/// How long a text to the person at risk, or to a minor's guardian, is worth sending: as long as an event is worth
/// telling them of (contract 7).
const PUBLIC_WITHIN: TimeDelta = TimeDelta::seconds(super::personal::TOLD_WITHIN_S as i64);

/// The language of whoever reads for the centre.
const CENTRE_LANGUAGE: &str = "zh";

/// What stands for the centre in ids, with its warnings and with the closing of the case.
const CENTRE: &str = "centre";
const CENTRE_CLOSED: &str = "centre:closed";

/// The notifications of a warning of a case that is at this step.
pub(super) fn of_warning(warning: &Warning, step: u8, cx: &Context<'_>) -> Vec<Notification> {
    let writer = Writer { warning, cx, title: title(warning, cx), subject_masked: subject_masked(warning) };
    let mut written = Vec::new();
    let latest = warning.assigned.iter().map(|assigned| assigned.step).max();
    for assigned in &warning.assigned {
        let Some(person) = cx.directory.people().get(&assigned.person_id) else { continue };
        let urgent = warning.level == Level::Urgent && step < LAST_STEP && Some(assigned.step) == latest;
        let outlets = cx.outlets.of_person(person);
        written.extend(outlets.iter().map(|outlet| writer.to_person(person, assigned, outlet, urgent)));
    }
    let nobody = written.is_empty();
    for message in &warning.personal {
        written.extend(cx.outlets.residents().iter().map(|outlet| writer.to_public(message, outlet)));
    }
    let mut centre: Vec<&Outlet> = cx.outlets.alerts().iter().collect();
    if nobody {
        centre.extend(cx.outlets.fallback());
    }
    let mut told = HashSet::new();
    centre.retain(|outlet| told.insert(outlet.name.as_str()));
    written.extend(centre.into_iter().map(|outlet| writer.to_centre(outlet)));
    written
}

/// What says that a case is closed to those that show it. Nothing in it is of the person at risk: they may have asked
/// to be forgotten.
pub(super) fn of_closing(case: &Case, now: Now, cx: &Context<'_>) -> Vec<Notification> {
    let warning_id = format!("{}-{}", case.case_id, case.sequence);
    let area = case.area.as_deref().map(|code| WarnedArea { code: code.to_owned(), name: area_name(code, cx) });
    let closing = |outlet: &Outlet| Notification {
        notification_id: Notification::id(&warning_id, CENTRE_CLOSED, &outlet.name),
        destination: outlet.name.clone(),
        channel: outlet.channel,
        warning_id: warning_id.clone(),
        case_id: case.case_id.clone(),
        subject_id: case.subject_id.clone(),
        sequence: case.sequence,
        cause: None,
        level: case.level,
        area: area.clone(),
        recipient: centre(),
        urgent: false,
        title: closed_title(case, area.as_ref()),
        text: format!("案件{}已结案：{}。", case.case_id, outcome_zh(case.outcome)),
        language: CENTRE_LANGUAGE.to_owned(),
        subject_masked: None,
        runbook: cx.outlets.runbook(case.level).map(str::to_owned),
        case_open: false,
        created_at: now.wall,
        give_up_after: None,
        merged: Vec::new(),
        traceparent: None,
    };
    cx.outlets.alerts().iter().map(closing).collect()
}

/// What the notifications of one warning have in common.
struct Writer<'w> {
    warning: &'w Warning,
    cx: &'w Context<'w>,
    title: Bilingual,
    subject_masked: Option<String>,
}

impl Writer<'_> {
    fn to_person(&self, person: &Person, assigned: &Assigned, outlet: &Outlet, urgent: bool) -> Notification {
        let recipient = Recipient {
            kind: RecipientKind::Person,
            person_id: Some(person.id.clone()),
            role: Some(assigned.role.clone()),
            step: Some(assigned.step),
            address: address(person, outlet),
        };
        let language = person.language.as_str();
        Notification { urgent, ..self.write(outlet, recipient, &person.id, language, self.officer(language)) }
    }

    fn to_centre(&self, outlet: &Outlet) -> Notification {
        self.write(outlet, centre(), CENTRE, CENTRE_LANGUAGE, self.officer(CENTRE_LANGUAGE))
    }

    fn to_public(&self, message: &PersonalMessage, outlet: &Outlet) -> Notification {
        let kind = match message.recipient {
            Addressee::Guardian => RecipientKind::Guardian,
            Addressee::TrustedContact => RecipientKind::TrustedContact,
            Addressee::Resident => RecipientKind::Resident,
        };
        let recipient = Recipient {
            kind,
            person_id: Some(message.person_id.clone()),
            role: None,
            step: None,
            address: message.phone.clone().filter(|phone| can_be_sent_to(phone, outlet.channel)),
        };
        let (language, text) = (message.message.language.as_str(), message.message.text.clone());
        // A trusted contact is still of use when the event is long over: the person has not been reached.
        let limited = kind != RecipientKind::TrustedContact;
        Notification {
            title: Bilingual { zh: "反诈提醒".to_owned(), en: "Fraud warning".to_owned() },
            area: None,
            subject_masked: None,
            runbook: None,
            give_up_after: limited.then(|| self.warning.published_at + PUBLIC_WITHIN),
            ..self.write(outlet, recipient, &message.person_id, language, text)
        }
    }

    fn officer(&self, language: &str) -> String {
        let officer = &self.warning.messages.officer;
        if language == "en" { officer.en.clone() } else { officer.zh.clone() }
    }

    fn write(&self, outlet: &Outlet, recipient: Recipient, id: &str, language: &str, text: String) -> Notification {
        let warning = self.warning;
        // A registrant may have the id of somebody of the directory; together with the kind an id is one person's.
        let recipient_id =
            if recipient.kind == RecipientKind::Centre { id.to_owned() } else { of_kind(recipient.kind, id) };
        Notification {
            notification_id: Notification::id(&warning.warning_id, &recipient_id, &outlet.name),
            destination: outlet.name.clone(),
            channel: outlet.channel,
            warning_id: warning.warning_id.clone(),
            case_id: warning.case_id.clone(),
            subject_id: warning.subject.subject_id.clone(),
            sequence: warning.sequence,
            cause: Some(warning.cause),
            level: warning.level,
            area: warning.area.clone(),
            recipient,
            urgent: false,
            title: self.title.clone(),
            text,
            language: language.to_owned(),
            subject_masked: self.subject_masked.clone(),
            runbook: self.cx.outlets.runbook(warning.level).map(str::to_owned),
            case_open: true,
            created_at: warning.published_at,
            give_up_after: None,
            merged: Vec::new(),
            traceparent: warning.traceparent.clone(),
        }
    }
}

fn of_kind(kind: RecipientKind, id: &str) -> String {
    format!("{}:{id}", kind.as_str())
}

fn centre() -> Recipient {
    Recipient { kind: RecipientKind::Centre, person_id: None, role: None, step: None, address: None }
}

/// Where a destination reaches somebody: what they have for it by its name, else by its channel; for text messages,
/// else their phone.
fn address(person: &Person, outlet: &Outlet) -> Option<String> {
    let phone = (outlet.channel == Channel::SmsGateway).then_some("phone");
    let names = [Some(outlet.name.as_str()), Some(outlet.channel.as_str()), phone];
    names.into_iter().flatten().find_map(|name| person.contact.get(name)).cloned()
}

/// Whether a phone as listed is one for this channel: no text message can be sent to a token.
fn can_be_sent_to(phone: &str, channel: Channel) -> bool {
    channel != Channel::SmsGateway || !phone.starts_with("hmac-sha256:")
}

fn subject_masked(warning: &Warning) -> Option<String> {
    let subject = &warning.subject;
    let name = subject.name.as_deref().map(mask_name);
    let parts: Vec<String> = name.into_iter().chain(subject.phone_masked.clone()).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn title(warning: &Warning, cx: &Context<'_>) -> Bilingual {
    let types = cx.rules.fraud_types();
    let fraud = warning.fraud_type.as_deref();
    let area = warning.area.as_ref().map(|area| &area.name);
    let zh = [fraud.map(|code| types.zh(code)), area.map(|name| name.zh.as_str())];
    let en = [fraud.map(|code| types.en(code)), area.map(|name| name.en.as_str())];
    Bilingual {
        zh: one_line(&format!("[{}] ", warning.level.zh()), &zh, "，", "反诈预警"),
        en: one_line(&format!("[{}] ", warning.level.as_str()), &en, ", ", "Suspected fraud"),
    }
}

fn closed_title(case: &Case, area: Option<&WarnedArea>) -> Bilingual {
    let (zh, en) = (area.map(|area| area.name.zh.as_str()), area.map(|area| area.name.en.as_str()));
    Bilingual {
        zh: one_line("[已结案] ", &[zh], "，", &case.case_id),
        en: one_line("[closed] ", &[en], ", ", &case.case_id),
    }
}

/// The parts there are, or else something; what came from outside may hold line breaks.
fn one_line(head: &str, parts: &[Option<&str>], between: &str, otherwise: &str) -> String {
    let parts: Vec<&str> = parts.iter().copied().flatten().collect();
    let rest = if parts.is_empty() { otherwise.to_owned() } else { parts.join(between) };
    format!("{head}{rest}").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

const fn outcome_zh(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::None => "无结果",
        Outcome::Dissuaded => "已劝阻",
        Outcome::Refused => "不听劝阻",
        Outcome::Unreached => "未联系上",
        Outcome::Loss => "已有损失",
        Outcome::FalseAlarm => "误报",
        Outcome::Transferred => "已移交",
    }
}
