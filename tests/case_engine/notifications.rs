//! Which notifications go out with a warning, and with the closing of a case (contract 10).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use golden_bell::core::case_engine::{Disposition, FailedDelivery, Outlets};
use golden_bell::core::directory::Directory;
use golden_bell::core::erasure::Erasure;
use golden_bell::core::notification::{Channel, Notification, RecipientKind};
use golden_bell::core::rules::Level;
use golden_bell::core::warning::Cause;
use serde_json::{Value, json};

use super::support::*;

const PEOPLE: &str = r#"
people = [
    { id = "o", name = "甲", role = "officer", areas = ["kfq"], channels = ["hook", "robot", "hook"], contact = { wecom = "u1" } },
    { id = "g", name = "乙", role = "grid_worker", areas = ["kfq/huangchengli"], language = "en" },
    { id = "k", name = "丙", role = "chief", areas = ["kfq"], channels = ["sms"], contact = { phone = "内线1" } },
    { id = "c", name = "丁", role = "centre", areas = ["kfq"] },
]
"#;

static DIRECTORY: LazyLock<Directory> = LazyLock::new(|| directory(&[("people.toml", PEOPLE)]));

fn outlets() -> Outlets {
    let all = [
        ("board", Channel::Alertmanager),
        ("hook", Channel::Webhook),
        ("log", Channel::Log),
        ("robot", Channel::WeCom),
        ("sms", Channel::SmsGateway),
    ];
    let names = |name: &str| vec![name.to_owned()];
    Outlets::new(all.into_iter().map(|(name, channel)| (name.to_owned(), channel)).collect())
        .with_default(&names("log"))
        .with_residents(&names("sms"))
        .with_alerts(&names("board"))
        .with_runbook(Level::Urgent, "runbook-urgent")
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.directory = &DIRECTORY;
    bench.outlets = outlets();
    bench
}

/// The notifications of the newest warning, those of its case's closing left out.
fn newest(bench: &Bench) -> Vec<&Notification> {
    let id = &bench.last().warning_id;
    bench.notifications.iter().filter(|one| one.warning_id == *id && one.case_open).collect()
}

/// Kind, whom and by what, as in `person o hook`; sorted.
fn told(notifications: &[&Notification]) -> Vec<String> {
    let one = |one: &&Notification| {
        let whom = one.recipient.person_id.as_deref().unwrap_or("-");
        format!("{} {whom} {}", one.recipient.kind.as_str(), one.destination)
    };
    let mut all: Vec<String> = notifications.iter().map(one).collect();
    all.sort();
    all
}

fn of_kind(bench: &Bench, kind: RecipientKind) -> Vec<&Notification> {
    newest(bench).into_iter().filter(|one| one.recipient.kind == kind).collect()
}

#[test]
fn the_resident_the_officers_and_the_board_are_told_with_the_warning() {
    let mut bench = bench();
    bench.take(&call("a.1", "ongoing", 0).confidence(0.9));
    let expected =
        ["centre - board", "person g log", "person o hook", "person o robot", "resident r-1 sms"].map(String::from);
    assert_eq!(told(&newest(&bench)), expected);
    let warning = bench.last();
    for one in newest(&bench) {
        assert_eq!(one.created_at, warning.published_at);
        assert_eq!((one.sequence, one.cause, one.level), (1, Some(Cause::Opened), Level::Urgent));
        assert_eq!((one.case_id.as_str(), one.subject_id.as_str()), (warning.case_id.as_str(), SUBJECT));
        assert_eq!(one.traceparent.as_deref(), Some("00-trace"));
        assert!(one.case_open);
    }
    let of = |destination: &str| *newest(&bench).iter().find(|one| one.destination == destination).unwrap();
    let officer = &warning.messages.officer;
    assert_eq!((of("hook").text.as_str(), of("log").text.as_str()), (officer.zh.as_str(), officer.en.as_str()));
    assert_eq!((of("robot").recipient.address.as_deref(), of("hook").recipient.address.as_deref()), (Some("u1"), None));
    assert_eq!((of("hook").recipient.role.as_deref(), of("hook").recipient.step), (Some("officer"), Some(1)));
    assert_eq!(of("hook").runbook.as_deref(), Some("runbook-urgent"));
    assert!(of("hook").urgent && of("log").urgent && !of("sms").urgent && !of("board").urgent);
    let resident = of("sms");
    assert_eq!(resident.text, warning.messages.resident.as_ref().unwrap().text);
    assert_eq!(
        (resident.recipient.address.as_deref(), resident.language.as_str()),
        (Some("13123456789"), "zh-yongkang")
    );
    assert_eq!((&resident.area, &resident.subject_masked, &resident.runbook), (&None, &None, &None));
}

#[test]
fn what_officers_get_is_masked() {
    let mut bench = bench();
    bench.take(&call("a.1", "ongoing", 0).confidence(0.9));
    for one in newest(&bench).into_iter().filter(|one| !one.recipient.kind.is_public()) {
        let text = serde_json::to_string(one).unwrap();
        for secret in ["13123456789", "张三", "13123456780", "李四", "96890000000"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert_eq!(one.subject_masked.as_deref(), Some("张* 131****6789"));
        assert!(one.title.zh.starts_with("[紧急] ") && one.title.zh.contains("黄城里村"), "{}", one.title.zh);
        assert!(one.title.en.starts_with("[urgent] ") && !one.title.en.contains('\n'), "{}", one.title.en);
    }
}

#[test]
fn a_minors_guardian_is_told_and_nobody_who_did_not_consent() {
    let mut bench = bench();
    let mut event = call("a.1", "ongoing", 0);
    event.person["minor"] = json!(true);
    event.contacts = json!([
        {"person_id": "r-1/m1", "phone": "13123456780", "consented": true, "guardian": true},
        {"person_id": "r-1/m2", "phone": "13123456781", "consented": false, "guardian": true},
    ]);
    bench.take(&event);
    assert_eq!(told(&of_kind(&bench, RecipientKind::Guardian)), ["guardian r-1/m1 sms"]);
    assert!(of_kind(&bench, RecipientKind::Resident).is_empty());

    let mut bench = self::bench();
    let mut event = call("a.1", "ongoing", 0);
    event.person["consented"] = json!(false);
    bench.take(&event);
    assert!(newest(&bench).iter().all(|one| !one.recipient.kind.is_public()));
    assert_eq!(of_kind(&bench, RecipientKind::Person).len(), 3, "officers are told all the same");
}

#[test]
fn trusted_contacts_are_told_with_the_next_warning_after_a_contact_that_did_not_reach() {
    let mut bench = bench();
    bench.take(&call("a.1", "ongoing", 0));
    assert!(of_kind(&bench, RecipientKind::TrustedContact).is_empty());
    bench.follow_up(10, "contact", json!({"channel": "phone", "line": "no_answer"}));
    bench.take(&transfer("t.1", "accepted", 20));
    let contacts = of_kind(&bench, RecipientKind::TrustedContact);
    assert_eq!(told(&contacts), ["trusted_contact r-1/m1 sms"]);
    assert_eq!(contacts[0].recipient.address.as_deref(), Some("13123456780"));
    assert_eq!(contacts[0].give_up_after, None);
}

#[test]
fn a_new_transfer_passes_the_limit_of_one_text_a_round_and_level() {
    let mut bench = bench();
    bench.take(&call("a.1", "ongoing", 0));
    bench.take(&transfer("t.1", "accepted", 20));
    let resident = of_kind(&bench, RecipientKind::Resident);
    assert_eq!((bench.last().cause, resident.len()), (Cause::Transfer, 1));
    assert_eq!(resident[0].give_up_after, Some(bench.last().published_at + chrono::TimeDelta::minutes(30)));
    bench.follow_up(30, "acknowledge", Value::Null);
    bench.take(&call("b.1", "ongoing", 90 * MINUTE));
    assert_eq!(bench.last().cause, Cause::Repeated);
    assert!(of_kind(&bench, RecipientKind::Resident).is_empty());
    assert_eq!(of_kind(&bench, RecipientKind::Person).len(), 3);
}

fn urgent(bench: &Bench) -> Vec<String> {
    let all: Vec<&Notification> = newest(bench).into_iter().filter(|one| one.urgent).collect();
    told(&all)
}

#[test]
fn an_urgent_failure_escalates_to_those_of_the_next_step_and_ends_at_the_last() {
    let mut bench = bench();
    bench.take(&call("a.1", "ongoing", 0).confidence(0.9));
    assert_eq!(urgent(&bench), ["person g log", "person o hook", "person o robot"]);
    let fail = |bench: &mut Bench, clock: i64| {
        let one = newest(bench)[0].clone();
        let failed = FailedDelivery {
            notification_id: one.notification_id,
            warning_id: one.warning_id,
            case_id: one.case_id,
            subject_id: one.subject_id,
        };
        bench.act(clock, |book, at, cx| Some(book.apply_failed_delivery(&failed, at, cx)));
        bench.handled.disposition
    };
    is(fail(&mut bench, 1), Disposition::Escalated);
    assert_eq!(urgent(&bench), ["person k sms"], "the others were told before");
    assert_eq!(of_kind(&bench, RecipientKind::Person).len(), 4, "but they are told again");
    let chief = newest(&bench).into_iter().find(|one| one.urgent).unwrap();
    assert_eq!((chief.recipient.address.as_deref(), chief.recipient.step), (Some("内线1"), Some(2)));
    is(fail(&mut bench, 2), Disposition::Escalated);
    assert!(told(&newest(&bench)).contains(&"person c log".to_owned()));
    assert!(urgent(&bench).is_empty(), "there is nobody left to turn to");
}

/// What says that a case is closed.
fn closings(bench: &Bench) -> Vec<&Notification> {
    bench.notifications.iter().filter(|one| !one.case_open).collect()
}

fn close_by_erasure(bench: &mut Bench, clock: i64) {
    let erasure = Erasure {
        registrant_id: Some(SUBJECT.into()),
        subject_id: SUBJECT.into(),
        at: after(clock),
        hashes: Vec::new(),
    };
    bench.act(clock, |book, at, cx| Some(book.apply_erasure(&erasure, at, cx)));
}

fn close_by_visits(bench: &mut Bench, clock: i64) {
    bench.follow_up(clock, "outcome", json!({"outcome": "dissuaded", "identity_checked": true}));
    for day in 1..=3 {
        assert!(closings(bench).is_empty(), "visits are still due");
        bench.follow_up(clock + day, "return_visit", json!({"still_in_touch": false}));
    }
}

#[test]
fn whatever_closes_a_case_tells_the_board_once_and_nobody_else() {
    type Close = fn(&mut Bench, i64);
    let by: [(&str, Close); 4] = [
        ("false alarm", |bench, clock| {
            bench.follow_up(clock, "outcome", json!({"outcome": "false_alarm"}));
        }),
        ("another unit", |bench, clock| {
            bench.follow_up(clock, "transfer_unit", json!({"area": "elsewhere"}));
        }),
        ("erasure", close_by_erasure),
        ("visits", close_by_visits),
    ];
    for (name, close) in by {
        let mut bench = bench();
        bench.take(&call("a.1", "ongoing", 0));
        close(&mut bench, 10);
        let all = closings(&bench);
        let [closing] = all[..] else { panic!("{name}: {} closings", all.len()) };
        let last = bench.last();
        assert_eq!(
            (closing.sequence, &closing.warning_id, closing.cause),
            (last.sequence, &last.warning_id, None),
            "{name}"
        );
        assert_eq!((closing.destination.as_str(), closing.recipient.kind), ("board", RecipientKind::Centre));
        assert_eq!(closing.area, last.area, "{name}");
        let text = serde_json::to_string(closing).unwrap();
        assert!(!text.contains("张") && !text.contains("131"), "{name}: {text}");
        close_by_erasure(&mut bench, 20);
        assert_eq!(closings(&bench).len(), 1, "{name}: closed already");
        assert_ids_differ(&bench);
    }
}

#[test]
fn a_case_opened_again_is_shown_again_and_closed_again() {
    let mut bench = bench();
    bench.take(&call("a.1", "ongoing", 0));
    bench.follow_up(10, "outcome", json!({"outcome": "false_alarm"}));
    bench.follow_up(20, "reopen", Value::Null);
    assert!(told(&newest(&bench)).contains(&"centre - board".to_owned()));
    bench.follow_up(30, "outcome", json!({"outcome": "false_alarm"}));
    assert_eq!(closings(&bench).iter().map(|one| one.sequence).collect::<Vec<_>>(), [1, 2]);
    assert_ids_differ(&bench);
}

fn assert_ids_differ(bench: &Bench) {
    let ids: BTreeSet<&str> = bench.notifications.iter().map(|one| one.notification_id.as_str()).collect();
    assert_eq!(ids.len(), bench.notifications.len());
}

#[test]
fn ids_are_the_same_each_time_and_no_two_alike() {
    let run = || {
        let mut bench = bench();
        // Somebody at risk who has the id of an officer, and a destination both are told by.
        bench.outlets = outlets().with_residents(&["hook".to_owned()]);
        let with_officer = |mut event: Event| {
            event.contacts[0]["person_id"] = json!("o");
            event
        };
        bench.take(&with_officer(call("a.1", "ongoing", 0)));
        bench.follow_up(10, "contact", json!({"channel": "phone", "line": "no_answer"}));
        bench.take(&with_officer(transfer("t.1", "accepted", 20).confidence(0.9)));
        bench.wait(HOUR);
        bench
    };
    let bench = run();
    assert_ids_differ(&bench);
    assert!(told(&bench.notifications.iter().collect::<Vec<_>>()).contains(&"trusted_contact o hook".to_owned()));
    assert_eq!(run().notifications, bench.notifications);
}

#[test]
fn what_nobody_answers_for_goes_to_the_centre() {
    static CENTRE: LazyLock<Directory> = LazyLock::new(|| {
        directory(&[("people.toml", "people = [{ id = \"c\", name = \"丁\", role = \"centre\", areas = [\"kfq\"] }]")])
    });
    let mut bench = bench();
    bench.directory = &CENTRE;
    bench.take(&call("a.1", "ongoing", 0));
    assert!(bench.last().unowned);
    assert_eq!(told(&newest(&bench)), ["centre - board", "person c log", "resident r-1 sms"]);

    // Not even a centre: the default destinations have it, and one that shows cases only once.
    static NOBODY: LazyLock<Directory> = LazyLock::new(|| directory(&[]));
    let mut bench = self::bench();
    bench.directory = &NOBODY;
    bench.outlets = outlets().with_alerts(&["board".to_owned(), "log".to_owned()]);
    bench.take(&call("a.1", "ongoing", 0));
    assert!(bench.last().unowned);
    assert_eq!(told(&newest(&bench)), ["centre - board", "centre - log", "resident r-1 sms"]);
}

#[test]
fn a_token_is_no_address_of_a_text_message() {
    let mut bench = bench();
    bench.outlets = outlets().with_residents(&["sms".to_owned(), "hook".to_owned()]);
    let token = format!("hmac-sha256:{}", "0".repeat(64));
    let mut event = call("a.1", "ongoing", 0);
    event.person["phone"] = json!(token);
    bench.take(&event);
    let addresses: Vec<_> =
        of_kind(&bench, RecipientKind::Resident).iter().map(|one| one.recipient.address.clone()).collect();
    assert_eq!(addresses, [None, Some(token)]);
}
