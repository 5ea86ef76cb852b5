//! What people are told: short texts by template, one file a language (contract 10).
//!
//! Nothing from outside can get into a text. A template may only name the fields of its recipient ([`Field`]); what
//! those can bring in is the time of day, a few small numbers, and words that stand in the template files themselves.
//! So every text that can ever come out is written once while the templates are loaded ([`Templates::load`]), and held
//! against the rules of safety ([`danger`]) and of length; a set with a fault in it is refused whole.
//!
//! What officers read is no template: their texts are put together of masked pieces by the case engine, and a summary of
//! several by [`super::notification::Notification::summary`].

mod field;
mod load;
mod rehearse;
mod safety;
mod sms;
mod source;
mod templates;

use super::event::{EventKind, EventTime};
use super::text::wire_enum;
use super::warning::Cause;

pub use field::Field;
pub use load::{TemplateFault, TemplatesError};
pub use safety::{Danger, danger};
pub use sms::{MAX_PARTS, parts};
pub use templates::Templates;

wire_enum! {
    /// Whom a template is for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum Recipient {
        /// The person at risk.
        Resident = "resident",
        /// Who is told instead of a minor.
        Guardian = "guardian",
        /// Somebody close to the person at risk, when they could not be reached.
        TrustedContact = "trusted_contact",
    }
}

/// What is known of who called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nothing worth saying.
    Plain,
    /// The call came from abroad.
    Overseas,
    /// No number was shown.
    Withheld,
}

/// What happened, as far as a text may say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happened {
    /// A call or a transfer.
    pub kind: EventKind,
    /// When it began, in the zone of its source.
    pub began_at: EventTime,
    /// Who called; [`Caller::Plain`] for a transfer.
    pub caller: Caller,
    /// Whether the call goes on, as far as is known.
    pub live: bool,
    /// How long the call has lasted, whole minutes, if it was a minute at least and less than a day.
    pub minutes: Option<u16>,
}

/// What a text is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scene<'a> {
    /// Why there is a warning.
    pub cause: Cause,
    /// What caused it, if an event did.
    pub happened: Option<Happened>,
    /// The kind of fraud it looks like; a code the templates do not know is as good as none.
    pub fraud_type: Option<&'a str>,
}
