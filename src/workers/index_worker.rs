//! Fills the index from the topic `registrants` to its true end, and keeps it up to date from there.

use std::time::{Duration, Instant};

use crate::core::registrant::{RegistrantRecord, decode_registrant};
use crate::kafka::error::Error;
use crate::kafka::reader::{LogReader, Read};
use crate::kafka::record::Record;

use super::{Shared, sessions};

/// How often progress is told while the index is filled.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Reads the given partitions until the process stops.
///
/// # Errors
/// What makes going on pointless.
pub fn run(shared: &Shared, slot: usize, partitions: &[i32]) -> Result<(), Error> {
    let worker = format!("index-{slot}");
    sessions(shared, &worker, || session(shared, &worker, slot, partitions))
}

fn session(shared: &Shared, worker: &str, slot: usize, partitions: &[i32]) -> Result<(), Error> {
    let topic = shared.connection.topic("registrants");
    let mut reader = LogReader::open(&shared.connection, worker, &topic, partitions, || !shared.stop.stopping())?;
    let mut filled = false;
    let mut told = Instant::now();
    while !shared.stop.stopping() {
        // While filling, records are there; waiting long only delays the news that the end is reached.
        let wait = Duration::from_millis(if filled { 200 } else { 20 });
        match reader.poll(wait)? {
            Read::Record(record) => apply(shared, &record)?,
            Read::Nothing => {}
            Read::OutOfRange => {
                return Err(Error::Broker {
                    what: "fill the index",
                    tag: "out_of_range",
                    detail: "registrants were compacted away while they were read".into(),
                });
            }
        }
        if !filled && reader.complete() {
            filled = true;
            shared.readiness.ready(worker);
            report(shared);
            if shared.filling.finished(slot) {
                shared.metrics.index_ready.set(1);
                tracing::info!(registrants = shared.index.registrants(), "the index is filled");
            }
        }
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            report(shared);
            if !filled {
                let (done, total) = reader.progress();
                shared.readiness.progress(worker, "filling the index", done, total);
            }
        }
    }
    reader.close(Duration::from_secs(2));
    Ok(())
}

/// A bad record leaves the index as it is; the worker of the group `registrants` puts it aside, once.
fn apply(shared: &Shared, record: &Record<'_>) -> Result<(), Error> {
    match decode_registrant(shared.index.reader(), record.key(), record.value()) {
        Ok(RegistrantRecord::Withdrawn(id)) => {
            if shared.index.withdraw(id) {
                shared.metrics.index_withdrawals.inc();
            }
            Ok(())
        }
        Ok(RegistrantRecord::Registered(registrant)) => shared
            .index
            .apply(&registrant, record.offset())
            .map(drop)
            .map_err(|full| Error::Layout(format!("the index cannot take another registrant: {full}"))),
        Err(_) => Ok(()),
    }
}

fn report(shared: &Shared) {
    let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    shared.metrics.index_registrants.set(gauge(shared.index.registrants()));
    shared.metrics.index_identifiers.set(gauge(shared.index.identifiers()));
    shared.metrics.index_bytes.set(gauge(shared.index.index_bytes()));
}
