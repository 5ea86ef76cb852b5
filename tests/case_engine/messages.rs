//! Who is told with a warning beside the officers, when, and in which language (contract 2, 7 and 10).

use chrono::TimeDelta;
use golden_bell::core::case::{Case, CaseSettings, PerLevel};
use golden_bell::core::message::{Recipient, danger};
use golden_bell::core::rules::Level;
use golden_bell::core::warning::{Cause, Warning};
use serde_json::{Value, json};

use super::support::{Bench, DAY, Event, HOUR, MINUTE, call, transfer};

/// A bench on which nothing escalates, so that all warnings are by events.
fn calm() -> Bench {
    let never = PerLevel { urgent: days(30), high: days(30), medium: days(30), low: days(30) };
    Bench::with(CaseSettings { acknowledge_within: never, reach_within: never, ..CaseSettings::default() })
}

const fn days(days: i64) -> TimeDelta {
    TimeDelta::days(days)
}

/// Who is told by a warning, and in which part.
fn told(warning: &Warning) -> Vec<(Recipient, &str)> {
    warning.personal.iter().map(|personal| (personal.recipient, personal.person_id.as_str())).collect()
}

/// Whether the person at risk is.
fn resident(warning: &Warning) -> bool {
    warning.messages.resident.is_some()
}

/// The same event of somebody else.
fn of(mut event: Event, person: &[(&str, Value)], contacts: Value) -> Event {
    for (name, value) in person {
        event.person[*name] = value.clone();
    }
    event.contacts = contacts;
    event
}

fn contact(id: &str, consented: bool, guardian: bool) -> Value {
    json!({"person_id": id, "name": "李四", "phone": "13123456780", "consented": consented, "guardian": guardian})
}

#[test]
fn a_resident_who_consented_is_told_with_the_first_warning() {
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ongoing", 60));
    let warning = bench.last();
    let message = warning.messages.resident.as_ref().unwrap();
    assert_eq!(message.language, "zh-yongkang");
    assert!(message.text.starts_with("【反诈预警】") && message.text.contains("14:01"), "{}", message.text);
    assert_eq!(told(warning), [(Recipient::Resident, "r-1")]);
    assert_eq!(warning.personal[0].message, *message);
    assert_eq!(warning.personal[0].phone.as_deref(), Some("13123456789"));
}

#[test]
fn the_text_names_the_language_it_is_written_in() {
    for (wanted, expected) in [
        (json!("zh-yongkang"), "zh-yongkang"),
        (json!("zh-cmn"), "zh-cmn"),
        (json!("en"), "en"),
        (json!("ug"), "zh-cmn"),
        (json!(null), "zh-cmn"),
    ] {
        let mut bench = Bench::new();
        bench.take(&of(call("a.1", "ongoing", 0), &[("language", wanted.clone())], json!([])));
        assert_eq!(bench.last().messages.resident.as_ref().unwrap().language, expected, "{wanted}");
        assert_eq!(bench.last().subject.language.as_deref(), wanted.as_str(), "the warning keeps the one asked for");
    }
}

#[test]
fn nobody_is_told_without_consent() {
    let mut bench = Bench::new();
    let contacts = json!([contact("r-1/m1", false, false)]);
    bench.take(&of(call("a.1", "ongoing", 0), &[("consented", json!(false))], contacts));
    bench.follow_up(10, "contact", json!({"channel": "phone", "line": "no_answer"}));
    bench.take(&transfer("t.1", "accepted", 20));
    // The second event has the consent of the default person again: only now somebody may be told.
    assert_eq!(bench.warnings.len(), 2);
    assert_eq!(told(&bench.warnings[0]), []);
    assert!(bench.warnings[0].messages.resident.is_none());
    assert!(resident(&bench.warnings[1]), "consent given later counts, and nothing was used up");
}

#[test]
fn the_programme_precise_tells_no_resident() {
    let mut bench = Bench::new();
    let mut event = call("a.1", "ongoing", 0);
    event.person = json!({"phone": "13123456789", "area": "kfq/huangchengli"});
    event.contacts = json!([]);
    bench.take(&event);
    assert_eq!(told(bench.last()), []);
}

#[test]
fn instead_of_a_minor_the_consenting_guardians_are_told() {
    let mut bench = calm();
    let contacts = json!([
        contact("r-1/m1", true, true),
        contact("r-1/m2", true, false),
        contact("r-1/m3", false, true),
        contact("r-9", true, true),
    ]);
    let minor = [("minor", json!(true)), ("groups", json!(["minor"]))];
    bench.take(&of(call("a.1", "ongoing", 0), &minor, contacts.clone()));
    let warning = bench.last();
    assert!(warning.messages.resident.is_none(), "a minor gets no direct message");
    assert_eq!(told(warning), [(Recipient::Guardian, "r-1/m1"), (Recipient::Guardian, "r-9")]);
    assert!(warning.personal[0].message.text.contains("未成年"));
    assert_eq!(warning.personal[0].message.language, "zh-cmn", "the dialect has no text for guardians");

    // The guardians stand in for the resident, so the limits are theirs.
    bench.take(&of(call("b.1", "ongoing", HOUR), &minor, contacts.clone()));
    assert_eq!((bench.last().cause, told(bench.last()).len()), (Cause::Repeated, 0));
    bench.take(&of(transfer("t.1", "accepted", HOUR + 1), &minor, contacts));
    assert_eq!(told(bench.last()).len(), 2);
}

#[test]
fn instead_of_a_contact_who_is_a_minor_the_guardians_are_told() {
    let mut child = contact("r-2", true, false);
    child["minor"] = json!(true);
    child["guardians"] = json!([{"person_id": "r-2/m1", "name": "王五", "phone": "13123456781"}]);
    let mut alone = contact("r-3", true, false);
    alone["minor"] = json!(true);
    let contacts = json!([contact("r-1/m1", true, false), child, alone]);
    let mut bench = calm();
    bench.take(&of(call("a.1", "ongoing", 0), &[], contacts.clone()));
    bench.follow_up(10, "contact", json!({"channel": "phone", "line": "no_answer"}));
    bench.take(&of(transfer("t.1", "accepted", 20), &[], contacts.clone()));
    let close = |id| (Recipient::TrustedContact, id);
    assert_eq!(told(bench.last()), [(Recipient::Resident, "r-1"), close("r-1/m1"), close("r-2/m1")]);
    let guardian = &bench.last().personal[2];
    assert_eq!(guardian.phone.as_deref(), Some("13123456781"), "not the child's phone");
    assert_eq!(guardian.message, bench.last().personal[1].message);

    // Somebody who answers for a minor may be a minor too.
    let mut bench = calm();
    let mut contacts = contacts;
    contacts[1]["guardian"] = json!(true);
    let minor = [("minor", json!(true)), ("groups", json!(["minor"]))];
    bench.take(&of(call("a.1", "ongoing", 0), &minor, contacts));
    assert_eq!(told(bench.last()), [(Recipient::Guardian, "r-2/m1")]);
}

#[test]
fn one_text_a_round_and_level_but_a_new_transfer_always_passes() {
    let mut bench = calm();
    bench.take(&call("a.1", "ongoing", 0).confidence(0.3));
    assert!(resident(bench.last()));
    bench.take(&call("b.1", "ongoing", 7 * HOUR).confidence(0.3));
    assert_eq!((bench.last().cause, resident(bench.last())), (Cause::Repeated, false));
    bench.take(&call("c.1", "ongoing", 8 * HOUR).confidence(0.6));
    assert_eq!((bench.last().cause, resident(bench.last())), (Cause::Raised, true));
    bench.take(&call("d.1", "ongoing", 10 * HOUR).confidence(0.6));
    assert_eq!((bench.last().cause, resident(bench.last())), (Cause::Repeated, false));
    for n in 0..3 {
        bench.take(&transfer(&format!("t{n}.1"), "accepted", 10 * HOUR + n));
        assert_eq!((bench.last().cause, resident(bench.last())), (Cause::Transfer, true), "transfer {n}");
    }
    // The state of a transfer that was told before is no new transfer.
    let before = bench.warnings.len();
    bench.take(&transfer("t0.2", "settled", 10 * HOUR + 9));
    assert_eq!(bench.warnings.len(), before);
    assert_eq!(bench.case().round.resident_told, Some(Level::High));
}

#[test]
fn a_new_round_begins_anew() {
    let mut bench = calm();
    bench.take(&call("a.1", "ongoing", 0));
    let answered = json!({"channel": "phone", "line": "answered", "identity_checked": true});
    bench.follow_up(10, "contact", answered);
    bench.follow_up(20, "outcome", json!({"outcome": "dissuaded"}));
    bench.take(&call("b.1", "ongoing", 30));
    assert_eq!((bench.last().cause, resident(bench.last())), (Cause::Reopened, true));
    bench.follow_up(40, "transfer_unit", json!({"area": "kfq/heyan"}));
    assert_eq!((bench.last().cause, resident(bench.last())), (Cause::Reassigned, false));
    bench.take(&call("c.1", "ongoing", 2 * HOUR));
    assert_eq!((bench.last().cause, resident(bench.last())), (Cause::Repeated, true));
}

#[test]
fn only_an_event_less_than_half_an_hour_old_is_told_to_the_resident() {
    for (age, expected) in [(0, true), (1_799, true), (1_800, false), (DAY, false)] {
        let mut bench = Bench::new();
        bench.take_at(&call("a.1", "ongoing", 0), age);
        assert_eq!(resident(bench.last()), expected, "age {age} s");
        assert!(!bench.last().messages.officer.zh.is_empty(), "officers are told however late");
        // Nothing was used up: what comes next in time is told.
        bench.take(&transfer("t.1", "accepted", age + 1));
        assert!(resident(bench.last()));
    }
    let mut bench = Bench::new();
    let mut late = call("a.1", "ongoing", 0);
    late.retroactive = true;
    bench.take_at(&late, 20 * MINUTE);
    assert!(resident(bench.last()) && bench.last().retroactive);
}

#[test]
fn what_no_event_causes_is_not_told_to_the_resident() {
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ongoing", 0).confidence(0.3));
    bench.follow_up(10, "contact", json!({"channel": "phone", "line": "busy"}));
    assert_eq!((bench.last().cause, resident(bench.last())), (Cause::Raised, false));
    let escalated = bench.wait(HOUR);
    assert!(!escalated.is_empty() && escalated.iter().all(|warning| !resident(warning)));
}

#[test]
fn after_a_contact_that_did_not_reach_the_next_warning_goes_to_the_trusted_contacts() {
    let mut bench = Bench::new();
    let contacts =
        json!([contact("r-1/m1", true, false), contact("r-1/m2", false, false), contact("r-2", true, false)]);
    let event = |event: Event| of(event, &[], contacts.clone());
    bench.take(&event(call("a.1", "ongoing", 0)));
    assert_eq!(told(bench.last()), [(Recipient::Resident, "r-1")]);
    bench.follow_up(10, "contact", json!({"channel": "phone", "line": "no_answer"}));
    bench.follow_up(20, "outcome", json!({"outcome": "unreached"}));
    let both = [(Recipient::TrustedContact, "r-1/m1"), (Recipient::TrustedContact, "r-2")];
    assert_eq!((bench.last().cause, told(bench.last())), (Cause::Escalated, both.to_vec()));
    assert!(bench.last().personal[0].message.text.contains("暂未联系上"));
    assert!(!resident(bench.last()));

    // They too are told once a round and level, but of every new transfer.
    let escalated = bench.wait(2 * DAY);
    assert!(!escalated.is_empty() && escalated.iter().all(|warning| told(warning).is_empty()));
}

#[test]
fn trusted_contacts_hear_of_every_new_transfer_until_the_person_is_reached() {
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ongoing", 0));
    bench.follow_up(10, "contact", json!({"channel": "phone", "line": "no_answer"}));
    for n in 0..2 {
        bench.take(&transfer(&format!("t{n}.1"), "accepted", 20 + n));
        let expected = [(Recipient::Resident, "r-1"), (Recipient::TrustedContact, "r-1/m1")];
        assert_eq!(told(bench.last()), expected, "transfer {n}");
    }
    bench.follow_up(30, "contact", json!({"channel": "phone", "line": "answered", "identity_checked": true}));
    bench.take(&transfer("t9.1", "accepted", 40));
    assert_eq!(told(bench.last()), [(Recipient::Resident, "r-1")]);
}

#[test]
fn a_text_carries_nothing_of_the_person_the_amount_or_the_number() {
    for language in ["zh-cmn", "zh-yongkang", "en"] {
        let mut bench = Bench::new();
        let person = [("language", json!(language)), ("name", json!("张三")), ("phone", json!("13123456789"))];
        let contacts = json!([contact("r-1/m1", true, false)]);
        let hostile = json!({"confidence": 0.5, "fraud_type": "见 http://evil.cn 13987654321"});
        let mut first = call("a.1", "ongoing", 0).with("duration_s", 1080);
        first.data["suspicion"] = hostile.clone();
        bench.take(&of(first, &person, contacts.clone()));
        bench.follow_up(5, "contact", json!({"channel": "phone", "line": "no_answer"}));
        let mut paid = transfer("t.1", "accepted", 10).with("amount_minor", 123_456_700);
        paid.data["suspicion"] = hostile;
        bench.take(&of(paid, &person, contacts));
        let texts: Vec<&str> =
            bench.warnings.iter().flat_map(|warning| &warning.personal).map(|p| p.message.text.as_str()).collect();
        assert_eq!(texts.len(), 3);
        for text in texts {
            assert_eq!(danger(text), None, "{text}");
            for leak in ["张", "三", "李四", "1312345", "6789", "1234567", "96890", "6217", "evil", "1398765"] {
                assert!(!text.contains(leak), "{leak}: {text}");
            }
        }
    }
}

#[test]
fn the_time_is_that_at_which_it_began() {
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ringing", 60).confidence(0.1));
    bench.take(&call("a.2", "ongoing", 19 * MINUTE).with("duration_s", 17 * MINUTE).confidence(0.9));
    let text = &bench.last().messages.resident.as_ref().unwrap().text;
    assert!(text.contains("14:01"), "{text}");
    let mut bench = Bench::new();
    bench.take(&call("a.1", "ended", 20 * MINUTE).with("duration_s", 18 * MINUTE));
    let text = &bench.last().messages.resident.as_ref().unwrap().text;
    assert!(text.contains("14:02"), "{text}");
}

#[test]
fn what_was_told_is_remembered_through_a_restart_and_unknown_to_old_records() {
    let mut bench = calm();
    bench.take(&call("a.1", "ongoing", 0));
    let case = bench.case();
    let encoded = case.encode().unwrap();
    let mut restored = calm();
    restored.book.restore(&case.case_id, Some(&encoded)).unwrap();
    restored.book.finish_restore();
    restored.take(&call("b.1", "ongoing", 2 * HOUR));
    assert_eq!((restored.last().cause, resident(restored.last())), (Cause::Repeated, false));

    let mut old: Value = serde_json::from_slice(&encoded).unwrap();
    old["round"].as_object_mut().unwrap().remove("resident_told").unwrap();
    let old = Case::decode(old.to_string().as_bytes()).unwrap();
    assert_eq!(old.round.resident_told, None);
}
