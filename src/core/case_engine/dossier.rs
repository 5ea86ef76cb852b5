//! The kept cases of one subject, decoded, while something is done to them.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Context, Handled, Now, notices};
use crate::core::case::{ArchivedCase, Case, IdHash, State};

/// A case and what the book must know of it.
#[derive(Debug)]
pub(super) struct Live {
    case: Case,
    /// Its id, as the timers hold it.
    pub id: Arc<str>,
    /// Whether it differs from what was last committed.
    pub changed: bool,
    /// Its wire form, if it has been made since the last change.
    pub encoded: Option<Box<[u8]>>,
    /// The moment at which its timer stands.
    pub timer: Option<DateTime<Utc>>,
}

impl Live {
    /// A case as it was committed.
    pub fn committed(case: Case, id: Arc<str>, timer: Option<DateTime<Utc>>) -> Self {
        Live { case, id, changed: false, encoded: None, timer }
    }

    /// The case.
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The case, to change it.
    pub fn edit(&mut self) -> &mut Case {
        self.changed = true;
        self.encoded = None;
        &mut self.case
    }
}

/// A case that has left since the last commit.
#[derive(Debug)]
pub(super) struct Gone {
    pub id: Arc<str>,
    /// The moment at which its timer stands.
    pub timer: Option<DateTime<Utc>>,
    pub archived: ArchivedCase,
}

/// The kept cases of one subject, the oldest first; only the last can be other than closed.
#[derive(Debug)]
pub(super) struct Dossier {
    pub subject_id: Arc<str>,
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
        self.cases.iter().position(|live| *live.id == *case_id)
    }

    /// The case that is not closed; there is at most one.
    pub fn open_case(&self) -> Option<Arc<str>> {
        self.cases.iter().find(|live| live.case().state != State::Closed).map(|live| Arc::clone(&live.id))
    }

    /// Writes the notifications of the warnings just given, and, if the case that was open before is closed now, of
    /// that.
    pub fn notify(&self, was_open: Option<Arc<str>>, handled: &mut Handled, now: Now, cx: &Context<'_>) {
        for warning in &handled.warnings {
            let step = self.case(&warning.case_id).map_or(1, |case| case.step);
            handled.notifications.extend(notices::of_warning(warning, step, cx));
        }
        let closed = was_open.and_then(|id| self.case(&id)).filter(|case| case.state == State::Closed);
        if let Some(case) = closed {
            handled.notifications.extend(notices::of_closing(case, now, cx));
        }
    }

    fn case(&self, case_id: &str) -> Option<&Case> {
        self.find(case_id).and_then(|index| self.cases.get(index)).map(Live::case)
    }

    /// Whether the case in this place was stripped.
    pub fn is_erased(&self, index: usize) -> bool {
        self.cases.get(index).is_some_and(|live| live.case().is_erased())
    }

    /// Adds a case as the newest.
    pub fn open(&mut self, mut case: Case) {
        case.ordinal = self.newest().map_or(1, |(_, newest)| newest.ordinal.saturating_add(1));
        let id = Arc::from(case.case_id.as_str());
        self.cases.push(Live { case, id, changed: true, encoded: None, timer: None });
    }

    /// Whether a kept case has seen this event.
    pub fn has_seen_event(&self, id: IdHash) -> bool {
        self.newest_first().any(|(_, case)| case.seen.events.contains(id))
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
            self.gone.push(Gone { id: live.id, timer: live.timer, archived });
        }
    }
}
