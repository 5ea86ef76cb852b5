//! Who and what there is in the zone (contract 9): areas, people, on-call rosters, holidays, and who is told of a case.
//!
//! A directory is read from its files as one and replaced as one: with a fault in any of them all is refused.

mod areas;
mod calendar;
mod clock;
mod fault;
mod holidays;
mod ical;
mod ical_time;
mod people;
mod roster;
mod roster_file;
mod routing;

use std::collections::BTreeMap;

use super::files::version_of_files;

pub use areas::{Area, AreaFault, AreaKind, Areas, AreasError, Population};
pub use clock::{HOME_ZONE, Period, first_moment};
pub use fault::{DirectoryError, Fault};
pub use holidays::{DayKind, Holidays};
pub use people::{Duty, People, Person, PersonRole};
pub use roster::{Days, OnCallBy, Roster, Rosters, Rotation, Shift};
pub use routing::{LAST_STEP, Route, RouteQuery, Routed, Why};

/// The file of the areas; it must be there.
pub const AREAS_FILE: &str = "areas.toml";
/// The file of the people.
pub const PEOPLE_FILE: &str = "people.toml";
/// The file of the on-call rosters.
pub const ROSTERS_FILE: &str = "rosters.toml";
/// The file of the holidays.
pub const HOLIDAYS_FILE: &str = "holidays.toml";
/// How the name of a calendar ends.
pub const CALENDAR_EXTENSION: &str = "ics";

/// Areas, people, rosters and holidays, in one version.
#[derive(Debug)]
pub struct Directory {
    areas: Areas,
    people: People,
    rosters: Rosters,
    holidays: Holidays,
    version: String,
}

/// The texts of the files of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryFiles {
    /// What stands before a file's name in errors, such as `config/directory/`.
    pub folder: String,
    /// The texts, by the name of the file. Names that mean nothing here are left alone.
    pub texts: BTreeMap<String, String>,
}

impl DirectoryFiles {
    /// Whether a file of this name is part of a directory.
    pub fn wants(name: &str) -> bool {
        let calendar = name.rsplit_once('.').is_some_and(|(_, extension)| extension == CALENDAR_EXTENSION);
        calendar || [AREAS_FILE, PEOPLE_FILE, ROSTERS_FILE, HOLIDAYS_FILE].contains(&name)
    }

    /// The first 16 hex digits of a SHA-256 over names and texts of all files.
    pub fn version(&self) -> String {
        let wanted = self.texts.iter().filter(|(name, _)| Self::wants(name));
        version_of_files(wanted.map(|(name, text)| (name.as_str(), text.as_str())))
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }
}

impl Directory {
    /// Reads a directory. Only the areas must be there; without people every warning is unowned.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, by file, line and key.
    pub fn load(files: &DirectoryFiles) -> Result<Directory, DirectoryError> {
        let mut faults = Vec::new();
        let areas = match files.text(AREAS_FILE) {
            None => {
                let reason = "this file is missing".to_owned();
                let file = files.path(AREAS_FILE);
                return Err(DirectoryError {
                    faults: vec![Fault { file, line: None, entry: None, key: None, reason }],
                });
            }
            Some(text) => Areas::load(text, &files.path(AREAS_FILE)).map_err(DirectoryError::from)?,
        };
        let mut read = |name, read: &mut dyn FnMut(&str, &str) -> Vec<Fault>| {
            if let Some(text) = files.text(name) {
                faults.extend(read(text, &files.path(name)));
            }
        };
        let (mut people, mut rosters, mut holidays) = (People::default(), Rosters::default(), Holidays::default());
        read(HOLIDAYS_FILE, &mut |text, file| {
            let (table, faults) = Holidays::load(text, file);
            holidays = table;
            faults
        });
        read(PEOPLE_FILE, &mut |text, file| {
            let (everybody, faults) = People::load(text, file, &areas);
            people = everybody;
            faults
        });
        if people.all().is_empty() && !faults.is_empty() {
            // Rosters name people: without them nothing sensible can be said of those.
            return Err(DirectoryError { faults });
        }
        let is_calendar = |name: &&String| name.ends_with(&format!(".{CALENDAR_EXTENSION}"));
        let paths: BTreeMap<&str, String> =
            files.texts.keys().filter(is_calendar).map(|name| (name.as_str(), files.path(name))).collect();
        let calendars: BTreeMap<&str, (&str, &str)> =
            paths.iter().filter_map(|(name, path)| Some((*name, (path.as_str(), files.text(name)?)))).collect();
        let text = files.text(ROSTERS_FILE).unwrap_or_default();
        let (read, of_rosters) = roster_file::load(text, &files.path(ROSTERS_FILE), &calendars, &areas, &people);
        rosters.rosters = read.rosters;
        rosters.exceptions = read.exceptions;
        faults.extend(of_rosters);
        if !faults.is_empty() {
            return Err(DirectoryError { faults });
        }
        Ok(Directory { areas, people, rosters, holidays, version: files.version() })
    }

    /// The areas.
    pub fn areas(&self) -> &Areas {
        &self.areas
    }

    /// The people.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The on-call rosters.
    pub fn rosters(&self) -> &Rosters {
        &self.rosters
    }

    /// The table of holidays.
    pub fn holidays(&self) -> &Holidays {
        &self.holidays
    }

    /// The hash of all its files.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl From<AreasError> for DirectoryError {
    fn from(error: AreasError) -> Self {
        let AreasError { file, faults } = error;
        let fault = |fault: AreaFault| Fault {
            file: file.clone(),
            line: fault.line,
            entry: fault.area.map(|area| format!("area `{area}`")),
            key: fault.key,
            reason: fault.reason,
        };
        DirectoryError { faults: faults.into_iter().map(fault).collect() }
    }
}
