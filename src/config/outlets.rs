//! `[notify]`: what the destinations are for.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::Problems;
use super::notify::NotifyConfig;
use crate::core::notification::Channel;
use crate::core::rules::Level;

/// `[notify.runbooks]` as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Runbooks {
    urgent: String,
    high: String,
    medium: String,
    low: String,
}

impl Runbooks {
    /// Those that are there.
    pub(super) fn by_level(self) -> BTreeMap<Level, String> {
        let Runbooks { urgent, high, medium, low } = self;
        let all = [(Level::Urgent, urgent), (Level::High, high), (Level::Medium, medium), (Level::Low, low)];
        all.into_iter().filter(|(_, page)| !page.is_empty()).collect()
    }
}

impl NotifyConfig {
    /// Why somebody cannot be told by the destination of this name; `None` if they can.
    ///
    /// What shows a case until it is closed must hear of the closing, which only those of `notify.alerts` do.
    pub fn unfit_for_people(&self, name: &str) -> Option<String> {
        match self.destinations.get(name).map(|destination| destination.kind) {
            None => Some(format!("there is no destination `{name}` in notify.destinations")),
            Some(kind @ (Channel::Alertmanager | Channel::PagerDuty)) => {
                Some(format!("`{name}` is of the kind {} and belongs in notify.alerts", kind.as_str()))
            }
            Some(_) => None,
        }
    }

    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        for (key, names) in [("notify.default", &self.default), ("notify.residents", &self.residents)] {
            names.iter().filter_map(|name| self.unfit_for_people(name)).for_each(|reason| problems.push(key, reason));
        }
        for name in self.alerts.iter().filter(|name| !self.destinations.contains_key(*name)) {
            problems.push("notify.alerts", format!("there is no destination `{name}` in notify.destinations"));
        }
        if self.default.is_empty() {
            problems.push("notify.default", "must name a destination, for what there is nobody for");
        }
    }
}
