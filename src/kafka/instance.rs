//! One live process a name (contract 7, Instances).
//!
//! A group's member list names the client ids of its members. One that bears this process's name is either alive or
//! died less than a session time-out ago: it is watched until it goes; if it stays, the name is taken.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use super::client::{Connection, Quiet, create};
use super::error::{Error, code, is_passing};

/// What waiting for the name has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Nobody bears it.
    Free,
    /// A member bears it, alive or not yet given up by its group.
    Held,
    /// Nobody bears it, for the broker is one of the embedded kind, with nobody on it but us.
    Alone,
}

/// Looks once whether a member of one of `groups` (names behind the prefix) bears this process's name.
///
/// # Errors
/// When the broker does not answer.
pub fn look(connection: &Connection, groups: &[&str]) -> Result<Name, Error> {
    let client: BaseConsumer<Quiet> = create(&connection.admin(), Quiet)?;
    let own = connection.client_id("");
    for group in groups {
        let until = Instant::now() + Duration::from_secs(10);
        let list = loop {
            match client.fetch_group_list(Some(&connection.group(group)), Duration::from_secs(5)) {
                Ok(list) => break list,
                Err(error) if is_passing(&error) && Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                // Every broker of our time lists its groups, the embedded one excepted.
                Err(error) if code(&error) == Some(RDKafkaErrorCode::UnsupportedFeature) => return Ok(Name::Alone),
                Err(error) => return Err(Error::broker("list group members", &error)),
            }
        };
        let held =
            list.groups().iter().flat_map(|group| group.members()).any(|member| member.client_id().starts_with(&own));
        if held {
            return Ok(Name::Held);
        }
    }
    Ok(Name::Free)
}
