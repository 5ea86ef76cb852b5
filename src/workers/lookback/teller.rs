//! Sends retroactive matches and knows which of them are safe.

use std::collections::HashMap;
use std::time::Duration;

use crate::core::event::EventKind;
use crate::core::lookback::Hit;
use crate::core::matched::Match;
use crate::kafka::error::Error;
use crate::kafka::producer::{Delivered, ReportingProducer};
use crate::kafka::record::Record;

use super::super::{Shared, dead_letters, matches};
use super::WORKER;

/// How long a full producer queue may hold the search up before its session starts anew.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is due, and for what reason it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was held, and found.
    Held(Hit),
    /// It was read again in this window.
    Reread(u64),
}

/// The matches of one event under way.
struct Item {
    origin: Origin,
    left: usize,
    matches: u64,
}

pub(super) struct Teller<'a> {
    shared: &'a Shared,
    producer: ReportingProducer,
    inputs: String,
    dead_letters: String,
    items: HashMap<usize, Item>,
    next: usize,
    delivered: Vec<Delivered>,
}

/// The matches of one event, and what goes with them.
pub(super) struct Due<'r, 'm> {
    pub(super) record: &'r Record<'r>,
    pub(super) kind: EventKind,
    pub(super) matches: &'r [Match<'m>],
    pub(super) beyond: usize,
    pub(super) trace: Option<&'r str>,
}

impl<'a> Teller<'a> {
    pub(super) fn new(shared: &'a Shared) -> Result<Self, Error> {
        Ok(Teller {
            shared,
            producer: ReportingProducer::new(&shared.connection, WORKER)?,
            inputs: shared.connection.topic("case-inputs"),
            dead_letters: shared.connection.topic("dead-letters"),
            items: HashMap::new(),
            next: 0,
            delivered: Vec::new(),
        })
    }

    /// How many events have matches under way.
    pub(super) fn under_way(&self) -> usize {
        self.items.len()
    }

    /// Sends the matches of an event, or the event to the dead letters where they are too large.
    pub(super) fn tell(&mut self, due: &Due<'_, '_>, origin: Origin) -> Result<(), Error> {
        let written = matches::written(due.matches)?;
        self.next += 1;
        let token = self.next;
        if let Some(reject) = matches::too_large(&written) {
            self.shared.metrics.dead_letter(due.kind.topic(), reject.reason);
            self.items.insert(token, Item { origin, left: 1, matches: 0 });
            return self.producer.send(dead_letters::letter(&self.dead_letters, due.record, &reject), token, PATIENCE);
        }
        self.shared.metrics.subjects_beyond_maximum.inc_by(due.beyond as u64);
        self.items.insert(token, Item { origin, left: written.len(), matches: written.len() as u64 });
        let source = &self.shared.config.kafka.source;
        for (matched, value) in due.matches.iter().zip(&written) {
            self.producer.send(matches::record(source, &self.inputs, matched, value, due.trace), token, PATIENCE)?;
        }
        Ok(())
    }

    /// Sends at once what waits for more of its kind.
    pub(super) fn send_now(&self) {
        self.producer.send_now();
    }

    /// Takes in what was acknowledged; the events all of whose matches are.
    pub(super) fn settle(&mut self, wait: Duration) -> Result<Vec<Origin>, Error> {
        self.producer.poll(wait, &mut self.delivered);
        let mut done = Vec::new();
        for delivered in self.delivered.drain(..) {
            if let Some(reason) = delivered.failed {
                return Err(Error::Broker { what: "produce", tag: "not_delivered", detail: reason });
            }
            let Some(item) = self.items.get_mut(&delivered.token) else { continue };
            item.left = item.left.saturating_sub(1);
            if item.left == 0
                && let Some(item) = self.items.remove(&delivered.token)
            {
                self.shared.metrics.retroactive_matches.inc_by(item.matches);
                done.push(item.origin);
            }
        }
        Ok(done)
    }

    /// Waits for what is under way, for at most `limit`.
    pub(super) fn finish(&mut self, limit: Duration) -> Result<Vec<Origin>, Error> {
        self.producer.flush(limit, &mut self.delivered);
        self.settle(Duration::ZERO)
    }
}
