//! The configuration of the demo: the operator's own, or the shipped one, on the embedded broker.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io, process};

use anyhow::Context;

use crate::config::{AllowConfig, Config, Key, Properties};
use crate::core::directory::AREAS_FILE;
use crate::generate;

/// Partitions of every topic: as many as the shipped configuration has.
pub const PARTITIONS: u16 = 6;

/// Threads of each role. Two hundred events a second keep not even one busy, and a group of one forms at once.
const WORKERS: usize = 1;

/// The names of the topics and groups.
const PREFIX: &str = "golden-bell.";

/// The embedded broker answers a fetch that finds nothing when the client's wait is over and not before, so that what
/// comes in between waits with it. Every fetch makes it look through all it holds, so that less would cost a core.
const FETCH_WAIT_MS: u32 = 10;

/// Who does not acknowledge an urgent case is reminded sooner than in earnest: a spectator has less patience.
const ACKNOWLEDGE_URGENT_WITHIN: Duration = Duration::from_secs(30);

/// The shipped rules, directory and messages, for a program that is run where its files are not.
const RULES: &str = include_str!("../../config/rules.toml");
const DIRECTORY: [(&str, &str); 5] = [
    ("areas.toml", include_str!("../../config/directory/areas.toml")),
    ("people.toml", include_str!("../../config/directory/people.toml")),
    ("rosters.toml", include_str!("../../config/directory/rosters.toml")),
    ("night-duty.ics", include_str!("../../config/directory/night-duty.ics")),
    ("holidays.toml", include_str!("../../config/directory/holidays.toml")),
];
const MESSAGES: [(&str, &str); 3] = [
    ("zh-cmn.toml", include_str!("../../config/messages/zh-cmn.toml")),
    ("zh-yongkang.toml", include_str!("../../config/messages/zh-yongkang.toml")),
    ("en.toml", include_str!("../../config/messages/en.toml")),
];

/// The configuration, and the folder of the files that were not there.
pub struct Setting {
    /// What the program runs with.
    pub config: Config,
    /// Removed when this is dropped.
    _folder: Option<Folder>,
}

/// Makes the demo's configuration of `config`: the broker, a key and the allow-list of the made-up feed are the demo's
/// own, all else is as configured.
///
/// # Errors
/// When missing files cannot be written to the folder for temporary files.
pub fn prepare(mut config: Config, bootstrap_servers: &str) -> anyhow::Result<Setting> {
    config.kafka.bootstrap_servers = bootstrap_servers.to_owned();
    config.kafka.topic_prefix = PREFIX.to_owned();
    config.kafka.group_prefix = PREFIX.to_owned();
    config.kafka.partitions = PARTITIONS;
    config.kafka.replication_factor = 1;
    config.kafka.instance_id = Some("demo".to_owned());
    // A cluster's TLS and SASL are not the embedded broker's.
    config.kafka.properties = properties()?;
    config.workers.matching = WORKERS;
    config.workers.cases = WORKERS;
    config.cases.acknowledge_within.urgent = ACKNOWLEDGE_URGENT_WITHIN;
    config.privacy.token_key = Key::from_hex(&hex::encode(rand::random::<[u8; 32]>()));
    config.matching.default_region = "CN".to_owned();
    let allow = generate::allow_list();
    config.matching.allow =
        AllowConfig { phones: allow.phones, prefixes: allow.prefixes, payee_accounts: allow.payee_accounts };
    let folder = supply_missing(&mut config).context("the shipped files could not be unpacked")?;
    Ok(Setting { config, _folder: folder })
}

fn properties() -> anyhow::Result<Properties> {
    let written = serde_json::json!({ "fetch.wait.max.ms": FETCH_WAIT_MS.to_string() });
    Ok(serde_json::from_value(written)?)
}

/// Unpacks the shipped rules, directory and messages where the default paths lead nowhere; a path that somebody set must be right.
fn supply_missing(config: &mut Config) -> io::Result<Option<Folder>> {
    let rules_missing = config.rules.path == Path::new("config/rules.toml") && !config.rules.path.is_file();
    let directory_missing =
        config.directory.path == Path::new("config/directory") && !config.directory.path.join(AREAS_FILE).is_file();
    let messages_missing = config.messages.path == Path::new("config/messages") && !config.messages.path.is_dir();
    if !rules_missing && !directory_missing && !messages_missing {
        return Ok(None);
    }
    let folder = Folder::make()?;
    if rules_missing {
        config.rules.path = folder.write("rules.toml", RULES)?;
    }
    if directory_missing {
        for (name, text) in DIRECTORY {
            folder.write(name, text)?;
        }
        config.directory.path.clone_from(&folder.0);
    }
    if messages_missing {
        let messages = folder.folder("messages")?;
        for (name, text) in MESSAGES {
            fs::write(messages.join(name), text)?;
        }
        config.messages.path = messages;
    }
    Ok(Some(folder))
}

/// A folder of our own among the temporary files, gone with its contents when dropped.
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        let name = format!("golden-bell-demo-{}-{:08x}", process::id(), rand::random::<u32>());
        let path = env::temp_dir().join(name);
        // Fails where it exists: what somebody else has put there is not ours to use.
        fs::create_dir(&path)?;
        Ok(Folder(path))
    }

    fn folder(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        fs::create_dir(&path)?;
        Ok(path)
    }

    fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left-overs in the folder for temporary files are cleared by the system.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use crate::runtime::Loaded;

    fn shipped() -> Config {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/golden-bell.toml");
        Config::load(Some(&file), &Environment::default()).unwrap()
    }

    #[test]
    fn the_demo_needs_nothing_but_the_program() {
        let mut config = shipped();
        config.rules.path = "config/rules.toml".into();
        config.kafka.bootstrap_servers = "elsewhere:9092".to_owned();
        let setting = prepare(config, "127.0.0.1:1").unwrap();
        setting.config.require_for_run().unwrap();
        assert_eq!(setting.config.kafka.bootstrap_servers, "127.0.0.1:1");
        Loaded::load(&setting.config).unwrap();
    }

    #[test]
    fn missing_files_are_unpacked_and_removed_again() {
        let folder = Folder::make().unwrap();
        let path = folder.0.clone();
        let rules = folder.write("rules.toml", RULES).unwrap();
        for (name, text) in DIRECTORY {
            folder.write(name, text).unwrap();
        }
        let mut config = shipped();
        config.rules.path = rules;
        config.directory.path.clone_from(&path);
        config.privacy.token_key = Key::from_hex(&"0".repeat(64));
        let loaded = Loaded::load(&config).unwrap();
        let directory = loaded.rulebook.directory.load_full();
        assert!(!directory.areas().all().is_empty() && !directory.people().all().is_empty());
        assert!(directory.rosters().all().len() > 1 && directory.holidays().knows(2026));
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_path_that_was_set_and_is_wrong_stays_wrong() {
        let mut config = shipped();
        config.rules.path = "nowhere/rules.toml".into();
        let setting = prepare(config, "127.0.0.1:1").unwrap();
        assert!(setting.config.require_for_run().is_err());
    }
}
