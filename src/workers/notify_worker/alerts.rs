//! Tells an Alertmanager of open cases again and again.
//!
//! Every process reads all of `notifications`, so that each knows every case, whatever partition its notifications lie
//! in; it tells again those whose case id falls into a partition that it holds for the destination. So a restart, or
//! another process, takes over where one left off, from what Kafka keeps: seven days of notifications. The newest one of
//! an open case is written once more before that is over, marked so that nobody delivers it.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::{Destination, KEPT};
use crate::core::notification::Notification;
use crate::kafka::error::Error;
use crate::kafka::partition::partition_of;
use crate::kafka::producer::ReportingProducer;
use crate::kafka::reader::{LogReader, Read};
use crate::kafka::record::Outgoing;
use crate::kafka::topics::partition_counts;
use crate::notify::{Verdict, alertmanager};

use super::super::{Shared, envelope};

/// Cases told of in one request.
const BATCH: usize = 200;

/// How old the newest notification of an open case becomes before it is written once more: what is left of the seven
/// days that the topic keeps it is time for a process to be away.
const KEEP_AFTER: TimeDelta = TimeDelta::days(5);

/// How long the producer may hold this up.
const PATIENCE: Duration = Duration::from_secs(8);

/// Between two looks at what is due.
const LOOK: Duration = Duration::from_millis(500);

/// Reads and tells until the process stops.
///
/// # Errors
/// What wants the reader opened anew: the broker, or notifications that are gone before they were read.
pub fn session(shared: &Shared, destination: &Destination, worker: &str) -> Result<(), Error> {
    let topic = shared.connection.topic("notifications");
    let counts = partition_counts(&shared.connection, Duration::from_secs(10))?;
    let partitions = counts.get("notifications").copied().unwrap_or_default();
    let all: Vec<(i32, Option<i64>)> = (0..partitions).map(|partition| (partition, None)).collect();
    let mut reader = LogReader::open(&shared.connection, worker, &topic, &all, || !shared.stop.stopping())?;
    shared.readiness.ready(worker);
    let mut keeper = Keeper { shared, producer: ReportingProducer::new(&shared.connection, worker)?, topic };
    let result = follow(destination, &mut reader, &mut keeper, partitions);
    reader.close(Duration::from_secs(3));
    result
}

fn follow(
    destination: &Destination,
    reader: &mut LogReader,
    keeper: &mut Keeper<'_>,
    partitions: i32,
) -> Result<(), Error> {
    let shared = keeper.shared;
    let mut looked = Instant::now();
    while !shared.stop.stopping() {
        let lost = match reader.poll(Duration::from_millis(100))? {
            Read::Record(record) => {
                let notification = record.value().and_then(|value| Notification::decode(value).ok());
                if let (Some(board), Some(notification)) = (&destination.board, notification)
                    && notification.destination == destination.name
                {
                    let written = record.timestamp().and_then(DateTime::from_timestamp_millis);
                    let mut board = board.lock();
                    board.take(&notification);
                    board.written(&notification, written.unwrap_or(notification.created_at));
                }
                false
            }
            Read::Nothing => false,
            Read::OutOfRange => true,
        };
        if lost {
            return Err(lost_some(shared, destination, reader)?);
        }
        if reader.complete() && looked.elapsed() >= LOOK {
            tell_due(destination, partitions);
            keeper.keep(destination, partitions)?;
            looked = Instant::now();
        }
    }
    Ok(())
}

/// Writes once more what would be forgotten while its case is open.
struct Keeper<'a> {
    shared: &'a Shared,
    producer: ReportingProducer,
    topic: String,
}

impl Keeper<'_> {
    fn keep(&mut self, destination: &Destination, partitions: i32) -> Result<(), Error> {
        let Some(board) = &destination.board else { return Ok(()) };
        let now = Utc::now();
        let held = destination.held.lock().clone();
        let mine = |case_id: &str| held.contains(&partition_of(case_id.as_bytes(), partitions));
        let ageing = board.lock().ageing(now - KEEP_AFTER, mine, BATCH);
        for notification in &ageing {
            let id = &notification.notification_id;
            let value = serde_json::to_vec(notification)
                .map_err(|error| Error::Layout(format!("a notification cannot be written: {error}")))?;
            let source = &self.shared.config.kafka.source;
            let headers = envelope::headers(source, "notification", id, notification.created_at, None).with(KEPT, b"1");
            let outgoing = Outgoing {
                topic: &self.topic,
                partition: None,
                key: Some(id.as_bytes()),
                value: Some(&value),
                headers,
            };
            self.producer.send(outgoing, 0, PATIENCE)?;
        }
        let mut delivered = Vec::new();
        if !ageing.is_empty() && !self.producer.flush(PATIENCE, &mut delivered) {
            return Err(Error::Broker { what: "keep notifications", tag: "timed_out", detail: "no answer".into() });
        }
        if let Some(detail) = delivered.into_iter().find_map(|report| report.failed) {
            return Err(Error::Broker { what: "keep notifications", tag: "not_delivered", detail });
        }
        let mut board = board.lock();
        ageing.iter().for_each(|notification| board.written(notification, now));
        Ok(())
    }
}

/// Says which notifications went before they were read. What the board knows stays; all that is held is read again.
fn lost_some(shared: &Shared, destination: &Destination, reader: &LogReader) -> Result<Error, Error> {
    for (partition, next, held) in reader.gone()? {
        shared.metrics.offset_resets.inc();
        tracing::error!(
            destination = destination.name,
            partition,
            next,
            held,
            "notifications are gone before the open cases among them were known, reading on at the earliest"
        );
    }
    let detail = "notifications are gone before they were read".into();
    Ok(Error::Broker { what: "read open cases", tag: "out_of_range", detail })
}

/// Tells what is due, a batch at a time, until one fails: the next look tries again.
fn tell_due(destination: &Destination, partitions: i32) {
    let (Some(board), Some(client)) = (&destination.board, &destination.client) else { return };
    let held = destination.held.lock().clone();
    loop {
        let now = Utc::now();
        let mine = |case_id: &str| held.contains(&partition_of(case_id.as_bytes(), partitions));
        let (cases, alerts) = {
            let mut board = board.lock();
            board.forget_closed(now);
            let cases = board.due(&destination.config, now, mine, BATCH);
            let alerts: Vec<_> = cases.iter().flat_map(|case| board.alerts(case, &destination.config, now)).collect();
            (cases, alerts)
        };
        if cases.is_empty() || destination.stop.stopping() {
            return;
        }
        let request = alertmanager::request(&destination.config, &alerts);
        let verdict = destination.runtime.block_on(async {
            tokio::select! {
                verdict = client.attempt(&destination.config, request) => verdict,
                () = destination.stop.requested() => Verdict::Accepted,
            }
        });
        if verdict != Verdict::Accepted {
            tracing::debug!(destination = destination.name, "open cases could not be told again");
            return;
        }
        let mut board = board.lock();
        cases.iter().for_each(|case| board.told(case, now));
    }
}
