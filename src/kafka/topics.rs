//! The topics (contract 1): what each is, how it is made, and whether what is there will do.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use super::client::{Connection, Quiet, create as make};
use super::error::Error;

const DAY: u64 = 86_400_000;
const MIB: usize = 1024 * 1024;

/// The setting that says who stamps the record time.
const TIMESTAMP_TYPE: &str = "message.timestamp.type";

/// How a topic forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CleanUp {
    /// The newest value of each key stays.
    Compact,
    /// Records leave after this many milliseconds.
    Delete(u64),
}

/// One topic of the contract.
#[derive(Clone, Copy, Debug)]
pub struct TopicSpec {
    /// Its name behind the prefix.
    pub name: &'static str,
    /// How it forgets.
    pub clean_up: CleanUp,
    /// The largest record batch it takes, bytes, where the broker's own bound does not do.
    pub max_message_bytes: Option<usize>,
    /// Whether the broker stamps the record time.
    pub log_append_time: bool,
}

const fn compact(name: &'static str) -> TopicSpec {
    TopicSpec { name, clean_up: CleanUp::Compact, max_message_bytes: None, log_append_time: false }
}

const fn delete(name: &'static str, days: u64) -> TopicSpec {
    TopicSpec { name, clean_up: CleanUp::Delete(days * DAY), max_message_bytes: None, log_append_time: false }
}

const fn sized(spec: TopicSpec, bytes: usize) -> TopicSpec {
    TopicSpec { max_message_bytes: Some(bytes), ..spec }
}

/// All topics of the contract, in its order.
pub const TOPICS: [TopicSpec; 14] = [
    compact("registrants"),
    compact("erasures"),
    // Feeds take up to 2 MiB, so that what is too large arrives and can be told.
    sized(delete("calls", 7), 2 * MIB),
    sized(delete("transfers", 7), 2 * MIB),
    TopicSpec { log_append_time: true, ..sized(delete("case-inputs", 30), 2 * MIB) },
    sized(compact("cases"), 2 * MIB),
    delete("case-archive", 3 * 365),
    delete("warnings", 30),
    delete("notifications", 7),
    delete("deliveries", 30),
    compact("outreach"),
    compact("incidents"),
    delete("audit", 3 * 365),
    sized(delete("dead-letters", 30), 4 * MIB),
];

impl TopicSpec {
    /// The topic's configuration as the broker wants it, for a number of replicas.
    pub fn settings(&self, replicas: i32) -> BTreeMap<&'static str, String> {
        let mut settings = BTreeMap::new();
        settings.insert("min.insync.replicas", if replicas >= 3 { "2" } else { "1" }.to_owned());
        settings.insert("unclean.leader.election.enable", "false".to_owned());
        match self.clean_up {
            CleanUp::Compact => {
                settings.insert("cleanup.policy", "compact".to_owned());
                settings.insert("max.compaction.lag.ms", DAY.to_string());
            }
            CleanUp::Delete(millis) => {
                settings.insert("cleanup.policy", "delete".to_owned());
                settings.insert("retention.ms", millis.to_string());
            }
        }
        if let Some(bytes) = self.max_message_bytes {
            settings.insert("max.message.bytes", bytes.to_string());
        }
        if self.log_append_time {
            settings.insert(TIMESTAMP_TYPE, "LogAppendTime".to_owned());
        }
        settings
    }
}

/// What became of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its full name.
    pub topic: String,
    /// Whether it was there already.
    pub existed: bool,
}

/// Something about the topics that will not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The topic is not there.
    Missing(String),
    /// Two topics that must have equally many partitions have not.
    Uneven {
        /// Full name and partitions of the one.
        left: (String, usize),
        /// Full name and partitions of the other.
        right: (String, usize),
    },
    /// A setting differs from the contract's.
    Setting {
        /// The topic's full name.
        topic: String,
        /// The setting.
        key: String,
        /// What it should be.
        want: String,
        /// What it is.
        have: String,
    },
}

impl Problem {
    /// Whether `run` must refuse to start with it. A deviating setting is the operator's own affair, but for who stamps
    /// the record time: deadlines, windows and the order of timers go by it, and a producer's clock could be anywhere.
    pub fn stops_start(&self) -> bool {
        !matches!(self, Problem::Setting { key, .. } if key != TIMESTAMP_TYPE)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Missing(topic) => {
                write!(f, "topic {topic} is missing; `golden-bell topics create` makes it")
            }
            Problem::Uneven { left, right } => write!(
                f,
                "{} has {} partitions and {} has {}; they must have equally many",
                left.0, left.1, right.0, right.1
            ),
            Problem::Setting { topic, key, want, have } => {
                write!(f, "topic {topic}: {key} is {have}, the contract has {want}")
            }
        }
    }
}

/// How long a topic may take to be known after it was made.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);

/// Makes the topics that are not there, and waits until the brokers tell of them: the controller confirms a topic before
/// the broker that is asked next has heard of it, and who starts right away would be told that it is missing.
///
/// # Errors
/// When the broker does not answer or refuses one, or one is not known after half a minute.
pub async fn create(connection: &Connection, partitions: i32, replicas: i32) -> Result<Vec<Made>, Error> {
    let admin: AdminClient<Quiet> = make(&connection.admin(), Quiet)?;
    let settings: Vec<_> = TOPICS.iter().map(|spec| (connection.topic(spec.name), spec.settings(replicas))).collect();
    let topics: Vec<NewTopic<'_>> = settings
        .iter()
        .map(|(name, settings)| {
            settings.iter().fold(NewTopic::new(name, partitions, TopicReplication::Fixed(replicas)), |topic, (k, v)| {
                topic.set(k, v)
            })
        })
        .collect();
    let options = AdminOptions::new()
        .request_timeout(Some(Duration::from_secs(30)))
        .operation_timeout(Some(Duration::from_secs(30)));
    let results =
        admin.create_topics(&topics, &options).await.map_err(|error| Error::broker("create topics", &error))?;
    let made = results
        .into_iter()
        .map(|result| match result {
            Ok(topic) => Ok(Made { topic, existed: false }),
            Err((topic, RDKafkaErrorCode::TopicAlreadyExists)) => Ok(Made { topic, existed: true }),
            Err((topic, code)) => Err(Error::Layout(format!("topic {topic} could not be made: {code}"))),
        })
        .collect::<Result<Vec<Made>, Error>>()?;
    wait_until_known(connection).await?;
    Ok(made)
}

async fn wait_until_known(connection: &Connection) -> Result<(), Error> {
    let began = Instant::now();
    loop {
        let counts = partition_counts(connection, Duration::from_secs(10))?;
        let unknown = TOPICS.iter().find(|spec| !counts.contains_key(spec.name));
        match unknown {
            None => return Ok(()),
            Some(spec) if began.elapsed() > KNOWN_WITHIN => {
                let (topic, wait) = (connection.topic(spec.name), KNOWN_WITHIN.as_secs());
                return Err(Error::Layout(format!("topic {topic} is made, but not known after {wait} s")));
            }
            Some(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// How many partitions each topic of the contract has; those that are missing are not in the answer.
///
/// # Errors
/// When the broker does not answer within `wait`.
pub fn partition_counts(connection: &Connection, wait: Duration) -> Result<BTreeMap<&'static str, i32>, Error> {
    let client: BaseConsumer<Quiet> = make(&connection.admin(), Quiet)?;
    let metadata = client.fetch_metadata(None, wait).map_err(|error| Error::broker("metadata", &error))?;
    Ok(TOPICS
        .iter()
        .filter_map(|spec| {
            let name = connection.topic(spec.name);
            let topic = metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none())?;
            i32::try_from(topic.partitions().len()).ok().filter(|&n| n > 0).map(|n| (spec.name, n))
        })
        .collect())
}

/// Whether an error of this module is the broker's absence, which passes.
pub fn is_absence(error: &Error) -> bool {
    matches!(error, Error::Broker { tag, .. } if matches!(*tag, "unreachable" | "timed_out"))
}

/// What is wrong with the partitions of `needed` topics (names behind the prefix).
pub fn layout_problems(
    connection: &Connection,
    counts: &BTreeMap<&'static str, i32>,
    needed: &[&'static str],
) -> Vec<Problem> {
    let mut problems: Vec<Problem> = needed
        .iter()
        .filter(|name| !counts.contains_key(**name))
        .map(|name| Problem::Missing(connection.topic(name)))
        .collect();
    if let (Some(&inputs), Some(&cases)) = (counts.get("case-inputs"), counts.get("cases"))
        && inputs != cases
    {
        problems.push(Problem::Uneven {
            left: (connection.topic("case-inputs"), inputs as usize),
            right: (connection.topic("cases"), cases as usize),
        });
    }
    problems
}

/// Everything that differs from the contract, settings included.
///
/// # Errors
/// When the broker does not answer.
pub async fn check(connection: &Connection, replicas: i32) -> Result<Vec<Problem>, Error> {
    let counts = partition_counts(connection, Duration::from_secs(10))?;
    let all: Vec<&'static str> = TOPICS.iter().map(|spec| spec.name).collect();
    let mut problems = layout_problems(connection, &counts, &all);
    problems.extend(setting_problems(connection, &counts, &all, replicas).await?);
    Ok(problems)
}

/// What differs from the contract in the settings of those of the `looked_at` topics that are there.
///
/// # Errors
/// When the broker does not answer or will not tell.
pub async fn setting_problems(
    connection: &Connection,
    counts: &BTreeMap<&'static str, i32>,
    looked_at: &[&'static str],
    replicas: i32,
) -> Result<Vec<Problem>, Error> {
    let mut problems = Vec::new();
    let present: Vec<(String, &TopicSpec)> = TOPICS
        .iter()
        .filter(|spec| looked_at.contains(&spec.name) && counts.contains_key(spec.name))
        .map(|spec| (connection.topic(spec.name), spec))
        .collect();
    // The client refuses to describe nothing.
    if present.is_empty() {
        return Ok(problems);
    }
    let admin: AdminClient<Quiet> = make(&connection.admin(), Quiet)?;
    let resources: Vec<ResourceSpecifier<'_>> =
        present.iter().map(|(name, _)| ResourceSpecifier::Topic(name)).collect();
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(30)));
    let described =
        admin.describe_configs(&resources, &options).await.map_err(|error| Error::broker("describe topics", &error))?;
    for ((name, spec), resource) in present.iter().zip(described) {
        let resource: ConfigResource =
            resource.map_err(|code| Error::Layout(format!("topic {name} could not be described: {code}")))?;
        for (key, want) in spec.settings(replicas) {
            let have = resource.get(key).and_then(|entry| entry.value.clone()).unwrap_or_default();
            if have != want {
                problems.push(Problem::Setting { topic: name.clone(), key: key.to_owned(), want, have });
            }
        }
    }
    Ok(problems)
}
