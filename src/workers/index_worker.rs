//! Fills the index from the topic `registrants` to its true end, and keeps it up to date from there.

use std::time::{Duration, Instant};

use crate::core::registrant::{RegistrantRecord, decode_registrant};
use crate::kafka::error::Error;
use crate::kafka::reader::{LogReader, Read};
use crate::kafka::record::Record;

use super::{Shared, erasures_worker, sessions};

/// Names the error after which reading must begin at the beginning.
const OUT_OF_RANGE: &str = "out_of_range";

/// How often progress is told while the index is filled.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Reads the given partitions until the process stops.
///
/// # Errors
/// What makes going on pointless.
pub fn run(shared: &Shared, slot: usize, partitions: &[i32]) -> Result<(), Error> {
    let worker = format!("index-{slot}");
    erasures_worker::wait(shared);
    // A session that begins anew goes on where the last one was: going back would bring withdrawn people back for a while.
    let mut positions: Vec<(i32, Option<i64>)> = partitions.iter().map(|&partition| (partition, None)).collect();
    sessions(shared, &worker, || session(shared, &worker, slot, &mut positions))
}

fn session(shared: &Shared, worker: &str, slot: usize, positions: &mut Vec<(i32, Option<i64>)>) -> Result<(), Error> {
    let topic = shared.connection.topic("registrants");
    let mut reader = LogReader::open(&shared.connection, worker, &topic, positions, || !shared.stop.stopping())?;
    let result = follow(shared, worker, slot, &mut reader);
    *positions = match &result {
        Err(Error::Broker { tag: OUT_OF_RANGE, .. }) => {
            reader.positions().map(|(partition, _)| (partition, None)).collect()
        }
        _ => reader.positions().map(|(partition, next)| (partition, Some(next))).collect(),
    };
    reader.close(Duration::from_secs(2));
    result
}

fn follow(shared: &Shared, worker: &str, slot: usize, reader: &mut LogReader) -> Result<(), Error> {
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
                    tag: OUT_OF_RANGE,
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
    Ok(())
}

/// A bad record leaves the index as it is; the worker of the group `registrants` puts it aside, once.
fn apply(shared: &Shared, record: &Record<'_>) -> Result<(), Error> {
    let added = match decode_registrant(shared.index.reader(), record.key(), record.value()) {
        Ok(RegistrantRecord::Withdrawn(id)) => {
            if shared.index.withdraw(id) {
                shared.metrics.index_withdrawals.inc();
            }
            Vec::new()
        }
        Ok(RegistrantRecord::Registered(mut registrant)) => {
            if erasures_worker::admits(shared, &mut registrant) {
                let applied = shared
                    .index
                    .apply(&registrant, record.partition(), record.offset())
                    .map_err(|full| Error::Layout(format!("the index cannot take another registrant: {full}")))?;
                erasures_worker::hold(shared, &registrant);
                applied.added
            } else {
                Vec::new()
            }
        }
        Err(_) => Vec::new(),
    };
    // Before the first filling is over no event has been decided about, so that nothing was missed.
    let added = if shared.filling.done() { &added[..] } else { &[] };
    shared.lookback.applied(record.partition(), record.offset() + 1, added);
    Ok(())
}

fn report(shared: &Shared) {
    let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    shared.metrics.index_registrants.set(gauge(shared.index.registrants()));
    shared.metrics.index_identifiers.set(gauge(shared.index.identifiers()));
    shared.metrics.index_bytes.set(gauge(shared.index.index_bytes()));
}
