//! The kept cases of one subject, decoded, while something is done to them.

use chrono::{DateTime, Utc};

use super::keys::{CaseKey, SubjectKey};
use super::packed::Packed;
use super::{Context, Handled, Now, notices};
use crate::core::case::{ArchivedCase, Case, IdHash, State};

/// A case and what the book must know of it.
pub(super) struct Live {
    case: Case,
    /// What stands for it in the book.
    pub key: CaseKey,
    /// Whether it differs from what was last committed.
    pub changed: bool,
    /// Its wire form, if that has been made since the last change.
    pub packed: Option<Packed>,
    /// The moment at which its timer stands.
    pub timer: Option<DateTime<Utc>>,
}

impl Live {
    /// A case as it was committed.
    pub fn committed(case: Case, key: CaseKey, timer: Option<DateTime<Utc>>) -> Self {
        Live { case, key, changed: false, packed: None, timer }
    }

    /// It is committed, and its timer stands where the book has it.
    pub fn committed_again(&mut self, timer: Option<DateTime<Utc>>) {
        self.changed = false;
        self.packed = None;
        self.timer = timer;
    }

    /// The case.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The case alone.
    pub fn into_case(self) -> Case {
        self.case
    }

    /// The case, to change it.
    pub fn edit(&mut self) -> &mut Case {
        self.changed = true;
        self.packed = None;
        &mut self.case
    }
}

/// A case that has left since the last commit.
pub(super) struct Gone {
    pub id: String,
    pub key: CaseKey,
    /// The moment at which its timer stands.
    pub timer: Option<DateTime<Utc>>,
    pub archived: ArchivedCase,
}

/// The kept cases of one subject, the oldest first; only the last can be other than closed.
pub(super) struct Dossier {
    pub subject_id: String,
    /// What stands for the subject in the book.
    pub key: SubjectKey,
    pub cases: Vec<Live>,
    pub gone: Vec<Gone>,
}

impl Dossier {
    /// The kept cases, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = (usize, &Case)> {
        self.cases.iter().enumerate().rev().map(|(index, live)| (index, live.case()))
    }

    /// The subject's newest case and its place.
    pub fn newest(&self) -> Option<(usize, &Case)> {
        self.newest_first().next()
    }

    /// The place of a case.
    pub fn find(&self, case_id: &str) -> Option<usize> {
        self.cases.iter().position(|live| live.case.case_id == case_id)
    }

    /// The place of the case with this key.
    pub fn find_key(&self, key: CaseKey) -> Option<usize> {
        self.cases.iter().position(|live| live.key == key)
    }

    /// The case that is not closed; there is at most one.
    pub fn open_case(&self) -> Option<CaseKey> {
        self.cases.iter().find(|live| live.case().state != State::Closed).map(|live| live.key)
    }

    /// Writes the notifications of the warnings just given, and, if the case that was open before is closed now, of
    /// that.
    pub fn notify(&self, was_open: Option<CaseKey>, handled: &mut Handled, now: Now, cx: &Context<'_>) {
        for warning in &handled.warnings {
            let step = self.case(self.find(&warning.case_id)).map_or(1, |case| case.step);
            handled.notifications.extend(notices::of_warning(warning, step, cx));
        }
        let closed = was_open.and_then(|key| self.case(self.find_key(key))).filter(|case| case.state == State::Closed);
        if let Some(case) = closed {
            handled.notifications.extend(notices::of_closing(case, now, cx));
        }
    }

    fn case(&self, place: Option<usize>) -> Option<&Case> {
        self.cases.get(place?).map(Live::case)
    }

    /// Whether the case in this place was stripped.
    pub fn is_erased(&self, index: usize) -> bool {
        self.cases.get(index).is_some_and(|live| live.case().is_erased())
    }

    /// Adds a case as the newest.
    pub fn open(&mut self, mut case: Case) {
        case.ordinal = self.newest().map_or(1, |(_, newest)| newest.ordinal.saturating_add(1));
        let key = CaseKey::of(&case.case_id);
        self.cases.push(Live { case, key, changed: true, packed: None, timer: None });
    }

    /// Whether a kept case has seen this event.
    pub fn has_seen_event(&self, id: IdHash) -> bool {
        self.newest_first().any(|(_, case)| case.seen.events.contains(id))
    }

    /// Whether a follow-up of this id was accepted for a kept case.
    pub fn has_done(&self, id: IdHash) -> bool {
        self.newest_first().any(|(_, case)| case.seen.follow_ups.contains(id))
    }

    /// Whether this transfer was told by a kept case.
    pub fn has_told(&self, id: IdHash) -> bool {
        self.newest_first().any(|(_, case)| case.seen.transfers.contains(id))
    }

    /// Takes out the case in this place, for good.
    pub fn leave(&mut self, index: usize, now: DateTime<Utc>, cx: &Context<'_>) {
        if index < self.cases.len() {
            let live = self.cases.remove(index);
            let archived = ArchivedCase::of(live.case(), now, cx.archive_key);
            self.gone.push(Gone { id: live.case.case_id, key: live.key, timer: live.timer, archived });
        }
    }
}
