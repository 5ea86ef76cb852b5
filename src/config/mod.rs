//! Configuration (contract 12), one file per concern.
//!
//! From strongest to weakest: environment variables `GOLDEN_BELL__SECTION__KEY`, the file given by `--config` or else
//! [`DEFAULT_PATH`] where it exists, the shipped file, which is compiled in. So the shipped file *is* the defaults: a
//! key that is not in it does not exist, and one that is in it cannot be missing.
//!
//! [`Config::load`] checks every value before anything is opened; [`Config::require_for_run`] adds what only `run`
//! needs. Secrets come from `…_file` keys or the environment and are never printed, neither by `Debug` nor in errors.
//!
//! A new key: a field in its section, a line with its comment in `config/golden-bell.toml`, a bound in `check`.

mod cases;
mod dead_letters;
mod error;
mod kafka;
mod layer;
mod listen;
mod matching;
mod notify;
mod outlets;
mod paths;
mod privacy;
mod properties;
mod secret;
mod telemetry;
mod value;
mod workers;

use std::path::{Path, PathBuf};

use figment::Figment;
use serde::Deserialize;

pub use cases::{CasesConfig, LevelDurations};
pub use dead_letters::DeadLettersConfig;
pub use error::{ConfigError, Problem};
pub use kafka::KafkaConfig;
pub use layer::{ENVIRONMENT_PREFIX, Environment};
pub use listen::{DeskConfig, OperationsConfig};
pub use matching::{AllowConfig, MatchingConfig};
pub use notify::{DestinationConfig, NotifyConfig, RequestHeaders, SecretText};
pub use paths::{DirectoryConfig, MessagesConfig, RulesConfig};
pub use privacy::PrivacyConfig;
pub use properties::Properties;
pub use secret::Key;
pub use telemetry::{LogFormat, TelemetryConfig};
pub use workers::WorkersConfig;

use error::Problems;
use layer::{Layer, Origin};

/// The file that is read when none is named, if it exists.
pub const DEFAULT_PATH: &str = "config/golden-bell.toml";

/// The shipped file: every key with its default and what it means.
pub const SHIPPED: &str = include_str!("../../config/golden-bell.toml");

/// All settings of a process, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The cluster, and what is said to it.
    pub kafka: KafkaConfig,
    /// How many threads do what.
    pub workers: WorkersConfig,
    /// Stage 1.
    pub matching: MatchingConfig,
    /// Stage 2: deadlines and how long cases live.
    pub cases: CasesConfig,
    /// Where the scoring rules are.
    pub rules: RulesConfig,
    /// Where the message templates are.
    pub messages: MessagesConfig,
    /// Where areas, people and rosters are.
    pub directory: DirectoryConfig,
    /// The operations listener.
    pub operations: OperationsConfig,
    /// The web desk.
    pub desk: DeskConfig,
    /// Keys of tokens and look-up hashes.
    pub privacy: PrivacyConfig,
    /// When a feed of bad records is paused.
    pub dead_letters: DeadLettersConfig,
    /// Where notifications go.
    pub notify: NotifyConfig,
    /// Logging.
    pub telemetry: TelemetryConfig,
    file: Option<PathBuf>,
    origin: Origin,
}

/// The document as written, before files that hold secrets are read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    kafka: KafkaConfig,
    workers: WorkersConfig,
    matching: MatchingConfig,
    cases: CasesConfig,
    rules: RulesConfig,
    messages: MessagesConfig,
    directory: DirectoryConfig,
    operations: OperationsConfig,
    desk: DeskConfig,
    privacy: privacy::Document,
    dead_letters: DeadLettersConfig,
    notify: notify::Document,
    telemetry: TelemetryConfig,
}

impl Config {
    /// Reads and checks the configuration: `path`, or [`DEFAULT_PATH`] where `path` is `None` and that file exists,
    /// over the shipped defaults, and `environment` over both.
    ///
    /// # Errors
    /// [`ConfigError`] lists every problem found, each with its file or variable, its key and the reason.
    pub fn load(path: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let shipped = Layer::shipped()?;
        let file = match path {
            Some(path) => Some(path.to_owned()),
            None => Some(PathBuf::from(DEFAULT_PATH)).filter(|path| path.exists()),
        };
        let mut overrides = Vec::new();
        let mut problems = Vec::new();
        if let Some(path) = &file {
            let layer = Layer::file(path)?;
            problems.extend(layer.unknown_keys(&shipped));
            overrides.push(layer);
        }
        let (from_environment, refused) = Layer::environment(environment, &shipped);
        problems.extend(refused);
        overrides.iter_mut().for_each(|file| file.give_way(&from_environment));
        overrides.extend(from_environment);
        ConfigError::unless_empty(problems)?;

        let origin = Origin::of(&shipped, &overrides);
        let figment = overrides.into_iter().fold(Figment::from(shipped), Figment::merge);
        let document: Document = figment.extract().map_err(|error| origin.explain(error))?;
        let mut problems = Problems::new(&origin);
        let config = document.resolve(file, origin.clone(), &mut problems);
        ConfigError::unless_empty(problems.into_vec())?;
        Ok(config)
    }

    /// The file that was read, if any.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Where a key has its value from: a file, an environment variable or the built-in defaults.
    pub fn origin_of(&self, key: &str) -> &str {
        self.origin.name(key)
    }

    /// The keys whose value comes from the environment, in order.
    pub fn environment_keys(&self) -> impl Iterator<Item = &str> {
        self.origin.environment_keys()
    }

    /// What only `run` needs: the token key, and that rules, messages and directory are there.
    ///
    /// # Errors
    /// [`ConfigError`] lists all that is missing.
    pub fn require_for_run(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::new(&self.origin);
        self.privacy.require_token_key(&mut problems);
        self.check_paths(&mut problems);
        ConfigError::unless_empty(problems.into_vec())
    }

    /// That the token key is there.
    ///
    /// # Errors
    /// [`ConfigError`] says what to do about it.
    pub fn require_token_key(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::new(&self.origin);
        self.privacy.require_token_key(&mut problems);
        ConfigError::unless_empty(problems.into_vec())
    }

    /// That rules, messages and directory are there.
    ///
    /// # Errors
    /// [`ConfigError`] lists all that is missing.
    pub fn require_paths(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::new(&self.origin);
        self.check_paths(&mut problems);
        ConfigError::unless_empty(problems.into_vec())
    }

    /// A problem with the value of `key`, for checks that are made elsewhere, such as of an allow-list.
    pub fn problem(&self, key: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::from(Problem {
            file: self.origin.name(key).to_owned(),
            key: key.to_owned(),
            reason: reason.into(),
        })
    }

    /// The name of this process: `kafka.instance_id`, else host name, `-`, port of the operations listener.
    pub fn instance_id(&self) -> String {
        match &self.kafka.instance_id {
            Some(id) => id.clone(),
            None => kafka::default_instance_id(self.operations.listen.port()),
        }
    }

    /// Threads that match events: `workers.match`, or one per core up to `kafka.partitions`.
    pub fn match_workers(&self) -> usize {
        workers::resolve(self.workers.matching, self.kafka.partitions)
    }

    /// Threads that keep cases: `workers.cases`, or one per core up to `kafka.partitions`.
    pub fn case_workers(&self) -> usize {
        workers::resolve(self.workers.cases, self.kafka.partitions)
    }

    fn check_paths(&self, problems: &mut Problems<'_>) {
        self.rules.check_path(problems);
        self.messages.check_path(problems);
        self.directory.check_path(problems);
    }

    fn check(&self, problems: &mut Problems<'_>) {
        self.kafka.check(problems);
        self.workers.check(problems);
        self.matching.check(problems);
        self.cases.check(problems);
        listen::check(&self.operations, &self.desk, problems);
        self.telemetry.check(problems);
    }
}

impl Document {
    fn resolve(self, file: Option<PathBuf>, origin: Origin, problems: &mut Problems<'_>) -> Config {
        let mut kafka = self.kafka;
        kafka.properties.resolve(problems);
        let config = Config {
            kafka,
            workers: self.workers,
            matching: self.matching,
            cases: self.cases,
            rules: self.rules,
            messages: self.messages,
            directory: self.directory,
            operations: self.operations,
            desk: self.desk,
            privacy: self.privacy.resolve(problems),
            dead_letters: self.dead_letters,
            notify: self.notify.resolve(problems),
            telemetry: self.telemetry,
            file,
            origin,
        };
        config.check(problems);
        config
    }
}
