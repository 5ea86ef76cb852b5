//! `golden-bell topics`: makes the topics of the contract, or checks those that are there.

use anyhow::bail;
use clap::{Args, Subcommand};
use tokio::runtime;

use crate::config::Config;
use crate::kafka::topics;
use crate::runtime::connection;
use crate::telemetry;

use super::output;

#[derive(Args, Debug)]
pub(super) struct TopicsArgs {
    #[command(subcommand)]
    pub(super) action: Action,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum Action {
    /// Make the topics that are not there; those that are stay as they are.
    Create,
    /// Say what is missing or other than the contract has it.
    Check,
}

pub(super) fn execute(config: &Config, args: &TopicsArgs) -> anyhow::Result<()> {
    telemetry::init(&config.telemetry)?;
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        match args.action {
            Action::Create => create(config).await,
            Action::Check => check(config).await,
        }
    })
}

async fn create(config: &Config) -> anyhow::Result<()> {
    let kafka = &config.kafka;
    let made = topics::create(&connection(config), kafka.partitions.into(), kafka.replication_factor.into()).await?;
    for topic in &made {
        output::line(format_args!("{}: {}", topic.topic, if topic.existed { "was there" } else { "made" }))?;
    }
    if made.iter().any(|topic| topic.existed) {
        output::line("`golden-bell topics check` tells whether those that were there will do")?;
    }
    Ok(())
}

async fn check(config: &Config) -> anyhow::Result<()> {
    let problems = topics::check(&connection(config), config.kafka.replication_factor.into()).await?;
    for problem in &problems {
        output::line(problem)?;
    }
    match problems.len() {
        0 => Ok(output::line(format_args!("{} topics, all as the contract has them", topics::TOPICS.len()))?),
        1 => bail!("1 problem with the topics"),
        several => bail!("{several} problems with the topics"),
    }
}
