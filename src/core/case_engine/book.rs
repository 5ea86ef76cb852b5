//! The book of one partition: the committed cases as their bytes, and over them what is not committed yet.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::arrival::Arrival;
use super::counts::OpenCounts;
use super::dossier::{Dossier, Live};
use super::others::{self, FailedDelivery};
use super::{Context, Handled, Moment, Now, follow_ups, matches, timers};
use crate::core::case::{Case, FollowUp, State};
use crate::core::erasure::Erasure;
use crate::core::matched::Match;
use crate::core::rules::Level;

/// What a transaction must publish of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The case; the key of the record in `cases`.
    pub case_id: String,
    /// Its subject, whose partition the record goes to.
    pub subject_id: String,
    /// The whole state as JSON; `None` if the case leaves.
    pub value: Option<Vec<u8>>,
    /// The stripped case as JSON, for `case-archive`, if the case leaves.
    pub archive: Option<Vec<u8>>,
}

/// A case could not be written as JSON. Nothing a case can hold causes this.
#[derive(Debug, thiserror::Error)]
#[error("a case cannot be written as JSON: {0}")]
pub struct ChangesError(#[from] serde_json::Error);

/// A committed case: its bytes, and what must be known without decoding them.
pub(super) struct Kept {
    pub id: Arc<str>,
    pub bytes: Box<[u8]>,
    pub level: Level,
    pub state: State,
    pub due: Option<DateTime<Utc>>,
}

impl Kept {
    fn of(live: &mut Live, bytes: Box<[u8]>) -> Self {
        let case = live.case();
        Kept { id: Arc::clone(&live.id), bytes, level: case.level, state: case.state, due: live.timer }
    }
}

type Timer = (DateTime<Utc>, Arc<str>, Arc<str>);

/// The cases of one partition of `case-inputs`.
#[derive(Default)]
pub struct CaseBook {
    pub(super) kept: HashMap<Arc<str>, Vec<Kept>>,
    pub(super) counts: OpenCounts,
    pub(super) cases: usize,
    /// Moment, case and subject: the order in which timers fire.
    pub(super) timers: BTreeSet<Timer>,
    pub(super) clock: DateTime<Utc>,
    pub(super) committed_clock: DateTime<Utc>,
    /// What was touched since the last commit, in this order.
    touched: Vec<Dossier>,
    touched_at: HashMap<Arc<str>, usize>,
    /// Whose case this is, while the topic is read: a record without a value does not say.
    pub(super) restoring: HashMap<Arc<str>, Arc<str>>,
}

impl fmt::Debug for CaseBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaseBook")
            .field("subjects", &self.kept.len())
            .field("cases", &self.cases)
            .field("touched", &self.touched.len())
            .finish_non_exhaustive()
    }
}

impl CaseBook {
    /// An empty book.
    pub fn new() -> Self {
        CaseBook::default()
    }

    /// How many subjects have committed cases.
    pub fn subjects(&self) -> usize {
        self.kept.len()
    }

    /// How many committed cases there are, closed ones included.
    pub fn len(&self) -> usize {
        self.cases
    }

    /// Whether there is no committed case.
    pub fn is_empty(&self) -> bool {
        self.cases == 0
    }

    /// The committed cases by level and state.
    pub fn open_by(&self) -> &OpenCounts {
        &self.counts
    }

    /// The kept cases of a subject as they stand now, committed or not, the oldest first.
    pub fn cases_of(&self, subject_id: &str) -> Vec<Case> {
        match self.touched_at.get(subject_id).and_then(|index| self.touched.get(*index)) {
            Some(dossier) => dossier.cases.iter().map(|live| live.case().clone()).collect(),
            None => decode(self.kept.get(subject_id)).into_iter().map(|live| live.case().clone()).collect(),
        }
    }

    /// Handles a match. Timers due by then must have fired, see [`CaseBook::fire_due`].
    pub fn apply_match(
        &mut self,
        matched: &Match<'_>,
        traceparent: Option<&str>,
        at: Moment,
        cx: &Context<'_>,
    ) -> Handled {
        let arrival = Arrival::of(matched, traceparent);
        self.with(&matched.subject_id, at, cx, |dossier, now| matches::handle(dossier, &arrival, now, cx))
    }

    /// Handles a follow-up. Timers due by then must have fired.
    pub fn apply_follow_up(&mut self, follow_up: &FollowUp, at: Moment, cx: &Context<'_>) -> Handled {
        self.with(&follow_up.subject_id, at, cx, |dossier, now| follow_ups::handle(dossier, follow_up, now, cx))
    }

    /// Handles an urgent notification that could not be delivered. Timers due by then must have fired.
    pub fn apply_failed_delivery(&mut self, delivery: &FailedDelivery, at: Moment, cx: &Context<'_>) -> Handled {
        self.with(&delivery.subject_id, at, cx, |dossier, now| others::failed(dossier, delivery, now, cx))
    }

    /// Handles the wish to be forgotten. Timers due by then must have fired.
    pub fn apply_erasure(&mut self, erasure: &Erasure, at: Moment, cx: &Context<'_>) -> Handled {
        self.with(&erasure.subject_id, at, cx, |dossier, now| others::erase(dossier, now, cx))
    }

    /// Fires the timers due at or before `at`, in the order (due, case id), but no more than `limit`: a transaction
    /// must not grow without bound after a long rest. Nothing else may be handled until nothing is due.
    pub fn fire_due(&mut self, at: Moment, cx: &Context<'_>, limit: usize) -> Vec<Handled> {
        let mut fired = Vec::new();
        self.clock = self.clock.max(at.clock);
        while fired.len() < limit {
            let first = self.timers.first().filter(|(due, ..)| *due <= self.clock);
            let Some((due, case_id, subject)) = first.cloned() else {
                break;
            };
            fired.push(self.with(&subject, at, cx, |dossier, now| timers::fire(dossier, &case_id, due, now, cx)));
            // Whatever came of it, this timer has fired; a case that could not be read must not hold up the others.
            self.timers.remove(&(due, case_id, subject));
        }
        fired
    }

    /// When the next timer is due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.timers.first().map(|(due, ..)| *due)
    }

    /// Lets something be done to the cases of a subject, in the overlay, and writes the notifications of what came of it.
    fn with(
        &mut self,
        subject_id: &str,
        at: Moment,
        cx: &Context<'_>,
        act: impl FnOnce(&mut Dossier, Now) -> Handled,
    ) -> Handled {
        self.clock = self.clock.max(at.clock);
        let now = Now { clock: self.clock, record: at.clock, wall: at.wall };
        let index = self.touch(subject_id);
        match self.touched.get_mut(index) {
            Some(dossier) => {
                let open = dossier.open_case();
                let mut handled = act(dossier, now);
                dossier.notify(open, &mut handled, now, cx);
                set_timers(&mut self.timers, dossier);
                handled
            }
            // `touch` has just put it there.
            None => Handled::new(super::Disposition::Outdated),
        }
    }

    /// The place of a subject's cases in the overlay; decodes them if they are not there.
    fn touch(&mut self, subject_id: &str) -> usize {
        if let Some(index) = self.touched_at.get(subject_id) {
            return *index;
        }
        let (subject_id, cases) = match self.kept.get_key_value(subject_id) {
            Some((subject_id, kept)) => (Arc::clone(subject_id), decode(Some(kept))),
            None => (Arc::from(subject_id), Vec::new()),
        };
        let index = self.touched.len();
        self.touched_at.insert(Arc::clone(&subject_id), index);
        self.touched.push(Dossier { subject_id, cases, gone: Vec::new() });
        index
    }

    /// What the transaction must publish, in the order in which the subjects were first touched.
    ///
    /// # Errors
    /// [`ChangesError`], which no case causes.
    pub fn changes(&mut self) -> Result<Vec<Change>, ChangesError> {
        let mut changes = Vec::new();
        for dossier in &mut self.touched {
            for gone in &dossier.gone {
                changes.push(Change {
                    case_id: gone.id.to_string(),
                    subject_id: dossier.subject_id.to_string(),
                    value: None,
                    archive: Some(serde_json::to_vec(&gone.archived)?),
                });
            }
            for live in dossier.cases.iter_mut().filter(|live| live.changed) {
                let bytes = match live.encoded.take() {
                    Some(bytes) => bytes,
                    None => live.case().encode()?.into_boxed_slice(),
                };
                changes.push(Change {
                    case_id: live.id.to_string(),
                    subject_id: dossier.subject_id.to_string(),
                    value: Some(bytes.to_vec()),
                    archive: None,
                });
                live.encoded = Some(bytes);
            }
        }
        Ok(changes)
    }

    /// The transaction committed: what was published is the state.
    ///
    /// # Errors
    /// [`ChangesError`], which no case causes; the book is then as before.
    pub fn commit(&mut self) -> Result<(), ChangesError> {
        for live in self.touched.iter_mut().flat_map(|dossier| &mut dossier.cases) {
            if live.changed && live.encoded.is_none() {
                live.encoded = Some(live.case().encode()?.into_boxed_slice());
            }
        }
        self.touched_at.clear();
        for dossier in std::mem::take(&mut self.touched) {
            self.keep(dossier);
        }
        self.committed_clock = self.clock;
        Ok(())
    }

    fn keep(&mut self, dossier: Dossier) {
        let Dossier { subject_id, cases, gone } = dossier;
        let kept = self.kept.entry(Arc::clone(&subject_id)).or_default();
        for gone in gone {
            if let Some(index) = kept.iter().position(|kept| kept.id == gone.id) {
                let gone = kept.remove(index);
                self.counts.remove(gone.level, gone.state);
                self.cases -= 1;
            }
        }
        for mut live in cases {
            let Some(bytes) = live.encoded.take() else {
                continue;
            };
            let new = Kept::of(&mut live, bytes);
            self.counts.add(new.level, new.state);
            match kept.iter_mut().find(|kept| kept.id == new.id) {
                Some(old) => {
                    self.counts.remove(old.level, old.state);
                    *old = new;
                }
                None => {
                    self.cases += 1;
                    kept.push(new);
                }
            }
        }
        if kept.is_empty() {
            self.kept.remove(&subject_id);
        }
    }

    /// The transaction did not commit: the book is as it was after the last that did.
    pub fn rollback(&mut self) {
        self.touched_at.clear();
        for dossier in std::mem::take(&mut self.touched) {
            let stood = dossier.cases.iter().map(|live| (live.timer, &live.id));
            let stood = stood.chain(dossier.gone.iter().map(|gone| (gone.timer, &gone.id)));
            for (timer, id) in stood {
                if let Some(due) = timer {
                    self.timers.remove(&(due, Arc::clone(id), Arc::clone(&dossier.subject_id)));
                }
            }
            for kept in self.kept.get(&dossier.subject_id).into_iter().flatten() {
                if let Some(due) = kept.due {
                    self.timers.insert((due, Arc::clone(&kept.id), Arc::clone(&dossier.subject_id)));
                }
            }
        }
        self.clock = self.committed_clock;
    }
}

/// Decodes the committed cases of a subject, the oldest first. Each was decoded or encoded before, so all can be.
fn decode(kept: Option<&Vec<Kept>>) -> Vec<Live> {
    let mut cases: Vec<Live> = kept
        .into_iter()
        .flatten()
        .filter_map(|kept| Some(Live::committed(Case::decode(&kept.bytes).ok()?, Arc::clone(&kept.id), kept.due)))
        .collect();
    cases.sort_by(|a, b| {
        let (a, b) = (a.case(), b.case());
        (a.ordinal, a.opened_at, &a.case_id).cmp(&(b.ordinal, b.opened_at, &b.case_id))
    });
    cases
}

/// Moves the timers of a subject's cases to where they must stand.
fn set_timers(timers: &mut BTreeSet<Timer>, dossier: &mut Dossier) {
    for gone in &mut dossier.gone {
        if let Some(due) = gone.timer.take() {
            timers.remove(&(due, Arc::clone(&gone.id), Arc::clone(&dossier.subject_id)));
        }
    }
    for live in &mut dossier.cases {
        let due = live.case().next_deadline_at;
        if live.timer == due {
            continue;
        }
        if let Some(old) = live.timer {
            timers.remove(&(old, Arc::clone(&live.id), Arc::clone(&dossier.subject_id)));
        }
        if let Some(due) = due {
            timers.insert((due, Arc::clone(&live.id), Arc::clone(&dossier.subject_id)));
        }
        live.timer = due;
    }
}
