//! Which cases an Alertmanager is to show, and as what.
//!
//! Built from the topic `notifications` alone, whatever the order in which its partitions are read: of several
//! notifications of a case the one with the highest sequence counts, and of those the one that says that it is closed.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::alertmanager::{self, Alert, Labels};
use crate::config::DestinationConfig;
use crate::core::notification::Notification;

/// How long a closed case is remembered, so that a notification that comes late does not show it again.
const REMEMBER_CLOSED: TimeDelta = TimeDelta::hours(1);

/// The cases of one destination.
#[derive(Debug, Default)]
pub struct Board {
    cases: HashMap<String, Shown>,
}

#[derive(Debug)]
struct Shown {
    newest: Notification,
    since: DateTime<Utc>,
    /// Labels under which it was shown before: Alertmanager takes it under each for another alert.
    former: Vec<Labels>,
    told: Option<DateTime<Utc>>,
    /// When the newest notification was last written, from which on the topic keeps it for a while.
    written: DateTime<Utc>,
}

impl Board {
    /// Takes a notification in; the same one twice changes nothing.
    pub fn take(&mut self, notification: &Notification) {
        let Some(shown) = self.cases.get_mut(&notification.case_id) else {
            let shown = Shown {
                newest: notification.clone(),
                since: notification.created_at,
                former: Vec::new(),
                told: None,
                written: notification.created_at,
            };
            self.cases.insert(notification.case_id.clone(), shown);
            return;
        };
        let (known, new) = (alertmanager::labels(&shown.newest), alertmanager::labels(notification));
        let rank = |n: &Notification| (n.sequence, !n.case_open);
        if rank(notification) <= rank(&shown.newest) {
            if notification.case_open && shown.newest.case_open {
                shown.since = shown.since.min(notification.created_at);
            }
            // It may have been shown by that, before its successor was known.
            if new != known && !shown.former.contains(&new) {
                shown.former.push(new);
            }
            return;
        }
        if !shown.newest.case_open && notification.case_open {
            shown.since = notification.created_at;
        }
        shown.former.retain(|labels| *labels != new);
        if new != known {
            shown.former.push(known);
        }
        shown.newest = notification.clone();
        shown.told = None;
        shown.written = notification.created_at;
    }

    /// A notification was written at this time: at first, or once more.
    pub fn written(&mut self, notification: &Notification, at: DateTime<Utc>) {
        if let Some(shown) = self.cases.get_mut(&notification.case_id)
            && shown.newest.notification_id == notification.notification_id
        {
            shown.written = shown.written.max(at);
        }
    }

    /// The newest notifications of open cases that were written before `since`, of those that `mine` says are ours.
    pub fn ageing(&self, since: DateTime<Utc>, mine: impl Fn(&str) -> bool, at_most: usize) -> Vec<Notification> {
        (self.cases.iter())
            .filter(|(case_id, shown)| shown.newest.case_open && shown.written < since && mine(case_id))
            .map(|(_, shown)| shown.newest.clone())
            .take(at_most)
            .collect()
    }

    /// What Alertmanager must hear of a case now: how it stands, and that what it was before is over.
    pub fn alerts(&self, case_id: &str, destination: &DestinationConfig, now: DateTime<Utc>) -> Vec<Alert> {
        let Some(shown) = self.cases.get(case_id) else { return Vec::new() };
        let annotations = alertmanager::annotations(&shown.newest);
        let starts_at = shown.since.min(now);
        let alert = |labels: &Labels, ends_at| Alert {
            labels: labels.clone(),
            annotations: annotations.clone(),
            starts_at,
            ends_at,
        };
        let until = if shown.newest.case_open { alertmanager::ends_at(destination, now) } else { now };
        let mut alerts = vec![alert(&alertmanager::labels(&shown.newest), until)];
        alerts.extend(shown.former.iter().map(|labels| alert(labels, now)));
        alerts
    }

    /// Open cases that were not told for `resend_every`, of those that `mine` says are ours to tell.
    pub fn due(
        &self,
        destination: &DestinationConfig,
        now: DateTime<Utc>,
        mine: impl Fn(&str) -> bool,
        at_most: usize,
    ) -> Vec<String> {
        let every = TimeDelta::from_std(destination.resend_every).unwrap_or(TimeDelta::MAX);
        self.cases
            .iter()
            .filter(|(_, shown)| shown.newest.case_open && shown.told.is_none_or(|told| now - told >= every))
            .map(|(case_id, _)| case_id)
            .filter(|case_id| mine(case_id))
            .take(at_most)
            .cloned()
            .collect()
    }

    /// Alertmanager has heard of the case, as it stood then.
    pub fn told(&mut self, case_id: &str, now: DateTime<Utc>) {
        if let Some(shown) = self.cases.get_mut(case_id) {
            shown.told = Some(now);
        }
    }

    /// Forgets cases closed long ago.
    pub fn forget_closed(&mut self, now: DateTime<Utc>) {
        self.cases.retain(|_, shown| shown.newest.case_open || now - shown.newest.created_at < REMEMBER_CLOSED);
    }

    /// How many cases are open.
    pub fn open(&self) -> usize {
        self.cases.values().filter(|shown| shown.newest.case_open).count()
    }
}
