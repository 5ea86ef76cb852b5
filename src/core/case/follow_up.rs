//! A FollowUp: what somebody did about a case (contract 8).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Outcome;
use crate::core::event::EventTime;
use crate::core::text::{Object, Text, is_false, or_default, wire_enum};
use crate::core::time;

/// The most characters of a note.
pub const MAX_NOTE: usize = 500;

wire_enum! {
    /// In which role somebody acts: one of those of the directory.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Role {
        /// Police officer.
        Officer = "officer",
        /// Grid worker of the community.
        GridWorker = "grid_worker",
        /// Village worker.
        VillageWorker = "village_worker",
        /// Member of the joint defence team.
        DefenceTeam = "defence_team",
        /// Chief of the station.
        Chief = "chief",
        /// The anti-fraud centre.
        Centre = "centre",
    }
}

wire_enum! {
    /// What was done.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum ActionKind {
        /// Somebody took the case on.
        Acknowledge = "acknowledge",
        /// Somebody tried to reach the person.
        Contact = "contact",
        /// How it went.
        Outcome = "outcome",
        /// It belongs to another unit.
        TransferUnit = "transfer_unit",
        /// The person was looked after again.
        ReturnVisit = "return_visit",
        /// Something worth writing down.
        Note = "note",
        /// Nothing more to do.
        Close = "close",
        /// There is more to do after all.
        Reopen = "reopen",
    }
}

wire_enum! {
    /// How the person was contacted.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum ContactChannel {
        /// By telephone.
        Phone = "phone",
        /// At the door.
        Visit = "visit",
        /// By text message.
        Message = "message",
        /// Through the family.
        Family = "family",
    }
}

wire_enum! {
    /// What the line did.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Line {
        /// Somebody answered; who, only a check of identity tells.
        Answered = "answered",
        /// Busy: perhaps with the suspect.
        Busy = "busy",
        /// Nobody answered.
        NoAnswer = "no_answer",
        /// Sent on to another number.
        Forwarded = "forwarded",
        /// Switched off or out of reach.
        Off = "off",
    }
}

/// An attempt to reach the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactMade {
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<ContactChannel>,
    /// What the line did, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
    /// Whether it was made sure that it was the person.
    #[serde(deserialize_with = "or_default")]
    pub identity_checked: bool,
    /// Whether they met.
    #[serde(deserialize_with = "or_default")]
    pub met_in_person: bool,
}

impl ContactMade {
    /// Whether the person themself was reached: their identity checked, and they answered or were met. An answered
    /// or forwarded line alone may be anybody's.
    pub fn reaches(&self) -> bool {
        self.identity_checked && (self.met_in_person || self.line == Some(Line::Answered))
    }
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutcomeReported {
    /// The outcome.
    pub outcome: Outcome,
    /// Whether it was made sure that it was the person: then this is a contact that reaches, too.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_false")]
    pub identity_checked: bool,
    /// Was the screen shared?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screen_shared: Option<bool>,
    /// Was a code given or money moved?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_or_money_given: Option<bool>,
    /// Was an unknown app installed?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_app: Option<bool>,
    /// Was an unknown link opened?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_link: Option<bool>,
    /// What might have been lost, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_at_risk_minor: Option<u64>,
    /// What was lost, minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_minor: Option<u64>,
    /// When the bank was asked to stop the payment.
    #[serde(default, deserialize_with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub stop_payment_requested_at: Option<EventTime>,
    /// Whether the family was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_told: Option<bool>,
}

/// What was done, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Somebody took the case on.
    Acknowledge,
    /// Somebody tried to reach the person.
    Contact(ContactMade),
    /// How it went.
    Outcome(OutcomeReported),
    /// It belongs to another unit.
    TransferUnit {
        /// Code of the area that is to take over, of the directory or not.
        area: String,
    },
    /// The person was looked after again.
    ReturnVisit {
        /// Whether they are in touch with the suspect still.
        still_in_touch: bool,
    },
    /// Something worth writing down.
    Note {
        /// At most [`MAX_NOTE`] characters.
        text: String,
    },
    /// Nothing more to do.
    Close,
    /// There is more to do after all.
    Reopen,
}

impl Action {
    /// Which action it is.
    pub const fn kind(&self) -> ActionKind {
        match self {
            Action::Acknowledge => ActionKind::Acknowledge,
            Action::Contact(_) => ActionKind::Contact,
            Action::Outcome(_) => ActionKind::Outcome,
            Action::TransferUnit { .. } => ActionKind::TransferUnit,
            Action::ReturnVisit { .. } => ActionKind::ReturnVisit,
            Action::Note { .. } => ActionKind::Note,
            Action::Close => ActionKind::Close,
            Action::Reopen => ActionKind::Reopen,
        }
    }
}

/// What somebody did about a case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FollowUp {
    /// Identifies it.
    pub follow_up_id: String,
    /// The case.
    pub case_id: String,
    /// Whose case; the key of the record.
    pub subject_id: String,
    /// Who did it.
    pub officer_id: String,
    /// In which role.
    pub by_role: Role,
    /// When, by their clock.
    pub at: EventTime,
    /// What.
    #[serde(flatten)]
    pub action: Action,
}

/// Why a follow-up cannot be read; the reason of its dead letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowUpFault {
    /// The value is not JSON, or there is none.
    #[error("the value is not JSON")]
    NotJson,
    /// A field is missing, of the wrong type, out of its range, or does not agree with key or envelope.
    #[error("{0}")]
    Schema(String),
}

impl FollowUp {
    /// Reads the value of a record with this key and `ce_id`.
    ///
    /// # Errors
    /// [`FollowUpFault`], which repeats nothing that was written in the value.
    pub fn read(value: &[u8], key: &str, ce_id: &str) -> Result<Self, FollowUpFault> {
        let json: &RawValue = serde_json::from_slice(value).map_err(|_| FollowUpFault::NotJson)?;
        let wire: Object<Wire<'_>> = read_as(json)?;
        let wire = wire.0;
        if *wire.subject_id != *key {
            return Err(FollowUpFault::Schema("`subject_id` is not the key".to_owned()));
        }
        if *wire.follow_up_id != *ce_id {
            return Err(FollowUpFault::Schema("`follow_up_id` is not `ce_id`".to_owned()));
        }
        let action = read_action(wire.action, json)?;
        Ok(FollowUp {
            follow_up_id: wire.follow_up_id.0.into_owned(),
            case_id: wire.case_id.0.into_owned(),
            subject_id: wire.subject_id.0.into_owned(),
            officer_id: wire.officer_id.0.into_owned(),
            by_role: wire.by_role,
            at: wire.at,
            action,
        })
    }
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    follow_up_id: Text<'a>,
    #[serde(borrow)]
    case_id: Text<'a>,
    #[serde(borrow)]
    subject_id: Text<'a>,
    #[serde(borrow)]
    officer_id: Text<'a>,
    by_role: Role,
    #[serde(deserialize_with = "time::strict")]
    at: EventTime,
    action: ActionKind,
}

/// Where the parser stood is of no use to the reader of a dead letter, and what it saw may be personal.
fn schema(error: &serde_json::Error) -> FollowUpFault {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    let safe = !text.starts_with("invalid type") && !text.starts_with("invalid value");
    FollowUpFault::Schema(if safe {
        text.to_owned()
    } else {
        "a field is of the wrong type or out of range".to_owned()
    })
}

fn read_as<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Result<T, FollowUpFault> {
    serde_json::from_str(json.get()).map_err(|error| schema(&error))
}

pub(super) fn read_action(kind: ActionKind, json: &RawValue) -> Result<Action, FollowUpFault> {
    #[derive(Deserialize)]
    struct Unit<'a> {
        #[serde(borrow)]
        area: Text<'a>,
    }
    #[derive(Deserialize)]
    struct Visit {
        still_in_touch: bool,
    }
    #[derive(Deserialize)]
    struct Noted<'a> {
        #[serde(borrow)]
        text: Text<'a>,
    }
    Ok(match kind {
        ActionKind::Acknowledge => Action::Acknowledge,
        ActionKind::Contact => Action::Contact(read_as(json)?),
        ActionKind::Outcome => {
            let reported: OutcomeReported = read_as(json)?;
            if matches!(reported.outcome, Outcome::None | Outcome::Transferred) {
                return Err(FollowUpFault::Schema("`outcome` is none that a follow-up may carry".to_owned()));
            }
            Action::Outcome(reported)
        }
        ActionKind::TransferUnit => {
            let unit: Unit<'_> = read_as(json)?;
            if unit.area.is_empty() {
                return Err(FollowUpFault::Schema("`area` is empty".to_owned()));
            }
            Action::TransferUnit { area: unit.area.0.into_owned() }
        }
        ActionKind::ReturnVisit => Action::ReturnVisit { still_in_touch: read_as::<Visit>(json)?.still_in_touch },
        ActionKind::Note => {
            let noted: Noted<'_> = read_as(json)?;
            if noted.text.chars().count() > MAX_NOTE {
                return Err(FollowUpFault::Schema(format!("`text` is longer than {MAX_NOTE} characters")));
            }
            Action::Note { text: noted.text.0.into_owned() }
        }
        ActionKind::Close => Action::Close,
        ActionKind::Reopen => Action::Reopen,
    })
}
