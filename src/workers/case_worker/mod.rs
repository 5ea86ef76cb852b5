//! Stage 2's loop: inputs in, cases and warnings out, exactly once.
//!
//! One thread holds one consumer, one transactional producer and the cases of its partitions. It reads until the commit
//! interval is over, lets the core decide, and then publishes everything in one transaction together with the positions
//! it has read to. Nothing is sent before the transaction begins and none is open while the consumer is polled, so
//! that a rebalance always finds either nothing or something that can simply be forgotten.

mod batch;
mod commit;
mod judge;
mod partition;
mod report;
mod restore;
mod session;
mod state;

use crate::kafka::error::Error;

use super::{Shared, sessions};

/// The group of stage 2, behind the prefix.
pub const GROUP: &str = "cases";

/// Runs until the process stops.
///
/// # Errors
/// What makes going on pointless: a taken name, a layout that does not fit.
pub fn run(shared: &Shared, slot: usize) -> Result<(), Error> {
    let worker = format!("cases-{slot}");
    sessions(shared, &worker, || session::Session::start(shared, &worker)?.run())
}
