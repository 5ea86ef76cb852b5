//! `[kafka.properties]`: what librdkafka is told beside what the program tells it.

use std::collections::BTreeMap;
use std::{fmt, fs};

use figment::value::{Dict, Value};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::error::Problems;

/// The section; the names in it are not the program's.
pub(super) const KEY: &str = "kafka.properties";

/// Properties the program sets itself, because what it promises depends on them, and why.
const OWNED: &[(&str, &str)] = &[
    ("bootstrap.servers", "set kafka.bootstrap_servers"),
    ("metadata.broker.list", "set kafka.bootstrap_servers"),
    ("group.id", "groups are named by kafka.group_prefix; another group would read from another place"),
    ("group.instance.id", "members are known by kafka.instance_id; a dead one must not keep its partitions"),
    ("group.protocol", "partitions are taken over and given back as the program's protocol has it"),
    ("group.remote.assignor", "partitions are taken over and given back as the program's protocol has it"),
    ("partition.assignment.strategy", "partitions are taken over and given back as the program's protocol has it"),
    ("enable.auto.commit", "an offset is committed only when what came of the record is"),
    ("auto.commit.enable", "an offset is committed only when what came of the record is"),
    ("enable.auto.offset.store", "an offset is stored only when what came of the record is acknowledged"),
    ("offset.store.method", "offsets are kept by the broker, in the transaction of what came of the record"),
    ("auto.offset.reset", "reading begins at the earliest offset, and a reset is counted"),
    ("enable.partition.eof", "the program must know when a partition has been read to its end"),
    ("isolation.level", "records of transactions that were rolled back must never be read"),
    ("enable.idempotence", "a retried write must not stand twice"),
    ("transactional.id", "made of kafka.instance_id and the slot, so that a stale worker is fenced"),
    ("transaction.timeout.ms", "bound to kafka.watchdog and to how soon a lost worker is replaced"),
    ("acks", "what is acknowledged must be on all replicas in sync"),
    ("request.required.acks", "what is acknowledged must be on all replicas in sync"),
    ("partitioner", "every client must agree on where a key lives"),
    ("delivery.report.only.error", "an offset moves only after every write is acknowledged"),
    ("message.max.bytes", "the largest dead letter must fit"),
    ("allow.auto.create.topics", "topics are made by `topics create`, with their clean-up and partitions"),
];

/// Names and values for librdkafka. Values are never printed: some of them are passwords.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(BTreeMap<String, String>);

impl Properties {
    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of one property.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Reads what `…_file` names point to; no property of librdkafka has an underscore in its name.
    pub(super) fn resolve(&mut self, problems: &mut Problems<'_>) {
        let files = self.0.extract_if(.., |name, _| name.ends_with("_file")).collect::<Vec<_>>();
        for (name, path) in files {
            let key = format!("{KEY}.{name}");
            let property = name.trim_end_matches("_file");
            match fs::read_to_string(&path) {
                Ok(_) if self.0.contains_key(property) => {
                    problems.push(&key, format!("{property} is set as well; which counts is unclear, set one"));
                }
                Ok(text) => {
                    self.0.insert(property.to_owned(), text.trim_end_matches(['\r', '\n']).to_owned());
                }
                Err(error) => problems.push(&key, format!("cannot read {path}: {error}")),
            }
        }
    }

    pub(super) fn check(&self, problems: &mut Problems<'_>) {
        for name in self.0.keys() {
            // librdkafka takes properties of topics with this prefix too.
            let bare = name.strip_prefix("topic.").unwrap_or(name);
            if let Some((_, reason)) = OWNED.iter().find(|(owned, _)| *owned == bare) {
                problems.push(&format!("{KEY}.{name}"), format!("belongs to the program: {reason}"));
            }
        }
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redacted = format_args!("[redacted]");
        f.debug_map().entries(self.0.keys().map(|name| (name, &redacted))).finish()
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Values are not named in the error: they may be secret.
        let scalar = |(name, value): (String, Value)| {
            let text = match &value {
                Value::String(_, text) => Some(text.clone()),
                Value::Char(_, c) => Some(c.to_string()),
                Value::Bool(_, flag) => Some(flag.to_string()),
                Value::Num(..) => number_text(&value),
                _ => None,
            };
            match text {
                Some(text) => Ok((name, text)),
                None => Err(D::Error::custom(format!("{name} must be a string, a number, true or false"))),
            }
        };
        Dict::deserialize(deserializer)?.into_iter().map(scalar).collect::<Result<_, _>>().map(Self)
    }
}

fn number_text(value: &Value) -> Option<String> {
    match value.to_i128() {
        Some(integer) => Some(integer.to_string()),
        None => value.to_f64().map(|float| float.to_string()),
    }
}

/// TOML reads `session.timeout.ms = 1` as tables within tables; librdkafka means one name.
pub(super) fn flatten(dict: Dict) -> Dict {
    let mut flat = Dict::new();
    flatten_into(dict, "", &mut flat);
    flat
}

fn flatten_into(dict: Dict, prefix: &str, flat: &mut Dict) {
    for (key, value) in dict {
        let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match value {
            Value::Dict(_, below) => flatten_into(below, &name, flat),
            value => {
                flat.insert(name, value);
            }
        }
    }
}
