//! Hands records to the core, with the rules and directory in force.

use std::sync::Arc;

use crate::core::case::{ActionKind, FollowUp, FollowUpFault};
use crate::core::case_engine::{CaseBook, Context, Disposition, FailedDelivery, Handled, Moment, Refusal};
use crate::core::dead_letter::{Reason, Reject};
use crate::core::directory::Directory;
use crate::core::envelope::{CaseInput, CaseInputBody, decode_case_input};
use crate::core::erasure::Erasure;
use crate::core::message::Templates;
use crate::core::rules::RuleSet;
use crate::core::text::Object;
use crate::kafka::record::Record;

use super::super::Shared;
use super::partition::Partition;

/// What the decisions of a batch rest on.
pub struct Judge<'a> {
    shared: &'a Shared,
    rules: Arc<RuleSet>,
    directory: Arc<Directory>,
    templates: Arc<Templates>,
}

/// What an input came to.
pub struct Decided {
    /// The core's word.
    pub handled: Handled,
    /// The trace context to carry on.
    pub trace: Option<String>,
    /// What was done, where it was a follow-up that was accepted.
    pub action: Option<ActionKind>,
}

impl<'a> Judge<'a> {
    /// With the rules and directory now in force.
    pub fn new(shared: &'a Shared) -> Self {
        Judge {
            shared,
            rules: shared.rules.load_full(),
            directory: shared.directory.load_full(),
            templates: shared.templates.load_full(),
        }
    }

    /// Takes the rules and directory now in force.
    pub fn refresh(&mut self) {
        self.rules = self.shared.rules.load_full();
        self.directory = self.shared.directory.load_full();
        self.templates = self.shared.templates.load_full();
    }

    fn context(&self) -> Context<'_> {
        Context {
            rules: &self.rules,
            directory: &self.directory,
            templates: &self.templates,
            outlets: &self.shared.outlets,
            settings: &self.shared.case_settings,
            archive_key: &self.shared.archive_key,
        }
    }

    /// Fires what is due in a partition, up to `limit` timers.
    pub fn fire(&self, partition: &mut Partition, at: Moment, limit: usize) -> Vec<Handled> {
        let fired = partition.book.fire_due(at, &self.context(), limit);
        partition.timer_fired |= !fired.is_empty();
        fired
    }

    /// Lets the book decide about a record.
    pub fn decide(&self, book: &mut CaseBook, record: &Record<'_>, at: Moment) -> Result<Decided, Reject> {
        let input = decode_case_input(record.headers(), record.value())?;
        let key = record.key().and_then(|key| std::str::from_utf8(key).ok()).unwrap_or_default();
        let trace = input.traceparent.as_deref().map(str::to_owned);
        let mut action = None;
        let handled = match &input.body {
            CaseInputBody::Match(matched) => {
                belongs(key, &matched.subject_id)?;
                book.apply_match(matched, trace.as_deref(), at, &self.context())
            }
            CaseInputBody::FollowUp(data) => {
                let follow_up = FollowUp::read(data.get().as_bytes(), key, &input.id).map_err(follow_up_fault)?;
                let handled = book.apply_follow_up(&follow_up, at, &self.context());
                if let Disposition::Refused(refusal) = handled.disposition {
                    return Err(refused(refusal));
                }
                if handled.disposition == Disposition::FollowedUp {
                    action = Some(follow_up.action.kind());
                }
                handled
            }
            CaseInputBody::Delivery(data) => {
                let delivery: FailedDelivery = read(data.get(), &input)?;
                belongs(key, &delivery.subject_id)?;
                book.apply_failed_delivery(&delivery, at, &self.context())
            }
            CaseInputBody::Erasure(data) => {
                let erasure: Erasure = read(data.get(), &input)?;
                belongs(key, &erasure.subject_id)?;
                book.apply_erasure(&erasure, at, &self.context())
            }
        };
        Ok(Decided { handled, trace, action })
    }
}

fn belongs(key: &str, subject_id: &str) -> Result<(), Reject> {
    if key == subject_id { Ok(()) } else { Err(Reject::new(Reason::Schema, "subject_id is not the key")) }
}

fn read<T: for<'de> serde::Deserialize<'de>>(data: &str, input: &CaseInput<'_>) -> Result<T, Reject> {
    serde_json::from_str::<Object<T>>(data).map(|read| read.0).map_err(|error| {
        let (kind, line, column) = (input.body.kind().as_str(), error.line(), error.column());
        Reject::new(Reason::Schema, format!("not a {kind}: line {line}, column {column}"))
    })
}

fn follow_up_fault(fault: FollowUpFault) -> Reject {
    match fault {
        FollowUpFault::NotJson => Reject::new(Reason::NotJson, "the value is not JSON"),
        FollowUpFault::Schema(detail) => Reject::new(Reason::Schema, detail),
    }
}

fn refused(refusal: Refusal) -> Reject {
    match refusal {
        Refusal::UnknownCase => Reject::new(Reason::UnknownCase, "the subject has no such case"),
        Refusal::InvalidTransition => Reject::new(Reason::InvalidTransition, "the state of the case does not allow it"),
    }
}
