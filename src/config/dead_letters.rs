//! `[dead_letters]`: when a feed of bad records is paused (contract 11).

use serde::Deserialize;

use super::value;

/// When a feed is paused until someone says `resume`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLettersConfig {
    /// The share of bad records, above 0 and up to 1, that pauses a feed. Default `"off"`: never.
    #[serde(deserialize_with = "value::ratio")]
    pub halt_ratio: Option<f64>,
}
