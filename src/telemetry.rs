//! Logging, to the standard error.
//!
//! A message reads alone, in lower case and without a full stop; what it is about stands in fields. A failure is logged
//! once, where it is handled. Levels: `error` means somebody must act, `warn` something was lost or repaired, `info` a
//! change of the process as a whole (started, assigned, reloaded, stopped), `debug` single batches.
//!
//! Never logged, at no level, in no field and no error text: phones, accounts and tokens; names of people; the text of
//! messages, notes and warnings; keys and values of records; passwords and keys. What may be logged are ids of cases,
//! warnings, rules and areas, and topic, partition and offset, by which a record can be looked up by whoever may see it.

use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{LogFormat, TelemetryConfig};

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level cannot be read; the configuration has been checked for this.
    #[error("telemetry.log_level cannot be read: {0}")]
    Level(#[from] ParseError),
    /// Somebody else has set it up before.
    #[error("logging cannot be set up: {0}")]
    Installed(Box<dyn std::error::Error + Send + Sync>),
}

/// Sets logging up for the whole process, panics included.
///
/// # Errors
/// Where it has been set up before, or the level cannot be read.
pub fn init(config: &TelemetryConfig) -> Result<(), TelemetryError> {
    init_to(config, io::stderr, io::stderr().is_terminal())
}

/// Sets logging up with another place to write to; `ansi` says whether it understands colours.
///
/// # Errors
/// Where it has been set up before, or the level cannot be read.
pub fn init_to<W>(config: &TelemetryConfig, writer: W, ansi: bool) -> Result<(), TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.log_level)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match config.log_format {
        LogFormat::Plain => builder.with_ansi(ansi).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_ansi(false).try_init(),
    }
    .map_err(TelemetryError::Installed)?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Only where it happened: the text of a panic can quote the data it happened on.
fn log_panic(info: &PanicHookInfo<'_>) {
    let location = info.location().map_or_else(String::new, ToString::to_string);
    let thread = std::thread::current();
    tracing::error!(location, thread = thread.name().unwrap_or("unnamed"), "panicked");
}
