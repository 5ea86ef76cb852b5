//! The book of one partition: the committed cases, packed, and over them what is not committed yet.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};

use super::arrival::Arrival;
use super::counts::OpenCounts;
use super::dossier::{Dossier, Live};
use super::keys::{CaseKey, SubjectKey};
use super::others::{self, FailedDelivery};
use super::packed::Packed;
use super::recent::Recent;
use super::timer_book::{Timer, TimerBook};
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

/// A committed case, and what must be known without unpacking it.
pub(super) struct Kept {
    pub key: CaseKey,
    pub packed: Packed,
    pub level: Level,
    pub state: State,
    pub due: Option<DateTime<Utc>>,
}

impl Kept {
    fn of(live: &Live, packed: Packed) -> Self {
        let case = live.case();
        Kept { key: live.key, packed, level: case.level, state: case.state, due: live.timer }
    }

    /// Its timer, if it waits for something.
    pub fn timer(&self, subject: SubjectKey) -> Option<Timer> {
        Some(Timer { due: self.due?, case: self.key, subject })
    }
}

/// Adds a case to those of its subject. Most subjects have one or two: room for more would outweigh them.
pub(super) fn add(kept: &mut Vec<Kept>, new: Kept) {
    kept.reserve_exact(1);
    kept.push(new);
}

/// The cases of one partition of `case-inputs`.
#[derive(Default)]
pub struct CaseBook {
    pub(super) kept: HashMap<SubjectKey, Vec<Kept>>,
    pub(super) counts: OpenCounts,
    pub(super) cases: usize,
    pub(super) timers: TimerBook,
    pub(super) clock: DateTime<Utc>,
    pub(super) committed_clock: DateTime<Utc>,
    /// What was touched since the last commit, in this order.
    touched: Vec<Dossier>,
    touched_at: HashMap<SubjectKey, usize>,
    /// What was touched before that, not long ago. The wire form of these in `kept` may be plain.
    recent: Recent,
    /// Whose case this is, while the topic is read: a record without a value does not say.
    pub(super) restoring: HashMap<CaseKey, SubjectKey>,
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
        let key = SubjectKey::of(subject_id);
        match self.touched_at.get(&key).and_then(|index| self.touched.get(*index)) {
            Some(dossier) => dossier.cases.iter().map(|live| live.case().clone()).collect(),
            None => unpack(self.kept.get(&key)).into_iter().map(Live::into_case).collect(),
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
            let Some(timer) = self.timers.next().filter(|timer| timer.due <= self.clock).copied() else {
                break;
            };
            let fire = |dossier: &mut Dossier, now| timers::fire(dossier, timer.case, timer.due, now, cx);
            fired.extend(self.with_key(timer.subject, None, at, cx, fire));
            // Whatever came of it, this timer has fired.
            self.timers.cancel(&timer);
        }
        fired
    }

    /// When the next timer is due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.timers.next().map(|timer| timer.due)
    }

    /// Lets something be done to the cases of a subject, in the overlay, and writes the notifications of what came of it.
    fn with(
        &mut self,
        subject_id: &str,
        at: Moment,
        cx: &Context<'_>,
        act: impl FnOnce(&mut Dossier, Now) -> Handled,
    ) -> Handled {
        let handled = self.with_key(SubjectKey::of(subject_id), Some(subject_id), at, cx, act);
        // A subject whose id is given always has a place in the overlay.
        handled.unwrap_or_else(|| Handled::new(super::Disposition::Outdated))
    }

    /// Lets something be done to the cases of a subject, in the overlay; `None` if its id is not given and no case
    /// tells it.
    fn with_key(
        &mut self,
        key: SubjectKey,
        subject_id: Option<&str>,
        at: Moment,
        cx: &Context<'_>,
        act: impl FnOnce(&mut Dossier, Now) -> Handled,
    ) -> Option<Handled> {
        self.clock = self.clock.max(at.clock);
        let now = Now { clock: self.clock, record: at.clock, wall: at.wall };
        let index = self.touch(key, subject_id)?;
        let dossier = self.touched.get_mut(index)?;
        let open = dossier.open_case();
        let mut handled = act(dossier, now);
        dossier.notify(open, &mut handled, now, cx);
        set_timers(&mut self.timers, dossier);
        Some(handled)
    }

    /// The place of a subject's cases in the overlay; unpacks them if they are not there.
    fn touch(&mut self, key: SubjectKey, subject_id: Option<&str>) -> Option<usize> {
        if let Some(index) = self.touched_at.get(&key) {
            return Some(*index);
        }
        let cases = match self.recent.take(key) {
            Some(cases) => cases,
            None => unpack(self.kept.get(&key)),
        };
        let subject_id = match subject_id {
            Some(subject_id) => subject_id.to_owned(),
            None => cases.first()?.case().subject_id.clone(),
        };
        let index = self.touched.len();
        self.touched_at.insert(key, index);
        self.touched.push(Dossier { subject_id, key, cases, gone: Vec::new() });
        Some(index)
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
                    case_id: gone.id.clone(),
                    subject_id: dossier.subject_id.clone(),
                    value: None,
                    archive: Some(serde_json::to_vec(&gone.archived)?),
                });
            }
            for live in dossier.cases.iter_mut().filter(|live| live.changed) {
                let value = live.case().encode()?;
                live.packed = Some(Packed::plain(&value));
                changes.push(Change {
                    case_id: live.case().case_id.clone(),
                    subject_id: dossier.subject_id.clone(),
                    value: Some(value),
                    archive: None,
                });
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
            if live.changed && live.packed.is_none() {
                live.packed = Some(Packed::plain(&live.case().encode()?));
            }
        }
        self.touched_at.clear();
        for dossier in std::mem::take(&mut self.touched) {
            self.keep(dossier);
        }
        while let Some(subject) = self.recent.let_go() {
            pack(self.kept.get_mut(&subject));
        }
        self.committed_clock = self.clock;
        Ok(())
    }

    fn keep(&mut self, dossier: Dossier) {
        let Dossier { key, mut cases, gone, .. } = dossier;
        let kept = self.kept.entry(key).or_default();
        for gone in gone {
            if let Some(index) = kept.iter().position(|kept| kept.key == gone.key) {
                let gone = kept.remove(index);
                self.counts.remove(gone.level, gone.state);
                self.cases -= 1;
            }
        }
        for live in &mut cases {
            let Some(packed) = live.packed.take() else {
                continue;
            };
            let new = Kept::of(live, packed);
            self.counts.add(new.level, new.state);
            match kept.iter_mut().find(|kept| kept.key == new.key) {
                Some(old) => {
                    self.counts.remove(old.level, old.state);
                    *old = new;
                }
                None => {
                    self.cases += 1;
                    add(kept, new);
                }
            }
        }
        if kept.is_empty() {
            self.kept.remove(&key);
            return;
        }
        for live in &mut cases {
            live.committed_again(kept.iter().find(|kept| kept.key == live.key).and_then(|kept| kept.due));
        }
        let bytes = kept.iter().map(|kept| kept.packed.wire_len()).sum();
        self.recent.put(key, cases, bytes);
    }

    /// The transaction did not commit: the book is as it was after the last that did.
    pub fn rollback(&mut self) {
        self.touched_at.clear();
        for dossier in std::mem::take(&mut self.touched) {
            let stood = dossier.cases.iter().map(|live| (live.timer, live.key));
            let stood = stood.chain(dossier.gone.iter().map(|gone| (gone.timer, gone.key)));
            for (timer, case) in stood {
                if let Some(due) = timer {
                    self.timers.cancel(&Timer { due, case, subject: dossier.key });
                }
            }
            // What was taken from the recent ones is not there any more, so that nothing else would pack it.
            pack(self.kept.get_mut(&dossier.key));
            let kept = self.kept.get(&dossier.key).into_iter().flatten();
            for timer in kept.filter_map(|kept| kept.timer(dossier.key)) {
                self.timers.set(timer);
            }
        }
        self.clock = self.committed_clock;
    }
}

/// Packs what is plain of the cases of a subject.
fn pack(kept: Option<&mut Vec<Kept>>) {
    kept.into_iter().flatten().for_each(|kept| kept.packed.pack());
}

/// The committed cases of a subject, the oldest first. Each was a case when it was packed, so that all can be read.
fn unpack(kept: Option<&Vec<Kept>>) -> Vec<Live> {
    let live = |kept: &Kept| Some(Live::committed(kept.packed.case().ok()?, kept.key, kept.due));
    let mut cases: Vec<Live> = kept.into_iter().flatten().filter_map(live).collect();
    cases.sort_by(|a, b| {
        let (a, b) = (a.case(), b.case());
        (a.ordinal, a.opened_at, &a.case_id).cmp(&(b.ordinal, b.opened_at, &b.case_id))
    });
    cases
}

/// Moves the timers of a subject's cases to where they must stand.
fn set_timers(timers: &mut TimerBook, dossier: &mut Dossier) {
    let subject = dossier.key;
    for gone in &mut dossier.gone {
        if let Some(due) = gone.timer.take() {
            timers.cancel(&Timer { due, case: gone.key, subject });
        }
    }
    for live in &mut dossier.cases {
        let due = live.case().next_deadline_at;
        if live.timer == due {
            continue;
        }
        if let Some(old) = live.timer {
            timers.cancel(&Timer { due: old, case: live.key, subject });
        }
        if let Some(due) = due {
            timers.set(Timer { due, case: live.key, subject });
        }
        live.timer = due;
    }
}
