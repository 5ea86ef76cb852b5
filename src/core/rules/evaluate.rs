//! What an event is worth.

use std::sync::Arc;

use cel::common::types::CelBool;
use cel::{Context, ExecutionError, Value};

use super::facts::Facts;
use super::level::Level;
use super::vocabulary::Values;
use super::{Rule, RuleSet};

/// What the rules say of an event.
#[must_use = "a verdict decides whether somebody is warned"]
#[derive(Debug)]
pub struct Verdict<'r> {
    /// The sum of the points of the rules that hold, not below 0.
    pub score: u32,
    /// The level of the score, or the highest `at_least` of the rules that hold.
    pub level: Level,
    /// The rules that hold, in the order of the file.
    pub held: Vec<&'r Rule>,
    /// The ids of the rules that failed on this event; they count as not held.
    pub failed: Vec<&'r str>,
}

impl RuleSet {
    /// Runs every rule over the facts.
    ///
    /// A null field that is read makes the part of the expression that reads it unknown, as an error does in CEL: an
    /// `&&` with something false is false, an `||` with something true is true, and a rule that is unknown in the end
    /// does not hold. It has not failed either.
    pub fn evaluate(&self, facts: &Facts<'_>) -> Verdict<'_> {
        let values = Values::of(facts);
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.set_variable_resolver(&values);
        let mut held = Vec::new();
        let mut failed = Vec::new();
        for rule in &self.rules {
            if rule.needs & values.nulls != 0 {
                continue;
            }
            match Value::resolve_val(&rule.expr, &context) {
                Ok(value) => match value.downcast_ref::<CelBool>() {
                    Some(holds) if *holds.inner() => held.push(rule),
                    Some(_) => {}
                    None => failed.push(rule.id()),
                },
                // The only name that can be missing by now is that of a field that is null.
                Err(ExecutionError::UndeclaredReference(_)) => {}
                Err(_) => failed.push(rule.id()),
            }
        }
        let points: i64 = held.iter().map(|rule| i64::from(rule.points)).sum();
        let score = u32::try_from(points.max(0)).unwrap_or(u32::MAX);
        let floor = held.iter().filter_map(|rule| rule.at_least).max().unwrap_or_default();
        Verdict { score, level: self.levels.of(score).max(floor), held, failed }
    }
}
