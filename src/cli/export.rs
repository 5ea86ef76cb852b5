//! `golden-bell export`: all that is held of a person, as one JSON document.

use anyhow::bail;
use chrono::Utc;

use crate::config::Config;
use crate::core::erasure::Nothing;
use crate::runtime::connection;
use crate::telemetry;

use super::output;
use super::subject::{SubjectArgs, gather};

pub(super) fn execute(config: &Config, args: &SubjectArgs) -> anyhow::Result<()> {
    telemetry::init(&config.telemetry)?;
    let holdings = gather(&connection(config), "export", &args.subject, true)?;
    if holdings.is_empty() {
        bail!(Nothing { subject_id: args.subject.clone(), forgotten_until: holdings.forgotten_until });
    }
    Ok(output::line(serde_json::to_string_pretty(&holdings.export(Utc::now()))?)?)
}
