//! `[privacy]`: the keys of tokens and look-up hashes.

use std::fs;

use serde::Deserialize;

use super::error::Problems;
use super::secret::{Key, Secret};
use super::value;

/// Keys, and whether tokens are used (contract 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivacyConfig {
    /// The key of tokens; `run` needs it. Default none.
    pub token_key: Option<Key>,
    /// Whether tokens may stand for phones and accounts. Default `"off"`.
    pub tokens: bool,
    /// The key of the cheaper look-up hashes. Default none: random for each process, and no snapshots.
    pub pepper: Option<Key>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    token_key: Secret,
    #[serde(deserialize_with = "value::optional_text")]
    token_key_file: Option<String>,
    #[serde(deserialize_with = "value::switch")]
    tokens: bool,
    pepper: Secret,
    #[serde(deserialize_with = "value::optional_text")]
    pepper_file: Option<String>,
}

impl Document {
    pub(super) fn resolve(self, problems: &mut Problems<'_>) -> PrivacyConfig {
        PrivacyConfig {
            token_key: key("privacy.token_key", &self.token_key, self.token_key_file.as_deref(), problems),
            tokens: self.tokens,
            pepper: key("privacy.pepper", &self.pepper, self.pepper_file.as_deref(), problems),
        }
    }
}

impl PrivacyConfig {
    pub(super) fn require_token_key(&self, problems: &mut Problems<'_>) {
        if self.token_key.is_none() {
            problems.push(
                "privacy.token_key",
                "is required: 64 hex digits (openssl rand -hex 32), in the file that privacy.token_key_file names or \
                 in GOLDEN_BELL__PRIVACY__TOKEN_KEY",
            );
        }
    }
}

fn key(name: &str, written: &Secret, file: Option<&str>, problems: &mut Problems<'_>) -> Option<Key> {
    let file_name = format!("{name}_file");
    match (written.expose(), file) {
        (None, None) => None,
        (Some(_), Some(_)) => {
            problems.push(name, format!("is set, and so is {file_name}; which of them counts is unclear, set one"));
            None
        }
        (Some(text), None) => parse(name, text, problems),
        (None, Some(path)) => match fs::read_to_string(path) {
            Ok(text) => parse(&file_name, &text, problems),
            Err(error) => {
                problems.push(&file_name, format!("cannot read {path}: {error}"));
                None
            }
        },
    }
}

fn parse(name: &str, text: &str, problems: &mut Problems<'_>) -> Option<Key> {
    let key = Key::from_hex(text);
    if key.is_none() {
        let length = text.trim().chars().count();
        problems.push(name, format!("must be exactly 64 hex digits; it has {length} characters"));
    }
    key
}
