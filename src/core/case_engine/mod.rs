//! The case engine (contract 7 and 8): one partition's book of cases, and what becomes of them by matches, follow-ups,
//! failed deliveries, erasures and the passing of time.
//!
//! Everything between two commits happens in an overlay: what was not committed can be taken back, and the book is
//! then as if it had never happened. Who drives the book calls [`CaseBook::fire_due`] with the time of an input until
//! nothing is due any more, and only then hands in the input.

mod arrival;
mod book;
mod case_facts;
mod counts;
mod dossier;
mod follow_ups;
mod keys;
mod matches;
mod notices;
mod officer_text;
mod others;
mod outlets;
mod packed;
mod personal;
mod recent;
mod restore;
mod timer_book;
mod timers;
mod transitions;
mod warn;

use chrono::{DateTime, TimeDelta, Utc};

use super::case::{ArchiveKey, CaseSettings, Dropped};
use super::directory::Directory;
use super::message::Templates;
use super::notification::Notification;
use super::rules::{Level, RuleSet};
use super::warning::Warning;

pub use book::{CaseBook, Change, ChangesError};
pub use counts::OpenCounts;
pub use keys::{CaseKey, SubjectKey};
pub use others::FailedDelivery;
pub use outlets::{Outlet, Outlets};
pub use restore::RestoreError;
pub use timer_book::{Timer, TimerBook};

/// When an input is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The clock of the partition: the record time of the input, or, once the partition has been read to its end, the
    /// wall clock (contract 7, Clocks). A book never lets it go back.
    pub clock: DateTime<Utc>,
    /// The wall clock, for `published_at` and for who is on duty: those who are there when the warning goes out.
    pub wall: DateTime<Utc>,
}

/// What the decisions rest on beside the cases.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The rules in force.
    pub rules: &'a RuleSet,
    /// The message templates in force.
    pub templates: &'a Templates,
    /// The directory in force.
    pub directory: &'a Directory,
    /// Where notifications can go.
    pub outlets: &'a Outlets,
    /// How cases are handled.
    pub settings: &'a CaseSettings,
    /// `privacy.token_key`, for what leaves into the archive.
    pub archive_key: &'a ArchiveKey,
}

/// What became of an input or of a deadline. Each ends in exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// A match opened a case.
    Opened,
    /// A match opened a case again.
    Reopened,
    /// A match raised the level of its case.
    Raised,
    /// A match told of a transfer not told before.
    Transfer,
    /// A match was new evidence, a good while after the last warning.
    Repeated,
    /// A match was taken in without a warning.
    Folded,
    /// A match told of something that came to nothing (`reversed`, `rejected`, `failed`): kept if there is a case that
    /// is being handled, but not scored.
    Unscored,
    /// A match was older than what is known of its call or transfer: it changes nothing.
    Older,
    /// The event of a match scored below `cases.open_at`: it opened nothing.
    BelowOpenAt,
    /// The event of a match has opened a case that is kept still, though it no longer remembers it: it opened nothing.
    CaseExists,
    /// Seen before: it changes nothing.
    Duplicate,
    /// A follow-up was accepted.
    FollowedUp,
    /// A follow-up was not accepted.
    Refused(Refusal),
    /// A deadline was missed, or an urgent notification could not be delivered.
    Escalated,
    /// A closed case was kept long enough and has left.
    Left,
    /// A deadline was put right; nobody needs to know.
    Rearmed,
    /// A failed delivery of a case that is no longer there, no longer urgent, or no longer waits for anybody.
    Outdated,
    /// The cases of a subject were stripped.
    Erased,
    /// There was no case to strip, or all were stripped before.
    NothingToErase,
}

impl Disposition {
    /// The name in labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Disposition::Opened => "opened",
            Disposition::Reopened => "reopened",
            Disposition::Raised => "raised",
            Disposition::Transfer => "transfer",
            Disposition::Repeated => "repeated",
            Disposition::Folded => "folded",
            Disposition::Unscored => "unscored",
            Disposition::Older => "older",
            Disposition::BelowOpenAt => "below_open_at",
            Disposition::CaseExists => "case_exists",
            Disposition::Duplicate => "duplicate",
            Disposition::FollowedUp => "followed_up",
            Disposition::Refused(refusal) => refusal.as_str(),
            Disposition::Escalated => "escalated",
            Disposition::Left => "left",
            Disposition::Rearmed => "rearmed",
            Disposition::Outdated => "outdated",
            Disposition::Erased => "erased",
            Disposition::NothingToErase => "nothing_to_erase",
        }
    }
}

/// Why a follow-up was not accepted; the reason of its dead letter (contract 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// There is no such case, or it is another subject's.
    UnknownCase,
    /// The state of the case does not allow it.
    InvalidTransition,
}

impl Refusal {
    /// The name in the header `dlq_reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Refusal::UnknownCase => "unknown_case",
            Refusal::InvalidTransition => "invalid_transition",
        }
    }
}

/// What handling an input, or firing a deadline, has led to.
#[must_use = "the warnings and notifications in it must be published"]
#[derive(Clone, Debug, PartialEq)]
pub struct Handled {
    /// What became of it.
    pub disposition: Disposition,
    /// The case it went to, if any.
    pub case_id: Option<String>,
    /// The warnings it gives, in order.
    pub warnings: Vec<Warning>,
    /// What tells of these warnings, and of the closing of a case, each to one recipient.
    pub notifications: Vec<Notification>,
    /// What fell out of the case for it.
    pub dropped: Dropped,
    /// Ids of the rules that failed on the event, for `rule_errors_total`.
    pub rule_errors: Vec<String>,
    /// How many cases left by it.
    pub archived: usize,
    /// How many cases it stripped, their subject having asked to be forgotten.
    pub erased: usize,
    /// The step the case escalated to by it.
    pub escalated_to: Option<u8>,
    /// Level of the case, and the time from the start of the round to its first acknowledgement, if that was it.
    pub acknowledged_after: Option<(Level, TimeDelta)>,
    /// Level of the case, and the time from the start of the round until the person was first reached, if that was it.
    pub reached_after: Option<(Level, TimeDelta)>,
}

impl Handled {
    /// Nothing but what became of it.
    pub fn new(disposition: Disposition) -> Self {
        Handled {
            disposition,
            case_id: None,
            warnings: Vec::new(),
            notifications: Vec::new(),
            dropped: Dropped::default(),
            rule_errors: Vec::new(),
            archived: 0,
            erased: 0,
            escalated_to: None,
            acknowledged_after: None,
            reached_after: None,
        }
    }
}

/// A moment as the engine uses it.
#[derive(Clone, Copy, Debug)]
struct Now {
    /// The clock of the partition, which has not gone back.
    clock: DateTime<Utc>,
    /// The clock as it came with the input.
    record: DateTime<Utc>,
    /// The wall clock.
    wall: DateTime<Utc>,
}
