//! Reads rules, directory and message templates, and makes of the configuration what the core works with.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use arc_swap::ArcSwap;
use chrono::TimeDelta;
use parking_lot::Mutex;

use crate::config::{Config, ConfigError, LevelDurations};
use crate::core::case::{ArchiveKey, CaseSettings, PerLevel};
use crate::core::case_engine::Outlets;
use crate::core::directory::Directory;
use crate::core::identifier::{IdentifierReader, IndexSecret, KeyHasher, Region, TokenKey, Tokens};
use crate::core::index::RegistrantIndex;
use crate::core::matching::{AllowList, MatchSettings};
use crate::core::message::Templates;
use crate::core::rules::RuleSet;
use crate::metrics::Metrics;

use super::directory;

/// What can be replaced while the process runs.
#[derive(Clone)]
pub struct Rulebook {
    /// The rules in force.
    pub rules: Arc<ArcSwap<RuleSet>>,
    /// The directory in force.
    pub directory: Arc<ArcSwap<Directory>>,
    /// The message templates in force.
    pub templates: Arc<ArcSwap<Templates>>,
    /// Held while files are read and what they say is put in force, so that the later reading wins.
    reloading: Arc<Mutex<()>>,
}

impl Rulebook {
    /// Reads rules, directory and templates.
    ///
    /// # Errors
    /// The file, the key of the configuration that names it, and what is wrong with it.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let (rules, directory) = (read_rules(config)?, directory::read(config)?);
        let templates = templates(config)?;
        Ok(Rulebook {
            rules: Arc::new(ArcSwap::from_pointee(rules)),
            directory: Arc::new(ArcSwap::from_pointee(directory)),
            templates: Arc::new(ArcSwap::from_pointee(templates)),
            reloading: Arc::default(),
        })
    }

    /// Reads them anew; all take effect, or none.
    ///
    /// # Errors
    /// What is wrong; what was in force stays.
    pub fn reload(&self, config: &Config, metrics: &Metrics) -> Result<String, String> {
        let _alone = self.reloading.lock();
        let rules = read_rules(config).map_err(|error| error.to_string())?;
        let directory = directory::read(config).map_err(|error| error.to_string())?;
        let templates = templates(config).map_err(|error| error.to_string())?;
        metrics.rule_errors.in_force(rules.rules().iter().map(|rule| rule.id()));
        let report = format!(
            "rules {} ({} rules), {}, messages {} ({} templates)",
            rules.version(),
            rules.rules().len(),
            summary(&directory),
            templates.version(),
            templates.count()
        );
        self.rules.store(Arc::new(rules));
        self.directory.store(Arc::new(directory));
        self.templates.store(Arc::new(templates));
        Ok(report)
    }

    /// Reads the directory anew, and leaves the rest as it is.
    ///
    /// # Errors
    /// What is wrong; what was in force stays.
    pub fn reload_directory(&self, config: &Config) -> Result<String, String> {
        let _alone = self.reloading.lock();
        let directory = directory::read(config).map_err(|error| error.to_string())?;
        let report = summary(&directory);
        self.directory.store(Arc::new(directory));
        Ok(report)
    }
}

fn summary(directory: &Directory) -> String {
    let (areas, people) = (directory.areas().all().len(), directory.people().all().len());
    let rosters = directory.rosters().all().len();
    format!("directory {} ({areas} areas, {people} people, {rosters} rosters)", directory.version())
}

fn read_rules(config: &Config) -> Result<RuleSet, ConfigError> {
    let rules = text(config, "rules.path", &config.rules.path)?;
    RuleSet::load(&rules, &config.rules.path.display().to_string())
        .map_err(|error| config.problem("rules.path", error.to_string()))
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
    let default_region = region(config)?;
    let key = (config.privacy.token_key.as_ref()).ok_or_else(|| config.problem("privacy.token_key", "is required"))?;
    let tokens = if config.privacy.tokens { Tokens::On } else { Tokens::Off };
    Ok((IdentifierReader { default_region, tokens }, TokenKey::new(key.bytes())))
}

/// Everything the core works with.
pub struct Loaded {
    /// Rules, directory and templates.
    pub rulebook: Rulebook,
    /// An empty index.
    pub index: RegistrantIndex,
    /// Allow-list and bounds of stage 1.
    pub match_settings: MatchSettings,
    /// Deadlines and bounds of stage 2.
    pub case_settings: CaseSettings,
    /// Where notifications can go.
    pub outlets: Outlets,
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
            case_settings: case_settings(config)?,
            outlets: outlets(config),
            token_key,
            archive_key: ArchiveKey::new(key.bytes()),
        })
    }
}

fn region(config: &Config) -> Result<Region, ConfigError> {
    (config.matching.default_region.parse())
        .map_err(|error| config.problem("matching.default_region", format!("{error}")))
}

/// How cases are handled, by the configuration.
///
/// # Errors
/// When `matching.default_region` is no region.
pub fn case_settings(config: &Config) -> Result<CaseSettings, ConfigError> {
    let cases = &config.cases;
    Ok(CaseSettings {
        acknowledge_within: per_level(&cases.acknowledge_within),
        reach_within: per_level(&cases.reach_within),
        acknowledge_expires: per_level(&cases.acknowledge_expires),
        repeat_after: per_level(&cases.repeat_after),
        reopen_within: span(cases.reopen_within),
        keep_closed: span(cases.keep_closed),
        open_at: u32::try_from(cases.open_at).unwrap_or_default(),
        calling_code: region(config)?.calling_code(),
    })
}

/// Where notifications can go, by the configuration.
pub fn outlets(config: &Config) -> Outlets {
    let notify = &config.notify;
    let all = notify.destinations.iter().map(|(name, destination)| (name.clone(), destination.kind));
    let outlets = Outlets::new(all.collect())
        .with_default(&notify.default)
        .with_residents(&notify.residents)
        .with_alerts(&notify.alerts);
    notify.runbooks.iter().fold(outlets, |outlets, (level, page)| outlets.with_runbook(*level, page))
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
