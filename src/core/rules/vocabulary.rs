//! The words rules are written in: the variables, their fields and types, and where their values come from.
//!
//! A checked expression no longer says `call.phase`; it says the field's slot, as an identifier of one character from
//! the private use area, which nobody can write. To look a field up is then to index an array.

use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelNull, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;

use super::facts::Facts;
use super::moment::Moment;
use crate::core::event::EventTime;

/// What a field holds, unless it is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldType {
    Bool,
    Int,
    Double,
    Text,
    Texts,
    Time,
}

/// A field of one of the variables.
#[derive(Debug)]
pub(super) struct Field {
    /// The variable.
    pub object: &'static str,
    /// The field.
    pub name: &'static str,
    /// Its type.
    pub holds: FieldType,
    /// The values it can have; empty where it is open.
    pub values: &'static [&'static str],
}

/// The value of a field for the event at hand.
#[derive(Debug)]
pub(super) enum Slot<'a> {
    Null(CelNull),
    Bool(CelBool),
    Int(CelInt),
    Double(CelDouble),
    Text(CelString<'a>),
    Texts(CelList<'a>),
    Time(Moment),
}

macro_rules! vocabulary {
    ($facts:ident; $($object:ident . $name:ident : $type:ident $(of $values:expr)? => $value:expr;)*) => {
        /// Every field there is.
        pub(super) const FIELDS: &[Field] = &[$(
            Field {
                object: stringify!($object),
                name: stringify!($name),
                holds: FieldType::$type,
                values: vocabulary!(@values $($values)?),
            }
        ),*];

        const COUNT: usize = FIELDS.len();

        fn slots<'a>($facts: &Facts<'a>) -> [Slot<'a>; COUNT] {
            [$(Slot::from($value)),*]
        }
    };
    (@values) => { &[] };
    (@values $values:expr) => { &$values };
}

const LEVELS: [&str; 4] = ["low", "medium", "high", "urgent"];
const CASE_STATES: [&str; 6] = ["open", "acknowledged", "contacting", "reached", "return_visit_due", "closed"];
const PHASES: [&str; 8] = ["initiated", "ringing", "answered", "ongoing", "ended", "busy", "failed", "forwarded"];

vocabulary! { facts;
    event.kind: Text of ["call", "transfer"] => facts.event.kind.as_str();
    event.source: Text => facts.event.source;
    event.time: Time => facts.event.time;
    event.age_s: Int => facts.event.age_s;
    event.confidence: Double => facts.event.confidence;
    event.fraud_type: Text => facts.event.fraud_type;
    event.list: Text => facts.event.list;
    call.phase: Text of PHASES => facts.call.phase.map(|phase| phase.as_str());
    call.live: Bool => facts.call.live;
    call.duration_s: Int => facts.call.duration_s;
    call.forwarded: Bool => facts.call.forwarded;
    transfer.state: Text of ["accepted", "settled", "reversed", "rejected"]
        => facts.transfer.state.map(|state| state.as_str());
    transfer.amount_minor: Int => facts.transfer.amount_minor;
    transfer.currency: Text => facts.transfer.currency;
    transfer.channel: Text => facts.transfer.channel;
    transfer.first_payment_to_payee: Bool => facts.transfer.first_payment_to_payee;
    transfer.reversible: Bool => facts.transfer.reversible;
    suspect.overseas: Bool => facts.suspect.overseas;
    suspect.virtual_range: Bool => facts.suspect.virtual_range;
    suspect.withheld: Bool => facts.suspect.withheld;
    suspect.service_number: Bool => facts.suspect.service_number;
    subject.programme: Text of ["golden_bell", "precise"] => facts.subject.programme.as_str();
    subject.groups: Texts => texts(facts.subject.groups.iter().map(|group| group.as_str()));
    subject.language: Text => facts.subject.language;
    subject.area: Text => facts.subject.area;
    subject.matched_by: Text of ["own", "household", "area"] => facts.subject.matched_by.as_str();
    case.state: Text of CASE_STATES => facts.case.state;
    case.level: Text of LEVELS => facts.case.level.map(|level| level.as_str());
    case.calls_2h: Int => facts.case.calls_2h;
    case.transfers_2h: Int => facts.case.transfers_2h;
    case.payees_2h: Int => facts.case.payees_2h;
    case.amount_2h_minor: Int => facts.case.amount_2h_minor;
    case.smallest_2h_minor: Int => facts.case.smallest_2h_minor;
    case.rising_2h: Bool => facts.case.rising_2h;
    case.call_before_transfer_2h: Bool => facts.case.call_before_transfer_2h;
    case.contacts: Int => facts.case.contacts;
    case.warnings: Int => facts.case.warnings;
    case.line_busy: Bool => facts.case.line_busy;
    case.dissuaded_before: Bool => facts.case.dissuaded_before;
    case.refused_before: Bool => facts.case.refused_before;
}

// One bit per field in `Rule::needs` and `Values::nulls`.
const _: () = assert!(COUNT <= 64);

/// The names of the variables.
pub(super) const OBJECTS: [&str; 6] = ["event", "call", "transfer", "suspect", "subject", "case"];

/// The slot of a field.
pub(super) fn slot_of(object: &str, name: &str) -> Option<usize> {
    FIELDS.iter().position(|field| field.object == object && field.name == name)
}

/// The names of an object's fields, for an error that says what there is.
pub(super) fn fields_of(object: &str) -> impl Iterator<Item = &'static str> {
    FIELDS.iter().filter(move |field| field.object == object).map(|field| field.name)
}

const READ: u32 = 0xE000;
const PRESENT: u32 = 0xE100;

/// The identifier that reads a slot: nothing at all where it is null, so that an expression that needs it fails with
/// an undeclared reference. Every other name was looked up when the rules were loaded.
pub(super) fn read_ident(slot: usize) -> String {
    ident(READ, slot)
}

/// The identifier that says whether a slot is not null.
pub(super) fn present_ident(slot: usize) -> String {
    ident(PRESENT, slot)
}

fn ident(base: u32, slot: usize) -> String {
    u32::try_from(slot).ok().and_then(|slot| char::from_u32(base + slot)).into_iter().collect()
}

/// The values of all fields for one event, for the interpreter to look up.
#[derive(Debug)]
pub(super) struct Values<'a> {
    slots: [Slot<'a>; COUNT],
    /// Bits of the slots that are null.
    pub nulls: u64,
    yes: CelBool,
    no: CelBool,
}

impl<'a> Values<'a> {
    /// Takes the values out of the facts; texts are borrowed.
    pub fn of(facts: &Facts<'a>) -> Self {
        let slots = slots(facts);
        let nulls = slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| matches!(slot, Slot::Null(_)))
            .fold(0, |nulls, (i, _)| nulls | 1 << i);
        Values { slots, nulls, yes: CelBool::from(true), no: CelBool::from(false) }
    }
}

impl VariableResolver for Values<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let code = u32::from(variable.chars().next()?);
        let base = if code >= PRESENT { PRESENT } else { READ };
        let slot = self.slots.get(usize::try_from(code.checked_sub(base)?).ok()?)?;
        let value: &'b (dyn Val + 'b) = match slot {
            Slot::Null(_) if base == PRESENT => &self.no,
            _ if base == PRESENT => &self.yes,
            Slot::Null(_) => return None,
            Slot::Bool(value) => value,
            Slot::Int(value) => value,
            Slot::Double(value) => value,
            Slot::Text(value) => value,
            Slot::Texts(value) => value,
            Slot::Time(value) => value,
        };
        Some(CowVal::Borrowed(value))
    }
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> CelList<'a> {
    let boxed: Vec<Box<dyn Val + 'a>> =
        texts.map(|text| Box::new(CelString::from(text)) as Box<dyn Val + 'a>).collect();
    CelList::from(boxed)
}

impl<'a, T: Into<Slot<'a>>> From<Option<T>> for Slot<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Slot::Null(CelNull), Into::into)
    }
}

impl From<bool> for Slot<'_> {
    fn from(value: bool) -> Self {
        Slot::Bool(CelBool::from(value))
    }
}

impl From<u64> for Slot<'_> {
    fn from(value: u64) -> Self {
        // CEL's literals are signed; an amount beyond them compares as the greatest there is.
        Slot::Int(CelInt::from(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<f64> for Slot<'_> {
    fn from(value: f64) -> Self {
        Slot::Double(CelDouble::from(value))
    }
}

impl<'a> From<&'a str> for Slot<'a> {
    fn from(value: &'a str) -> Self {
        Slot::Text(CelString::from(value))
    }
}

impl<'a> From<CelList<'a>> for Slot<'a> {
    fn from(value: CelList<'a>) -> Self {
        Slot::Texts(value)
    }
}

impl From<EventTime> for Slot<'_> {
    fn from(value: EventTime) -> Self {
        Slot::Time(Moment(value))
    }
}
