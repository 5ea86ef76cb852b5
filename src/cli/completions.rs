//! `golden-bell completions`: for the shell.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Cli;

#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    /// The shell.
    pub(super) shell: Shell,
}

pub(super) fn execute(args: &CompletionsArgs) -> anyhow::Result<()> {
    // Into memory first: the generator does not survive a reader who goes away.
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "golden-bell", &mut script);
    match io::stdout().lock().write_all(&script) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}
