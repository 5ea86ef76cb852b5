//! The files of the directory: read from their folder, and watched for changes.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, ConfigError};
use crate::core::directory::{Directory, DirectoryFiles, Fault, PEOPLE_FILE, Person};
use crate::lifecycle::Stop;
use crate::operations::Command;

use super::load::Rulebook;

/// How often the folder is looked at. A change takes effect once it has stood for one such time: whoever writes several
/// files has finished by then.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reads the files of a directory.
///
/// # Errors
/// When the folder or a file in it cannot be read; the message names it.
pub fn read_files(folder: &Path) -> io::Result<DirectoryFiles> {
    let at = |path: &Path, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut files = DirectoryFiles { folder: format!("{}/", folder.display()), ..DirectoryFiles::default() };
    for entry in fs::read_dir(folder).map_err(|error| at(folder, error))? {
        let path = entry.map_err(|error| at(folder, error))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| DirectoryFiles::wants(name))
        else {
            continue;
        };
        let text = fs::read_to_string(&path).map_err(|error| at(&path, error))?;
        files.texts.insert(name.to_owned(), text);
    }
    Ok(files)
}

/// Reads the directory the configuration names.
///
/// # Errors
/// Everything that is wrong with it, each with its file and line.
pub(super) fn read(config: &Config) -> Result<Directory, ConfigError> {
    const KEY: &str = "directory.path";
    let files =
        read_files(&config.directory.path).map_err(|error| config.problem(KEY, format!("cannot read {error}")))?;
    let refused = |faults: &[Fault]| {
        let problems = faults.iter().flat_map(|fault| config.problem(KEY, fault.to_string()).problems);
        ConfigError { problems: problems.collect() }
    };
    let directory = Directory::load(&files).map_err(|error| refused(&error.faults))?;
    let faults = channel_faults(&directory, config, &format!("{}{PEOPLE_FILE}", files.folder));
    if faults.is_empty() { Ok(directory) } else { Err(refused(&faults)) }
}

/// The channels of people that are no destinations of the configuration, or not for people.
fn channel_faults(directory: &Directory, config: &Config, file: &str) -> Vec<Fault> {
    let channels = directory.people().all().iter().flat_map(|person| {
        person.channels.iter().filter_map(move |channel| Some((person, config.notify.unfit_for_people(channel)?)))
    });
    let fault = |(person, reason): (&Person, String)| Fault {
        file: file.to_owned(),
        line: None,
        entry: Some(format!("person `{}`", person.id)),
        key: Some("channels"),
        reason,
    };
    channels.map(fault).collect()
}

/// What a look at the folder says.
#[derive(Debug, Default)]
struct Watch {
    /// The version seen last.
    seen: Option<String>,
    /// The version last taken or refused.
    tried: Option<String>,
}

impl Watch {
    /// Whether what stands there now is to be loaded: it is not in force, has not been refused, and has not changed since
    /// the last look.
    fn is_due(&mut self, version: String, in_force: &str) -> bool {
        if version == in_force {
            // A file that was put right again may break a second time in the same way.
            self.tried = None;
            self.seen = None;
            return false;
        }
        let settled = self.seen.as_ref() == Some(&version);
        let due = settled && self.tried.as_ref() != Some(&version);
        if due {
            self.tried = Some(version.clone());
        }
        self.seen = Some(version);
        due
    }
}

/// Watches the folder until the process stops, and lets `reload` load it when it has changed. What is refused is tried
/// again when it changes again.
pub(super) async fn watch(config: Config, rulebook: Rulebook, reload: Command, stop: Stop) -> Result<(), String> {
    let mut watch = Watch::default();
    // Contents are compared, not times: folders may be swapped by a link, and clocks of file servers differ.
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.requested() => return Ok(()),
            _ = looks.tick() => {}
        }
        let folder = config.directory.path.clone();
        let version = tokio::task::spawn_blocking(move || match read_files(&folder) {
            Ok(files) => files.version(),
            // A folder that cannot be read is a change too: the reload says what is wrong with it.
            Err(error) => error.to_string(),
        });
        let Ok(version) = version.await else { continue };
        let in_force = rulebook.directory.load().version().to_owned();
        if watch.is_due(version, &in_force) {
            let reload = Arc::clone(&reload);
            // Whether it was refused is logged and counted by the command.
            drop(tokio::task::spawn_blocking(move || reload()).await);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_loaded_once_it_has_stood_and_a_refused_one_not_again() {
        let mut watch = Watch::default();
        let mut look = |version: &str, in_force: &str| watch.is_due(version.to_owned(), in_force);
        assert!(!look("a", "a"), "nothing has changed");
        assert!(!look("b", "a"), "it may be half written");
        assert!(!look("c", "a"), "it was");
        assert!(look("c", "a"), "it has stood");
        assert!(!look("c", "a"), "it was refused, and is the same still");
        assert!(!look("d", "a"));
        assert!(look("d", "a"), "it was changed again");
        assert!(!look("d", "d"), "it is in force");
        assert!(!look("c", "d"));
        assert!(look("c", "d"), "what was refused before is a new change now");
    }
}
