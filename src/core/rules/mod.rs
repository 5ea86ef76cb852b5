//! Rules and levels (contract 6): what an event is worth, and how urgent that makes it.
//!
//! A rule set is read from `rules.toml` once ([`RuleSet::load`]): every expression is compiled, every name in it is
//! looked up, every type is checked, and a set with a fault in it is refused whole. What is left for an event is to
//! run the compiled expressions over its [`Facts`] ([`RuleSet::evaluate`]).

mod check;
mod evaluate;
mod facts;
mod fraud_types;
mod level;
mod load;
mod moment;
mod node;
mod suspect;
mod types;
mod vocabulary;

use std::fmt;
use std::sync::Arc;

use cel::{Env, IdedExpr};

pub use evaluate::Verdict;
pub use facts::{CallFacts, CaseFacts, EventFacts, Facts, SubjectFacts, TransferFacts, age_s};
pub use fraud_types::{FraudType, FraudTypes};
pub use level::{Level, Levels};
pub use load::{RuleFault, RulesError};
pub use suspect::SuspectFacts;

/// The seconds after which a call last heard of as `answered` or `ongoing` no longer counts as live (contract 6).
pub const LIVE_FOR_S: u64 = 600;

/// A text that officers read, in both of their languages.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bilingual {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// One rule: if its expression holds for an event, the event is worth its points more.
#[derive(Debug)]
pub struct Rule {
    id: String,
    points: i32,
    reason: Bilingual,
    at_least: Option<Level>,
    expr: IdedExpr,
    /// Bits of the fields without which the expression cannot hold, see [`check::Checked`].
    needs: u64,
}

impl Rule {
    /// What the rule is called in warnings and in the label of `rule_errors_total`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it adds to the score where it holds; may be negative.
    pub const fn points(&self) -> i32 {
        self.points
    }

    /// Why, for the officer.
    pub const fn reason(&self) -> &Bilingual {
        &self.reason
    }

    /// The level an event has at the least where the rule holds, whatever its score.
    pub const fn at_least(&self) -> Option<Level> {
        self.at_least
    }
}

/// A whole rule set, compiled; shared between threads and replaced as one.
pub struct RuleSet {
    rules: Vec<Rule>,
    levels: Levels,
    fraud_types: FraudTypes,
    version: String,
    env: Arc<Env>,
}

impl RuleSet {
    /// The rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule called `id`.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// From which score on an event has which level.
    pub const fn levels(&self) -> &Levels {
        &self.levels
    }

    /// The names of the fraud types.
    pub const fn fraud_types(&self) -> &FraudTypes {
        &self.fraud_types
    }

    /// The first 16 hex digits of the SHA-256 of the file: stamped on every warning as `rules_version`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet")
            .field("version", &self.version)
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}
