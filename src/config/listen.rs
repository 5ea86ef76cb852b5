//! `[operations]` and `[desk]`: the two listeners.

use std::net::SocketAddr;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::error::Problems;

/// The operations listener: metrics, health, readiness, reload, resume.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationsConfig {
    /// Address and port. Default `127.0.0.1:9464`.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
}

/// The desk listener.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskConfig {
    /// Address and port. Default `127.0.0.1:8080`.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
}

pub(super) fn check(operations: &OperationsConfig, desk: &DeskConfig, problems: &mut Problems<'_>) {
    if operations.listen == desk.listen && desk.listen.port() != 0 {
        let mut keys = ["desk.listen", "operations.listen"];
        if problems.is_default(keys[0]) {
            keys.reverse();
        }
        problems.push(keys[0], format!("{} is also {}; they must differ", desk.listen, keys[1]));
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        D::Error::custom(format!("must be an IP address and a port, such as \"127.0.0.1:9464\", found {text:?}"))
    })
}
