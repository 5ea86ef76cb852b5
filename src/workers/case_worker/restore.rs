//! Rebuilds the cases of newly assigned partitions from the topic `cases`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::core::case_engine::CaseBook;
use crate::kafka::error::Error;
use crate::kafka::fault_point::{self, Point};
use crate::kafka::partition::partition_of;
use crate::kafka::reader::{LogReader, Read};
use crate::kafka::rebalance::Assigned;
use crate::kafka::record::Record;

use super::super::Shared;
use super::partition::Partition;

/// The header of a record of `cases` that says up to which input it tells the state.
pub const INPUT_OFFSET: &str = "input_offset";

/// How long reading may go on before the group's consumer is served again.
const SERVE_EVERY: Duration = Duration::from_millis(100);

struct Restoring {
    book: CaseBook,
    /// One past the highest input offset any record speaks of.
    inputs: i64,
}

/// Reads the cases of `assigned` to their true end. `serve` is called every now and then; when it says no, the
/// assignment is gone or the process stops, and restoring ends without a result.
pub fn restore(
    shared: &Shared,
    worker: &str,
    assigned: &[Assigned],
    mut serve: impl FnMut(u64, u64) -> bool,
) -> Result<Option<BTreeMap<i32, Partition>>, Error> {
    let topic = shared.connection.topic("cases");
    let partitions: Vec<i32> = assigned.iter().map(|a| a.partition).collect();
    let mut restoring: BTreeMap<i32, Restoring> =
        partitions.iter().map(|&p| (p, Restoring { book: CaseBook::new(), inputs: -1 })).collect();
    let mut given_up = false;
    let from_beginning: Vec<_> = partitions.iter().map(|&partition| (partition, None)).collect();
    let opened = LogReader::open(&shared.connection, &format!("{worker}-restore"), &topic, &from_beginning, || {
        given_up = !serve(0, 0);
        !given_up
    });
    let mut reader = match opened {
        Err(_) if given_up => return Ok(None),
        other => other?,
    };
    let mut served = Instant::now();
    while !reader.complete() {
        match reader.poll(Duration::from_millis(20))? {
            Read::Record(record) => take(&mut restoring, &record, shared.case_partitions)?,
            Read::Nothing => {}
            Read::OutOfRange => {
                return Err(Error::Broker {
                    what: "restore",
                    tag: "out_of_range",
                    detail: format!("{topic} was shortened while it was read"),
                });
            }
        }
        if served.elapsed() > SERVE_EVERY {
            let (done, total) = reader.progress();
            if !serve(done, total) {
                reader.close(Duration::from_secs(2));
                return Ok(None);
            }
            served = Instant::now();
        }
    }
    reader.close(Duration::from_secs(2));
    Ok(Some(finish(restoring, assigned)))
}

fn take(restoring: &mut BTreeMap<i32, Restoring>, record: &Record<'_>, partitions: i32) -> Result<(), Error> {
    fault_point::pass(Point::Restoring);
    let Some(state) = restoring.get_mut(&record.partition()) else { return Ok(()) };
    let input =
        record.header(INPUT_OFFSET).and_then(|v| std::str::from_utf8(v).ok()).and_then(|v| v.parse::<i64>().ok());
    if let Some(input) = input {
        state.inputs = state.inputs.max(input + 1);
    }
    let Some(case_id) = record.key().and_then(|key| std::str::from_utf8(key).ok()) else {
        return Err(Error::Layout(format!(
            "{} holds a record without a case id at partition {} offset {}: another program writes there",
            record.topic(),
            record.partition(),
            record.offset()
        )));
    };
    let subject = state.book.restore(case_id, record.value()).map_err(|error| {
        Error::Layout(format!(
            "{} holds a case that cannot be read at partition {} offset {}: {error}",
            record.topic(),
            record.partition(),
            record.offset()
        ))
    })?;
    if let Some(subject) = subject
        && partition_of(subject.as_bytes(), partitions) != record.partition()
    {
        return Err(Error::Layout(format!(
            "{topic} partition {partition} holds a case whose subject belongs to partition {home}: the topic has grown. \
             Stop all instances, make new topics case-inputs and cases of the wanted size under another \
             kafka.topic_prefix, and copy the records over by key",
            topic = record.topic(),
            partition = record.partition(),
            home = partition_of(subject.as_bytes(), partitions),
        )));
    }
    Ok(())
}

fn finish(restoring: BTreeMap<i32, Restoring>, assigned: &[Assigned]) -> BTreeMap<i32, Partition> {
    restoring
        .into_iter()
        .map(|(partition, mut state)| {
            state.book.finish_restore();
            let committed = assigned.iter().find(|a| a.partition == partition).and_then(|a| a.committed).unwrap_or(-1);
            (partition, Partition::new(state.book, committed.max(state.inputs)))
        })
        .collect()
}
