//! `[telemetry]`: logging.

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::error::Problems;

/// How and how much is logged, always to the standard error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// For people or for machines. Default `plain`.
    pub log_format: LogFormat,
    /// Level, also per module: directives as `tracing` writes them. Default `info`.
    pub log_level: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One readable line.
    Plain,
    /// One JSON object.
    Json,
}

impl TelemetryConfig {
    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        if let Err(error) = EnvFilter::try_new(&self.log_level) {
            problems.push("telemetry.log_level", format!("{:?} cannot be read: {error}", self.log_level));
        }
        // Alone, any other word would be taken for a module, and all others would fall silent.
        let words = self.log_level.split(',').map(str::trim).filter(|word| !word.contains(['=', '[']));
        for word in words.filter(|word| word.parse::<LevelFilter>().is_err()) {
            problems.push("telemetry.log_level", format!("{word:?} is none of error, warn, info, debug, trace, off"));
        }
    }
}
