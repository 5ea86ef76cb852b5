//! Closed sets of label values.

use std::borrow::Cow;

use crate::core::case::{ActionKind, State};
use crate::core::dead_letter::Reason;
use crate::core::event::EventKind;
use crate::core::matched::Programme;
use crate::core::notification::{Channel, DeliveryState};
use crate::core::rules::Level;
use crate::core::warning::Cause;

/// A closed set whose members are values of a label.
pub trait Label: Copy + 'static {
    /// Every member, each at its own [`Label::index`].
    fn all() -> &'static [Self];

    /// The place among [`Label::all`].
    fn index(self) -> usize;

    /// The value in the exposition; only topics have a use for the prefix.
    fn text(self, topic_prefix: &str) -> Cow<'static, str>;
}

macro_rules! of_core {
    ($($name:ident: $all:expr),+ $(,)?) => {$(
        impl Label for $name {
            fn all() -> &'static [Self] {
                $all
            }

            fn index(self) -> usize {
                self as usize
            }

            fn text(self, _: &str) -> Cow<'static, str> {
                Cow::Borrowed(self.as_str())
            }
        }
    )+};
}

of_core! {
    ActionKind: ActionKind::ALL,
    Cause: Cause::ALL,
    Channel: Channel::ALL,
    DeliveryState: DeliveryState::ALL,
    EventKind: &[EventKind::Call, EventKind::Transfer],
    Level: &Level::ALL,
    Programme: &[Programme::GoldenBell, Programme::Precise],
    Reason: Reason::ALL,
}

macro_rules! labels {
    ($($(#[$meta:meta])* $name:ident { $($(#[$value_meta:meta])* $value:ident = $text:literal),+ $(,)? })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$value_meta])* $value,)+
        }

        impl $name {
            /// The value of the label.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$value => $text,)+
                }
            }
        }

        of_core! { $name: &[$($name::$value),+] }
    )+};
}

labels! {
    /// What became of a feed event.
    EventOutcome {
        /// A subject was found.
        Matched = "matched",
        /// Nobody of the zone.
        Unmatched = "unmatched",
        /// The other side is in the allow-list.
        Allowed = "allowed",
        /// It was bad and put aside.
        DeadLettered = "dead_lettered",
    }
    /// A stage of the pipeline, named as its role.
    Stage {
        /// Events to matches.
        Match = "match",
        /// Matches and follow-ups to cases and warnings.
        Cases = "cases",
    }
    /// How a transaction ended.
    TransactionResult {
        /// All of it stands.
        Committed = "committed",
        /// None of it stands; it is done again.
        Aborted = "aborted",
        /// It is not known; the producer is replaced, which settles it.
        Failed = "failed",
    }
    /// The step a case escalated to.
    Step {
        /// The nearest people.
        One = "1",
        /// The chief.
        Two = "2",
        /// The centre.
        Three = "3",
    }
    /// What a bounded case let go of.
    CaseItem {
        /// Pieces of evidence.
        Evidence = "evidence",
        /// Follow-ups.
        FollowUp = "follow_up",
        /// Entries of the history.
        History = "history",
        /// Trusted contacts.
        TrustedContact = "trusted_contact",
        /// Remembered ids of events, follow-ups and told transfers.
        Id = "id",
    }
    /// Whether a reload took effect.
    ReloadResult {
        /// The new set is in force.
        Applied = "applied",
        /// The old set stays in force.
        Refused = "refused",
    }
}

impl Step {
    /// The step of this number; the last one repeats.
    pub const fn numbered(step: u8) -> Self {
        match step {
            0 | 1 => Step::One,
            2 => Step::Two,
            _ => Step::Three,
        }
    }
}

/// A topic that records are put aside from. Its label is the full name, as in Kafka's own metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// `calls`.
    Calls,
    /// `transfers`.
    Transfers,
    /// `registrants`.
    Registrants,
    /// `case-inputs`.
    CaseInputs,
    /// `notifications`.
    Notifications,
}

impl Topic {
    /// The name in the contract, without the prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Topic::Calls => "calls",
            Topic::Transfers => "transfers",
            Topic::Registrants => "registrants",
            Topic::CaseInputs => "case-inputs",
            Topic::Notifications => "notifications",
        }
    }

    /// The topic of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().iter().copied().find(|topic| topic.name() == name)
    }
}

impl Label for Topic {
    fn all() -> &'static [Self] {
        &[Topic::Calls, Topic::Transfers, Topic::Registrants, Topic::CaseInputs, Topic::Notifications]
    }

    fn index(self) -> usize {
        self as usize
    }

    fn text(self, topic_prefix: &str) -> Cow<'static, str> {
        Cow::Owned(format!("{topic_prefix}{}", self.name()))
    }
}

/// A state of a case that is not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenState(State);

impl OpenState {
    const ALL: [OpenState; 5] = [
        OpenState(State::Open),
        OpenState(State::Acknowledged),
        OpenState(State::Contacting),
        OpenState(State::Reached),
        OpenState(State::ReturnVisitDue),
    ];

    /// `None` for a closed case.
    pub fn of(state: State) -> Option<Self> {
        Self::ALL.into_iter().find(|open| open.0 == state)
    }
}

impl Label for OpenState {
    fn all() -> &'static [Self] {
        &Self::ALL
    }

    fn index(self) -> usize {
        self.0 as usize
    }

    fn text(self, _: &str) -> Cow<'static, str> {
        Cow::Borrowed(self.0.as_str())
    }
}
