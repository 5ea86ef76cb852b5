//! The command line (contract 12), one file per command.
//!
//! Exit codes: 0 good, 1 failure, 2 usage, 64 bad configuration, 75 a call into Kafka that did not return (that one is
//! given by [`crate::kafka::watchdog`]). What a command found goes to the standard output, everything else to the
//! standard error, the reason of a failure as its last line.

mod check;
mod completions;
mod demo;
mod export;
mod forget;
mod generate;
mod output;
mod routes;
mod run;
mod subject;
mod topics;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError, Environment};
use crate::runtime::RunError;

/// Exit code of a configuration that cannot be used.
pub const BAD_CONFIGURATION: u8 = 64;

/// Finds the person at risk behind a suspected-fraud call or transfer, and warns the people who can stop it.
#[derive(Debug, Parser)]
#[command(name = "golden-bell", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// The configuration file. Without it config/golden-bell.toml is read if it is there; what neither the file nor
    /// the environment (GOLDEN_BELL__SECTION__KEY) gives has its built-in default.
    #[arg(long, global = true, value_name = "FILE", env = "GOLDEN_BELL_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Work: match events with registrants, keep cases, warn.
    Run(run::RunArgs),
    /// Check configuration, rules, messages and directory, and say what was found.
    Check,
    /// Make the topics, or check those that are there.
    Topics(topics::TopicsArgs),
    /// See who is told of a case, and why.
    Routes(routes::RoutesArgs),
    /// Send made-up registrants and events, for load and trials.
    Generate(generate::GenerateArgs),
    /// Write all that is held of a person to the standard output, as JSON.
    Export(subject::SubjectArgs),
    /// Forget a person who asked for it: registration, household and cases, for good.
    Forget(subject::SubjectArgs),
    /// Watch it work: everything on an embedded broker, with made-up people; nothing to set up.
    Demo(demo::DemoArgs),
    /// Write the completions of a shell to the standard output.
    Completions(completions::CompletionsArgs),
}

/// Parses the command line, does what it says, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with exit code 0; if they cannot be written nobody reads them.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::report(&error);
            exit_code(&error)
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Run(args) => run::execute(load(&cli.global)?, &args),
        Command::Check => check::execute(load(&cli.global)?),
        Command::Topics(args) => topics::execute(&load(&cli.global)?, &args),
        Command::Routes(args) => routes::execute(&load(&cli.global)?, &args),
        Command::Generate(args) => generate::execute(&load(&cli.global)?, &args),
        Command::Export(args) => export::execute(&load(&cli.global)?, &args),
        Command::Forget(args) => forget::execute(&load(&cli.global)?, &args),
        Command::Demo(args) => demo::execute(load(&cli.global)?, &args),
        Command::Completions(args) => completions::execute(&args),
    }
}

fn load(global: &Global) -> Result<Config, ConfigError> {
    Config::load(global.config.as_deref(), &Environment::of_process())
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    let bad_configuration = error.is::<ConfigError>() || matches!(error.downcast_ref(), Some(RunError::Config(_)));
    if bad_configuration { ExitCode::from(BAD_CONFIGURATION) } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let found = match Cli::try_parse_from(line.split_whitespace()) {
            Ok(cli) => format!("{:?} {:?}", cli.global.config, cli.command),
            Err(error) => format!("exit {}", error.exit_code()),
        };
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn lines_are_read_as_the_contract_writes_them() {
        check("golden-bell run", "None Run(RunArgs { roles: [Match, Cases, Notify] })");
        check("golden-bell run --config a.toml --roles cases", r#"Some("a.toml") Run(RunArgs { roles: [Cases] })"#);
        check(
            "golden-bell --config a.toml run --roles match,cases",
            r#"Some("a.toml") Run(RunArgs { roles: [Match, Cases] })"#,
        );
        check("golden-bell topics create", "None Topics(TopicsArgs { action: Create })");
        check("golden-bell topics check", "None Topics(TopicsArgs { action: Check })");
        check(
            "golden-bell demo --for 20s --plain --lang zh",
            "None Demo(DemoArgs { duration: Some(20s), plain: true, lang: Some(Zh) })",
        );
        check("golden-bell export r-1/m1", r#"None Export(SubjectArgs { subject: "r-1/m1" })"#);
        check("golden-bell forget r-1", r#"None Forget(SubjectArgs { subject: "r-1" })"#);
        check(
            "golden-bell routes test --area kfq/a --level urgent --step 2",
            r#"None Routes(RoutesArgs { action: Test(TestArgs { area: "kfq/a", workplace: None, level: Urgent, step: 2, at: None }) })"#,
        );
        check("golden-bell completions zsh", "None Completions(CompletionsArgs { shell: Zsh })");
    }

    #[test]
    fn wrong_usage_is_2_and_help_is_0() {
        for line in [
            "golden-bell routes test --area kfq --level red",
            "golden-bell routes test --area kfq --level low --step 4",
            "golden-bell routes test --area kfq --level low --at tomorrow",
            "golden-bell routes test --level low",
            "golden-bell",
            "golden-bell fly",
            "golden-bell run --roles desks",
            "golden-bell run --roles=",
            "golden-bell export",
            "golden-bell forget r-1/",
        ] {
            check(line, "exit 2");
        }
        check("golden-bell --help", "exit 0");
        check("golden-bell --version", "exit 0");
    }

    #[test]
    fn bad_configuration_has_its_own_exit_code_however_it_was_found() {
        let config = ConfigError::in_file("golden-bell.toml", "kafka.partitions", "must be 1 to 10000, found 0");
        assert_eq!(exit_code(&config.clone().into()), ExitCode::from(64));
        assert_eq!(exit_code(&RunError::from(config).into()), ExitCode::from(64));
        assert_eq!(exit_code(&RunError::SetUp("no threads".to_owned()).into()), ExitCode::FAILURE);
    }
}
