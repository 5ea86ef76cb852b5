//! A case whose subject asked to be forgotten (contract 16).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Case, CaseSettings, Deadlines, Dropped, Fallen, Happening, Person, Round, SeenIds, State};
use crate::core::time;

/// What is known of the stripping of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// When it was stripped, by the clock of the partition.
    #[serde(with = "time::utc")]
    pub at: DateTime<Utc>,
    /// Follow-ups it had; the archive tells only their number.
    #[serde(default)]
    pub follow_up_count: usize,
}

impl Case {
    /// Whether it was stripped.
    pub(crate) fn is_erased(&self) -> bool {
        self.erased.is_some()
    }

    /// Closes the case and strips it of all that the archive may not keep, but for its own id, that of its subject and
    /// the hashes of its events: with these, an event sent again is known until the case leaves.
    pub(crate) fn erase(&mut self, now: DateTime<Utc>, settings: &CaseSettings, dropped: &mut Dropped) {
        self.close(now, settings);
        self.happened(Happening::Erased, now, None, None, dropped);
        // Field by field, so that nobody adds one without deciding about it.
        let mut stripped = Case {
            case_id: std::mem::take(&mut self.case_id),
            subject_id: std::mem::take(&mut self.subject_id),
            programme: self.programme,
            subject: Person::default(),
            trusted_contacts: Vec::new(),
            state: State::Closed,
            outcome: self.outcome,
            level: self.level,
            score: self.score,
            fraud_type: self.fraud_type.take(),
            area: self.area.take(),
            step: self.step,
            opened_at: self.opened_at,
            updated_at: now,
            closed_at: self.closed_at,
            respond_by: None,
            next_deadline_at: None,
            sequence: self.sequence,
            evidence_count: self.evidence_count,
            evidence: Vec::new(),
            follow_ups: Vec::new(),
            return_visits: std::mem::take(&mut self.return_visits),
            history: std::mem::take(&mut self.history),
            ordinal: self.ordinal,
            registrant_offset: None,
            last_warning_at: None,
            reasons: Vec::new(),
            round: Round { number: self.round.number, started_at: self.round.started_at, ..Round::default() },
            deadlines: Deadlines { leave: self.deadlines.leave, ..Deadlines::default() },
            dissuaded_before: false,
            refused_before: false,
            fallen: Fallen::default(),
            seen: SeenIds { events: std::mem::take(&mut self.seen.events), ..SeenIds::default() },
            erased: Some(Erased { at: now, follow_up_count: self.follow_ups.len() }),
        };
        for entry in &mut stripped.history {
            (entry.by, entry.area) = (None, None);
        }
        stripped.settle();
        *self = stripped;
    }
}
