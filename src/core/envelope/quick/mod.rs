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
use reader::{END, Members, Reader};

/// Reads an object member by member: what is done with each, in the order of the contract, the required ones first.
/// Members nobody knows are skipped. Gives which were there; leaves the function where the object is not plain.
macro_rules! members {
    ($reader:ident, { $($name:literal => $read:block)+ }) => {{
        let mut members = Members::new(&[$($name),+]);
        $reader.open()?;
        loop {
            // Both chains of comparisons with small constants compile to jump tables.
            let mut left = members.next();
            let mut foreseen = false;
            $(
                if left == 0 {
                    foreseen = $reader.foreseen(&members, concat!("\"", $name, "\":"));
                }
                left = left.wrapping_sub(1);
            )+
            left = if foreseen { members.next() } else { $reader.member(&mut members)? };
            if left == END {
                break;
            }
            members.read(left)?;
            $(
                if left == 0 {
                    $read
                }
                left = left.wrapping_sub(1);
            )+
            let _ = left;
        }
        members
    }};
}

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
    let mut written = None;
    let seen = members!(reader, {
        "specversion" => { (reader.string()? == SPEC_VERSION).then_some(())?; }
        "id" => { event.id = reader.string().filter(|text| is_clean(text))?.into(); }
        "source" => { event.source = reader.string().filter(|text| is_clean(text))?.into(); }
        "type" => { (reader.string()? == kind.event_type()).then_some(())?; }
        "time" => { event.time = time::parse(reader.string()?)?; }
        "data" => { data(reader, &mut event.data)?; }
        "traceparent" => { written = reader.string_or_null()?; }
    });
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
    let seen = members!(reader, {
        "call_id" => { data.call_id = non_empty(reader)?; }
        "phase" => { data.phase = CallPhase::from_name(reader.string()?)?; }
        "caller" => { data.caller = reader.string()?.into(); }
        "callee" => { data.callee = reader.string()?.into(); }
        "victim" => {
            data.victim = match reader.string_or_null()? {
                Some(side) => Some(Side::from_name(side)?),
                None => None,
            };
        }
        "started_at" => { data.started_at = time_or_null(reader)?; }
        "answered_at" => { data.answered_at = time_or_null(reader)?; }
        "ended_at" => { data.ended_at = time_or_null(reader)?; }
        "duration_s" => { data.duration_s = if reader.null() { None } else { Some(reader.whole()?) }; }
        "forwarded_to" => { data.forwarded_to = text_or_null(reader)?; }
        "victim_area" => { data.victim_area = text_or_null(reader)?; }
        "suspicion" => { data.suspicion = suspicion(reader)?; }
    });
    seen.all_up_to(3)
}

fn transfer<'a>(reader: &mut Reader<'a>, data: &mut TransferData<'a>) -> Option<()> {
    let seen = members!(reader, {
        "transfer_id" => { data.transfer_id = non_empty(reader)?; }
        "state" => { data.state = TransferState::from_name(reader.string()?)?; }
        "payer" => { payer(reader, &mut data.payer.0)?; }
        "payee" => { payee(reader, &mut data.payee.0)?; }
        "amount_minor" => { data.amount_minor = reader.whole()?; }
        "currency" => { data.currency = reader.string()?.into(); }
        "channel" => { data.channel = text_or_null(reader)?; }
        "first_payment_to_payee" => { data.first_payment_to_payee = reader.flag_or_null()?; }
        "settles_at" => { data.settles_at = time_or_null(reader)?; }
        "victim_area" => { data.victim_area = text_or_null(reader)?; }
        "suspicion" => { data.suspicion = suspicion(reader)?; }
    });
    seen.all_up_to(5)
}

fn payer<'a>(reader: &mut Reader<'a>, data: &mut Payer<'a>) -> Option<()> {
    let _ = members!(reader, {
        "account" => { data.account = text_or_null(reader)?; }
        "phone" => { data.phone = text_or_null(reader)?; }
        "name" => { data.name = text_or_null(reader)?; }
    });
    Some(())
}

fn payee<'a>(reader: &mut Reader<'a>, data: &mut Payee<'a>) -> Option<()> {
    let seen = members!(reader, {
        "account" => { data.account = non_empty(reader)?; }
        "name" => { data.name = text_or_null(reader)?; }
        "bank" => { data.bank = text_or_null(reader)?; }
    });
    seen.all_up_to(0)
}

/// An object, or null.
fn suspicion<'a>(reader: &mut Reader<'a>) -> Option<Option<Object<Suspicion<'a>>>> {
    if reader.null() {
        return Some(None);
    }
    let mut suspicion = Suspicion::default();
    let _ = members!(reader, {
        "confidence" => {
            let confidence = if reader.null() { None } else { Some(reader.decimal()?) };
            suspicion.confidence = match confidence {
                Some(value) if value > 1.0 => return None,
                other => other,
            };
        }
        "fraud_type" => { suspicion.fraud_type = text_or_null(reader)?; }
        "list" => { suspicion.list = text_or_null(reader)?; }
    });
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
