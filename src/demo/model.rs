//! Everything a face shows, at one moment: plain data, so that faces can be tested without a program behind them.

use std::sync::Arc;
use std::time::Duration;

use crate::core::rules::{Bilingual, FraudTypes};

use super::board::Playing;
use super::numbers::Numbers;
use super::sent::Sent;
use super::told::{Latency, Row};
use super::words::Lang;

/// How far the demo is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// People are registered, the index is filled, groups form.
    Starting,
    /// Events come.
    Playing,
    /// No more events come; those that are under way are waited for.
    Settling,
    /// The program finishes.
    Leaving,
}

/// What is shown.
#[derive(Clone, Debug)]
pub struct Model {
    /// How far the demo is.
    pub phase: Phase,
    /// How long it has been going on.
    pub uptime: Duration,
    /// The zone.
    pub zone: Bilingual,
    /// How many people the zone registers.
    pub people: u64,
    /// Where the metrics are.
    pub metrics_url: String,
    /// What the program is not ready for yet, a line each.
    pub missing: Vec<String>,
    /// What was sent.
    pub sent: Sent,
    /// Events a second, lately.
    pub rate: f64,
    /// The stories, the newest first.
    pub stories: Vec<Playing>,
    /// The warnings, the newest first.
    pub warnings: Vec<Arc<Row>>,
    /// How long they took.
    pub latency: Latency,
    /// What the program has counted.
    pub numbers: Numbers,
    /// Names of the fraud types.
    pub fraud_types: Arc<FraudTypes>,
    /// The last line of the log worth a look.
    pub notice: Option<String>,
}

impl Model {
    /// Where a warning belongs, or that nobody knows.
    pub fn area<'a>(&self, row: &'a Row, lang: Lang) -> &'a str {
        row.area.as_ref().map_or(lang.pick("地点不明", "place unknown"), |area| lang.of(area))
    }

    /// What kind of fraud it looks like, nothing where no source has said.
    pub fn fraud_type<'a>(&'a self, row: &'a Row, lang: Lang) -> &'a str {
        match (&row.fraud_type, lang) {
            (None, _) => "",
            (Some(code), Lang::Zh) => self.fraud_types.zh(code),
            (Some(code), Lang::En) => self.fraud_types.en(code),
        }
    }
}

/// How many reasons are shown.
const REASONS: usize = 3;

/// The texts of the weightiest rules that held.
pub fn reasons(row: &Row, lang: Lang) -> String {
    let separator = lang.pick(";", "; ");
    row.reasons.iter().take(REASONS).map(|reason| lang.of(reason)).collect::<Vec<_>>().join(separator)
}
