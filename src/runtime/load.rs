//! Reads rules, directory and message templates, and makes of the configuration what the core works with.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use arc_swap::ArcSwap;
use chrono::TimeDelta;

use crate::config::{Config, ConfigError, LevelDurations};
use crate::core::case::{ArchiveKey, CaseSettings, PerLevel};
use crate::core::directory::Areas;
use crate::core::identifier::{IdentifierReader, IndexSecret, KeyHasher, Region, TokenKey, Tokens};
use crate::core::index::RegistrantIndex;
use crate::core::matching::{AllowList, MatchSettings};
use crate::core::message::Templates;
use crate::core::rules::RuleSet;
use crate::metrics::Metrics;

/// The file of the directory that holds the areas.
pub const AREAS_FILE: &str = "areas.toml";

/// What can be replaced while the process runs.
#[derive(Clone)]
pub struct Rulebook {
    /// The rules in force.
    pub rules: Arc<ArcSwap<RuleSet>>,
    /// The areas in force.
    pub areas: Arc<ArcSwap<Areas>>,
    /// The message templates in force.
    pub templates: Arc<ArcSwap<Templates>>,
}

impl Rulebook {
    /// Reads rules, directory and templates.
    ///
    /// # Errors
    /// The file, the key of the configuration that names it, and what is wrong with it.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let (rules, areas) = read(config)?;
        let templates = templates(config)?;
        Ok(Rulebook {
            rules: Arc::new(ArcSwap::from_pointee(rules)),
            areas: Arc::new(ArcSwap::from_pointee(areas)),
            templates: Arc::new(ArcSwap::from_pointee(templates)),
        })
    }

    /// Reads them anew; all take effect, or none.
    ///
    /// # Errors
    /// What is wrong; what was in force stays.
    pub fn reload(&self, config: &Config, metrics: &Metrics) -> Result<String, String> {
        let (rules, areas) = read(config).map_err(|error| error.to_string())?;
        let templates = templates(config).map_err(|error| error.to_string())?;
        metrics.rule_errors.in_force(rules.rules().iter().map(|rule| rule.id()));
        let report = format!(
            "rules {} ({} rules), directory {} ({} areas), messages {} ({} templates)",
            rules.version(),
            rules.rules().len(),
            areas.version(),
            areas.all().len(),
            templates.version(),
            templates.count()
        );
        self.rules.store(Arc::new(rules));
        self.areas.store(Arc::new(areas));
        self.templates.store(Arc::new(templates));
        Ok(report)
    }
}

fn read(config: &Config) -> Result<(RuleSet, Areas), ConfigError> {
    let rules = text(config, "rules.path", &config.rules.path)?;
    let rules = RuleSet::load(&rules, &config.rules.path.display().to_string())
        .map_err(|error| config.problem("rules.path", error.to_string()))?;
    let path = config.directory.path.join(AREAS_FILE);
    let areas = text(config, "directory.path", &path)?;
    let areas = Areas::load(&areas, &path.display().to_string())
        .map_err(|error| config.problem("directory.path", error.to_string()))?;
    Ok((rules, areas))
}

/// Reads every `.toml` file of the folder.
fn templates(config: &Config) -> Result<Templates, ConfigError> {
    const KEY: &str = "messages.path";
    let folder = &config.messages.path;
    let unreadable = |error: io::Error| config.problem(KEY, format!("cannot read {}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push((path.display().to_string(), text(config, KEY, &path)?));
        }
    }
    Templates::load(&files).map_err(|error| config.problem(KEY, error.to_string()))
}

fn text(config: &Config, key: &str, path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|error| config.problem(key, format!("cannot read {}: {error}", path.display())))
}

/// How phones and accounts are read, and the key of their tokens.
///
/// # Errors
/// File, key and reason.
pub fn identifiers(config: &Config) -> Result<(IdentifierReader, TokenKey), ConfigError> {
    config.require_token_key()?;
    let default_region: Region = (config.matching.default_region.parse())
        .map_err(|error| config.problem("matching.default_region", format!("{error}")))?;
    let key = (config.privacy.token_key.as_ref()).ok_or_else(|| config.problem("privacy.token_key", "is required"))?;
    let tokens = if config.privacy.tokens { Tokens::On } else { Tokens::Off };
    Ok((IdentifierReader { default_region, tokens }, TokenKey::new(key.bytes())))
}

/// Everything the core works with.
pub struct Loaded {
    /// Rules, areas and templates.
    pub rulebook: Rulebook,
    /// An empty index.
    pub index: RegistrantIndex,
    /// Allow-list and bounds of stage 1.
    pub match_settings: MatchSettings,
    /// Deadlines and bounds of stage 2.
    pub case_settings: CaseSettings,
    /// Names the subjects of the programme `precise`.
    pub token_key: TokenKey,
    /// Hashes the ids of what leaves into the archive.
    pub archive_key: ArchiveKey,
}

impl Loaded {
    /// Reads rules, directory and templates and checks the rest; `privacy.token_key` must be there.
    ///
    /// # Errors
    /// File, key and reason.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let rulebook = Rulebook::load(config)?;
        let (reader, token_key) = identifiers(config)?;
        let key =
            (config.privacy.token_key.as_ref()).ok_or_else(|| config.problem("privacy.token_key", "is required"))?;
        let hasher = match (reader.tokens, &config.privacy.pepper) {
            (Tokens::On, _) => KeyHasher::tokens(token_key.clone()),
            (Tokens::Off, Some(pepper)) => KeyHasher::keyed(&IndexSecret::from_pepper(pepper.bytes())),
            (Tokens::Off, None) => KeyHasher::keyed(&IndexSecret::from_random(rand::random())),
        };
        let index = RegistrantIndex::new(reader, hasher);
        let allow = &config.matching.allow;
        let allow = AllowList::new(&index, &allow.phones, &allow.prefixes, &allow.payee_accounts)
            .map_err(|error| config.problem("matching.allow", error.to_string()))?;
        Ok(Loaded {
            rulebook,
            index,
            match_settings: MatchSettings { allow, max_subjects: config.matching.max_subjects },
            case_settings: case_settings(config, reader.default_region),
            token_key,
            archive_key: ArchiveKey::new(key.bytes()),
        })
    }
}

fn case_settings(config: &Config, region: Region) -> CaseSettings {
    let cases = &config.cases;
    CaseSettings {
        acknowledge_within: per_level(&cases.acknowledge_within),
        reach_within: per_level(&cases.reach_within),
        acknowledge_expires: per_level(&cases.acknowledge_expires),
        repeat_after: per_level(&cases.repeat_after),
        reopen_within: span(cases.reopen_within),
        keep_closed: span(cases.keep_closed),
        open_at: u32::try_from(cases.open_at).unwrap_or_default(),
        calling_code: region.calling_code(),
    }
}

fn per_level(levels: &LevelDurations) -> PerLevel<TimeDelta> {
    PerLevel {
        urgent: span(levels.urgent),
        high: span(levels.high),
        medium: span(levels.medium),
        low: span(levels.low),
    }
}

/// The configuration bounds durations to years, far from what a span can hold.
fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
