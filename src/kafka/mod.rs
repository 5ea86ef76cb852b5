//! Everything that speaks to Kafka, and the only place that names `rdkafka`.
//!
//! The guards built in here, and why, in reading order: [`client`] (which property is set where), [`topics`],
//! [`record`] (reading and writing without a panic on foreign bytes), [`consumer`] and [`rebalance`] (group metadata
//! kept from the callback), [`feed`] (reading by the batch), [`producer`] (at least once), [`transaction`] (exactly
//! once), [`reader`] (a topic to its true end), [`recall`] (what was read before), [`offsets`] (never past an offset
//! that failed), [`partition`] (where a key lives), [`watchdog`], [`instance`] (one live process a name), [`embedded`]
//! (a broker inside the process, for shows), [`fault_point`] (where tests make a process die) and [`error`].

pub mod client;
pub mod consumer;
pub mod embedded;
pub mod error;
pub mod fault_point;
pub mod feed;
pub mod instance;
mod native;
pub mod offsets;
pub mod partition;
pub mod producer;
pub mod reader;
pub mod rebalance;
pub mod recall;
pub mod record;
pub mod topics;
pub mod transaction;
pub mod watchdog;
