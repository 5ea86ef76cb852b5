//! Metrics (contract 14): what can be counted, each once, in one struct with a registry of its own.
//!
//! The comment of a field is its help text, its name stands beside it and nowhere else. Series that are known beforehand
//! exist from the start with 0, so that a rate over them is right from the first increase; their handles are resolved
//! once, and [`Counters::of`] and its like are an array access. A loop that handles many records keeps plain numbers of
//! its own and hands them over once a batch.
//!
//! Labels hold closed sets, ids of rules, topics and partitions; sources of events are bounded and made harmless. No
//! label may ever hold an identifier, a name or the id of a person.
//!
//! A new metric: a line below, with the prefix left out, the name ending in its unit or in `_total`.

mod bounded;
mod cases_open;
mod encode;
mod family;
mod label;

use prometheus::{Histogram, IntCounter, IntGauge, Registry};

use crate::core::case::ActionKind;
use crate::core::dead_letter::Reason;
use crate::core::event::EventKind;
use crate::core::matched::Programme;
use crate::core::notification::{Channel, DeliveryState};
use crate::core::rules::Level;
use crate::core::warning::Cause;

pub use bounded::{ByTopic, Lag, MAX_SOURCES, RuleErrors, Sources};
pub use cases_open::{CasesOpen, OpenShare};
pub use encode::EncodeError;
pub use family::{Counters, Counters2, Counters3, Gauges, Gauges2, Histograms};
pub use label::{CaseItem, EventOutcome, Label, OpenState, ReloadResult, Stage, Step, Topic, TransactionResult};

use family::{Family, Spec};

/// What every name begins with.
pub const PREFIX: &str = "golden_bell_";

/// Seconds within the pipeline. Events are to be told of within 10 to 100 ms, hence the fine steps there; what takes
/// longer than 10 s is late however long it takes.
pub const LATENCY: &[f64] =
    &[0.001, 0.002, 0.005, 0.010, 0.015, 0.020, 0.030, 0.050, 0.075, 0.100, 0.150, 0.250, 0.500, 1.0, 2.5, 5.0, 10.0];

/// Seconds until a notification is accepted: the pipeline's own steps, then those of a receiver that was away.
const DELIVERY: &[f64] = &[
    0.005, 0.010, 0.015, 0.020, 0.030, 0.050, 0.075, 0.100, 0.150, 0.250, 0.500, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 1800.0, 3600.0, 21_600.0, 86_400.0,
];

/// Seconds to read the state of a partition back.
const RESTORE: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Seconds until people act: the deadlines of all levels are among the steps.
const RESPONSE: &[f64] =
    &[15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21_600.0, 86_400.0, 172_800.0, 604_800.0];

macro_rules! metrics {
    ($(
        $(#[doc = $help:literal])+
        $field:ident: $kind:ty = $name:literal $([$($label:literal),+])? $(in $buckets:expr)?;
    )+) => {
        /// Every metric of the process. Clones count into the same series.
        #[derive(Clone, Debug)]
        pub struct Metrics {
            $($(#[doc = $help])+ pub $field: $kind,)+
            registry: Registry,
        }

        impl Metrics {
            fn register(registry: Registry, topic_prefix: &str) -> Result<Self, prometheus::Error> {
                Ok(Self {
                    $($field: <$kind as Family>::register(&registry, &Spec {
                        name: concat!("golden_bell_", $name),
                        help: concat!($($help),+).trim(),
                        labels: &[$($($label),+)?],
                        buckets: [LATENCY $(, $buckets)?].last().copied().unwrap_or(LATENCY),
                        topic_prefix,
                    })?,)+
                    registry,
                })
            }
        }
    };
}

metrics! {
    /// Feed events read, by what became of them. At least once: an event read again after a restart or a rebalance
    /// counts again.
    events: Counters2<EventKind, EventOutcome> = "events_total" ["feed", "outcome"];
    /// Events and follow-ups that had been seen before and changed nothing.
    duplicates: Counters<Stage> = "duplicates_total" ["stage"];
    /// Seconds from the time of an event to the acknowledgement of its matches.
    event_to_match: Histogram = "event_to_match_seconds" in LATENCY;
    /// Seconds from the time of an event to the commit of the warning it caused.
    event_to_warning: Histograms<Level> = "event_to_warning_seconds" ["level"] in LATENCY;
    /// Warnings committed.
    warnings: Counters3<Level, Cause, Programme> = "warnings_total" ["level", "cause", "programme"];
    /// Events taken into a case without a warning of their own.
    events_folded: IntCounter = "events_folded_total";
    /// Events older than what was already known of their call or transfer; they changed nothing.
    events_outdated: IntCounter = "events_outdated_total";
    /// Events whose score was too low to open or reopen a case.
    events_below_opening: IntCounter = "events_below_opening_total";
    /// Subjects of an event beyond matching.max_subjects, for whom there was no match.
    subjects_beyond_maximum: IntCounter = "subjects_beyond_maximum_total";
    /// Matches of events that came before the registration.
    retroactive_matches: IntCounter = "retroactive_matches_total";
    /// Unmatched events held for a later registration.
    lookback_events: IntGauge = "lookback_events";
    /// Unmatched events given up before matching.lookback was over, because matching.lookback_max_events were held.
    lookback_dropped: IntCounter = "lookback_dropped_total";
    /// Time of the newest record read from a source, in seconds since 1970.
    last_event: Sources = "last_event_timestamp_seconds" ["source"];
    /// Events of sources beyond the first 64, which have no last_event_timestamp_seconds.
    untracked_source_events: IntCounter = "untracked_source_events_total";

    /// Registrants in the index.
    index_registrants: IntGauge = "index_registrants";
    /// Phones and accounts in the index, of registrants and household members.
    index_identifiers: IntGauge = "index_identifiers";
    /// Estimated memory of the index in bytes.
    index_bytes: IntGauge = "index_bytes";
    /// Whether the index has been filled to the end of the topic: 1, else 0.
    index_ready: IntGauge = "index_ready";
    /// Subjects who are forgotten: what they gave before does not take effect again.
    erasures: IntGauge = "erasures";
    /// Records of erasures that could not be read and have no effect.
    erasures_unreadable: IntCounter = "erasures_unreadable_total";
    /// Records of registrants without effect because the registrant is forgotten and has not consented since.
    registrants_ignored: IntCounter = "registrants_ignored_total";
    /// Registrants taken out of the index by a withdrawal.
    index_withdrawals: IntCounter = "index_withdrawals_total";

    /// Cases that are not closed, of the partitions this process holds.
    cases_open: CasesOpen = "cases_open" ["level", "state"];
    /// Warnings that nobody of the directory answers for but the centre.
    unowned_warnings: IntCounter = "unowned_warnings_total";
    /// Follow-ups accepted.
    follow_ups: Counters<ActionKind> = "follow_ups_total" ["action"];
    /// Seconds from the start of a round to its first acknowledgement, contact or outcome.
    acknowledge: Histograms<Level> = "acknowledge_seconds" ["level"] in RESPONSE;
    /// Seconds from the start of a round to the contact that reached the person.
    reach: Histograms<Level> = "reach_seconds" ["level"] in RESPONSE;
    /// Escalations, by the step they went to.
    escalations: Counters<Step> = "escalations_total" ["step"];
    /// What fell out of cases because they are bounded.
    case_items_dropped: Counters<CaseItem> = "case_items_dropped_total" ["item"];
    /// Case inputs found in a partition that is not their subject's, and moved.
    case_inputs_moved: IntCounter = "case_inputs_moved_total";
    /// Closed cases that left for the archive.
    cases_archived: IntCounter = "cases_archived_total";
    /// Cases stripped because their subject asked to be forgotten.
    cases_erased: IntCounter = "cases_erased_total";
    /// Evaluations of a rule that failed and counted as not held.
    rule_errors: RuleErrors = "rule_errors_total" ["rule"];

    /// Notifications that came to a state of delivery, those of a summary and the summary itself alike.
    notifications: Counters2<Channel, DeliveryState> = "notifications_total" ["channel", "state"];
    /// Seconds from the time a notification was written to its acceptance by the receiver.
    notification_duration: Histograms<Channel> = "notification_seconds" ["channel"] in DELIVERY;
    /// Records of notifications a destination has not handled yet, of the partitions held here.
    notification_lag: Lag = "notification_lag_records" ["destination", "partition"];

    /// Records put aside. Those of the feeds, registrants and notifications at least once: what is read again after a
    /// restart or a rebalance counts again.
    dead_letters: Counters2<Topic, Reason> = "dead_letters_total" ["topic", "reason"];
    /// Whether a feed is paused because too many of its records are bad: 1, else 0.
    feed_halted: Gauges<EventKind> = "feed_halted" ["feed"];
    /// Records of a held partition that are not handled yet.
    consumer_lag: Lag = "consumer_lag_records" ["topic", "partition"];
    /// Time of the oldest record that a topic still holds, in seconds since 1970, of the topics that forget by time.
    oldest_record: ByTopic = "oldest_record_timestamp_seconds" ["topic"];
    /// Seconds for which the contract has a topic keep its records, of the topics that forget by time.
    retention: ByTopic = "retention_seconds" ["topic"];
    /// Times that reading went on elsewhere because the records to be read next were gone.
    offset_resets: IntCounter = "offset_resets_total";
    /// Kafka transactions, by how they ended.
    transactions: Counters<TransactionResult> = "transactions_total" ["result"];
    /// Seconds from the first record of a transaction to its end.
    transaction_duration: Histogram = "transaction_duration_seconds" in LATENCY;
    /// Seconds to read the cases of a partition back after it was assigned.
    restore: Histogram = "restore_seconds" in RESTORE;
    /// Times a worker began anew after an error that may pass.
    worker_restarts: IntCounter = "worker_restarts_total";
    /// Reloads of rules and directory, by whether they took effect.
    reloads: Counters<ReloadResult> = "reloads_total" ["result"];
}

impl Metrics {
    /// All metrics at their beginning, those of the process among them. `topic_prefix` stands before the topic in
    /// labels, as everywhere else in Kafka.
    ///
    /// # Errors
    /// When two metrics have the same name or one is not a name, which the tests rule out.
    pub fn new(topic_prefix: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        family::register_process(&registry)?;
        family::register_build_info(&registry)?;
        Self::register(registry, topic_prefix)
    }

    /// All metrics as text, format 0.0.4.
    ///
    /// # Errors
    /// When a series cannot be written.
    pub fn encode(&self) -> Result<String, EncodeError> {
        encode::text(&self.registry)
    }

    /// An event of `source` was read from a record of this time, in seconds since 1970.
    pub fn event_read(&self, source: &str, record_time: f64) {
        if !self.last_event.read(source, record_time) {
            self.untracked_source_events.inc();
        }
    }

    /// A record of `topic`, named without the prefix, was put aside.
    pub fn dead_letter(&self, topic: &str, reason: Reason) {
        if let Some(topic) = Topic::named(topic) {
            self.dead_letters.of(topic, reason).inc();
        }
    }

    /// How many records of a partition are not handled yet; less than 0 counts as 0.
    pub fn set_lag(&self, topic: &str, partition: i32, records: i64) {
        self.consumer_lag.set(topic, partition, records);
    }

    /// How many records of a partition of `notifications` a destination has not handled yet.
    pub fn set_notification_lag(&self, destination: &str, partition: i32, records: i64) {
        self.notification_lag.set(destination, partition, records);
    }

    /// The destination's worker no longer holds the partition.
    pub fn forget_notification_lag(&self, destination: &str, partition: i32) {
        self.notification_lag.forget(destination, partition);
    }

    /// The partition is no longer held: whoever holds it now reports its lag.
    pub fn forget_lag(&self, topic: &str, partition: i32) {
        self.consumer_lag.forget(topic, partition);
    }
}

#[cfg(test)]
mod tests;
