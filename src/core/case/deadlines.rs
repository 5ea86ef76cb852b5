//! By when something must have happened to a case (contract 7, Deadlines and Return visits).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::seen::IdHash;
use super::settings::{CaseSettings, later};
use super::{Case, State};
use crate::core::rules::Level;
use crate::core::time;

/// The days after `dissuaded` or `loss` on which the person is looked after again.
pub const RETURN_VISIT_DAYS: [u8; 3] = [1, 7, 30];

/// How long after its moment a return visit is missed, and how often it then escalates.
pub const VISIT_MISSED_AFTER: TimeDelta = TimeDelta::days(1);

/// What a case waits for, and until when; the return visits apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deadlines {
    /// Somebody takes it on.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::optional_utc")]
    pub acknowledge: Option<DateTime<Utc>>,
    /// The person is reached.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::optional_utc")]
    pub reach: Option<DateTime<Utc>>,
    /// The person was reached: what came of it?
    #[serde(skip_serializing_if = "Option::is_none", with = "time::optional_utc")]
    pub outcome: Option<DateTime<Utc>>,
    /// The acknowledgement holds no longer.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::optional_utc")]
    pub lapse: Option<DateTime<Utc>>,
    /// The closed case leaves.
    #[serde(skip_serializing_if = "Option::is_none", with = "time::optional_utc")]
    pub leave: Option<DateTime<Utc>>,
}

/// A time at which the person is to be looked after again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnVisit {
    /// The day it stands for: 1, 7 or 30.
    pub day: u8,
    /// Its moment.
    #[serde(with = "time::utc")]
    pub due_at: DateTime<Utc>,
    /// When it next escalates if it is not done.
    #[serde(with = "time::utc")]
    pub escalates_at: DateTime<Utc>,
    /// When it was done.
    #[serde(default, with = "time::optional_utc")]
    pub done_at: Option<DateTime<Utc>>,
}

/// What became of the deadlines of a case that were due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// Nothing was due: the timer was only there to arm missing deadlines.
    Nothing,
    /// Something was not done in time.
    Escalates,
    /// The closed case has been kept long enough.
    Leaves,
}

/// When a case escalates that opens at `start` and about which nobody does anything.
pub fn unattended(
    level: Level,
    start: DateTime<Utc>,
    settings: &CaseSettings,
) -> impl Iterator<Item = DateTime<Utc>> + use<> {
    let (acknowledge, reach) = (settings.acknowledge_within.of(level), settings.reach_within.of(level));
    let mut waits_for = (later(start, acknowledge), later(start, reach));
    std::iter::from_fn(move || {
        let due = waits_for.0.min(waits_for.1);
        // Deadlines due at the same moment escalate once.
        if waits_for.0 == due {
            waits_for.0 = later(due, acknowledge);
        }
        if waits_for.1 == due {
            waits_for.1 = later(due, reach);
        }
        Some(due)
    })
}

impl Case {
    /// Sets the deadlines of a round that starts now.
    pub(crate) fn arm_round(&mut self, now: DateTime<Utc>, settings: &CaseSettings) {
        self.deadlines = Deadlines {
            acknowledge: Some(later(now, settings.acknowledge_within.of(self.level))),
            reach: Some(later(now, settings.reach_within.of(self.level))),
            ..Deadlines::default()
        };
    }

    /// After the level has risen: each deadline is the earlier of the old one and what the new level allows from now.
    pub(crate) fn tighten(&mut self, now: DateTime<Utc>, settings: &CaseSettings) {
        let earlier = |deadline: &mut Option<DateTime<Utc>>, allowed: TimeDelta| {
            if let Some(due) = deadline {
                *due = (*due).min(later(now, allowed));
            }
        };
        earlier(&mut self.deadlines.acknowledge, settings.acknowledge_within.of(self.level));
        earlier(&mut self.deadlines.reach, settings.reach_within.of(self.level));
        earlier(&mut self.deadlines.outcome, settings.reach_within.of(self.level));
        earlier(&mut self.deadlines.lapse, settings.acknowledge_expires.of(self.level));
    }

    /// Plans the return visits from now: each within ± 20 % of its days, at a moment that only the case id decides.
    pub(crate) fn plan_return_visits(&mut self, now: DateTime<Utc>) {
        self.return_visits = RETURN_VISIT_DAYS
            .iter()
            .map(|&day| {
                let whole = i64::from(day) * TimeDelta::days(1).num_milliseconds();
                let spread = whole / 5;
                let draw = IdHash::of(&[&self.case_id, "return_visit", &day.to_string()]).short();
                let offset = i64::try_from(draw % (2 * spread.unsigned_abs() + 1)).unwrap_or_default();
                let due_at = later(now, TimeDelta::milliseconds(whole - spread + offset));
                ReturnVisit { day, due_at, escalates_at: later(due_at, VISIT_MISSED_AFTER), done_at: None }
            })
            .collect();
    }

    /// The earliest return visit that is not done.
    pub(crate) fn next_visit(&mut self) -> Option<&mut ReturnVisit> {
        self.return_visits.iter_mut().find(|visit| visit.done_at.is_none())
    }

    /// Works out `respond_by` and `next_deadline_at` anew.
    pub(crate) fn settle(&mut self) {
        let d = &self.deadlines;
        let open_visits = || self.return_visits.iter().filter(|visit| visit.done_at.is_none());
        match self.state {
            State::Closed => {
                self.respond_by = None;
                self.next_deadline_at = d.leave;
            }
            State::ReturnVisitDue => {
                self.respond_by = open_visits().map(|visit| visit.due_at).min();
                self.next_deadline_at = open_visits().map(|visit| visit.escalates_at).min();
            }
            State::Open | State::Acknowledged | State::Contacting | State::Reached => {
                self.respond_by = [d.acknowledge, d.reach, d.outcome, d.lapse].into_iter().flatten().min();
                self.next_deadline_at = self.respond_by;
            }
        }
    }

    /// Handles what was due at `due`, the clock being at `now`: each fires once and is armed again from `now`.
    ///
    /// A case that should wait for something and does not, as one written by another version might, is armed too.
    pub(crate) fn miss(&mut self, due: DateTime<Utc>, now: DateTime<Utc>, settings: &CaseSettings) -> Missed {
        let acknowledge_again = Some(later(now, settings.acknowledge_within.of(self.level)));
        let reach_again = Some(later(now, settings.reach_within.of(self.level)));
        let mut missed = Missed::Nothing;
        match self.state {
            State::Closed => {
                if self.deadlines.leave.is_some_and(|at| at <= due) {
                    return Missed::Leaves;
                }
            }
            State::ReturnVisitDue => {
                for visit in &mut self.return_visits {
                    if visit.done_at.is_none() && visit.escalates_at <= due {
                        visit.escalates_at = later(now, VISIT_MISSED_AFTER);
                        missed = Missed::Escalates;
                    }
                }
            }
            State::Open | State::Acknowledged | State::Contacting | State::Reached => {
                let d = &mut self.deadlines;
                let mut fired = |deadline: &mut Option<DateTime<Utc>>, again: Option<DateTime<Utc>>| {
                    let is_due = deadline.is_some_and(|at| at <= due);
                    if is_due {
                        *deadline = again;
                        missed = Missed::Escalates;
                    }
                    is_due
                };
                fired(&mut d.acknowledge, acknowledge_again);
                fired(&mut d.reach, reach_again);
                fired(&mut d.outcome, reach_again);
                if fired(&mut d.lapse, None) {
                    self.state = State::Open;
                    self.deadlines.acknowledge = acknowledge_again;
                }
            }
        }
        self.arm_missing(now, settings);
        missed
    }

    /// Makes sure that the case waits for something.
    fn arm_missing(&mut self, now: DateTime<Utc>, settings: &CaseSettings) {
        let reach = later(now, settings.reach_within.of(self.level));
        match self.state {
            State::Open | State::Acknowledged | State::Contacting => {
                self.deadlines.reach.get_or_insert(reach);
            }
            State::Reached => {
                self.deadlines.outcome.get_or_insert(reach);
            }
            State::ReturnVisitDue => {
                if self.next_visit().is_none() {
                    self.plan_return_visits(now);
                }
            }
            State::Closed => {
                self.deadlines.leave.get_or_insert(later(now, settings.keep_closed));
            }
        }
    }
}
