//! Whether the topics are what the workers rest on, at the start and while they work.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::kafka::client::Connection;
use crate::kafka::error::Error;
use crate::kafka::topics::{Problem, layout_problems, partition_counts, setting_problems};
use crate::lifecycle::Stop;

use super::Role;

/// The topics that these roles cannot do without, by their names behind the prefix.
pub fn needed(roles: &[Role]) -> Vec<&'static str> {
    let mut needed = vec!["case-inputs", "dead-letters"];
    for role in roles {
        needed.extend_from_slice(match role {
            Role::Match => &["registrants", "erasures", "calls", "transfers"],
            Role::Cases => &["cases", "case-archive", "warnings", "notifications"],
            Role::Notify => &["notifications", "deliveries"],
        });
    }
    needed.sort_unstable();
    needed.dedup();
    needed
}

/// Refuses topics with which nothing right could come out.
///
/// # Errors
/// [`Error::Layout`] with all that is wrong.
pub fn check(
    connection: &Connection,
    counts: &BTreeMap<&'static str, i32>,
    needed: &[&'static str],
) -> Result<(), Error> {
    refuse(layout_problems(connection, counts, needed))
}

/// Refuses a topic of inputs whose record time is not the broker's. The number of replicas is nothing that stops a start.
///
/// # Errors
/// [`Error::Layout`] with all that is wrong.
pub fn check_settings(
    connection: &Connection,
    counts: &BTreeMap<&'static str, i32>,
    runtime: &Handle,
) -> Result<(), Error> {
    match runtime.block_on(setting_problems(connection, counts, &["case-inputs"], 1)) {
        Ok(found) => refuse(found.into_iter().filter(Problem::stops_start).collect()),
        // Not everybody may ask; `topics check` is there for who may.
        Err(error) => {
            tracing::info!(%error, "the settings of case-inputs could not be checked");
            Ok(())
        }
    }
}

fn refuse(problems: Vec<Problem>) -> Result<(), Error> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::Layout(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))
}

/// How often the topics are looked at while the process works. Whoever registers in a partition that nobody reads is
/// not found for this long, and then by the look-back.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// How long the broker may take to tell of its topics; one that does not is asked the next time.
const ANSWER: Duration = Duration::from_secs(5);

/// The topics whose partitions are told to the workers at the start: read without a group, or a place for keys.
const FIXED: [&str; 5] = ["registrants", "erasures", "case-inputs", "cases", "notifications"];

/// Watches the partitions of what is not read by a group until the process stops.
///
/// # Errors
/// [`Error::Layout`] when a topic has grown: the process ends, and whoever starts it again starts it with all partitions,
/// or is refused with what to do.
pub fn watch(
    connection: &Connection,
    at_start: &BTreeMap<&'static str, i32>,
    needed: &[&'static str],
    stop: &Stop,
) -> Result<(), Error> {
    let fixed: Vec<&'static str> = FIXED.into_iter().filter(|topic| needed.contains(topic)).collect();
    while !stop.wait(LOOK_EVERY) {
        match partition_counts(connection, ANSWER) {
            Ok(now) => {
                if let Some(grown) = fixed.iter().find_map(|topic| growth(connection, topic, at_start, &now)) {
                    return Err(Error::Layout(grown));
                }
            }
            Err(error) => tracing::debug!(%error, "the partitions of the topics are not known just now"),
        }
    }
    Ok(())
}

/// How a topic has grown, if it has. One that is missing from an answer is none that shrank: Kafka knows no such thing.
fn growth(
    connection: &Connection,
    topic: &str,
    before: &BTreeMap<&'static str, i32>,
    now: &BTreeMap<&'static str, i32>,
) -> Option<String> {
    let (before, now) = (*before.get(topic)?, *now.get(topic)?);
    (now > before).then(|| {
        let name = connection.topic(topic);
        format!("topic {name} had {before} partitions at the start and has {now} now; start again to read all of them")
    })
}
