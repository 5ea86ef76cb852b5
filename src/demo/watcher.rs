//! Reads the topic `warnings` in a group of its own, as any consumer would.

use std::time::Duration;

use anyhow::bail;
use chrono::Utc;

use crate::kafka::client::{Connection, Purpose};
use crate::kafka::consumer::{GroupConsumer, Polled};
use crate::kafka::rebalance::News;
use crate::lifecycle::Stop;

use super::board::Board;

const GROUP: &str = "watcher";

/// How long a poll waits where nothing comes.
const IDLE: Duration = Duration::from_millis(50);

/// Reads until `stop`.
///
/// # Errors
/// When the client is beyond help.
pub fn run(connection: &Connection, board: &Board, stop: &Stop) -> anyhow::Result<()> {
    let topic = connection.topic("warnings");
    let consumer = GroupConsumer::join(connection, GROUP, GROUP, &[topic], Purpose::Feed)?;
    while !stop.stopping() {
        match consumer.poll(IDLE)? {
            Polled::Record(record) => {
                let value = record.value().unwrap_or_default();
                board.with(|state| state.told.take(value, Utc::now()));
            }
            Polled::OutOfRange => bail!("warnings are gone before they were read"),
            Polled::Nothing | Polled::End(_) => {}
        }
        for news in consumer.member().take_news() {
            if let News::Failed(reason) = news {
                bail!("the watcher has lost its place: {reason}");
            }
        }
    }
    consumer.leave(Duration::from_secs(1));
    Ok(())
}
