//! `golden-bell run`: work until told to stop.

use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tokio::runtime;

use crate::config::Config;
use crate::runtime::{Process, Role};
use crate::{lifecycle, operations, telemetry};

#[derive(Args, Debug)]
pub(super) struct RunArgs {
    /// What this process does of the whole; other processes may do the rest.
    #[arg(
        long,
        value_name = "ROLES",
        value_delimiter = ',',
        default_value = "match,cases,notify",
        value_parser = PossibleValuesParser::new(Role::ALL.map(Role::as_str)).try_map(|name| name.parse::<Role>()),
    )]
    pub(super) roles: Vec<Role>,
}

/// Threads that serve operations and signals; the work is done by threads of the workers' own.
const SERVING_THREADS: usize = 2;

/// What the runtime may take to end: everything that matters has finished by then.
const FAREWELL: Duration = Duration::from_millis(200);

pub(super) fn execute(config: Config, args: &RunArgs) -> anyhow::Result<()> {
    telemetry::init(&config.telemetry)?;
    let (listen, instance, roles) = (config.operations.listen, config.instance_id(), names(&args.roles));
    let file = config.file().map_or_else(|| "built-in defaults".to_owned(), |path| path.display().to_string());
    let process = Process::new(config, &args.roles)?;
    let runtime = runtime::Builder::new_multi_thread().worker_threads(SERVING_THREADS).enable_all().build()?;
    let result = runtime.block_on(async {
        let signals = lifecycle::termination()?;
        let hangups = lifecycle::hangups()?;
        let listener = operations::bind("operations.listen", listen).await?;
        let address = listener.local_addr()?;
        tracing::info!(version = env!("CARGO_PKG_VERSION"), instance, roles, configuration = file, %address, "started");
        process.run(listener, signals, Some(hangups)).await?;
        anyhow::Ok(())
    });
    runtime.shutdown_timeout(FAREWELL);
    if result.is_ok() {
        tracing::info!("stopped");
    }
    result
}

fn names(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(",")
}
