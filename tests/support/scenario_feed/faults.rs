//! Every way in which a record can be bad, alone and together.

use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::Chance;
use super::draft::{Draft, Mode};
use super::stories;
use crate::support::model::FeedRecord;

/// Spoils a good registrant record.
pub fn bad_registrant(chance: &mut Chance, good: &[u8]) -> Vec<u8> {
    let mut fields: Value = serde_json::from_slice(good).unwrap();
    let member = |id: Value| json!({"member_id": id, "phones": ["13800000000"], "relation": "son"});
    match chance.random_range(0..22) {
        0 => return good[..good.len() - 1].to_vec(),
        1 => return b"\xff\xfe{}".to_vec(),
        2 => return [good, b"}"].concat(),
        3 => return b"withdrawn".to_vec(),
        4 => return b"[]".to_vec(),
        5 => return b"null".to_vec(),
        6 => drop(fields.as_object_mut().unwrap().remove("area")),
        7 => fields["area"] = json!(7),
        8 => fields["registered_at"] = json!("2021-06-01T09:00:00"),
        9 => fields["registered_at"] = Value::Null,
        10 => (fields["phones"], fields["accounts"]) = (json!([]), Value::Null),
        11 => fields["phones"] = json!("13812345678"),
        12 => fields["phones"] = json!([13_812_345_678_u64]),
        13 => fields["household"] = json!((0..9).map(|n| member(json!(n.to_string()))).collect::<Vec<_>>()),
        14 => fields["household"] = json!([member(json!("m1")), member(json!("m1"))]),
        15 => fields["household"] = json!([member(Value::Null)]),
        16 => fields["registrant_id"] = json!("r-somebody-else"),
        17 => fields["consented_at"] = json!("in June"),
        18 => fields["phones"] = json!(["13812345678", "call me"]),
        19 => fields["accounts"] = json!(["6200000000000005", "1234567"]),
        20 => {
            fields["household"] = json!([{"member_id": "m1", "phones": ["12"], "accounts": []}]);
        }
        // Two at once: the form is looked at before the numbers.
        _ => (fields["phones"], fields["area"]) = (json!(["call me"]), json!([])),
    }
    serde_json::to_vec(&fields).unwrap()
}

/// A record of the topic `registrants` that is nobody's, or says something of a registrant under another's key.
pub fn stray_registrant(chance: &mut Chance, index: usize) -> FeedRecord {
    let value = json!({
        "registrant_id": format!("r-{index:06}"), "phones": ["13811111111"], "area": "kfq",
        "registered_at": "2021-06-01T09:00:00Z",
    });
    let key = match chance.random_range(0..5) {
        0 => None,
        1 => Some(Vec::new()),
        2 => Some(b"\xff\x00\xfe".to_vec()),
        3 => Some(format!("R-{index:06}").into_bytes()),
        _ => Some(format!("stray-{index}").into_bytes()),
    };
    let value = match chance.random_bool(0.2) {
        true => None.filter(|_| key.is_some()),
        false => Some(serde_json::to_vec(&value).unwrap()),
    };
    let key = if value.is_none() { Some(format!("never-seen-{index}").into_bytes()) } else { key };
    FeedRecord { topic: "registrants", key, headers: Vec::new(), value }
}

/// Spoils a good event in one to three ways.
pub fn spoil(chance: &mut Chance, mut draft: Draft) -> FeedRecord {
    let ways = *[1, 1, 1, 2, 2, 3].choose(chance).unwrap_or(&1);
    let mut bytes = false;
    for _ in 0..ways {
        match chance.random_range(0..12) {
            0..=2 => envelope(chance, &mut draft),
            3 => event_type(chance, &mut draft),
            4..=7 => schema(chance, &mut draft),
            8 | 9 => identifier(chance, &mut draft),
            _ => bytes = true,
        }
    }
    let mut record = draft.render(chance);
    if bytes {
        garble(chance, &mut record);
    } else if draft.mode == Mode::Binary && chance.random_bool(0.05) {
        let named = |name: &str| name == "ce_id" || name == "ce_source";
        for header in record.headers.iter_mut().filter(|(name, _)| named(name)) {
            header.1 = Some(b"\xc3\x28".to_vec());
        }
    }
    record
}

fn envelope(chance: &mut Chance, draft: &mut Draft) {
    let names = ["specversion", "id", "source", "type", "time"];
    let name = *names.choose(chance).unwrap_or(&"id");
    let attributes = &mut draft.attributes;
    let id = attributes.get("id").cloned();
    let mut set = |name: &str, value: Value| drop(attributes.insert(name.to_owned(), value));
    match chance.random_range(0..9) {
        0 | 1 => drop(attributes.remove(name)),
        2 => set(name, Value::Null),
        3 => set(name, json!("")),
        4 => set("specversion", json!("0.3")),
        5 => set("time", json!("2021-07-15T14:03:10")),
        6 => set("time", json!("15/07/2021 14:03")),
        7 => set("time", json!(1_626_328_990)),
        _ => set("id", json!([id])),
    }
}

fn event_type(chance: &mut Chance, draft: &mut Draft) {
    let other = if draft.topic == "calls" { "transfer" } else { "call" };
    let types = [
        format!("golden-bell.{other}.v1"),
        "golden-bell.match.v1".to_owned(),
        "golden-bell.call.v2".to_owned(),
        "Golden-Bell.Transfer.v1".to_owned(),
    ];
    draft.attributes.insert("type".to_owned(), json!(types.choose(chance)));
}

fn schema(chance: &mut Chance, draft: &mut Draft) {
    if !draft.data.is_object() {
        return;
    }
    if chance.random_bool(0.1) {
        let instead = [json!([draft.data.clone()]), json!("text"), Value::Null, json!(5)];
        draft.data = instead.choose(chance).cloned().unwrap_or_default();
        return;
    }
    let common: [(&[&str], Value); 6] = [
        (&["suspicion"], json!({"confidence": 1.01})),
        (&["suspicion"], json!({"confidence": -0.1})),
        (&["suspicion"], json!({"confidence": "0.9"})),
        (&["suspicion"], json!(["0.9"])),
        (&["suspicion"], json!({"confidence": 0.5, "fraud_type": 4})),
        (&["victim_area"], json!(5)),
    ];
    let call: [(&[&str], Value); 12] = [
        (&["call_id"], Value::Null),
        (&["call_id"], json!("")),
        (&["call_id"], json!(77)),
        (&["phase"], json!("talking")),
        (&["phase"], Value::Null),
        (&["caller"], Value::Null),
        (&["caller"], json!(96_110)),
        (&["callee"], json!({"number": "13812345678"})),
        (&["victim"], json!("nobody")),
        (&["started_at"], json!("2021-07-15T14:03:10")),
        (&["duration_s"], json!("60")),
        (&["forwarded_to"], json!(["13812345678"])),
    ];
    let transfer: [(&[&str], Value); 14] = [
        (&["transfer_id"], json!("")),
        (&["transfer_id"], Value::Null),
        (&["state"], json!("ACCEPTED")),
        (&["payer"], json!([])),
        (&["payer"], Value::Null),
        (&["payer"], json!({"account": 6_200_000_000_000_005_u64})),
        (&["payee"], json!({"account": ""})),
        (&["payee"], json!({"name": "somebody"})),
        (&["amount_minor"], json!(-1)),
        (&["amount_minor"], json!(10.5)),
        (&["amount_minor"], json!("1000")),
        (&["currency"], Value::Null),
        (&["first_payment_to_payee"], json!("yes")),
        (&["settles_at"], json!("soon")),
    ];
    let own: &[(&[&str], Value)] = if draft.topic == "calls" { &call } else { &transfer };
    let pool = if chance.random_bool(0.2) { &common } else { own };
    if let Some((path, value)) = pool.choose(chance) {
        match chance.random_bool(0.2) {
            true => draft.remove(path),
            false => draft.set(path, value.clone()),
        }
    }
}

fn identifier(chance: &mut Chance, draft: &mut Draft) {
    if !draft.data.is_object() {
        return;
    }
    let token = format!("hmac-sha256:{}", "0123456789abcdef".repeat(4));
    let unreadable = ["", "unknown", "12", "+1234567890123456789", "1380579123a", " - ", &token];
    let text = json!(unreadable.choose(chance));
    if draft.topic == "calls" {
        let victim = if draft.data["victim"] == "caller" { "caller" } else { "callee" };
        draft.set(&[victim], text);
        return;
    }
    let account = json!(["", "1234567", "6200_0000_0000_0005", &"9".repeat(35), &token].choose(chance));
    let payer = [
        json!({}),
        json!({"account": null, "phone": null, "name": "张*"}),
        json!({"account": account, "phone": text}),
        json!({"account": account}),
        json!({"phone": text}),
    ];
    draft.set(&["payer"], payer.choose(chance).cloned().unwrap_or_default());
}

/// Makes the value something that is no JSON, or nothing.
fn garble(chance: &mut Chance, record: &mut FeedRecord) {
    let mut value = record.value.take().unwrap_or_default();
    record.value = match chance.random_range(0..9) {
        0 => None,
        1 => Some(Vec::new()),
        2 => Some(b" \t\r\n".to_vec()),
        3 => Some(b"<call id=\"1\"/>".to_vec()),
        4 => Some(b"\x00\x01\xff\xfe".to_vec()),
        5 => {
            // Trailing white space apart, the last byte closes the value.
            let end = value.iter().rposition(|b| !b.is_ascii_whitespace()).unwrap_or(0);
            value.truncate(chance.random_range(end / 2..=end));
            Some(value)
        }
        6 => Some([&value[..], b"{}"].concat()),
        7 => {
            let text = String::from_utf8_lossy(&value).replacen('{', "{\"more\":{\"n\":tru},", 1);
            Some(text.into_bytes())
        }
        _ => {
            if let Some(at) = value.iter().position(|b| *b == b'"') {
                value.insert(at + 1, 0xff);
            }
            Some(value)
        }
    };
}

/// Values at and above the limits of size. Good but for their size.
pub fn large(chance: &mut Chance, make: &mut dyn FnMut(&mut Chance) -> Draft) -> Vec<FeedRecord> {
    let mib = 1_048_576;
    let sizes = [mib, mib, mib + 1, mib + 1, mib + 200_000, 2 * mib, 2 * mib + 1, 5 * mib / 2];
    let mut records = Vec::new();
    for size in sizes {
        let mut record = make(chance).render(chance);
        let mut value = record.value.take().unwrap_or_default();
        value.resize(size, b' ');
        record.value = Some(value);
        records.push(record);
    }
    // Too large comes before everything else that may be wrong.
    let mut record = make(chance).render(chance);
    record.value = Some(vec![b'x'; mib + 1]);
    records.push(record);
    records
}

/// A structured batch, which no feed may send: a list has no attributes.
pub fn batch(chance: &mut Chance, draft: &Draft) -> FeedRecord {
    let mut record = draft.render(chance);
    record.headers = vec![stories::text_header("content-type", "application/cloudevents-batch+json")];
    record.value = Some(b"[]".to_vec());
    record
}
