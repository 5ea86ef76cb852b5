//! What a rule can ask about: six objects, their fields named as in the contract. A field that is not there is `None`.

use chrono::{DateTime, TimeDelta, Utc};

use super::suspect::SuspectFacts;
use super::{LIVE_FOR_S, Level};
use crate::core::event::{CallData, CallPhase, EventData, EventKind, EventTime, TransferData, TransferState};
use crate::core::matched::{Match, MatchedBy, Programme};
use crate::core::text::Text;

/// The variable `event`.
#[derive(Clone, Copy, Debug)]
pub struct EventFacts<'a> {
    /// Which feed it came by.
    pub kind: EventKind,
    /// CloudEvents `source`.
    pub source: &'a str,
    /// CloudEvents `time`.
    pub time: EventTime,
    /// Record time of the match minus event time, seconds, not below 0.
    pub age_s: u64,
    /// How sure the source is, 0 to 1.
    pub confidence: Option<f64>,
    /// A code of the fraud type table; open.
    pub fraud_type: Option<&'a str>,
    /// The list the other side stands on; open.
    pub list: Option<&'a str>,
}

/// The variable `call`; all null for a transfer.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallFacts {
    /// How far it has come.
    pub phase: Option<CallPhase>,
    /// Whether the two are talking now, as far as is known.
    pub live: Option<bool>,
    /// How long it has lasted, seconds.
    pub duration_s: Option<u64>,
    /// Whether it was sent on to another number.
    pub forwarded: Option<bool>,
}

/// The variable `transfer`; all null for a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct TransferFacts<'a> {
    /// How far it has come.
    pub state: Option<TransferState>,
    /// Amount in minor units of `currency`.
    pub amount_minor: Option<u64>,
    /// ISO 4217 code.
    pub currency: Option<&'a str>,
    /// How it was ordered; open.
    pub channel: Option<&'a str>,
    /// Whether the payer never paid this payee before.
    pub first_payment_to_payee: Option<bool>,
    /// Whether the money can still be held back, see [`Facts::new`].
    pub reversible: Option<bool>,
}

/// The variable `subject`.
#[derive(Clone, Copy, Debug)]
pub struct SubjectFacts<'a> {
    /// Registered or not.
    pub programme: Programme,
    /// Groups, their own.
    pub groups: &'a [Text<'a>],
    /// Preferred language.
    pub language: Option<&'a str>,
    /// Area code.
    pub area: Option<&'a str>,
    /// How they were found.
    pub matched_by: MatchedBy,
}

/// The variable `case`: what the subject's case says, with the event at hand counted into the windows. The default
/// is that of a subject without a case and an event that counts for nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct CaseFacts {
    /// State before the event (`open`, …); null without a case.
    pub state: Option<&'static str>,
    /// Level before the event; null without a case.
    pub level: Option<Level>,
    /// Calls in (event time − 2 h, event time].
    pub calls_2h: u64,
    /// Transfers in the same window.
    pub transfers_2h: u64,
    /// Different payees of these transfers.
    pub payees_2h: u64,
    /// Sum of these transfers in the event's currency, minor units.
    pub amount_2h_minor: u64,
    /// The smallest of them in the event's currency, minor units; null where there is none.
    pub smallest_2h_minor: Option<u64>,
    /// Whether there are at least three, each larger than the one before.
    pub rising_2h: bool,
    /// Whether a call begins before a transfer in the window.
    pub call_before_transfer_2h: bool,
    /// Contacts in this round.
    pub contacts: u64,
    /// Warnings in this round.
    pub warnings: u64,
    /// Whether the line was busy at a contact in this round.
    pub line_busy: bool,
    /// Whether an earlier round or kept case of the subject ended dissuaded.
    pub dissuaded_before: bool,
    /// Whether the subject refused in an earlier round or kept case.
    pub refused_before: bool,
}

/// Everything a rule can ask about.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The event.
    pub event: EventFacts<'a>,
    /// The call, if it tells of one.
    pub call: CallFacts,
    /// The transfer, if it tells of one.
    pub transfer: TransferFacts<'a>,
    /// The other side of the call.
    pub suspect: SuspectFacts,
    /// The person at risk.
    pub subject: SubjectFacts<'a>,
    /// Their case.
    pub case: CaseFacts,
}

impl<'a> Facts<'a> {
    /// The facts of a match that is handled `age_s` seconds after its event ([`age_s`]), in a country with this
    /// calling code (86), with what its case engine says of the case.
    ///
    /// A transfer is `reversible` while the bank has only accepted it and settles it later than the moment of
    /// handling (event time + age): money ordered at a cash machine clears after 24 hours and can be called back
    /// until then, money sent at once cannot. A bank that does not say when it settles leaves it null, for then
    /// nobody knows; a transfer that is settled, reversed or rejected has nothing left to call back.
    pub fn new(matched: &'a Match<'_>, age_s: u64, calling_code: u16, case: CaseFacts) -> Self {
        let event = &matched.event;
        let suspicion = event.data.suspicion();
        let mut facts = Facts {
            event: EventFacts {
                kind: event.data.kind(),
                source: &event.source,
                time: event.time,
                age_s,
                confidence: suspicion.and_then(|s| s.confidence),
                fraud_type: suspicion.and_then(|s| s.fraud_type.as_deref()),
                list: suspicion.and_then(|s| s.list.as_deref()),
            },
            call: CallFacts::default(),
            transfer: TransferFacts::default(),
            suspect: SuspectFacts::default(),
            subject: SubjectFacts {
                programme: matched.programme,
                groups: &matched.subject.groups,
                language: matched.subject.language.as_deref(),
                area: matched.subject.area.as_deref(),
                matched_by: matched.matched_by,
            },
            case,
        };
        match &event.data {
            EventData::Call(call) => {
                facts.call = CallFacts::of(call, age_s);
                facts.suspect = SuspectFacts::of(call.other_number(), calling_code);
            }
            EventData::Transfer(transfer) => {
                facts.transfer = TransferFacts::of(transfer, event.time, age_s);
            }
        }
        facts
    }
}

/// How old an event was when its match was recorded, whole seconds; 0 for one whose source is ahead of the broker.
pub fn age_s(event_time: EventTime, record_time: DateTime<Utc>) -> u64 {
    u64::try_from((record_time - event_time.to_utc()).num_seconds()).unwrap_or(0)
}

impl CallFacts {
    fn of(call: &CallData<'_>, age_s: u64) -> Self {
        let talking = matches!(call.phase, CallPhase::Answered | CallPhase::Ongoing);
        let sent_on = call.forwarded_to.as_deref().is_some_and(|number| !number.trim().is_empty());
        CallFacts {
            phase: Some(call.phase),
            live: Some(talking && age_s < LIVE_FOR_S),
            duration_s: call.duration_s,
            forwarded: Some(call.phase == CallPhase::Forwarded || sent_on),
        }
    }
}

impl<'a> TransferFacts<'a> {
    fn of(transfer: &'a TransferData<'_>, time: EventTime, age_s: u64) -> Self {
        let handled_at =
            i64::try_from(age_s).ok().and_then(TimeDelta::try_seconds).and_then(|age| time.checked_add_signed(age));
        let reversible = match transfer.state {
            TransferState::Accepted => {
                transfer.settles_at.map(|settles_at| handled_at.is_some_and(|now| settles_at > now))
            }
            TransferState::Settled | TransferState::Reversed | TransferState::Rejected => Some(false),
        };
        TransferFacts {
            state: Some(transfer.state),
            amount_minor: Some(transfer.amount_minor),
            currency: Some(&transfer.currency),
            channel: transfer.channel.as_deref(),
            first_payment_to_payee: transfer.first_payment_to_payee,
            reversible,
        }
    }
}
