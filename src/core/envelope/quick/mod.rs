//! The way nearly all messages go: one pass over plain JSON, without an allocation.
//!
//! It only ever says yes. Whatever is not plain, be it an escape, a number with an exponent, a name given twice or a
//! missing field, gives `None`, and the message is read by serde_json, whose word counts. What is accepted here is
//! exactly what serde_json would have read; the tests below hold the two against each other.

mod reader;

use chrono::DateTime;

use super::super::event::{
    CallData, CallPhase, Event, EventData, EventKind, EventTime, Payee, Payer, Side, Suspicion, TransferData,
    TransferState,
};
use super::super::text::{Object, Text};
use super::super::time;
use super::attributes::{SPEC_VERSION, is_clean, trace};
use super::headers::{Headers, Mode};
use reader::Reader;

/// Reads an event, in either mode, into a [`blank`] one of its kind; `None` leaves it half filled.
pub(super) fn fill<'a>(headers: &Headers<'a>, text: &'a str, event: &mut Event<'a>) -> Option<()> {
    let kind = event.data.kind();
    let mut reader = Reader::new(text);
    match headers.mode() {
        Mode::Binary => {
            binary(kind, headers, event)?;
            data(&mut reader, &mut event.data)?;
        }
        Mode::Structured => structured(kind, headers, &mut reader, event)?,
    }
    reader.end()
}

/// An event to be filled in place: it is too large to be handed from function to function.
pub(super) fn blank<'a>(kind: EventKind) -> Event<'a> {
    let data = match kind {
        EventKind::Call => EventData::Call(CallData {
            call_id: Text::default(),
            phase: CallPhase::Initiated,
            caller: Text::default(),
            callee: Text::default(),
            victim: None,
            started_at: None,
            answered_at: None,
            ended_at: None,
            duration_s: None,
            forwarded_to: None,
            victim_area: None,
            suspicion: None,
        }),
        EventKind::Transfer => EventData::Transfer(TransferData {
            transfer_id: Text::default(),
            state: TransferState::Accepted,
            payer: Object(Payer { account: None, phone: None, name: None }),
            payee: Object(Payee { account: Text::default(), name: None, bank: None }),
            amount_minor: 0,
            currency: Text::default(),
            channel: None,
            first_payment_to_payee: None,
            settles_at: None,
            victim_area: None,
            suspicion: None,
        }),
    };
    let time = DateTime::UNIX_EPOCH.fixed_offset();
    Event { source: Text::default(), id: Text::default(), time, traceparent: None, data }
}

fn binary<'a>(kind: EventKind, headers: &Headers<'a>, event: &mut Event<'a>) -> Option<()> {
    let attributes = headers.attributes().ok()?;
    event.source = attributes.source;
    event.id = attributes.id;
    event.time = attributes.time;
    event.traceparent = attributes.traceparent;
    (attributes.event_type == kind.event_type()).then_some(())
}

fn structured<'a>(
    kind: EventKind,
    headers: &Headers<'a>,
    reader: &mut Reader<'a>,
    event: &mut Event<'a>,
) -> Option<()> {
    let mut seen = Seen::default();
    let mut written = None;
    reader.open()?;
    let mut first = true;
    while let Some(name) = reader.name(&mut first)? {
        match name {
            "specversion" => {
                seen.once(0)?;
                (reader.string()? == SPEC_VERSION).then_some(())?;
            }
            "id" => {
                seen.once(1)?;
                event.id = reader.string().filter(|text| is_clean(text))?.into();
            }
            "source" => {
                seen.once(2)?;
                event.source = reader.string().filter(|text| is_clean(text))?.into();
            }
            "type" => {
                seen.once(3)?;
                (reader.string()? == kind.event_type()).then_some(())?;
            }
            "time" => {
                seen.once(4)?;
                event.time = time::parse(reader.string()?)?;
            }
            "data" => {
                seen.once(5)?;
                data(reader, &mut event.data)?;
            }
            "traceparent" => {
                seen.once(6)?;
                written = reader.string_or_null()?;
            }
            _ => reader.skip()?,
        }
    }
    event.traceparent = headers.traceparent().or_else(|| trace(written?.into()));
    seen.all_up_to(5)
}

fn data<'a>(reader: &mut Reader<'a>, data: &mut EventData<'a>) -> Option<()> {
    match data {
        EventData::Call(data) => call(reader, data),
        EventData::Transfer(data) => transfer(reader, data),
    }
}

fn call<'a>(reader: &mut Reader<'a>, data: &mut CallData<'a>) -> Option<()> {
    let mut seen = Seen::default();
    reader.open()?;
    let mut first = true;
    while let Some(name) = reader.name(&mut first)? {
        match name {
            "call_id" => {
                seen.once(0)?;
                data.call_id = non_empty(reader)?;
            }
            "phase" => {
                seen.once(1)?;
                data.phase = CallPhase::from_name(reader.string()?)?;
            }
            "caller" => {
                seen.once(2)?;
                data.caller = reader.string()?.into();
            }
            "callee" => {
                seen.once(3)?;
                data.callee = reader.string()?.into();
            }
            "victim" => {
                seen.once(4)?;
                data.victim = match reader.string_or_null()? {
                    Some(side) => Some(Side::from_name(side)?),
                    None => None,
                };
            }
            "started_at" => {
                seen.once(5)?;
                data.started_at = time_or_null(reader)?;
            }
            "answered_at" => {
                seen.once(6)?;
                data.answered_at = time_or_null(reader)?;
            }
            "ended_at" => {
                seen.once(7)?;
                data.ended_at = time_or_null(reader)?;
            }
            "duration_s" => {
                seen.once(8)?;
                data.duration_s = if reader.null() { None } else { Some(reader.whole()?) };
            }
            "forwarded_to" => {
                seen.once(9)?;
                data.forwarded_to = text_or_null(reader)?;
            }
            "victim_area" => {
                seen.once(10)?;
                data.victim_area = text_or_null(reader)?;
            }
            "suspicion" => {
                seen.once(11)?;
                data.suspicion = suspicion(reader)?;
            }
            _ => reader.skip()?,
        }
    }
    seen.all_up_to(3)
}

fn transfer<'a>(reader: &mut Reader<'a>, data: &mut TransferData<'a>) -> Option<()> {
    let mut seen = Seen::default();
    reader.open()?;
    let mut first = true;
    while let Some(name) = reader.name(&mut first)? {
        match name {
            "transfer_id" => {
                seen.once(0)?;
                data.transfer_id = non_empty(reader)?;
            }
            "state" => {
                seen.once(1)?;
                data.state = TransferState::from_name(reader.string()?)?;
            }
            "payer" => {
                seen.once(2)?;
                payer(reader, &mut data.payer.0)?;
            }
            "payee" => {
                seen.once(3)?;
                payee(reader, &mut data.payee.0)?;
            }
            "amount_minor" => {
                seen.once(4)?;
                data.amount_minor = reader.whole()?;
            }
            "currency" => {
                seen.once(5)?;
                data.currency = reader.string()?.into();
            }
            "channel" => {
                seen.once(6)?;
                data.channel = text_or_null(reader)?;
            }
            "first_payment_to_payee" => {
                seen.once(7)?;
                data.first_payment_to_payee = reader.flag_or_null()?;
            }
            "settles_at" => {
                seen.once(8)?;
                data.settles_at = time_or_null(reader)?;
            }
            "victim_area" => {
                seen.once(9)?;
                data.victim_area = text_or_null(reader)?;
            }
            "suspicion" => {
                seen.once(10)?;
                data.suspicion = suspicion(reader)?;
            }
            _ => reader.skip()?,
        }
    }
    seen.all_up_to(5)
}

fn payer<'a>(reader: &mut Reader<'a>, data: &mut Payer<'a>) -> Option<()> {
    let mut seen = Seen::default();
    reader.open()?;
    let mut first = true;
    while let Some(name) = reader.name(&mut first)? {
        match name {
            "account" => {
                seen.once(0)?;
                data.account = text_or_null(reader)?;
            }
            "phone" => {
                seen.once(1)?;
                data.phone = text_or_null(reader)?;
            }
            "name" => {
                seen.once(2)?;
                data.name = text_or_null(reader)?;
            }
            _ => reader.skip()?,
        }
    }
    Some(())
}

fn payee<'a>(reader: &mut Reader<'a>, data: &mut Payee<'a>) -> Option<()> {
    let mut seen = Seen::default();
    reader.open()?;
    let mut first = true;
    while let Some(name) = reader.name(&mut first)? {
        match name {
            "account" => {
                seen.once(0)?;
                data.account = non_empty(reader)?;
            }
            "name" => {
                seen.once(1)?;
                data.name = text_or_null(reader)?;
            }
            "bank" => {
                seen.once(2)?;
                data.bank = text_or_null(reader)?;
            }
            _ => reader.skip()?,
        }
    }
    seen.all_up_to(0)
}

/// An object, or null.
fn suspicion<'a>(reader: &mut Reader<'a>) -> Option<Option<Object<Suspicion<'a>>>> {
    if reader.null() {
        return Some(None);
    }
    let mut seen = Seen::default();
    let mut suspicion = Suspicion::default();
    reader.open()?;
    let mut first = true;
    while let Some(name) = reader.name(&mut first)? {
        match name {
            "confidence" => {
                seen.once(0)?;
                let confidence = if reader.null() { None } else { Some(reader.decimal()?) };
                suspicion.confidence = match confidence {
                    Some(value) if value > 1.0 => return None,
                    other => other,
                };
            }
            "fraud_type" => {
                seen.once(1)?;
                suspicion.fraud_type = text_or_null(reader)?;
            }
            "list" => {
                seen.once(2)?;
                suspicion.list = text_or_null(reader)?;
            }
            _ => reader.skip()?,
        }
    }
    Some(Some(Object(suspicion)))
}

#[inline]
fn non_empty<'a>(reader: &mut Reader<'a>) -> Option<Text<'a>> {
    let text = reader.string()?;
    (!text.is_empty()).then(|| text.into())
}

#[inline]
fn text_or_null<'a>(reader: &mut Reader<'a>) -> Option<Option<Text<'a>>> {
    Some(reader.string_or_null()?.map(Text::from))
}

#[inline]
fn time_or_null(reader: &mut Reader<'_>) -> Option<Option<EventTime>> {
    match reader.string_or_null()? {
        Some(text) => Some(Some(time::parse(text)?)),
        None => Some(None),
    }
}

/// Which members of an object were read, by their place in the order above; the required ones come first.
#[derive(Default)]
struct Seen(u32);

impl Seen {
    /// `None` the second time.
    #[inline]
    fn once(&mut self, place: u32) -> Option<()> {
        let bit = 1 << place;
        let fresh = self.0 & bit == 0;
        self.0 |= bit;
        fresh.then_some(())
    }

    /// Whether the members from the first to this were all there.
    #[inline]
    fn all_up_to(&self, place: u32) -> Option<()> {
        let required = (2 << place) - 1;
        (self.0 & required == required).then_some(())
    }
}
