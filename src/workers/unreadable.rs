//! Batches that no client can read are passed over, so that all others go on: there is no record to put aside, hence
//! they are counted, and named by their offsets.

use crate::kafka::unreadable::Unreadable;

use super::Shared;

/// Counts and names what a worker passes over that answers for the topic.
pub fn lost(shared: &Shared, worker: &str, batches: &[Unreadable]) {
    shared.metrics.unreadable_batches.inc_by(batches.len() as u64);
    name(worker, batches);
}

/// Names it only: another worker reads the same topic and counts.
pub fn name(worker: &str, batches: &[Unreadable]) {
    for Unreadable { topic, partition, first, next } in batches {
        tracing::error!(
            worker,
            topic,
            partition,
            first,
            next,
            "a batch cannot be read and is passed over, its records are lost; reading on at the next"
        );
    }
}
