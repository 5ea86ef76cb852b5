//! `golden-bell check`: what `run` would find, without touching Kafka.

use crate::config::{Config, Key};
use crate::core::directory::{AreaKind, Directory, PersonRole};
use crate::core::message::Templates;
use crate::core::rules::RuleSet;
use crate::runtime::Loaded;

use super::output;

/// Stands in for a key that is not there, so that all the rest can be checked; nothing made with it leaves the check.
const NO_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

pub(super) fn execute(mut config: Config) -> anyhow::Result<()> {
    config.require_paths()?;
    let has_key = config.privacy.token_key.is_some();
    if !has_key {
        config.privacy.token_key = Key::from_hex(NO_KEY);
    }
    let loaded = Loaded::load(&config)?;
    for (what, found) in [
        ("configuration", configuration(&config)),
        ("rules", rules(&config, &loaded.rulebook.rules.load())),
        ("messages", messages(&config, &loaded.rulebook.templates.load())),
        ("directory", directory(&config, &loaded.rulebook.directory.load())),
        ("areas", areas(&loaded.rulebook.directory.load())),
        ("people", people(&loaded.rulebook.directory.load())),
        ("rosters", rosters(&loaded.rulebook.directory.load())),
        ("holidays", holidays(&loaded.rulebook.directory.load())),
        ("allow-list", allow_list(&config)),
        ("token key", if has_key { "set" } else { "not set: run needs privacy.token_key" }.to_owned()),
    ] {
        output::line(format_args!("{what:<14} {found}"))?;
    }
    Ok(())
}

fn configuration(config: &Config) -> String {
    let file = config.file().map_or_else(|| "built-in defaults".to_owned(), |path| path.display().to_string());
    match config.environment_keys().collect::<Vec<_>>().join(", ") {
        keys if keys.is_empty() => file,
        keys => format!("{file}; from the environment: {keys}"),
    }
}

fn rules(config: &Config, rules: &RuleSet) -> String {
    let levels = rules.levels();
    format!(
        "{}: {} rules, version {}; urgent from {}, high from {}, medium from {}",
        config.rules.path.display(),
        rules.rules().len(),
        rules.version(),
        levels.urgent,
        levels.high,
        levels.medium
    )
}

fn messages(config: &Config, templates: &Templates) -> String {
    let languages = templates.languages().collect::<Vec<_>>().join(", ");
    let path = config.messages.path.display();
    format!("{path}: {} templates ({languages}), version {}", templates.count(), templates.version())
}

fn directory(config: &Config, directory: &Directory) -> String {
    format!("{}: version {}", config.directory.path.display(), directory.version())
}

fn areas(directory: &Directory) -> String {
    let areas = directory.areas().all();
    let count = |kind: AreaKind| areas.iter().filter(|area| area.kind == kind).count();
    let kinds = AreaKind::ALL.into_iter().map(|kind| (kind.as_str(), count(kind)));
    format!("{} ({})", areas.len(), counted(kinds))
}

fn people(directory: &Directory) -> String {
    let people = directory.people().all();
    let count = |role: PersonRole| people.iter().filter(|person| person.role == role).count();
    let roles = PersonRole::ALL.iter().map(|role| (role.as_str(), count(*role)));
    match people.len() {
        0 => "none: every warning will be unowned".to_owned(),
        all => format!("{all} ({})", counted(roles)),
    }
}

fn rosters(directory: &Directory) -> String {
    match directory.rosters().all() {
        [] => "none: nobody is on call".to_owned(),
        rosters => rosters.iter().map(|roster| roster.id.as_str()).collect::<Vec<_>>().join(", "),
    }
}

fn holidays(directory: &Directory) -> String {
    let years: Vec<String> = directory.holidays().years().map(|(year, _)| year.to_string()).collect();
    match years.is_empty() {
        true => "no table: Monday to Friday are workdays".to_owned(),
        false => format!("{}; in other years Monday to Friday are workdays", years.join(", ")),
    }
}

/// How many there are of what, what there is none of left out.
fn counted(counts: impl Iterator<Item = (&'static str, usize)>) -> String {
    let there = counts.filter(|(_, count)| *count > 0).map(|(name, count)| format!("{count} {name}"));
    there.collect::<Vec<_>>().join(", ")
}

fn allow_list(config: &Config) -> String {
    let allow = &config.matching.allow;
    format!(
        "{} phones, {} prefixes, {} payee accounts",
        allow.phones.len(),
        allow.prefixes.len(),
        allow.payee_accounts.len()
    )
}
