//! `[rules]`, `[messages]` and `[directory]`: where the other files are.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::Problems;

/// Where the scoring rules are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesConfig {
    /// The file. Default `config/rules.toml`.
    pub path: PathBuf,
}

/// Where the message templates are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessagesConfig {
    /// The folder. Default `config/messages`.
    pub path: PathBuf,
}

/// Where areas, people and rosters are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryConfig {
    /// The folder. Default `config/directory`.
    pub path: PathBuf,
}

impl RulesConfig {
    pub(super) fn check_path(&self, problems: &mut Problems<'_>) {
        if !self.path.is_file() {
            problems.push("rules.path", missing("file", &self.path));
        }
    }
}

impl MessagesConfig {
    pub(super) fn check_path(&self, problems: &mut Problems<'_>) {
        if !self.path.is_dir() {
            problems.push("messages.path", missing("folder", &self.path));
        }
    }
}

impl DirectoryConfig {
    pub(super) fn check_path(&self, problems: &mut Problems<'_>) {
        if !self.path.is_dir() {
            problems.push("directory.path", missing("folder", &self.path));
        }
    }
}

fn missing(kind: &str, path: &Path) -> String {
    let from = std::env::current_dir().map_or_else(|_| "?".to_owned(), |dir| dir.display().to_string());
    if path.is_absolute() {
        format!("no {kind} at {}", path.display())
    } else {
        format!("no {kind} at {} (seen from {from})", path.display())
    }
}
