//! Families whose label values come from outside, and how they are kept small and harmless.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use prometheus::{Gauge, GaugeVec, IntCounterVec, IntGaugeVec, Registry};

use super::family::{Family, Spec};

/// The most sources that have a time of their own (contract 14).
pub const MAX_SOURCES: usize = 64;

/// The most rules that are counted apart; a rule set has far fewer, and reloads must not add up without end.
const MAX_RULES: usize = 500;

/// The longest value of a label made of a source.
const MAX_SOURCE_CHARS: usize = 128;

/// Runs of this many digits in a source could be a phone or an account.
const MAX_DIGITS: usize = 6;

/// The newest record of each source; the first [`MAX_SOURCES`] have one.
#[derive(Clone, Debug)]
pub struct Sources {
    family: GaugeVec,
    known: Arc<RwLock<HashMap<String, Option<Newest>>>>,
}

#[derive(Clone, Debug)]
struct Newest {
    gauge: Gauge,
    /// Bits of a float that is never negative: these compare as the floats do.
    seconds: Arc<AtomicU64>,
}

impl Newest {
    fn read(&self, seconds: f64) {
        let seconds = seconds.max(0.0);
        if self.seconds.fetch_max(seconds.to_bits(), Ordering::Relaxed) < seconds.to_bits() {
            self.gauge.set(f64::from_bits(self.seconds.load(Ordering::Relaxed)));
        }
    }
}

impl Family for Sources {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let family = GaugeVec::new(spec.opts(), spec.labels)?;
        registry.register(Box::new(family.clone()))?;
        Ok(Self { family, known: Arc::default() })
    }
}

impl Sources {
    /// A record of `source` was read; an older one changes nothing. Whether this source has a series.
    pub(super) fn read(&self, source: &str, record_time: f64) -> bool {
        if let Some(known) = self.known.read().get(source) {
            if let Some(newest) = known {
                newest.read(record_time);
            }
            return known.is_some();
        }
        let newest = self.admit(source);
        if let Some(newest) = &newest {
            newest.read(record_time);
        }
        newest.is_some()
    }

    fn admit(&self, source: &str) -> Option<Newest> {
        let mut known = self.known.write();
        if let Some(newest) = known.get(source) {
            return newest.clone();
        }
        if known.len() >= MAX_SOURCES {
            return None;
        }
        let label = harmless(source);
        // Two sources may look the same once they are harmless; the later one shares the series of the earlier.
        let twin = known.iter().find(|(other, _)| harmless(other) == label).and_then(|(_, newest)| newest.clone());
        let newest = twin.or_else(|| {
            let gauge = self.family.get_metric_with_label_values(&[label.as_str()]).ok()?;
            Some(Newest { gauge, seconds: Arc::default() })
        });
        known.insert(source.to_owned(), newest.clone());
        newest
    }
}

/// A source with long runs of digits masked and its end cut, since a label must not hold personal data.
fn harmless(source: &str) -> String {
    let mut label = String::new();
    let mut digits = String::new();
    for c in source.chars().take(MAX_SOURCE_CHARS).chain(['\0']) {
        if c.is_numeric() {
            digits.push(c);
            continue;
        }
        label.push_str(if digits.chars().count() > MAX_DIGITS { "*" } else { &digits });
        digits.clear();
        if c != '\0' {
            label.push(c);
        }
    }
    label
}

/// Errors of rules, by rule.
#[derive(Clone, Debug)]
pub struct RuleErrors {
    family: IntCounterVec,
    known: Arc<RwLock<Vec<String>>>,
}

impl Family for RuleErrors {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        let family = IntCounterVec::new(spec.opts(), spec.labels)?;
        registry.register(Box::new(family.clone()))?;
        Ok(Self { family, known: Arc::default() })
    }
}

impl RuleErrors {
    /// The rules now in force; each has a series from here on.
    pub fn in_force<'a>(&self, rules: impl IntoIterator<Item = &'a str>) {
        for rule in rules {
            self.add(rule, 0);
        }
    }

    /// This rule failed on an event.
    pub fn failed(&self, rule: &str) {
        self.add(rule, 1);
    }

    fn add(&self, rule: &str, by: u64) {
        let known = self.known.read().iter().any(|known| known == rule);
        let rule = if known || self.admit(rule) { rule } else { "other" };
        if let Ok(counter) = self.family.get_metric_with_label_values(&[rule]) {
            counter.inc_by(by);
        }
    }

    fn admit(&self, rule: &str) -> bool {
        let mut known = self.known.write();
        let room = known.len() < MAX_RULES;
        if room && !known.iter().any(|known| known == rule) {
            known.push(rule.to_owned());
        }
        room
    }
}

/// Lag of the partitions that are held.
#[derive(Clone, Debug)]
pub struct Lag(IntGaugeVec);

impl Family for Lag {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        IntGaugeVec::register(registry, spec).map(Self)
    }
}

impl Lag {
    /// Control records of transactions can put the position past the end; hence never below 0.
    pub(super) fn set(&self, topic: &str, partition: i32, records: i64) {
        if let Ok(gauge) = self.0.get_metric_with_label_values(&[topic, &partition.to_string()]) {
            gauge.set(records.max(0));
        }
    }

    /// That there is no such series is no error: it was never set.
    pub(super) fn forget(&self, topic: &str, partition: i32) {
        let _ = self.0.remove_label_values(&[topic, &partition.to_string()]);
    }
}

/// What is known of topics just now.
#[derive(Clone, Debug)]
pub struct ByTopic(IntGaugeVec);

impl Family for ByTopic {
    fn register(registry: &Registry, spec: &Spec<'_>) -> Result<Self, prometheus::Error> {
        IntGaugeVec::register(registry, spec).map(Self)
    }
}

impl ByTopic {
    /// The value of a topic, by its full name; without one there is no series.
    pub fn set(&self, topic: &str, value: Option<i64>) {
        let Some(value) = value else {
            let _ = self.0.remove_label_values(&[topic]);
            return;
        };
        if let Ok(gauge) = self.0.get_metric_with_label_values(&[topic]) {
            gauge.set(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_label_made_of_a_source_holds_no_long_number() {
        assert_eq!(harmless("urn:operator:zj-2021"), "urn:operator:zj-2021");
        assert_eq!(harmless("urn:13123456789"), "urn:*");
        assert_eq!(harmless("a/6200000000000005/b"), "a/*/b");
        assert_eq!(harmless("１３１２３４５６７８９"), "*");
        assert_eq!(harmless(&"x".repeat(500)).len(), 128);
    }
}
