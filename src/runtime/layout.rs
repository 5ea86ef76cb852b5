//! Whether the topics are what the workers rest on, at the start and while they work.

use std::collections::BTreeMap;

use tokio::runtime::Handle;

use crate::kafka::client::Connection;
use crate::kafka::error::Error;
use crate::kafka::topics::{Problem, layout_problems, setting_problems};

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
    runtime: &Handle,
) -> Result<(), Error> {
    let mut problems = layout_problems(connection, counts, needed);
    // Who stamps its record time; the number of replicas is nothing that stops a start.
    match runtime.block_on(setting_problems(connection, counts, &["case-inputs"], 1)) {
        Ok(found) => problems.extend(found.into_iter().filter(Problem::stops_start)),
        // Not every broker tells, nor everybody; `topics check` is there for that.
        Err(error) => tracing::info!(%error, "the settings of case-inputs could not be checked"),
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::Layout(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))
}
