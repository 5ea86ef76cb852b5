//! `golden-bell demo`: the whole program on an embedded broker, with made-up people (contract 12).
//!
//! What runs is what `run` runs: a [`Process`](crate::runtime::Process) with all roles, the same workers, the same way
//! over Kafka. Around it stand
//!
//! * `feeder`: the world outside, which registers the people of a made-up zone and sends events,
//! * `watcher`: a consumer of the topic `warnings`,
//! * `officers`: the people who are warned, and who follow up,
//! * `screen` or `plain`: the face, which draws a `model` of what these have seen and of what the program's own
//!   metrics say,
//! * `summary`: what was sent against what was counted.
//!
//! `show` brings them together. The embedded broker knows no transactional isolation: this is a show, not a proof.

mod board;
mod cast;
mod feeder;
mod journal;
mod model;
mod numbers;
mod officers;
mod plain;
mod screen;
mod sender;
mod sent;
mod setting;
mod show;
mod summary;
mod told;
mod view;
mod watcher;
mod words;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::bail;

use crate::config::{Config, TelemetryConfig};
use crate::lifecycle;
use crate::telemetry;

pub use words::Lang;

use journal::Journal;
use plain::Plain;
use screen::Screen;
use show::Show;
use summary::Outcome;

/// How the demo is shown.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// When it ends by itself; `None`: when somebody ends it.
    pub duration: Option<Duration>,
    /// Plain lines, also in a terminal.
    pub plain: bool,
    /// The language, that of the environment by default.
    pub lang: Option<Lang>,
}

/// Plays the demo to its end and prints what it came to.
///
/// # Errors
/// When something cannot be started or fails, or when the program has counted otherwise than it was sent.
pub fn run(config: Config, options: &Options) -> anyhow::Result<()> {
    let full_screen = !options.plain && io::stdout().is_terminal() && io::stdin().is_terminal();
    let journal = Journal::default();
    if full_screen {
        telemetry::init_to(&without_notifications(&config), journal.clone(), false)?;
    } else {
        telemetry::init(&quietly(&config))?;
    }
    let played = play(config, options, full_screen, &journal);
    // Whatever happened, the terminal is itself again: from here on the log is told, and after a failure also what
    // was logged before it.
    let kept = journal.release();
    if played.is_err() {
        kept.iter().for_each(|line| drop(writeln!(io::stderr().lock(), "{line}")));
    }
    let (outcome, lang) = played?;
    let Some(outcome) = outcome else {
        return Ok(print(lang.pick("首个事件之前即已结束\n", "ended before the first event\n"))?);
    };
    print(&outcome.text(lang))?;
    let differences = outcome.differences();
    if !outcome.interrupted && !differences.is_empty() {
        bail!("what was counted is not what was sent:\n{}", differences.join("\n"));
    }
    Ok(())
}

/// Shows one picture after another until the demo is over; gives what it came to and the language chosen last.
fn play(
    config: Config,
    options: &Options,
    full_screen: bool,
    journal: &Journal,
) -> anyhow::Result<(Option<Outcome>, Lang)> {
    let lang = options.lang.unwrap_or_else(Lang::of_environment);
    let mut show = Show::open(config, options.duration, journal.clone())?;
    let mut face =
        if full_screen { Face::Screen(Box::new(Screen::open(lang)?)) } else { Face::Plain(Plain::new(lang)) };
    // The watchdog ends the process from a thread of its own: the terminal must not stay as it is, nor the reason unsaid.
    let _farewell = full_screen.then(|| {
        let journal = journal.clone();
        lifecycle::on_exit(move || {
            screen::give_back();
            journal.release().iter().for_each(|line| drop(writeln!(io::stderr().lock(), "{line}")));
        })
    });
    let mut asked = false;
    while !show.step(asked)? {
        asked = face.show(&show.model())?;
    }
    let lang = face.lang().unwrap_or(lang);
    drop(face);
    Ok((show.close()?, lang))
}

/// The two ways to show it.
enum Face {
    Screen(Box<Screen>),
    Plain(Plain),
}

impl Face {
    /// Shows a picture; whether somebody wants to leave.
    fn show(&mut self, model: &model::Model) -> io::Result<bool> {
        match self {
            Face::Screen(screen) => screen.show(model),
            Face::Plain(plain) => plain.show(model),
        }
    }

    fn lang(&self) -> Option<Lang> {
        match self {
            Face::Screen(screen) => Some(screen.lang()),
            Face::Plain(_) => None,
        }
    }
}

/// Between the warnings only what went wrong belongs on the terminal, unless somebody asks for more.
fn quietly(config: &Config) -> TelemetryConfig {
    let asked_for = config.environment_keys().any(|key| key == "telemetry.log_level");
    let log_level = if asked_for { config.telemetry.log_level.clone() } else { "warn".to_owned() };
    TelemetryConfig { log_level, ..config.telemetry.clone() }
}

/// The lines of the destination `log` would push what went wrong out of the journal.
fn without_notifications(config: &Config) -> TelemetryConfig {
    let log_level = format!("{},golden_bell::workers::notify_worker=warn", config.telemetry.log_level);
    TelemetryConfig { log_level, ..config.telemetry.clone() }
}

/// To the standard output; a reader who has gone away is no failure.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
