//! Where notifications can go, as far as the case engine must know (contract 10).

use std::collections::BTreeMap;

use crate::core::directory::Person;
use crate::core::notification::Channel;
use crate::core::rules::Level;

/// A configured destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlet {
    /// Its name.
    pub name: String,
    /// How it is spoken to.
    pub channel: Channel,
}

/// The destinations of the configuration, and what they are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlets {
    all: BTreeMap<String, Channel>,
    default: Vec<Outlet>,
    residents: Vec<Outlet>,
    alerts: Vec<Outlet>,
    runbooks: BTreeMap<Level, String>,
}

impl Outlets {
    /// These destinations, with no use yet.
    pub fn new(all: BTreeMap<String, Channel>) -> Self {
        Outlets { all, ..Outlets::default() }
    }

    /// For people of the directory who name no destination of their own, and for what there is nobody for
    /// (`notify.default`). Names that are no destination are left out here and in the others.
    pub fn with_default(mut self, names: &[String]) -> Self {
        self.default = self.named(names);
        self
    }

    /// For the public: the person at risk, guardians, trusted contacts (`notify.residents`).
    pub fn with_residents(mut self, names: &[String]) -> Self {
        self.residents = self.named(names);
        self
    }

    /// For those that show a case until it is closed (`notify.alerts`).
    pub fn with_alerts(mut self, names: &[String]) -> Self {
        self.alerts = self.named(names);
        self
    }

    /// What to do at a level (`notify.runbooks`).
    pub fn with_runbook(mut self, level: Level, page: &str) -> Self {
        self.runbooks.insert(level, page.to_owned());
        self
    }

    /// For the public.
    pub fn residents(&self) -> &[Outlet] {
        &self.residents
    }

    /// For those that show a case until it is closed.
    pub fn alerts(&self) -> &[Outlet] {
        &self.alerts
    }

    /// For what there is nobody for.
    pub fn fallback(&self) -> &[Outlet] {
        &self.default
    }

    /// What to do at a level.
    pub fn runbook(&self, level: Level) -> Option<&str> {
        self.runbooks.get(&level).map(String::as_str)
    }

    /// By which somebody of the directory is told, each once: those they name, else the default.
    pub fn of_person(&self, person: &Person) -> Vec<Outlet> {
        let own = self.named(&person.channels);
        if own.is_empty() { self.default.clone() } else { own }
    }

    fn named(&self, names: &[String]) -> Vec<Outlet> {
        let mut outlets: Vec<Outlet> = Vec::new();
        for name in names {
            if let Some(&channel) = self.all.get(name)
                && !outlets.iter().any(|outlet| outlet.name == *name)
            {
                outlets.push(Outlet { name: name.clone(), channel });
            }
        }
        outlets
    }
}
