//! What stays of a case that has left: nothing personal (contract 16).

use std::fmt;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

use super::{Case, Happening, HistoryEntry, Outcome, ReturnVisit, State};
use crate::core::matched::Programme;
use crate::core::rules::Level;

/// `privacy.token_key`, for the ids of archived cases. `Debug` does not print it.
#[derive(Clone)]
pub struct ArchiveKey(Hmac<Sha256>);

impl ArchiveKey {
    /// Takes the 32 bytes of the key.
    pub fn new(key: &[u8; 32]) -> Self {
        // A key of half a block is padded with zeros (RFC 2104), so that no length can be refused.
        let mut block = [0; 64];
        block.split_at_mut(32).0.copy_from_slice(key);
        ArchiveKey(Hmac::new(&block.into()))
    }

    /// An id as it stands in the archive: the same id always gives the same, and nobody without the key knows it.
    ///
    /// `kind` keeps ids of different kinds apart, and all of them from phones and accounts.
    fn hash(&self, kind: &str, id: &str) -> String {
        let mut mac = self.0.clone();
        for part in [kind, ":", id] {
            mac.update(part.as_bytes());
        }
        format!("hmac-sha256:{}", hex::encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for ArchiveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ArchiveKey(..)")
    }
}

/// A Case without any personal data, for the topic `case-archive`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArchivedCase {
    /// Keyed hash of the case id.
    pub case_id: String,
    /// Keyed hash of the subject id.
    pub subject_id: String,
    /// Under which programme.
    pub programme: Programme,
    /// Code of the area that handled it.
    pub area: Option<String>,
    /// State.
    pub state: State,
    /// Outcome.
    pub outcome: Outcome,
    /// Level.
    pub level: Level,
    /// Score.
    pub score: u32,
    /// What kind of fraud it looked like.
    pub fraud_type: Option<String>,
    /// How far it escalated.
    pub step: u8,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When something last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it was stripped, if its subject asked to be forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<DateTime<Utc>>,
    /// When it left.
    pub archived_at: DateTime<Utc>,
    /// Rounds.
    pub rounds: u32,
    /// Warnings.
    pub warnings: u64,
    /// Pieces of evidence.
    pub evidence_count: u64,
    /// Follow-ups that were kept.
    pub follow_up_count: usize,
    /// Return visits of the last round.
    pub return_visits: Vec<ReturnVisit>,
    /// What happened; who did it is left out.
    pub history: Vec<ArchivedEntry>,
}

/// A history entry without who it was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ArchivedEntry {
    /// When.
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
    /// How often in a row.
    pub times: u32,
}

impl From<&HistoryEntry> for ArchivedEntry {
    fn from(entry: &HistoryEntry) -> Self {
        let HistoryEntry { at, what, round, state, outcome, level, score, step, times, by: _, area: _ } = *entry;
        ArchivedEntry { at, what, round, state, outcome, level, score, step, times }
    }
}

impl ArchivedCase {
    /// What stays of a case that leaves now.
    pub(crate) fn of(case: &Case, now: DateTime<Utc>, key: &ArchiveKey) -> Self {
        ArchivedCase {
            case_id: key.hash("case", &case.case_id),
            subject_id: key.hash("subject", &case.subject_id),
            programme: case.programme,
            area: case.area.clone(),
            state: case.state,
            outcome: case.outcome,
            level: case.level,
            score: case.score,
            fraud_type: case.fraud_type.clone(),
            step: case.step,
            opened_at: case.opened_at,
            updated_at: case.updated_at,
            closed_at: case.closed_at,
            erased_at: case.erased.map(|erased| erased.at),
            archived_at: now,
            rounds: case.round.number,
            warnings: case.sequence,
            evidence_count: case.evidence_count,
            follow_up_count: case.erased.map_or(case.follow_ups.len(), |erased| erased.follow_up_count),
            return_visits: case.return_visits.clone(),
            history: case.history.iter().map(ArchivedEntry::from).collect(),
        }
    }
}
