//! `[matching]`: stage 1.

use std::time::Duration;

use serde::Deserialize;

use super::error::Problems;
use super::value;

/// How events find the person at risk.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchingConfig {
    /// Country of phone numbers without country code, ISO 3166 alpha-2. Default `CN`.
    pub default_region: String,
    /// How far back events are matched again for something newly registered. Default 30 min; zero: not at all.
    #[serde(deserialize_with = "value::duration")]
    pub lookback: Duration,
    /// Unmatched events held for that. Default 1,000,000.
    pub lookback_max_events: usize,
    /// Subjects one event may have. Default 16.
    pub max_subjects: usize,
    /// Other sides known to be harmless.
    pub allow: AllowConfig,
}

/// Other sides whose events end as `allowed`; compared in normal form.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowConfig {
    /// Phones in any spelling. Default none.
    pub phones: Vec<String>,
    /// Beginnings of phones in normal form. Default none.
    pub prefixes: Vec<String>,
    /// Accounts in any spelling. Default none.
    pub payee_accounts: Vec<String>,
}

impl MatchingConfig {
    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        let region = self.default_region.as_bytes();
        if region.len() != 2 || !region.iter().all(u8::is_ascii_uppercase) {
            problems.push("matching.default_region", "must be two capital letters, such as \"CN\"");
        }
        problems.duration("matching.lookback", self.lookback, Duration::ZERO..=Duration::from_secs(24 * 3600));
        problems.range("matching.lookback_max_events", self.lookback_max_events, 0..=100_000_000);
        problems.range("matching.max_subjects", self.max_subjects, 1..=1000);
        for (key, entries) in [
            ("matching.allow.phones", &self.allow.phones),
            ("matching.allow.prefixes", &self.allow.prefixes),
            ("matching.allow.payee_accounts", &self.allow.payee_accounts),
        ] {
            // An empty prefix would allow every call.
            if entries.iter().any(|entry| entry.trim().is_empty()) {
                problems.push(key, "an entry is empty");
            }
        }
    }
}
