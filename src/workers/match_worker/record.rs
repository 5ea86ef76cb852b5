//! What becomes of one record of a feed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::super::lookback::Keeper;
use super::super::tally::Tally;
use super::super::{Shared, dead_letters, envelope};
use super::PATIENCE;
use super::feed::{Feed, token};
use crate::core::dead_letter::{MAX_VALUE_BYTES, Reason, Reject};
use crate::core::matched::Match;
use crate::core::matching::{Matcher, Outcome, Stage1, stage1};
use crate::kafka::error::Error;
use crate::kafka::producer::ReportingProducer;
use crate::kafka::record::{Outgoing, Record};

/// The largest match stage 2 would read, envelope apart, bytes.
pub(in crate::workers) const MAX_MATCH_BYTES: usize = MAX_VALUE_BYTES - 64 * 1024;

/// What handling one record works with; the consumer stays outside, since it lends the record.
pub(super) struct Hands<'s, 'a> {
    pub(super) shared: &'a Shared,
    pub(super) producer: &'s ReportingProducer,
    pub(super) feeds: &'s mut [Feed; 2],
    pub(super) inputs: &'s str,
    pub(super) dead_letters: &'s str,
    pub(super) tally: &'s mut Tally<'a>,
    pub(super) keeper: &'s mut Keeper<'a>,
    pub(super) event_times: &'s mut HashMap<usize, DateTime<Utc>>,
    pub(super) assignment: u8,
}

/// Reads a record, decides, and hands over what comes of it.
pub(super) fn handle(
    record: &Record<'_>,
    matcher: &Matcher<'_>,
    now: DateTime<Utc>,
    hands: &mut Hands<'_, '_>,
) -> Result<(), Error> {
    let feed = usize::from(!record.is_of(&hands.feeds[0].topic));
    let kind = hands.feeds[feed].kind;
    let Stage1 { event, outcome } = stage1(kind, record.headers(), record.value(), matcher, now);
    let told = written(&outcome)?;
    let outcome = match &told {
        Some(told) if told.iter().any(|value| value.len() > MAX_MATCH_BYTES) => {
            Outcome::DeadLettered(Reject::new(Reason::TooLarge, "its match would be too large to be read again"))
        }
        _ => outcome,
    };
    hands.tally.decided(kind, event.as_ref(), &outcome, record.timestamp());
    let token = token(feed, hands.assignment, record.partition(), record.offset());
    match outcome {
        Outcome::Unmatched(keys) => {
            hands.keeper.hold(kind, record, &keys);
            hands.handled(record, feed, 0);
            Ok(())
        }
        Outcome::Allowed => {
            hands.handled(record, feed, 0);
            Ok(())
        }
        Outcome::DeadLettered(reject) => {
            hands.handled(record, feed, 1);
            let letter = dead_letters::letter(hands.dead_letters, record, &reject);
            hands.producer.send(letter, token, PATIENCE)
        }
        Outcome::Matched { matches, .. } => {
            hands.handled(record, feed, matches.len() as u32);
            let trace = event.as_ref().and_then(|event| event.traceparent.as_deref());
            if let Some(event) = &event {
                hands.event_times.insert(token, event.time.with_timezone(&Utc));
            }
            let values = told.unwrap_or_default();
            matches.iter().zip(&values).try_for_each(|(matched, value)| hands.tell(matched, value, trace, token))
        }
    }
}

/// The matches of an outcome as JSON.
fn written(outcome: &Outcome<'_>) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let Outcome::Matched { matches, .. } = outcome else { return Ok(None) };
    let written: Result<Vec<_>, _> = matches.iter().map(serde_json::to_vec).collect();
    written.map(Some).map_err(|error| Error::Layout(format!("a match cannot be written: {error}")))
}

impl Hands<'_, '_> {
    fn handled(&mut self, record: &Record<'_>, feed: usize, products: u32) {
        if let Some(progress) = self.feeds.get_mut(feed).and_then(|feed| feed.progress(record.partition())) {
            progress.handled(record.offset(), products);
        }
    }

    fn tell(&self, matched: &Match<'_>, value: &[u8], trace: Option<&str>, token: usize) -> Result<(), Error> {
        let headers =
            envelope::headers(&self.shared.config.kafka.source, "match", &matched.match_id, matched.matched_at, trace);
        let outgoing = Outgoing {
            topic: self.inputs,
            partition: None,
            key: Some(matched.subject_id.as_bytes()),
            value: Some(value),
            headers,
        };
        self.producer.send(outgoing, token, PATIENCE)
    }
}
