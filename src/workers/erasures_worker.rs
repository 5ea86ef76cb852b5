//! Knows who is forgotten: reads `erasures` to its true end before the first registrant is read, and goes on from there.

use std::time::Duration;

use crate::core::erasure::{Admission, ErasureRecord, SubjectId, decode_erasure};
use crate::core::registrant::Registrant;
use crate::kafka::error::Error;
use crate::kafka::reader::{LogReader, Read};
use crate::kafka::record::Record;

use super::{Shared, sessions};

/// The name of the worker.
pub const WORKER: &str = "erasures";

/// Reads the given partitions until the process stops.
///
/// # Errors
/// What makes going on pointless.
pub fn run(shared: &Shared, partitions: &[i32]) -> Result<(), Error> {
    // Read again from the beginning after an error: what is known already changes nothing, and there is not much.
    sessions(shared, WORKER, || session(shared, partitions))
}

fn session(shared: &Shared, partitions: &[i32]) -> Result<(), Error> {
    let topic = shared.connection.topic("erasures");
    let from_beginning: Vec<(i32, Option<i64>)> = partitions.iter().map(|&partition| (partition, None)).collect();
    let mut reader = LogReader::open(&shared.connection, WORKER, &topic, &from_beginning, || !shared.stop.stopping())?;
    let result = follow(shared, &mut reader);
    reader.close(Duration::from_secs(2));
    result
}

fn follow(shared: &Shared, reader: &mut LogReader) -> Result<(), Error> {
    let mut read = false;
    while !shared.stop.stopping() {
        match reader.poll(Duration::from_millis(if read { 200 } else { 20 }))? {
            Read::Record(record) => learn(shared, &record),
            Read::Nothing => {}
            Read::OutOfRange => {
                return Err(Error::Broker {
                    what: "read erasures",
                    tag: "out_of_range",
                    detail: "erasures were compacted away while they were read".into(),
                });
            }
        }
        if !read && reader.complete() {
            read = true;
            shared.erasures_read.finished(0);
            shared.readiness.ready(WORKER);
            tracing::info!(erasures = shared.erasures.len(), "it is known who is forgotten");
        }
    }
    Ok(())
}

/// First it is known, then it is enforced: so it does not matter what the index workers are just doing, see [`hold`].
fn learn(shared: &Shared, record: &Record<'_>) {
    match decode_erasure(record.key(), record.value()) {
        Ok(ErasureRecord::Forgotten(erasure)) => {
            shared.erasures.learn(&erasure);
            let (registrant_id, member_id) = match SubjectId::parse(&erasure.subject_id) {
                Some(SubjectId::Registrant(registrant_id)) => (registrant_id, None),
                Some(SubjectId::Member { registrant_id, member_id }) => (registrant_id, Some(member_id)),
                Some(SubjectId::Precise(_)) | None => return,
            };
            if shared.index.erase(registrant_id, member_id, erasure.at) && member_id.is_none() {
                shared.metrics.index_withdrawals.inc();
            }
        }
        Ok(ErasureRecord::Lifted(subject_id)) => shared.erasures.lift(subject_id),
        Err(reject) => {
            shared.metrics.erasures_unreadable.inc();
            let (partition, offset) = (record.partition(), record.offset());
            tracing::error!(partition, offset, %reject, "an erasure cannot be read and has no effect");
        }
    }
    shared.metrics.erasures.set(i64::try_from(shared.erasures.len()).unwrap_or(i64::MAX));
}

/// Waits until it is known who is forgotten, or the process stops.
pub fn wait(shared: &Shared) {
    while !shared.erasures_read.done() && !shared.stop.stopping() {
        shared.stop.wait(Duration::from_millis(10));
    }
}

/// Whether a record may take effect; members who are forgotten are taken out of it.
pub fn admits(shared: &Shared, registrant: &mut Registrant<'_>) -> bool {
    let admitted = shared.erasures.admit(registrant) != Admission::Ignored;
    if !admitted {
        shared.metrics.registrants_ignored.inc();
    }
    admitted
}

/// After a record took effect: an Erasure that came since it was admitted found the record before it.
pub fn hold(shared: &Shared, registrant: &Registrant<'_>) {
    if shared.erasures.is_empty() {
        return;
    }
    let id = &*registrant.registrant_id;
    if let Some(until) = shared.erasures.until(id) {
        shared.index.erase(id, None, until);
    }
    for member in &registrant.household {
        if let Some(until) = shared.erasures.until_of_member(id, &member.member_id) {
            shared.index.erase(id, Some(&member.member_id), until);
        }
    }
}
