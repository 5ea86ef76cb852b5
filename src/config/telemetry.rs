//! `[telemetry]`: logging.

use serde::Deserialize;
use tracing_subscriber::EnvFilter;

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
    }
}
