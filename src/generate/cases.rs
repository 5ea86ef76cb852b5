//! Every way in which an event can be bad, one line each.
//!
//! Where the contract leaves it open what something is, it is not in this list.

use super::malformed::{Edit, Malformed};
use super::record::Feed::{self, Calls, Transfers};
use super::record::Reason;
use super::render::Mode::{self, Bare, Binary, Structured};

/// Every way in which an event can be bad, those of one reason together.
pub const MALFORMED: &[Malformed] = &[
    // No JSON text.
    not_json(Calls, Structured, "null value", &[Edit::NullValue]),
    not_json(Transfers, Bare, "empty value", &[Edit::Value(b"")]),
    not_json(Calls, Binary, "empty value, binary", &[Edit::Value(b"")]),
    not_json(Transfers, Binary, "null value, binary", &[Edit::NullValue]),
    not_json(Calls, Bare, "spaces only", &[Edit::Value(b" \n ")]),
    not_json(Calls, Structured, "cut short", &[Edit::Cut(25)]),
    not_json(Transfers, Binary, "cut short, binary", &[Edit::Cut(9)]),
    not_json(Calls, Bare, "plain words", &[Edit::Value(b"suspected call, please check")]),
    not_json(Calls, Binary, "plain words, binary", &[Edit::Value(b"suspected call, please check")]),
    not_json(Transfers, Bare, "markup", &[Edit::Value(b"<?xml version=\"1.0\"?><transfer/>")]),
    not_json(Calls, Structured, "text after the end", &[Edit::Append(b"}")]),
    not_json(Transfers, Binary, "two events in one", &[Edit::Append(b"\n{}")]),
    not_json(
        Calls,
        Structured,
        "a byte that is no UTF-8",
        &[Edit::Value(b"{\"specversion\":\"1.0\",\"id\":\"\xff\"}")],
    ),
    not_json(Transfers, Binary, "a byte that is no UTF-8, binary", &[Edit::Value(b"{\"transfer_id\":\"\xc3\x28\"}")]),
    not_json(Calls, Bare, "UTF-16", &[Edit::Value(b"\xff\xfe{\x00}\x00")]),
    not_json(
        Transfers,
        Structured,
        "compressed bytes",
        &[Edit::Value(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00")],
    ),
    not_json(Calls, Bare, "single quotes", &[Edit::Value(b"{'specversion':'1.0'}")]),
    not_json(Transfers, Binary, "no number", &[Edit::Value(b"{\"amount_minor\":NaN}")]),
    not_json(Calls, Binary, "comma at the end", &[Edit::Value(b"{\"call_id\":\"c\",}")]),
    not_json(Transfers, Bare, "never closed", &[Edit::Value(b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[")]),
    // A bad attribute.
    envelope(Calls, Structured, "no `specversion`", &[Edit::Remove("specversion")]),
    envelope(Transfers, Binary, "no `ce_specversion`", &[Edit::NoHeader("ce_specversion")]),
    envelope(Calls, Structured, "no `id`", &[Edit::Remove("id")]),
    envelope(Transfers, Binary, "no `ce_id`", &[Edit::NoHeader("ce_id")]),
    envelope(Calls, Structured, "no `source`", &[Edit::Remove("source")]),
    envelope(Transfers, Binary, "no `ce_source`", &[Edit::NoHeader("ce_source")]),
    envelope(Calls, Structured, "no `type`", &[Edit::Remove("type")]),
    envelope(Transfers, Binary, "no `ce_type`", &[Edit::NoHeader("ce_type")]),
    envelope(Transfers, Structured, "no `time`", &[Edit::Remove("time")]),
    envelope(Calls, Binary, "no `ce_time`", &[Edit::NoHeader("ce_time")]),
    envelope(Transfers, Structured, "`id` is null", &[Edit::Set("id", "null")]),
    envelope(Calls, Structured, "`id` is a number", &[Edit::Set("id", "17")]),
    envelope(Transfers, Bare, "`source` is a list", &[Edit::Set("source", "[]")]),
    envelope(Calls, Bare, "`type` is a number", &[Edit::Set("type", "1")]),
    envelope(Calls, Structured, "`specversion` 0.3", &[Edit::Set("specversion", r#""0.3""#)]),
    envelope(Transfers, Structured, "`specversion` is a number", &[Edit::Set("specversion", "1.0")]),
    envelope(Transfers, Binary, "`ce_specversion` 0.3", &[Edit::Header("ce_specversion", b"0.3")]),
    envelope(Calls, Structured, "`time` without offset", &[Edit::Set("time", r#""2021-07-15T14:03:10""#)]),
    envelope(Transfers, Binary, "`ce_time` without offset", &[Edit::Header("ce_time", b"2021-07-15T14:03:10.000")]),
    envelope(Calls, Structured, "`time` in words", &[Edit::Set("time", r#""yesterday""#)]),
    envelope(Transfers, Structured, "`time` is a number", &[Edit::Set("time", "1626328990000")]),
    envelope(Calls, Bare, "`time` on no day", &[Edit::Set("time", r#""2021-02-30T10:00:00+08:00""#)]),
    envelope(Calls, Binary, "`ce_time` is a date only", &[Edit::Header("ce_time", b"2021-07-15")]),
    envelope(Calls, Binary, "`ce_id` is no UTF-8", &[Edit::Header("ce_id", b"\xff\xfe")]),
    envelope(Calls, Bare, "an object of something else", &[Edit::Value(b"{\"hello\":\"world\"}")]),
    envelope(Transfers, Bare, "a list of events", &[Edit::Value(b"[{},{}]")]),
    envelope(
        Calls,
        Binary,
        "a bad attribute before a bad value",
        &[Edit::Header("ce_specversion", b"2.0"), Edit::Value(b"no JSON")],
    ),
    envelope(Transfers, Binary, "a missing attribute before no value", &[Edit::NoHeader("ce_time"), Edit::NullValue]),
    // Not a type of this topic.
    unknown_type(Calls, Structured, "a transfer among the calls", &[Edit::Set("type", r#""golden-bell.transfer.v1""#)]),
    unknown_type(Transfers, Structured, "a call among the transfers", &[Edit::Set("type", r#""golden-bell.call.v1""#)]),
    unknown_type(
        Calls,
        Binary,
        "a transfer among the calls, binary",
        &[Edit::Header("ce_type", b"golden-bell.transfer.v1")],
    ),
    unknown_type(
        Transfers,
        Binary,
        "a call among the transfers, binary",
        &[Edit::Header("ce_type", b"golden-bell.call.v1")],
    ),
    unknown_type(Calls, Structured, "a later version", &[Edit::Set("type", r#""golden-bell.call.v2""#)]),
    unknown_type(Transfers, Structured, "somebody else's type", &[Edit::Set("type", r#""com.example.sms""#)]),
    unknown_type(Calls, Binary, "somebody else's type, binary", &[Edit::Header("ce_type", b"com.example.sms")]),
    unknown_type(Transfers, Binary, "a type in capitals", &[Edit::Header("ce_type", b"GOLDEN-BELL.TRANSFER.V1")]),
    unknown_type(
        Calls,
        Structured,
        "an unknown type before bad data",
        &[Edit::Set("type", r#""golden-bell.sms.v1""#), Edit::Remove("data")],
    ),
    // A bad field.
    schema(Calls, Structured, "no `data`", &[Edit::Remove("data")]),
    schema(Transfers, Structured, "`data` is null", &[Edit::Set("data", "null")]),
    schema(Calls, Structured, "`data` is a string", &[Edit::Set("data", r#""call""#)]),
    schema(Transfers, Bare, "`data` is a list", &[Edit::Set("data", "[]")]),
    schema(Calls, Bare, "`data` is a number", &[Edit::Set("data", "5")]),
    schema(Calls, Binary, "`data` is a list, binary", &[Edit::Value(b"[]")]),
    schema(Transfers, Binary, "`data` is a string, binary", &[Edit::Value(b"\"transfer\"")]),
    schema(Calls, Binary, "`data` is null, binary", &[Edit::Value(b"null")]),
    schema(Transfers, Structured, "`data` is empty", &[Edit::Set("data", "{}")]),
    schema(Calls, Structured, "no `call_id`", &[Edit::Remove("data/call_id")]),
    schema(Calls, Binary, "`call_id` is null", &[Edit::Set("call_id", "null")]),
    schema(Calls, Structured, "no `phase`", &[Edit::Remove("data/phase")]),
    schema(Calls, Binary, "`phase` is null", &[Edit::Set("phase", "null")]),
    schema(Calls, Structured, "no `caller`", &[Edit::Remove("data/caller")]),
    schema(Calls, Binary, "`caller` is null", &[Edit::Set("caller", "null")]),
    schema(Calls, Structured, "no `callee`", &[Edit::Remove("data/callee")]),
    schema(Calls, Binary, "`callee` is null", &[Edit::Set("callee", "null")]),
    schema(Transfers, Structured, "no `transfer_id`", &[Edit::Remove("data/transfer_id")]),
    schema(Transfers, Binary, "`transfer_id` is null", &[Edit::Set("transfer_id", "null")]),
    schema(Transfers, Structured, "no `state`", &[Edit::Remove("data/state")]),
    schema(Transfers, Binary, "`state` is null", &[Edit::Set("state", "null")]),
    schema(Transfers, Structured, "no `payer`", &[Edit::Remove("data/payer")]),
    schema(Transfers, Binary, "`payer` is null", &[Edit::Set("payer", "null")]),
    schema(Transfers, Structured, "no `payee`", &[Edit::Remove("data/payee")]),
    schema(Transfers, Binary, "`payee` is null", &[Edit::Set("payee", "null")]),
    schema(Transfers, Structured, "no `amount_minor`", &[Edit::Remove("data/amount_minor")]),
    schema(Transfers, Binary, "`amount_minor` is null", &[Edit::Set("amount_minor", "null")]),
    schema(Transfers, Structured, "no `currency`", &[Edit::Remove("data/currency")]),
    schema(Transfers, Binary, "`currency` is null", &[Edit::Set("currency", "null")]),
    schema(Transfers, Structured, "no `payee.account`", &[Edit::Remove("data/payee/account")]),
    schema(Transfers, Binary, "`payee.account` is empty", &[Edit::Set("payee/account", r#""""#)]),
    schema(
        Transfers,
        Structured,
        "`payee.account` is a number",
        &[Edit::Set("data/payee/account", "6217000000000000004")],
    ),
    schema(Calls, Structured, "`call_id` is empty", &[Edit::Set("data/call_id", r#""""#)]),
    schema(Transfers, Structured, "`transfer_id` is empty", &[Edit::Set("data/transfer_id", r#""""#)]),
    schema(Calls, Binary, "`call_id` is a number", &[Edit::Set("call_id", "77")]),
    schema(Calls, Structured, "`callee` is a number", &[Edit::Set("data/callee", "14500000000")]),
    schema(Calls, Binary, "`caller` is a list", &[Edit::Set("caller", r#"["1"]"#)]),
    schema(Calls, Structured, "an unknown phase", &[Edit::Set("data/phase", r#""on_hold""#)]),
    schema(Calls, Binary, "a phase in capitals", &[Edit::Set("phase", r#""ONGOING""#)]),
    schema(Transfers, Structured, "an unknown state", &[Edit::Set("data/state", r#""pending""#)]),
    schema(Calls, Structured, "an unknown side", &[Edit::Set("data/victim", r#""both""#)]),
    schema(Calls, Structured, "`duration_s` below 0", &[Edit::Set("data/duration_s", "-1")]),
    schema(Calls, Binary, "`duration_s` is a string", &[Edit::Set("duration_s", r#""18 min""#)]),
    schema(
        Calls,
        Structured,
        "`started_at` without offset",
        &[Edit::Set("data/started_at", r#""2021-07-15T14:03:10""#)],
    ),
    schema(Calls, Binary, "`ended_at` is a number", &[Edit::Set("ended_at", "1626328990")]),
    schema(Calls, Structured, "`forwarded_to` is a number", &[Edit::Set("data/forwarded_to", "14500000000")]),
    schema(Calls, Binary, "`victim_area` is a number", &[Edit::Set("victim_area", "330784")]),
    schema(Calls, Structured, "confidence above 1", &[Edit::Set("data/suspicion", r#"{"confidence":1.5}"#)]),
    schema(Transfers, Structured, "confidence below 0", &[Edit::Set("data/suspicion", r#"{"confidence":-0.1}"#)]),
    schema(Transfers, Binary, "confidence is a string", &[Edit::Set("suspicion", r#"{"confidence":"0.9"}"#)]),
    schema(Calls, Binary, "`suspicion` is a string", &[Edit::Set("suspicion", r#""high""#)]),
    schema(
        Transfers,
        Structured,
        "`fraud_type` is a number",
        &[Edit::Set("data/suspicion", r#"{"confidence":0.5,"fraud_type":4}"#)],
    ),
    schema(Transfers, Structured, "an amount below 0", &[Edit::Set("data/amount_minor", "-100")]),
    schema(Transfers, Binary, "an amount with a fraction", &[Edit::Set("amount_minor", "100.5")]),
    schema(Transfers, Structured, "an amount as a string", &[Edit::Set("data/amount_minor", r#""1000000""#)]),
    schema(Transfers, Binary, "`currency` is a number", &[Edit::Set("currency", "156")]),
    schema(Transfers, Structured, "`payer` is a string", &[Edit::Set("data/payer", r#""somebody""#)]),
    schema(Transfers, Binary, "`payee` is a list", &[Edit::Set("payee", "[]")]),
    schema(
        Transfers,
        Structured,
        "`payer.account` is a number",
        &[Edit::Set("data/payer/account", "6200000000000005")],
    ),
    schema(Transfers, Binary, "`first_payment_to_payee` in words", &[Edit::Set("first_payment_to_payee", r#""yes""#)]),
    schema(
        Transfers,
        Structured,
        "`settles_at` without offset",
        &[Edit::Set("data/settles_at", r#""2021-07-16 14:19:41""#)],
    ),
    schema(
        Calls,
        Structured,
        "a bad field before a bad number",
        &[Edit::Set("data/callee", r#""""#), Edit::Set("data/phase", r#""?""#)],
    ),
    // No usable identifier of the victim.
    identifier(Calls, Structured, "the callee is empty", &[Edit::Set("data/callee", r#""""#)]),
    identifier(Calls, Binary, "the callee in words", &[Edit::Set("callee", r#""unknown""#)]),
    identifier(Calls, Structured, "the callee has letters", &[Edit::Set("data/callee", r#""1450000abcd""#)]),
    identifier(Calls, Binary, "the callee is too short", &[Edit::Set("callee", r#""12""#)]),
    identifier(Calls, Structured, "the callee is too long", &[Edit::Set("data/callee", r#""+861450000000000000""#)]),
    identifier(
        Calls,
        Structured,
        "the caller is the victim and withheld",
        &[
            Edit::Set("data/victim", r#""caller""#),
            Edit::Set("data/callee", r#""14500000001""#),
            Edit::Set("data/caller", r#""""#),
        ],
    ),
    identifier(
        Calls,
        Binary,
        "the caller is the victim and unknown",
        &[
            Edit::Set("victim", r#""caller""#),
            Edit::Set("callee", r#""14500000001""#),
            Edit::Set("caller", r#""未知号码""#),
        ],
    ),
    identifier(
        Calls,
        Structured,
        "a bad callee of a harmless caller",
        &[Edit::Set("data/callee", r#""?""#), Edit::Set("data/caller", r#""12345""#)],
    ),
    identifier(Transfers, Structured, "a payer without anything", &[Edit::Set("data/payer", "{}")]),
    identifier(Transfers, Binary, "a payer with nulls", &[Edit::Set("payer", r#"{"account":null,"phone":null}"#)]),
    identifier(Transfers, Structured, "a payer with a name only", &[Edit::Set("data/payer", r#"{"name":"张*"}"#)]),
    identifier(Transfers, Binary, "an account too short", &[Edit::Set("payer", r#"{"account":"6200-1"}"#)]),
    identifier(
        Transfers,
        Structured,
        "an account too long",
        &[Edit::Set("data/payer", r#"{"account":"62000000000000000000000000000000000"}"#)],
    ),
    identifier(Transfers, Binary, "an account with stars", &[Edit::Set("payer", r#"{"account":"6200********0005"}"#)]),
    identifier(
        Transfers,
        Structured,
        "an account and a phone, both bad",
        &[Edit::Set("data/payer", r#"{"account":"?","phone":"none"}"#)],
    ),
    identifier(
        Transfers,
        Binary,
        "an account and a phone, both empty",
        &[Edit::Set("payer", r#"{"account":"","phone":""}"#)],
    ),
    // Over 1,048,576 bytes.
    too_large(Calls, Structured, "a byte too many", &[Edit::Grow(1_048_577)]),
    too_large(Transfers, Binary, "a byte too many, binary", &[Edit::Grow(1_048_577)]),
    too_large(Transfers, Bare, "too large and no JSON", &[Edit::GrowBadly(1_500_000)]),
    too_large(Calls, Binary, "too large and no attributes", &[Edit::NoHeader("ce_id"), Edit::Grow(1_200_000)]),
    too_large(Calls, Structured, "over 2 MiB once decompressed", &[Edit::Grow(3_000_000)]),
];

const fn not_json(feed: Feed, mode: Mode, name: &'static str, edits: &'static [Edit]) -> Malformed {
    Malformed { name, reason: Reason::NotJson, feed, mode, edits }
}

const fn envelope(feed: Feed, mode: Mode, name: &'static str, edits: &'static [Edit]) -> Malformed {
    Malformed { name, reason: Reason::Envelope, feed, mode, edits }
}

const fn unknown_type(feed: Feed, mode: Mode, name: &'static str, edits: &'static [Edit]) -> Malformed {
    Malformed { name, reason: Reason::UnknownType, feed, mode, edits }
}

const fn schema(feed: Feed, mode: Mode, name: &'static str, edits: &'static [Edit]) -> Malformed {
    Malformed { name, reason: Reason::Schema, feed, mode, edits }
}

const fn identifier(feed: Feed, mode: Mode, name: &'static str, edits: &'static [Edit]) -> Malformed {
    Malformed { name, reason: Reason::Identifier, feed, mode, edits }
}

const fn too_large(feed: Feed, mode: Mode, name: &'static str, edits: &'static [Edit]) -> Malformed {
    Malformed { name, reason: Reason::TooLarge, feed, mode, edits }
}
