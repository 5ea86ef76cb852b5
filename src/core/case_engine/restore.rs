//! How a book is built from the topic `cases`.

use std::collections::HashMap;

use super::book::{CaseBook, Kept, add};
use super::keys::{CaseKey, SubjectKey};
use super::packed::Packed;
use crate::core::case::Case;

/// Why a record of `cases` cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The value is not a case.
    #[error("the value of case {case_id} is not a case: {detail}")]
    NotACase {
        /// The key of the record.
        case_id: String,
        /// What is wrong with it and where, without anything that stands in it.
        detail: String,
    },
    /// The value is another case than the key says.
    #[error("the value under {key} is case {case_id}")]
    WrongKey {
        /// The key of the record.
        key: String,
        /// The case in the value.
        case_id: String,
    },
}

impl RestoreError {
    /// What serde says may repeat what stands in the value: only the kind of the fault and its place are kept.
    fn not_a_case(case_id: &str, error: &serde_json::Error) -> Self {
        let kind = if error.is_data() { "a field is not as it should be" } else { "not JSON" };
        let detail = format!("{kind}, line {} column {}", error.line(), error.column());
        RestoreError::NotACase { case_id: case_id.to_owned(), detail }
    }
}

impl CaseBook {
    /// Takes in a record of `cases`; they come in the order of the topic, so that the newest of a case wins. Without a
    /// value the case is gone. The id of the subject whose case it is, if there is one.
    ///
    /// The whole value is read here, so that what is no case is found at the start and not when somebody needs it.
    ///
    /// # Errors
    /// [`RestoreError`] if the value is not the case it should be.
    pub fn restore(&mut self, case_id: &str, value: Option<&[u8]>) -> Result<Option<String>, RestoreError> {
        let key = CaseKey::of(case_id);
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            self.forget(key);
            return Ok(None);
        };
        let case = Case::decode(value).map_err(|error| RestoreError::not_a_case(case_id, &error))?;
        if case.case_id != case_id {
            return Err(RestoreError::WrongKey { key: case_id.to_owned(), case_id: case.case_id });
        }
        self.forget(key);
        let subject = SubjectKey::of(&case.subject_id);
        self.restoring.insert(key, subject);
        // The clock of the partition does not go back over a restart.
        self.clock = self.clock.max(case.updated_at);
        self.committed_clock = self.clock;
        let due = case.next_deadline_at.unwrap_or(case.updated_at);
        let kept = Kept { key, packed: Packed::of(value), level: case.level, state: case.state, due: Some(due) };
        self.counts.add(kept.level, kept.state);
        self.cases += 1;
        add(self.kept.entry(subject).or_default(), kept);
        Ok(Some(case.subject_id))
    }

    fn forget(&mut self, case: CaseKey) {
        let Some(subject) = self.restoring.remove(&case) else {
            return;
        };
        if let Some(kept) = self.kept.get_mut(&subject) {
            if let Some(index) = kept.iter().position(|kept| kept.key == case) {
                let gone = kept.remove(index);
                self.counts.remove(gone.level, gone.state);
                self.cases -= 1;
            }
            if kept.is_empty() {
                self.kept.remove(&subject);
            }
        }
    }

    /// The topic has been read: sets the timers. A case that waits for nothing is looked at as soon as the clock
    /// moves.
    pub fn finish_restore(&mut self) {
        self.restoring = HashMap::new();
        let all = self.kept.iter().flat_map(|(subject, kept)| kept.iter().filter_map(|kept| kept.timer(*subject)));
        self.timers = all.collect();
    }
}
