//! A Case: all that is known of one run of fraud against one person, and what was done about it (contract 7).
//!
//! The wire form is JSON and is the whole state: a case worker that has read the topic `cases` needs nothing else.

mod archive;
mod bounds;
mod deadlines;
mod done;
mod erased;
mod evidence;
mod figures;
mod follow_up;
mod person;
mod round;
mod seen;
mod settings;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::matched::{MAX_TRUSTED_CONTACTS, Programme, Subject, TrustedContact};
use super::rules::Level;
use super::text::{is_false, wire_enum};
use super::time;

pub use archive::{ArchiveKey, ArchivedCase};
pub use bounds::{Dropped, MAX_CASE_BYTES, MAX_EVIDENCE, MAX_FOLLOW_UPS, MAX_HISTORY};
pub(crate) use deadlines::Missed;
pub use deadlines::{Deadlines, RETURN_VISIT_DAYS, ReturnVisit, VISIT_MISSED_AFTER, unattended};
pub use done::Done;
pub use erased::Erased;
pub use evidence::{Evidence, What};
pub use figures::{Fallen, MAX_FALLEN, WINDOW};
pub(crate) use figures::{Figure, currency_tag};
pub use follow_up::{
    Action, ActionKind, ContactChannel, ContactMade, FollowUp, FollowUpFault, Line, MAX_NOTE, OutcomeReported, Role,
};
pub use person::{Contact, Guardian, Person};
pub use round::{Happening, HeldRule, HistoryEntry, Round};
pub use seen::{IdHash, MAX_SEEN, Seen, SeenIds};
pub(crate) use settings::later;
pub use settings::{CaseSettings, PerLevel};

wire_enum! {
    /// How far the handling of a case has come.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum State {
        /// Nobody has taken it on.
        Open = "open",
        /// Somebody has.
        Acknowledged = "acknowledged",
        /// The person was not reached yet.
        Contacting = "contacting",
        /// The person was reached.
        Reached = "reached",
        /// Dissuaded or not, the person is looked after again.
        ReturnVisitDue = "return_visit_due",
        /// Nothing more to do.
        Closed = "closed",
    }
}

wire_enum! {
    /// How it went.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub enum Outcome {
        /// Not known yet.
        #[default]
        None = "none",
        /// The person will not pay.
        Dissuaded = "dissuaded",
        /// The person does not want to be helped.
        Refused = "refused",
        /// The person could not be reached.
        Unreached = "unreached",
        /// The money is gone.
        Loss = "loss",
        /// It was no fraud.
        FalseAlarm = "false_alarm",
        /// A unit outside the directory has it.
        Transferred = "transferred",
    }
}

/// The whole state of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// `c-` + 32 hex digits, see [`Case::id_of`].
    pub case_id: String,
    /// Whose case this is.
    pub subject_id: String,
    /// Under which programme.
    pub programme: Programme,
    /// The person at risk.
    pub subject: Person,
    /// Who is close to them, by person id.
    #[serde(default)]
    pub trusted_contacts: Vec<Contact>,
    /// How far the handling has come.
    pub state: State,
    /// How it went.
    #[serde(default)]
    pub outcome: Outcome,
    /// How urgent it is; only rises within a round.
    pub level: Level,
    /// The highest score since it was opened or reopened.
    pub score: u32,
    /// What kind of fraud it looks like.
    #[serde(default)]
    pub fraud_type: Option<String>,
    /// Code of the area that handles it.
    #[serde(default)]
    pub area: Option<String>,
    /// How far it has escalated, 1 to 3.
    #[serde(default = "first_step")]
    pub step: u8,
    /// When it was opened, by the clock of the partition.
    #[serde(with = "time::utc")]
    pub opened_at: DateTime<Utc>,
    /// When something last changed.
    #[serde(with = "time::utc")]
    pub updated_at: DateTime<Utc>,
    /// When it was closed, unless it is open again.
    #[serde(default, with = "time::optional_utc")]
    pub closed_at: Option<DateTime<Utc>>,
    /// By when somebody must have done something.
    #[serde(default, with = "time::optional_utc")]
    pub respond_by: Option<DateTime<Utc>>,
    /// When the clock next does something to it.
    #[serde(default, with = "time::optional_utc")]
    pub next_deadline_at: Option<DateTime<Utc>>,
    /// The number of its last warning.
    #[serde(default)]
    pub sequence: u64,
    /// How many pieces of evidence it has had.
    #[serde(default)]
    pub evidence_count: u64,
    /// Evidence, the newest by `at` first.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// What was done, the oldest first.
    #[serde(default)]
    pub follow_ups: Vec<Done>,
    /// The return visits of this round, the earliest first.
    #[serde(default)]
    pub return_visits: Vec<ReturnVisit>,
    /// What happened, the oldest first.
    #[serde(default)]
    pub history: Vec<HistoryEntry>,
    /// Which of the subject's cases it is, from 1.
    #[serde(default)]
    pub ordinal: u32,
    /// Offset of the registrant record that `subject` is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registrant_offset: Option<i64>,
    /// When it last warned, by the clock of the partition.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::optional_utc")]
    pub last_warning_at: Option<DateTime<Utc>>,
    /// The rules that gave it its score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<HeldRule>,
    /// What is counted anew in each round.
    #[serde(default)]
    pub round: Round,
    /// What it waits for.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// Whether the outcome was `dissuaded` in an earlier round.
    #[serde(default, skip_serializing_if = "is_false")]
    pub dissuaded_before: bool,
    /// Whether the outcome was `refused` in an earlier round.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refused_before: bool,
    /// Figures of pieces that fell out of `evidence`.
    #[serde(default, skip_serializing_if = "Fallen::is_empty")]
    pub fallen: Fallen,
    /// What it remembers to have had.
    #[serde(default)]
    pub seen: SeenIds,
    /// Says that the case was stripped: its subject asked to be forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Erased>,
}

/// An id or code as a case keeps it: cut if it is very long.
pub(crate) fn short_id(text: &str) -> String {
    bounds::clip(text, bounds::MAX_ID)
}

const fn first_step() -> u8 {
    1
}

impl Case {
    /// `c-` + the first 32 hex digits of SHA-256(subject_id 0x00 source 0x00 id of the event that opens it).
    pub fn id_of(subject_id: &str, source: &str, id: &str) -> String {
        super::matched::prefixed_digest("c-", &[subject_id, source, id])
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// Whatever JSON or the fields of a case do not allow.
    pub fn decode(value: &[u8]) -> Result<Self, serde_json::Error> {
        // Checked at once and not string by string, which is faster; what is wrong is said where it is.
        match simdutf8::basic::from_utf8(value) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(value),
        }
    }

    /// The wire form.
    ///
    /// # Errors
    /// None that a case can cause; serde has the type for it.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        /// Most cases take less, bytes.
        const USUAL: usize = 2_048;
        let mut value = Vec::with_capacity(USUAL);
        serde_json::to_writer(&mut value, self)?;
        Ok(value)
    }

    /// Whether there is an outcome, or the case is closed: new evidence then opens it again.
    pub(crate) fn is_settled(&self) -> bool {
        self.state == State::Closed || self.outcome != Outcome::None
    }

    /// The piece of evidence for the same call or transfer.
    pub(crate) fn piece_mut(&mut self, like: &Evidence) -> Option<&mut Evidence> {
        self.evidence.iter_mut().find(|piece| piece.same_piece(like))
    }

    /// Puts a piece in its place, instead of the one of the same call or transfer if there is one.
    pub(crate) fn put_piece(&mut self, piece: Evidence, dropped: &mut Dropped) {
        self.evidence.retain(|old| !old.same_piece(&piece));
        self.fallen.take(piece.key());
        if self.evidence.len() >= MAX_EVIDENCE
            && let Some(oldest) = self.evidence.pop()
        {
            let newest = self.evidence.first().map_or(piece.at, |first| first.at.max(piece.at));
            self.fallen.push(&oldest, newest.timestamp_millis());
            dropped.evidence += 1;
        }
        let place = self.evidence.partition_point(|old| old.is_later_than(&piece));
        self.evidence.insert(place, piece);
    }

    /// Takes over what a match says of the people.
    pub(crate) fn know(&mut self, subject: &Subject<'_>, contacts: &[TrustedContact<'_>], dropped: &mut Dropped) {
        self.subject = Person::from(subject);
        let surplus = contacts.len().saturating_sub(MAX_TRUSTED_CONTACTS);
        dropped.trusted_contacts += u32::try_from(surplus).unwrap_or(u32::MAX);
        self.trusted_contacts = contacts.iter().take(MAX_TRUSTED_CONTACTS).map(Contact::from).collect();
    }

    /// Writes down that something happened.
    pub(crate) fn happened(
        &mut self,
        what: Happening,
        at: DateTime<Utc>,
        by: Option<&str>,
        area: Option<&str>,
        dropped: &mut Dropped,
    ) {
        // The last step repeats until somebody does something; all of it is one entry, or it would drive out the rest.
        if let Some(last) = self.history.last_mut().filter(|last| {
            what == Happening::Escalated && last.what == what && last.step == self.step && last.state == self.state
        }) {
            last.times = last.times.saturating_add(1);
            last.at = at;
            return;
        }
        if self.history.len() >= MAX_HISTORY {
            self.history.remove(0);
            dropped.history += 1;
        }
        let short = |text: &str| bounds::clip(text, bounds::MAX_ID);
        self.history.push(HistoryEntry {
            at,
            what,
            round: self.round.number,
            state: self.state,
            outcome: self.outcome,
            level: self.level,
            score: self.score,
            step: self.step,
            times: 1,
            by: by.map(short),
            area: area.map(short),
        });
    }

    /// Writes down a follow-up.
    pub(crate) fn did(&mut self, follow_up: &FollowUp, dropped: &mut Dropped) {
        if self.follow_ups.len() >= MAX_FOLLOW_UPS {
            self.follow_ups.remove(0);
            dropped.follow_ups += 1;
        }
        self.follow_ups.push(Done::from(follow_up));
    }

    /// Closes the case: all it waits for is to leave.
    pub(crate) fn close(&mut self, now: DateTime<Utc>, settings: &CaseSettings) {
        if self.state != State::Closed {
            self.state = State::Closed;
            self.closed_at = Some(now);
            self.deadlines = Deadlines { leave: Some(later(now, settings.keep_closed)), ..Deadlines::default() };
        }
    }

    /// Ends the round and starts the next, open and at the first step. Level and score are the caller's to set before
    /// the deadlines are armed with [`Case::arm_round`].
    pub(crate) fn next_round(&mut self, now: DateTime<Utc>, dropped: &mut Dropped) {
        self.happened(Happening::RoundEnded, now, None, None, dropped);
        self.dissuaded_before |= self.round.dissuaded;
        self.refused_before |= self.round.refused;
        self.round = Round { number: self.round.number.saturating_add(1), started_at: now, ..Round::default() };
        self.outcome = Outcome::None;
        self.state = State::Open;
        self.closed_at = None;
        self.step = first_step();
        self.return_visits.clear();
    }
}
