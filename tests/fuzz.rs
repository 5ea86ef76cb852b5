//! Fuzz targets for everything that reads bytes from outside: whatever comes, no panic.
//!
//! Plain `cargo test` gives each a bounded run on stable Rust. With `cargo install cargo-bolero`, the same targets run
//! under libFuzzer, guided by coverage: `cargo bolero test --test fuzz events_of_both_feeds`.

use bolero::check;
use chrono::{DateTime, Utc};
use golden_bell::core::case::{Case, FollowUp};
use golden_bell::core::directory::{Areas, Directory, DirectoryFiles, RouteQuery};
use golden_bell::core::envelope::{decode_case_input, decode_event};
use golden_bell::core::event::EventKind;
use golden_bell::core::identifier::{Account, IdentifierReader, Phone, Region, Token, Tokens};
use golden_bell::core::message::{Recipient, Scene, Templates, danger};
use golden_bell::core::registrant::decode_registrant;
use golden_bell::core::rules::{Level, RuleSet};
use golden_bell::core::warning::Cause;
use golden_bell::generate::{EventFeed, Families, MALFORMED, Mix, Places, Zone};

/// Inputs a target is given at least: enough to touch every branch, few enough for every run of the tests.
const INPUTS: usize = 20_000;

/// What is done to a sample: (how, where, with what).
type Edits = Vec<(u8, u16, u8)>;

/// A sample bent out of shape: bytes set, dropped, doubled or put in, or pieces of JSON put in.
fn bend(sample: &[u8], edits: &Edits) -> Vec<u8> {
    const PIECES: [&str; 16] = [
        "null",
        "true",
        "-1",
        "1e999",
        "\"\"",
        "{}",
        "[]",
        "\\u0000",
        "\\ud800",
        "\"data\":",
        "{\"a\":",
        ",",
        "}",
        "]",
        "\u{feff}",
        "18446744073709551616",
    ];
    let mut bytes = sample.to_vec();
    for (how, at, with) in edits.iter().take(24) {
        let at = usize::from(*at) % (bytes.len() + 1);
        match how % 6 {
            0 => bytes.insert(at, *with),
            1 if at < bytes.len() => bytes[at] = *with,
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            4 => {
                let end = (at + usize::from(*with)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => drop(bytes.splice(at..at, PIECES[usize::from(*with) % PIECES.len()].bytes())),
        }
    }
    bytes
}

fn reader() -> IdentifierReader {
    IdentifierReader { default_region: Region::CN, tokens: Tokens::On }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_626_328_800, 0).unwrap()
}

/// A feed record: kind, headers, value.
type Sample = (EventKind, Vec<(String, Vec<u8>)>, Vec<u8>);

fn events() -> Vec<Sample> {
    let zone = Zone::new(3, 50, Families::Typical, Places::sample());
    let mut feed = EventFeed::new(zone, &Mix { malformed: 0.0, ..Mix::rich() }, 3).unwrap();
    let good: Vec<_> = (0..200).map(|_| feed.next(now())).collect();
    let bad: Vec<_> = MALFORMED.iter().map(|malformed| feed.malformed(malformed, now())).collect();
    good.into_iter()
        .chain(bad)
        .filter(|generated| generated.record.value_size() < 4_096)
        .map(|generated| {
            let kind = match generated.record.topic.topic() {
                "calls" => EventKind::Call,
                _ => EventKind::Transfer,
            };
            let headers = generated.record.headers.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
            (kind, headers, generated.record.value.unwrap_or_default())
        })
        .collect()
}

#[test]
fn events_of_both_feeds() {
    let samples = events();
    check!().with_iterations(INPUTS).with_type::<(u16, Edits, Edits, u8)>().for_each(|(pick, value, header, which)| {
        let (kind, headers, sample) = &samples[usize::from(*pick) % samples.len()];
        let bytes = bend(sample, value);
        let mut headers = headers.clone();
        if !headers.is_empty() {
            let index = usize::from(*which) % headers.len();
            headers[index].1 = bend(&headers[index].1, header);
        }
        let headers = || headers.iter().map(|(k, v)| (k.as_str(), v.as_slice()));
        let _ = decode_event(*kind, headers(), Some(&bytes));
        let _ = decode_case_input(headers(), Some(&bytes));
    });
}

#[test]
fn anything_at_all() {
    check!().with_iterations(INPUTS).with_type::<(Vec<u8>, Vec<u8>)>().for_each(|(value, header)| {
        for kind in [EventKind::Call, EventKind::Transfer] {
            let headers = [("ce_time", header.as_slice()), ("content-type", header.as_slice())];
            let _ = decode_event(kind, headers, Some(value));
            let _ = decode_event(kind, [], Some(value));
        }
        let _ = decode_registrant(&reader(), Some(header), Some(value));
        let _ = FollowUp::read(value, "key", "id");
        let _ = Case::decode(value);
        let text = String::from_utf8_lossy(value);
        let _ = Phone::parse(&text, Region::CN);
        let _ = Account::parse(&text);
        let _ = Token::parse(&text);
        let _ = RuleSet::load(&text, "rules");
        let _ = Areas::load(&text, "areas");
        let _ = Templates::load(&[("en.toml".to_owned(), text.to_string())]);
        let _ = danger(&text);
    });
}

const DIRECTORY: [(&str, &str); 5] = [
    ("areas.toml", include_str!("../config/directory/areas.toml")),
    ("people.toml", include_str!("../config/directory/people.toml")),
    ("rosters.toml", include_str!("../config/directory/rosters.toml")),
    ("night-duty.ics", include_str!("../config/directory/night-duty.ics")),
    ("holidays.toml", include_str!("../config/directory/holidays.toml")),
];

/// The shipped directory with one file replaced, asked who is told if it is good.
fn directory(replaced: &str, text: &str) -> bool {
    let mut files = DirectoryFiles::default();
    files.texts.extend(DIRECTORY.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    files.texts.insert(replaced.to_owned(), text.to_owned());
    let Ok(directory) = Directory::load(&files) else { return false };
    for at in ["2026-02-22T13:00:00Z", "2031-12-31T23:30:00Z"] {
        let query = RouteQuery {
            area: Some("kfq/jinxing"),
            workplace: Some("kfq/heyan-works"),
            level: Level::Urgent,
            step: 3,
            at: at.parse().unwrap(),
        };
        let route = directory.route(&query);
        assert!(route.unowned || !route.people.is_empty());
    }
    true
}

#[test]
fn directories() {
    // Loading all files costs milliseconds, hence fewer inputs.
    check!().with_iterations(400).with_type::<(u8, Edits, Vec<u8>)>().for_each(|(pick, edits, anything)| {
        let (name, text) = DIRECTORY[usize::from(*pick) % DIRECTORY.len()];
        let _ = directory(name, &String::from_utf8_lossy(&bend(text.as_bytes(), edits)));
        let _ = directory(name, &String::from_utf8_lossy(anything));
    });
}

#[test]
fn rules_of_calendars() {
    let calendar = DIRECTORY[3].1;
    check!().with_iterations(60).with_type::<(u8, u8, i8, i8, u8, i8)>().for_each(
        |(freq, interval, day, month, count, pos)| {
            let freq = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"][usize::from(*freq) % 4];
            let days = ["MO", "TU", "SA,SU", "1MO", "-1FR", "53SU", "WE,-2TH"][usize::from(*count) % 7];
            for rule in [
                format!("FREQ={freq};INTERVAL={interval}"),
                format!("FREQ={freq};BYMONTHDAY={day};BYMONTH={month}"),
                format!("FREQ={freq};BYDAY={days};COUNT={count}"),
                format!("FREQ={freq};BYDAY={days};BYSETPOS={pos};INTERVAL={interval}"),
                format!("FREQ={freq};BYWEEKNO={day};BYYEARDAY={month}"),
                format!("FREQ={freq};BYHOUR={day};BYMINUTE={interval}"),
            ] {
                let _ = directory("night-duty.ics", &calendar.replacen("FREQ=DAILY;INTERVAL=7", &rule, 1));
            }
        },
    );
}

#[test]
fn registrants() {
    let zone = Zone::new(3, 40, Families::Typical, Places::sample());
    let samples: Vec<(Vec<u8>, Vec<u8>)> =
        zone.records().map(|record| (record.key.unwrap_or_default(), record.value.unwrap_or_default())).collect();
    check!().with_iterations(INPUTS).with_type::<(u8, Edits)>().for_each(|(pick, edits)| {
        let (key, sample) = &samples[usize::from(*pick) % samples.len()];
        let _ = decode_registrant(&reader(), Some(key), Some(&bend(sample, edits)));
    });
}

#[test]
fn follow_ups_and_cases() {
    let follow_ups = [
        r#"{"follow_up_id":"f-1","case_id":"c-1","subject_id":"r-1","officer_id":"o-1","by_role":"officer","at":"2021-07-15T14:03:22+08:00","action":"contact","channel":"phone","line":"answered","identity_checked":true,"met_in_person":false}"#,
        r#"{"follow_up_id":"f-2","case_id":"c-1","subject_id":"r-1","officer_id":"o-1","by_role":"chief","at":"2021-07-15T14:03:22+08:00","action":"outcome","outcome":"loss","screen_shared":true,"loss_minor":5,"stop_payment_requested_at":"2021-07-15T14:03:22+08:00"}"#,
        r#"{"follow_up_id":"f-3","case_id":"c-1","subject_id":"r-1","officer_id":"o-1","by_role":"officer","at":"2021-07-15T14:03:22+08:00","action":"note","text":"\u5f20"}"#,
    ];
    let case = include_bytes!("fixtures/cases/case.json");
    check!().with_iterations(INPUTS).with_type::<(u8, Edits)>().for_each(|(pick, edits)| {
        let _ =
            FollowUp::read(&bend(follow_ups[usize::from(*pick) % follow_ups.len()].as_bytes(), edits), "r-1", "f-1");
        let _ = Case::decode(&bend(case, edits));
    });
}

#[test]
fn rules_and_areas() {
    let rules = include_bytes!("../config/rules.toml");
    let areas = include_bytes!("../config/directory/areas.toml");
    // Loading the whole of a file costs a millisecond, hence fewer inputs.
    check!().with_iterations(1_000).with_type::<Edits>().for_each(|edits| {
        let _ = RuleSet::load(&String::from_utf8_lossy(&bend(rules, edits)), "rules");
        let _ = Areas::load(&String::from_utf8_lossy(&bend(areas, edits)), "areas");
    });
}

#[test]
fn messages() {
    let file = |name: &str, text: &[u8]| (name.to_owned(), String::from_utf8_lossy(text).into_owned());
    let mandarin = include_bytes!("../config/messages/zh-cmn.toml");
    let english = include_bytes!("../config/messages/en.toml");
    let scene = Scene { cause: Cause::Opened, happened: None, fraud_type: None };
    // Every text is written while loading, hence fewer inputs.
    check!().with_iterations(300).with_type::<Edits>().for_each(|edits| {
        let files = [file("zh-cmn.toml", &bend(mandarin, edits)), file("en.toml", english)];
        // What has loaded is safe, whatever was done to it.
        if let Ok(templates) = Templates::load(&files) {
            let message = templates.write(Recipient::TrustedContact, None, &scene).unwrap();
            assert_eq!(danger(&message.text), None);
        }
    });
}
