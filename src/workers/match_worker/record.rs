//! What becomes of one record of a feed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::super::lookback::Keeper;
use super::super::tally::Tally;
use super::super::{Shared, dead_letters, matches};
use super::PATIENCE;
use super::feed::{Feed, token};
use crate::core::matching::{Matcher, Outcome, Stage1, stage1};
use crate::kafka::error::Error;
use crate::kafka::producer::ReportingProducer;
use crate::kafka::record::Record;

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
    let told = match &outcome {
        Outcome::Matched { matches, .. } => matches::written(matches)?,
        _ => Vec::new(),
    };
    let outcome = matches::too_large(&told).map_or(outcome, Outcome::DeadLettered);
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
            let source = &hands.shared.config.kafka.source;
            matches.iter().zip(&told).try_for_each(|(matched, value)| {
                let outgoing = matches::record(source, hands.inputs, matched, value, trace);
                hands.producer.send(outgoing, token, PATIENCE)
            })
        }
    }
}

impl Hands<'_, '_> {
    fn handled(&mut self, record: &Record<'_>, feed: usize, products: u32) {
        if let Some(progress) = self.feeds.get_mut(feed).and_then(|feed| feed.progress(record.partition())) {
            progress.handled(record.offset(), products);
        }
    }
}
