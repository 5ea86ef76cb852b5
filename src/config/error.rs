//! What is wrong with a configuration: file, key and reason, all problems at once.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::layer::{DEFAULTS, Origin};
use super::value::written;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, or the environment variable, that says so.
    pub file: String,
    /// The key, its parts joined by dots; empty where the file as a whole is meant.
    pub key: String,
    /// Why it cannot be used, and what would do.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            write!(f, "{}: {}", self.file, self.reason)
        } else {
            write!(f, "{}: {}: {}", self.file, self.key, self.reason)
        }
    }
}

/// A configuration that cannot be used; the program ends with exit code 64.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", lines(.problems))]
pub struct ConfigError {
    /// All that was found, at least one.
    pub problems: Vec<Problem>,
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

impl ConfigError {
    /// A problem in a file that the configuration points to, such as the rules.
    pub fn in_file(file: impl fmt::Display, key: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::from(Problem { file: file.to_string(), key: key.into(), reason: reason.to_string() })
    }

    pub(super) fn unless_empty(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

/// Gathers problems while sections check themselves.
pub(super) struct Problems<'a> {
    origin: &'a Origin,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(origin: &'a Origin) -> Self {
        Self { origin, found: Vec::new() }
    }

    pub(super) fn into_vec(self) -> Vec<Problem> {
        self.found
    }

    /// Whether nobody has set `key`.
    pub(super) fn is_default(&self, key: &str) -> bool {
        self.origin.name(key) == DEFAULTS
    }

    pub(super) fn push(&mut self, key: &str, reason: impl Into<String>) {
        self.found.push(Problem { file: self.origin.name(key).to_owned(), key: key.to_owned(), reason: reason.into() });
    }

    pub(super) fn range<T: PartialOrd + fmt::Display>(&mut self, key: &str, value: T, range: RangeInclusive<T>) {
        if !range.contains(&value) {
            let (from, to) = range.into_inner();
            self.push(key, format!("must be {from} to {to}, found {value}"));
        }
    }

    pub(super) fn duration(&mut self, key: &str, value: Duration, range: RangeInclusive<Duration>) {
        if !range.contains(&value) {
            let (from, to) = range.into_inner();
            self.push(key, format!("must be {} to {}, found {}", written(from), written(to), written(value)));
        }
    }

    /// A name Kafka accepts: letters, digits, `.`, `_` and `-`.
    pub(super) fn kafka_name(&mut self, key: &str, value: &str, longest: usize) {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !value.chars().all(legal) {
            self.push(key, "may hold only letters, digits, \".\", \"_\" and \"-\"");
        }
        if value.len() > longest {
            self.push(key, format!("may be at most {longest} characters long"));
        }
    }
}
