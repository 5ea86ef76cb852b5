//! What one transaction is to publish, gathered before it begins.

use chrono::{DateTime, Utc};

use crate::core::case::ActionKind;
use crate::core::case_engine::Handled;
use crate::core::dead_letter::{Reason, Reject};
use crate::core::matched::Programme;
use crate::core::notification::Notification;
use crate::core::rules::Level;
use crate::core::warning::{Cause, Warning};
use crate::kafka::record::{Headers, Outgoing, Record};

use super::super::{dead_letters, envelope};

/// A record to be written, with bytes of its own.
pub struct Owned {
    topic: String,
    partition: Option<i32>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Headers,
}

impl Owned {
    /// A copy of `outgoing`.
    pub fn of(outgoing: Outgoing<'_>) -> Self {
        Owned {
            topic: outgoing.topic.to_owned(),
            partition: outgoing.partition,
            key: outgoing.key.map(<[u8]>::to_vec),
            value: outgoing.value.map(<[u8]>::to_vec),
            headers: outgoing.headers,
        }
    }

    /// The record, to be sent once.
    pub fn outgoing(&mut self) -> Outgoing<'_> {
        Outgoing {
            topic: &self.topic,
            partition: self.partition,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: std::mem::take(&mut self.headers),
        }
    }
}

/// What is counted about a warning once it is committed.
pub struct Told {
    /// Level of the case.
    pub level: Level,
    /// Why it was told.
    pub cause: Cause,
    /// Registered or not.
    pub programme: Programme,
    /// The time of the event that caused it.
    pub event_time: Option<DateTime<Utc>>,
    /// Whether nobody but the centre answers for it.
    pub unowned: bool,
}

/// Everything since the last commit.
#[derive(Default)]
pub struct Batch {
    /// Records beside those of the cases, in order.
    pub records: Vec<Owned>,
    /// What the warnings among them will be counted as.
    pub told: Vec<Told>,
    /// What the inputs came to.
    pub handled: Vec<Handled>,
    /// Reasons of the dead letters among the records.
    pub dead_letters: Vec<Reason>,
    /// Follow-ups that were accepted.
    pub follow_ups: Vec<ActionKind>,
    /// Records among them that were sent on to their own partition.
    pub moved: u64,
    /// Inputs read.
    pub inputs: usize,
}

impl Batch {
    /// Puts `record` aside.
    pub fn dead_letter(&mut self, topic: &str, record: &Record<'_>, reject: &Reject) {
        self.records.push(Owned::of(dead_letters::letter(topic, record, reject)));
        self.dead_letters.push(reject.reason);
    }

    /// Sends `record` on to the partition its key belongs to.
    pub fn send_on(&mut self, record: &Record<'_>, partition: i32) {
        self.moved += 1;
        self.records.push(Owned::of(Outgoing {
            topic: record.topic(),
            partition: Some(partition),
            key: record.key(),
            value: record.value(),
            headers: Headers::of(record),
        }));
    }

    /// Publishes `warning`.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no warning of ours can fail at.
    pub fn warning(
        &mut self,
        topic: &str,
        source: &str,
        warning: &Warning,
        trace: Option<&str>,
    ) -> Result<(), serde_json::Error> {
        self.told.push(Told {
            level: warning.level,
            cause: warning.cause,
            programme: warning.programme,
            event_time: warning.event_time.map(|time| time.with_timezone(&Utc)),
            unowned: warning.unowned,
        });
        self.records.push(Owned {
            topic: topic.to_owned(),
            partition: None,
            key: Some(warning.subject.subject_id.clone().into_bytes()),
            value: Some(serde_json::to_vec(warning)?),
            headers: envelope::headers(source, "warning", &warning.warning_id, warning.published_at, trace),
        });
        Ok(())
    }

    /// Publishes `notification`. It is counted by whoever delivers it.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no notification of ours can fail at.
    pub fn notification(
        &mut self,
        topic: &str,
        source: &str,
        notification: &Notification,
        trace: Option<&str>,
    ) -> Result<(), serde_json::Error> {
        let id = &notification.notification_id;
        self.records.push(Owned {
            topic: topic.to_owned(),
            partition: None,
            key: Some(id.clone().into_bytes()),
            value: Some(serde_json::to_vec(notification)?),
            headers: envelope::headers(source, "notification", id, notification.created_at, trace),
        });
        Ok(())
    }

    /// Whether nothing was read since the last commit.
    pub fn is_empty(&self) -> bool {
        self.inputs == 0 && self.records.is_empty() && self.handled.is_empty()
    }
}
