//! The rounds of a case, and what happened in them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::bounds::json_lens;
use super::{Outcome, State};
use crate::core::rules::{Level, Rule};
use crate::core::text::{is_false, wire_enum};
use crate::core::time;

wire_enum! {
    /// What an entry of the history tells.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum Happening {
        /// The case was opened.
        Opened = "opened",
        /// A round ended; the entry keeps its outcome.
        RoundEnded = "round_ended",
        /// The case was opened again.
        Reopened = "reopened",
        /// Another unit of the directory took over.
        Reassigned = "reassigned",
        /// The level rose.
        Raised = "raised",
        /// It went to the next step.
        Escalated = "escalated",
        /// The acknowledgement lapsed.
        Lapsed = "lapsed",
        /// Somebody took it on.
        Acknowledged = "acknowledged",
        /// Somebody tried to reach the person.
        Contacting = "contacting",
        /// The person was reached.
        Reached = "reached",
        /// An outcome was reported.
        Outcome = "outcome",
        /// The person was looked after again.
        Visited = "visited",
        /// The case was closed.
        Closed = "closed",
        /// Its subject asked to be forgotten: the case was closed, and stripped.
        Erased = "erased",
    }
}

/// Something that happened to a case, and how the case stood after it; of a round's end, how it stood before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When, by the clock of the partition.
    #[serde(with = "time::utc")]
    pub at: DateTime<Utc>,
    /// What.
    pub what: Happening,
    /// In which round.
    pub round: u32,
    /// State.
    pub state: State,
    /// Outcome.
    pub outcome: Outcome,
    /// Level.
    pub level: Level,
    /// Score.
    pub score: u32,
    /// Step.
    pub step: u8,
    /// How often in a row; `at` is that of the last.
    #[serde(default = "once", skip_serializing_if = "is_one")]
    pub times: u32,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The area it went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
}

const fn once() -> u32 {
    1
}

fn is_one(times: &u32) -> bool {
    *times == 1
}

impl HistoryEntry {
    pub(super) fn wire_bound(&self) -> usize {
        300 + json_lens(&[&self.by, &self.area])
    }
}

/// A rule that held. Its text is that of the rules in force when it is needed, like the version a warning names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRule {
    /// Id of the rule.
    pub rule: String,
    /// Its points.
    pub points: i32,
}

impl From<&Rule> for HeldRule {
    fn from(rule: &Rule) -> Self {
        HeldRule { rule: rule.id().to_owned(), points: rule.points() }
    }
}

/// What is counted anew in each round: from opening to closing, reopening or reassignment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Round {
    /// 1 for the first.
    pub number: u32,
    /// When it started, by the clock of the partition.
    #[serde(with = "time::utc")]
    pub started_at: DateTime<Utc>,
    /// Contacts.
    pub contacts: u32,
    /// Warnings.
    pub warnings: u32,
    /// Whether the line was busy at a contact.
    #[serde(skip_serializing_if = "is_false")]
    pub line_busy: bool,
    /// Whether a contact did not reach.
    #[serde(skip_serializing_if = "is_false")]
    pub missed_contact: bool,
    /// Whether the outcome was `dissuaded` at a time.
    #[serde(skip_serializing_if = "is_false")]
    pub dissuaded: bool,
    /// Whether the outcome was `refused` at a time.
    #[serde(skip_serializing_if = "is_false")]
    pub refused: bool,
    /// Who has taken the case on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// When somebody first took it on or did something about it.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::optional_utc")]
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// When the person was first reached.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::optional_utc")]
    pub reached_at: Option<DateTime<Utc>>,
    /// The level at which the person at risk, or a minor's guardian, was last sent a text. As the level only rises
    /// within a round, a higher one has none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident_told: Option<Level>,
    /// The level at which the trusted contacts were last sent a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts_told: Option<Level>,
}
