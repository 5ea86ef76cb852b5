//! `golden-bell demo`: a show that needs nothing set up.

use std::time::Duration;

use clap::Args;

use crate::config::Config;
use crate::demo::{self, Lang, Options};

#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// Ends by itself after this time, such as 20s or 5m, with a summary. By default it goes on until stopped.
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// Plain lines instead of the full-screen view; so it is too where the output is no terminal.
    #[arg(long)]
    plain: bool,
    /// The language shown. By default that of the environment (LC_ALL, LC_MESSAGES, LANG).
    #[arg(long, value_name = "LANG")]
    lang: Option<Lang>,
}

pub(super) fn execute(config: Config, args: &DemoArgs) -> anyhow::Result<()> {
    demo::run(config, &Options { duration: args.duration, plain: args.plain, lang: args.lang })
}
