//! What commands say, and to whom.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line to the standard output. A reader who has gone away, such as `head`, is no failure.
pub(super) fn line(text: impl Display) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Says why a command failed, in the form of the log where there is one.
pub(super) fn report(error: &anyhow::Error) {
    let logging = tracing::enabled!(tracing::Level::ERROR);
    // `{:#}` adds the causes; a configuration says one problem a line.
    for reason in format!("{error:#}").lines() {
        if logging {
            tracing::error!("{reason}");
        } else {
            // If nobody can be told, the exit code still says it.
            let _ = writeln!(io::stderr().lock(), "golden-bell: {reason}");
        }
    }
}
