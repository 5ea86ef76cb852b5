//! What is wrong with a directory, and where.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::core::files::line_of;

/// Why a directory was refused: everything that is wrong with it, in the order of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryError {
    /// What is wrong; never empty.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong with a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line the entry begins on, from 1.
    pub line: Option<usize>,
    /// The entry it is about, such as "person `po-1`".
    pub entry: Option<String>,
    /// The key it is about.
    pub key: Option<&'static str>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(entry) = &self.entry {
            write!(f, ": {entry}")?;
        }
        if let Some(key) = self.key {
            write!(f, ": {key}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for DirectoryError {}

/// A file being read, and what was found wrong with it so far.
pub(super) struct Source<'t> {
    file: &'t str,
    text: &'t str,
    pub faults: Vec<Fault>,
}

/// An entry of a file: where it is and what it is called.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub line: Option<usize>,
    pub entry: Option<String>,
}

impl<'t> Source<'t> {
    pub fn new(file: &'t str, text: &'t str) -> Self {
        Source { file, text, faults: Vec::new() }
    }

    pub fn fault(&mut self, place: &Place, key: Option<&'static str>, reason: impl Into<String>) {
        self.faults.push(Fault {
            file: self.file.to_owned(),
            line: place.line,
            entry: place.entry.clone(),
            key,
            reason: reason.into(),
        });
    }

    /// The whole file; a fault, and nothing of it, where it is not TOML of this form.
    pub fn parse<T: DeserializeOwned>(&mut self) -> Option<T> {
        match toml::from_str(self.text) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                let line = error.span().map(|span| line_of(self.text, span.start));
                self.fault(&Place { line, entry: None }, None, error.message());
                None
            }
        }
    }

    /// An entry of a list, and its place; it is called by the value it has under `name`.
    pub fn entry<T: DeserializeOwned>(
        &mut self,
        kind: &str,
        name: &str,
        table: Spanned<toml::Table>,
    ) -> (Place, Option<T>) {
        let line = Some(line_of(self.text, table.span().start));
        let table = table.into_inner();
        let entry = match table.get(name) {
            Some(toml::Value::String(name)) => format!("{kind} `{name}`"),
            Some(toml::Value::Integer(number)) => format!("{kind} {number}"),
            _ => kind.to_owned(),
        };
        let place = Place { line, entry: Some(entry) };
        match table.try_into() {
            Ok(read) => (place, Some(read)),
            Err(error) => {
                let error: toml::de::Error = error;
                self.fault(&place, None, error.message());
                (place, None)
            }
        }
    }

    /// A day, as a TOML date or as text.
    pub fn day(&mut self, place: &Place, key: &'static str, value: Option<&toml::Value>) -> Option<NaiveDate> {
        let value = value?;
        let read = text_of(value).and_then(|text| NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok());
        if read.is_none() {
            self.fault(place, Some(key), format!("{value} is no day such as 2026-06-30"));
        }
        read
    }

    /// A time of day, as a TOML time or as text, with or without seconds.
    pub fn time(&mut self, place: &Place, key: &'static str, value: &toml::Value) -> Option<NaiveTime> {
        let read = text_of(value).and_then(|text| {
            let formats = ["%H:%M:%S", "%H:%M"];
            formats.iter().find_map(|format| NaiveTime::parse_from_str(&text, format).ok())
        });
        if read.is_none() {
            self.fault(place, Some(key), format!("{value} is no time such as 08:30"));
        }
        read
    }

    /// A moment, as a TOML time with or without offset, or as text.
    pub fn moment(&mut self, place: &Place, key: &'static str, value: &toml::Value) -> Option<Given> {
        let read = text_of(value).and_then(|text| {
            if let Ok(moment) = DateTime::parse_from_rfc3339(&text) {
                return Some(Given::Exact(moment.to_utc()));
            }
            let formats = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
            formats.iter().find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok()).map(Given::Local)
        });
        if read.is_none() {
            self.fault(place, Some(key), format!("{value} is no moment such as 2026-02-16T08:00:00"));
        }
        read
    }
}

/// A moment as it stands in a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given {
    /// With an offset.
    Exact(DateTime<Utc>),
    /// By the clock of a place.
    Local(NaiveDateTime),
}

fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Datetime(moment) => Some(moment.to_string()),
        _ => None,
    }
}
