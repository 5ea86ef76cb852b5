//! From a moment of a call or transfer to the record that tells of it (contract 1, 3).

use super::json::{self, Object};
use super::pieces::{Body, Call, KEYLESS, Moment, Piece, Suspicion, Transfer};
use super::record::{Feed, Record};
use super::stamp::Stamp;

/// Kafka content mode of CloudEvents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// All in the value, said by the header `content-type`.
    Structured,
    /// All in the value, without any header.
    Bare,
    /// Attributes in headers.
    Binary,
}

/// Where the trace context stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    None,
    /// The header `traceparent`.
    Header(u64),
    /// The CloudEvents attribute.
    Attribute(u64),
}

/// What tells one event from another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope {
    /// Tells generators apart.
    pub tag: u32,
    /// Tells the events of one generator apart.
    pub serial: u64,
    pub mode: Mode,
    pub trace: Trace,
}

/// Writes an event into a record, whose buffers are used again.
pub(super) fn render(piece: &Piece, moment: Moment, envelope: Envelope, record: &mut Record) {
    record.topic = piece.feed();
    let mut key = record.key.take().unwrap_or_else(|| Vec::with_capacity(16));
    key.clear();
    if !KEYLESS.contains(&piece.source) {
        push_id(&mut key, envelope.tag, piece.number);
        record.key = Some(key);
    }
    let mut value = record.value.take().unwrap_or_else(|| Vec::with_capacity(576));
    value.clear();
    let mut headers = Headers { list: &mut record.headers, used: 0 };
    match envelope.mode {
        Mode::Binary => binary_headers(piece, moment.time, envelope, &mut headers),
        Mode::Structured => headers.put("content-type", |out| out.extend_from_slice(b"application/cloudevents+json")),
        Mode::Bare => {}
    }
    if let Trace::Header(trace) = envelope.trace {
        headers.put("traceparent", |out| push_trace(out, trace));
    }
    headers.end();
    if envelope.mode == Mode::Binary {
        write_data(piece, moment, envelope.tag, &mut value);
    } else {
        let mut object = Object::open(&mut value);
        object.text("specversion", "1.0");
        quoted(object.value("id"), |out| push_id(out, envelope.tag, envelope.serial));
        object.text("source", piece.source);
        object.text("type", event_type(piece.feed()));
        quoted(object.value("time"), |out| moment.time.write_millis(out));
        if let Trace::Attribute(trace) = envelope.trace {
            quoted(object.value("traceparent"), |out| push_trace(out, trace));
        }
        write_data(piece, moment, envelope.tag, object.value("data"));
        object.end();
    }
    record.value = Some(value);
}

fn binary_headers(piece: &Piece, time: Stamp, envelope: Envelope, headers: &mut Headers<'_>) {
    headers.put("ce_specversion", |out| out.extend_from_slice(b"1.0"));
    headers.put("ce_id", |out| push_id(out, envelope.tag, envelope.serial));
    headers.put("ce_source", |out| out.extend_from_slice(piece.source.as_bytes()));
    headers.put("ce_type", |out| out.extend_from_slice(event_type(piece.feed()).as_bytes()));
    headers.put("ce_time", |out| time.write_millis(out));
    headers.put("content-type", |out| out.extend_from_slice(b"application/json"));
    if let Trace::Attribute(trace) = envelope.trace {
        headers.put("ce_traceparent", |out| push_trace(out, trace));
    }
}

/// The CloudEvents type of a feed.
pub(super) const fn event_type(feed: Feed) -> &'static str {
    match feed {
        Feed::Transfers => "golden-bell.transfer.v1",
        Feed::Calls | Feed::Registrants => "golden-bell.call.v1",
    }
}

/// Headers written over those of the record before.
struct Headers<'a> {
    list: &'a mut Vec<(&'static str, Vec<u8>)>,
    used: usize,
}

impl Headers<'_> {
    fn put(&mut self, name: &'static str, write: impl FnOnce(&mut Vec<u8>)) {
        match self.list.get_mut(self.used) {
            Some((old, value)) => {
                *old = name;
                value.clear();
                write(value);
            }
            None => {
                let mut value = Vec::with_capacity(40);
                write(&mut value);
                self.list.push((name, value));
            }
        }
        self.used += 1;
    }

    fn end(self) {
        self.list.truncate(self.used);
    }
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

/// 16 hexadecimal digits: half of them tell generators apart, half what one generator makes.
fn push_id(out: &mut Vec<u8>, tag: u32, number: u64) {
    json::hex16(out, u64::from(tag) << 32 | number & 0xffff_ffff);
}

/// W3C Trace Context, version 00, sampled.
fn push_trace(out: &mut Vec<u8>, trace: u64) {
    out.extend_from_slice(b"00-");
    json::hex16(out, trace | 1);
    json::hex16(out, trace.rotate_left(29));
    out.push(b'-');
    json::hex16(out, trace.rotate_left(11) | 1);
    out.extend_from_slice(b"-01");
}

fn write_data(piece: &Piece, moment: Moment, tag: u32, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    match &piece.body {
        Body::Call(call) => {
            quoted(object.value("call_id"), |out| push_id(out, tag, piece.number));
            write_call(call, moment, piece.verbose, &mut object);
        }
        Body::Transfer(transfer) => {
            quoted(object.value("transfer_id"), |out| push_id(out, tag, piece.number));
            write_transfer(transfer, moment, &mut object);
        }
    }
    object.text_if("victim_area", piece.victim_area.as_deref());
    if let Some(suspicion) = piece.suspicion {
        let list = match piece.body {
            Body::Call(_) => "involved_number",
            Body::Transfer(_) => "involved_account",
        };
        write_suspicion(suspicion, list, object.object("suspicion"));
    }
    object.end();
}

fn write_call(call: &Call, moment: Moment, verbose: bool, object: &mut Object<'_>) {
    let answered = matches!(moment.stage, "answered" | "ongoing" | "ended");
    object.text("phase", moment.stage);
    object.text("caller", &call.caller);
    object.text("callee", &call.callee);
    if call.victim_calls || verbose {
        object.text("victim", if call.victim_calls { "caller" } else { "callee" });
    }
    object.time("started_at", call.started);
    if answered {
        object.time("answered_at", call.answered.min(moment.time));
        let seconds = (moment.time.millis() - call.answered.millis()).max(0) / 1000;
        object.number("duration_s", seconds.unsigned_abs());
    }
    if moment.stage == "ended" {
        object.time("ended_at", moment.time);
    }
    match &call.forwarded_to {
        Some(number) if moment.stage != "initiated" => object.text("forwarded_to", number),
        _ if verbose => object.raw("forwarded_to", "null"),
        _ => {}
    }
}

fn write_transfer(transfer: &Transfer, moment: Moment, object: &mut Object<'_>) {
    object.text("state", moment.stage);
    let mut payer = object.object("payer");
    payer.text_if("account", transfer.account.as_deref());
    payer.text_if("phone", transfer.phone.as_deref());
    payer.text_if("name", transfer.name.as_deref());
    payer.end();
    let mut payee = object.object("payee");
    payee.text("account", &transfer.payee);
    payee.text_if("name", transfer.payee_name.as_deref());
    payee.text("bank", transfer.bank);
    payee.end();
    object.number("amount_minor", transfer.amount_minor);
    object.text("currency", "CNY");
    object.text("channel", transfer.channel);
    object.raw("first_payment_to_payee", if transfer.first { "true" } else { "false" });
    if let (Some(time), "accepted") = (transfer.settles, moment.stage) {
        object.time("settles_at", time);
    }
}

fn write_suspicion(suspicion: Suspicion, list: &str, mut object: Object<'_>) {
    let confidence = object.value("confidence");
    if suspicion.confidence >= 100 {
        confidence.extend_from_slice(b"1.0");
    } else {
        confidence.extend_from_slice(b"0.");
        confidence.extend_from_slice(&[b'0' + suspicion.confidence / 10, b'0' + suspicion.confidence % 10]);
    }
    object.text("fraud_type", suspicion.fraud_type);
    if suspicion.listed {
        object.text("list", list);
    }
    object.end();
}
