//! The layers a configuration is made of: shipped defaults, a file, the environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::error::{ConfigError, Problem};
use super::{SHIPPED, notify, properties};

/// What the name of every environment variable that is a key begins with.
pub const ENVIRONMENT_PREFIX: &str = "GOLDEN_BELL__";

/// The name of the layer of the shipped file.
pub(super) const DEFAULTS: &str = "built-in defaults";

/// What the name of the layer of a variable begins with.
const VARIABLE: &str = "environment variable ";

/// The environment variables that are keys, taken once so that tests can give their own.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Self {
        Self::from_pairs(std::env::vars_os())
    }

    /// Those of `pairs` whose name begins with [`ENVIRONMENT_PREFIX`].
    pub fn from_pairs<N: AsRef<OsStr>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let named = pairs.into_iter().filter_map(|(name, value)| {
            let name = name.as_ref().to_str()?;
            name.starts_with(ENVIRONMENT_PREFIX).then(|| (name.to_owned(), value.into()))
        });
        Self(named.collect())
    }
}

/// Shows names only: values may be secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// One layer; its name is what error messages call it.
pub(super) struct Layer {
    name: String,
    dict: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.dict.clone()))
    }
}

impl Layer {
    pub(super) fn shipped() -> Result<Self, ConfigError> {
        Self::toml(DEFAULTS.to_owned(), SHIPPED)
    }

    pub(super) fn file(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        match fs::read_to_string(path) {
            Ok(text) => Self::toml(name, &text),
            Err(error) => Err(ConfigError::in_file(name, "", format!("cannot be read: {error}"))),
        }
    }

    fn toml(name: String, text: &str) -> Result<Self, ConfigError> {
        // The parser's own display quotes the line, which may hold a secret; its message does not.
        let table: toml::Table = toml::from_str(text).map_err(|error: toml::de::Error| {
            let place = error.span().map_or_else(String::new, |span| line_and_column(text, span.start));
            ConfigError::in_file(&name, "", format!("is not TOML: {place}{}", error.message()))
        })?;
        let mut dict = match Value::serialize(table) {
            Ok(Value::Dict(_, dict)) => dict,
            Ok(_) => Dict::new(),
            Err(error) => return Err(ConfigError::in_file(name, "", error.kind)),
        };
        if let Some(Value::Dict(_, kafka)) = dict.get_mut("kafka")
            && let Some(Value::Dict(_, properties)) = kafka.get_mut("properties")
        {
            *properties = properties::flatten(std::mem::take(properties));
        }
        Ok(Self { name, dict })
    }

    /// One layer for each variable, so that an error names it; and what is wrong with the others.
    pub(super) fn environment(environment: &Environment, shipped: &Layer) -> (Vec<Self>, Vec<Problem>) {
        let mut layers = Vec::new();
        let mut problems = Vec::new();
        for (variable, value) in &environment.0 {
            let name = format!("{VARIABLE}{variable}");
            let path = path_of(variable);
            match value
                .to_str()
                .ok_or_else(|| "is not valid UTF-8".to_owned())
                .and_then(|text| typed(&shipped.dict, &path, text))
            {
                Ok(value) => layers.push(Self { name, dict: nest(&path, value) }),
                Err(reason) => problems.push(Problem { file: name, key: path.join("."), reason }),
            }
        }
        (layers, problems)
    }

    /// Drops each secret of this layer that a stronger one gives the other way: as a value where this one names a file,
    /// or in a file where this one has the value. So a variable overrides a secret of the file however that is given.
    pub(super) fn give_way(&mut self, stronger: &[Layer]) {
        stronger.iter().for_each(|layer| drop_twins(&mut self.dict, &layer.dict));
    }

    /// Every key of this layer that the shipped file does not have.
    pub(super) fn unknown_keys(&self, shipped: &Layer) -> Vec<Problem> {
        let mut found = Vec::new();
        unknown_in(&self.dict, &shipped.dict, "", &mut found);
        let problem = |(key, reason)| Problem { file: self.name.clone(), key, reason };
        found.into_iter().map(problem).collect()
    }
}

/// Which layer each key has its value from.
#[derive(Clone, Debug)]
pub(super) struct Origin(BTreeMap<String, String>);

impl Origin {
    pub(super) fn of(shipped: &Layer, overrides: &[Layer]) -> Self {
        let mut names = BTreeMap::new();
        for layer in std::iter::once(shipped).chain(overrides) {
            record(&layer.dict, "", &layer.name, &mut names);
        }
        Self(names)
    }

    /// The layer of the key, or, where nobody has set it, of the section around it that somebody has.
    pub(super) fn name(&self, key: &str) -> &str {
        let around = std::iter::successors(Some(key), |key| key.rsplit_once('.').map(|(section, _)| section));
        around.filter_map(|key| self.0.get(key)).next().map_or(DEFAULTS, String::as_str)
    }

    pub(super) fn environment_keys(&self) -> impl Iterator<Item = &str> {
        // The sections above a key have its origin too; only what the variable itself names is a key.
        self.0.iter().filter_map(|(key, layer)| {
            let variable = layer.strip_prefix(VARIABLE)?;
            (path_of(variable).join(".") == *key).then_some(key.as_str())
        })
    }

    pub(super) fn explain(&self, error: figment::Error) -> ConfigError {
        let problem = |error: figment::Error| {
            let key = error.path.join(".");
            Problem { file: self.name(&key).to_owned(), key, reason: error.kind.to_string() }
        };
        ConfigError { problems: error.into_iter().map(problem).collect() }
    }
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

fn record(dict: &Dict, prefix: &str, layer: &str, names: &mut BTreeMap<String, String>) {
    for (key, value) in dict {
        let key = join(prefix, key);
        if let Value::Dict(_, below) = value {
            record(below, &key, layer, names);
        }
        names.insert(key, layer.to_owned());
    }
}

fn drop_twins(dict: &mut Dict, stronger: &Dict) {
    for (key, value) in stronger {
        match (value, dict.get_mut(key)) {
            (Value::Dict(_, stronger), Some(Value::Dict(_, below))) => drop_twins(below, stronger),
            // Not set, as everywhere.
            (Value::String(_, text), _) if text.is_empty() => {}
            _ => {
                let twin = key.strip_suffix("_file").map_or_else(|| format!("{key}_file"), str::to_owned);
                dict.remove(&twin);
            }
        }
    }
}

fn unknown_in(dict: &Dict, shipped: &Dict, prefix: &str, found: &mut Vec<(String, String)>) {
    for (name, value) in dict {
        let key = join(prefix, name);
        match (value, shipped.get(name)) {
            (_, None) => found.push((key, no_such_key(prefix, shipped))),
            (Value::Dict(..), Some(Value::Dict(..))) if key == properties::KEY => {}
            // The keys of a destination are checked where it is read; what is no section could be a secret astray.
            (Value::Dict(_, below), Some(Value::Dict(..))) if key == notify::KEY => {
                let astray = below.iter().filter(|(_, value)| !matches!(value, Value::Dict(..)));
                found.extend(astray.map(|(name, _)| (join(&key, name), "must be a section".to_owned())));
            }
            (Value::Dict(_, below), Some(Value::Dict(_, shipped_below))) => {
                unknown_in(below, shipped_below, &key, found);
            }
            (_, Some(Value::Dict(..))) => found.push((key, "is a section, not a key".to_owned())),
            _ => {}
        }
    }
}

fn no_such_key(section: &str, shipped: &Dict) -> String {
    let known = shipped.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    if section.is_empty() {
        format!("no such section; there are {known}")
    } else {
        format!("no such key; [{section}] has {known}")
    }
}

/// `GOLDEN_BELL__KAFKA__TOPIC_PREFIX` → `kafka`, `topic_prefix`; what follows `KAFKA__PROPERTIES__` is one name, its
/// underscores dots.
fn path_of(variable: &str) -> Vec<String> {
    let written = variable.strip_prefix(ENVIRONMENT_PREFIX).unwrap_or(variable).to_ascii_lowercase();
    match written.strip_prefix("kafka__properties__") {
        Some(property) => vec!["kafka".to_owned(), "properties".to_owned(), property.replace('_', ".")],
        None => {
            let mut path: Vec<String> = written.split("__").map(str::to_owned).collect();
            if let [notify, destinations, _, headers, header] = path.as_mut_slice()
                && (notify.as_str(), destinations.as_str(), headers.as_str()) == ("notify", "destinations", "headers")
            {
                let (name, file) = header.strip_suffix("_file").map_or((header.as_str(), ""), |name| (name, "_file"));
                *header = format!("{}{file}", name.replace('_', "-"));
            }
            path
        }
    }
}

fn nest(path: &[String], value: Value) -> Dict {
    match path {
        [] => Dict::new(),
        [key] => Dict::from([(key.clone(), value)]),
        [key, below @ ..] => Dict::from([(key.clone(), Value::from(nest(below, value)))]),
    }
}

/// A variable has no type of its own: it takes that of the shipped value.
fn typed(shipped: &Dict, path: &[String], text: &str) -> Result<Value, String> {
    if let [kafka, properties, name] = path
        && kafka == "kafka"
        && properties == "properties"
        && !name.is_empty()
    {
        return Ok(Value::from(text));
    }
    if let [notify, destinations, name, key, ..] = path
        && (notify.as_str(), destinations.as_str()) == ("notify", "destinations")
        && !name.is_empty()
        && !key.is_empty()
    {
        return if notify::NUMBERS.contains(&key.as_str()) { whole_number(text) } else { Ok(Value::from(text)) };
    }
    let (mut section, mut within) = (String::new(), shipped);
    let mut steps = path.iter().peekable();
    while let Some(step) = steps.next() {
        match within.get(step) {
            Some(Value::Dict(_, below)) if steps.peek().is_some() => {
                section = join(&section, step);
                within = below;
            }
            Some(Value::Dict(..)) => return Err("is a section, not a key".to_owned()),
            Some(value) if steps.peek().is_none() => return like(value, text),
            _ => break,
        }
    }
    Err(no_such_key(&section, within))
}

fn like(shipped: &Value, text: &str) -> Result<Value, String> {
    match shipped {
        Value::Num(..) => whole_number(text),
        Value::Bool(..) => {
            text.trim().parse::<bool>().map(Value::from).map_err(|_| format!("must be true or false, found {text:?}"))
        }
        Value::Array(..) => Ok(list(text)),
        _ => Ok(Value::from(text)),
    }
}

fn whole_number(text: &str) -> Result<Value, String> {
    text.trim().parse::<i64>().map(Value::from).map_err(|_| format!("must be a whole number, found {text:?}"))
}

/// `a, b` or `["a", "b"]`; nothing for an empty value.
fn list(text: &str) -> Value {
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
    let entries = bare.split(',').map(|entry| entry.trim().trim_matches('"'));
    let entries = entries.filter(|entry| !entry.is_empty()).map(Value::from);
    Value::from(entries.collect::<Vec<_>>())
}

fn line_and_column(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: ")
}
