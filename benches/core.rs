//! What stage 1 costs beside the client: decoding, look-up, decision, and filling the index.
//!
//! `cargo bench --bench core`. Events are about 380 bytes of data, each different; the index has 120,000 registrants
//! with a household member each.

use std::hint::black_box;

use chrono::{DateTime, Utc};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use golden_bell::core::directory::Areas;
use golden_bell::core::envelope::decode_event;
use golden_bell::core::event::EventKind;
use golden_bell::core::identifier::{IdentifierReader, IndexSecret, KeyHasher, TokenKey};
use golden_bell::core::index::RegistrantIndex;
use golden_bell::core::matching::{AllowList, MatchSettings, Matcher, Outcome, stage1};
use golden_bell::core::registrant::{Registrant, RegistrantRecord, decode_registrant};

const REGISTRANTS: usize = 120_000;
const EVENTS: usize = 4_096;

const AREAS: &str = "[[areas]]\ncode = \"kfq\"\nname = { zh = \"开发区\", en = \"Zone\" }\nkind = \"zone\"\n";

fn call_data(n: usize, victim: &str) -> String {
    format!(
        r#"{{"call_id":"A{n:08}","phase":"ongoing","caller":"+968{:08}","callee":"{victim}","victim":"callee","started_at":"2021-07-15T14:{:02}:10+08:00","answered_at":"2021-07-15T14:03:22+08:00","ended_at":null,"duration_s":{},"forwarded_to":null,"victim_area":null,"suspicion":{{"confidence":0.{:02},"fraud_type":"fake_customer_service","list":"involved_number"}}}}"#,
        90_000_000 + n * 7 % 1_000_000,
        n % 60,
        n % 2000,
        10 + n % 90,
    )
}

fn transfer_data(n: usize, victim: &str) -> String {
    format!(
        r#"{{"transfer_id":"T{n:08}","state":"accepted","payer":{{"account":"62{:014}","phone":"{victim}","name":"张*"}},"payee":{{"account":"6217{:015}","name":"*某","bank":"ICBC"}},"amount_minor":{},"currency":"CNY","channel":"mobile","first_payment_to_payee":true,"settles_at":"2021-07-16T14:19:41+08:00","victim_area":null,"suspicion":{{"confidence":0.9,"fraud_type":"fake_customer_service","list":"involved_account"}}}}"#,
        50_000_000_000_usize + n,
        n * 31,
        1000 + n * 100,
    )
}

/// A record as it comes: its headers and value.
struct Sample {
    headers: Vec<(&'static str, String)>,
    value: String,
}

impl Sample {
    fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (*name, value.as_bytes()))
    }
}

fn sample(kind: EventKind, structured: bool, n: usize, victim: &str) -> Sample {
    let data = match kind {
        EventKind::Call => call_data(n, victim),
        EventKind::Transfer => transfer_data(n, victim),
    };
    let event_type = kind.event_type();
    if structured {
        let value = format!(
            r#"{{"specversion":"1.0","id":"e-{n:010}","source":"urn:operator:a","type":"{event_type}","time":"2021-07-15T14:03:30+08:00","datacontenttype":"application/json","data":{data}}}"#
        );
        return Sample {
            headers: vec![("content-type", "application/cloudevents+json; charset=UTF-8".to_owned())],
            value,
        };
    }
    let headers = [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", format!("e-{n:010}")),
        ("ce_source", "urn:operator:a".to_owned()),
        ("ce_type", event_type.to_owned()),
        ("ce_time", "2021-07-15T14:03:30+08:00".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    Sample { headers: headers.into(), value: data }
}

fn samples(kind: EventKind, structured: bool, victim: impl Fn(usize) -> String) -> Vec<Sample> {
    (0..EVENTS).map(|n| sample(kind, structured, n, &victim(n))).collect()
}

/// Nobody has this phone.
fn stranger(n: usize) -> String {
    format!("139{:08}", n * 24_107 % 100_000_000)
}

fn phone(n: usize) -> String {
    format!("131{n:08}")
}

fn registrant_json(n: usize) -> String {
    format!(
        r#"{{"registrant_id":"r-{n:07}","name":"测试人","phones":["{}"],"accounts":["62{n:014}"],"area":"kfq/area-{}","workplace":"kfq/works-{}","groups":["prior_victim"],"language":"zh-yongkang","household":[{{"member_id":"m1","name":"测试亲","relation":"mother","phones":["133{n:08}"],"accounts":[],"groups":["elderly"],"guardian":false,"consented_at":"2021-06-02T09:00:00+08:00"}}],"channel":"officer_qr","consented_at":"2021-06-01T09:00:00+08:00","registered_at":"2021-06-01T09:00:00+08:00"}}"#,
        phone(n),
        n % 40,
        n % 500,
    )
}

fn decoded<'a>(reader: &IdentifierReader, key: &'a str, value: &'a str) -> Box<Registrant<'a>> {
    match decode_registrant(reader, Some(key.as_bytes()), Some(value.as_bytes())) {
        Ok(RegistrantRecord::Registered(registrant)) => registrant,
        other => panic!("{other:?}"),
    }
}

fn empty_index() -> RegistrantIndex {
    RegistrantIndex::new(IdentifierReader::default(), KeyHasher::keyed(&IndexSecret::from_random([7; 16])))
}

fn filled_index() -> RegistrantIndex {
    let index = empty_index();
    for n in 0..REGISTRANTS {
        let (key, value) = (format!("r-{n:07}"), registrant_json(n));
        let applied = index.apply(&decoded(index.reader(), &key, &value), 0, n as i64).unwrap();
        assert!(applied.new);
    }
    index
}

fn decode(c: &mut Criterion) {
    for kind in [EventKind::Call, EventKind::Transfer] {
        for (mode, structured) in [("binary", false), ("structured", true)] {
            let samples = samples(kind, structured, stranger);
            let mut next = 0;
            c.bench_function(&format!("decode/{mode}/{} {} B", kind.as_str(), samples[0].value.len()), |b| {
                b.iter(|| {
                    next = (next + 1) % EVENTS;
                    let sample = &samples[next];
                    decode_event(kind, sample.headers(), Some(sample.value.as_bytes())).map(|event| {
                        black_box(&event);
                    })
                });
            });
        }
    }
}

fn index(c: &mut Criterion) {
    let index = filled_index();
    let keys = |phones: fn(usize) -> String| -> Vec<_> {
        (0..EVENTS).map(|n| index.key(&index.reader().phone(&phones(n * 29 % REGISTRANTS)).unwrap()).unwrap()).collect()
    };
    for (name, keys) in [("miss", keys(stranger)), ("hit", keys(phone))] {
        let mut next = 0;
        c.bench_function(&format!("look up/{name}"), |b| {
            b.iter(|| {
                next = (next + 1) % EVENTS;
                index.lists(&keys[next])
            });
        });
    }
    let mut next = 0;
    let strangers: Vec<_> = (0..EVENTS).map(stranger).collect();
    c.bench_function("read and hash a phone", |b| {
        b.iter(|| {
            next = (next + 1) % EVENTS;
            index.key(&index.reader().phone(&strangers[next]).unwrap())
        });
    });
}

fn registrants(c: &mut Criterion) {
    let records: Vec<_> = (0..20_000).map(|n| (format!("r-{n:07}"), registrant_json(n))).collect();
    let reader = IdentifierReader::default();
    let mut next = 0;
    c.bench_function(&format!("registrant/decode {} B", records[0].1.len()), |b| {
        b.iter(|| {
            next = (next + 1) % records.len();
            decoded(&reader, &records[next].0, &records[next].1)
        });
    });
    c.bench_function("registrant/load 20,000", |b| {
        b.iter_batched(
            empty_index,
            |index| {
                for (key, value) in &records {
                    assert!(index.apply(&decoded(&reader, key, value), 0, 0).unwrap().new);
                }
                index
            },
            BatchSize::LargeInput,
        );
    });
}

fn whole(c: &mut Criterion) {
    let index = filled_index();
    let areas = Areas::load(AREAS, "areas.toml").unwrap();
    let token_key = TokenKey::new(&[9; 32]);
    let no_numbers: [&str; 0] = [];
    let settings = MatchSettings {
        allow: AllowList::new(&index, &["96110", "12381"], &no_numbers, &no_numbers).unwrap(),
        ..MatchSettings::default()
    };
    let matcher = Matcher { index: &index, settings: &settings, areas: &areas, token_key: &token_key };
    let now: DateTime<Utc> = "2021-07-15T06:03:31Z".parse().unwrap();
    for (name, victim) in [("unmatched", stranger as fn(usize) -> String), ("matched", phone)] {
        for kind in [EventKind::Call, EventKind::Transfer] {
            for (mode, structured) in [("binary", false), ("structured", true)] {
                let samples = samples(kind, structured, |n| victim(n * 29 % REGISTRANTS));
                let mut next = 0;
                c.bench_function(&format!("stage 1/{name}/{mode} {}", kind.as_str()), |b| {
                    b.iter(|| {
                        next = (next + 1) % EVENTS;
                        let sample = &samples[next];
                        let done = stage1(kind, sample.headers(), Some(sample.value.as_bytes()), &matcher, now);
                        match done.outcome {
                            Outcome::Matched { .. } => assert_eq!(name, "matched"),
                            Outcome::Unmatched(_) => assert_eq!(name, "unmatched"),
                            other => panic!("{other:?}"),
                        }
                    });
                });
            }
        }
    }
}

criterion_group!(benches, decode, index, registrants, whole);
criterion_main!(benches);
