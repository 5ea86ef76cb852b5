//! What a rule can say, and what it means: null above all.

use golden_bell::core::rules::Level;
use serde_json::json;

use crate::scene::{call, one, refusal, transfer};

#[test]
fn a_null_field_holds_in_no_comparison() {
    for when in [
        "transfer.amount_minor >= 0",
        "transfer.amount_minor < 0",
        "!(transfer.amount_minor >= 0)",
        "!(transfer.amount_minor < 0)",
        "transfer.currency == 'CNY'",
        "transfer.currency != 'CNY'",
        "!(transfer.currency == 'CNY')",
        "event.list == event.fraud_type",
        "event.list != event.fraud_type",
        "event.list in ['involved_number']",
        "!(event.list in ['involved_number'])",
        "transfer.reversible",
        "!transfer.reversible",
        "transfer.reversible == false",
        "transfer.reversible ? true : true",
        "transfer.amount_minor + 1 > 0",
        "size(transfer.currency) >= 0",
        "transfer.currency.startsWith('')",
        "case.level == 'low'",
        "subject.groups.exists(g, g == event.list)",
        "case.smallest_2h_minor < 2000 && true",
        "false || case.smallest_2h_minor < 2000",
    ] {
        assert!(!call().groups(&["elderly"]).holds(when), "{when}");
    }
}

#[test]
fn what_is_known_decides_beside_a_null_field() {
    for when in [
        "call.duration_s >= 300 || call.phase == 'ringing'",
        "call.phase == 'ringing' || call.duration_s >= 300",
        "!(call.duration_s >= 300 && call.phase == 'ended')",
        "!(call.phase == 'ended' && call.duration_s >= 300)",
        "call.phase == 'ringing' ? true : transfer.reversible",
    ] {
        assert!(call().holds(when), "{when}");
    }
    assert!(!call().holds("call.duration_s >= 300 || call.phase == 'ended'"));
}

#[test]
fn null_can_be_asked_for() {
    for when in [
        "transfer.state == null",
        "null == transfer.state",
        "event.kind != null",
        "!(transfer.state != null)",
        "event['list'] == null",
        "has(event.kind)",
        "!has(event.list)",
        "event.list == null || event.list == 'involved_number'",
        "transfer != null && transfer.state == null",
    ] {
        assert!(call().holds(when), "{when}");
    }
    for when in ["transfer.state != null", "event.kind == null", "has(event.list)", "event == null"] {
        assert!(!call().holds(when), "{when}");
    }
    assert!(refusal("null in [event.list]").contains("null"));
    assert!(refusal("size(event.kind) == null").contains("only a field"));
}

#[test]
fn all_six_variables_are_there_for_both_kinds() {
    for scene in [call(), transfer()] {
        for (object, field) in [
            ("event", "kind"),
            ("call", "phase"),
            ("transfer", "state"),
            ("suspect", "overseas"),
            ("subject", "programme"),
            ("case", "calls_2h"),
        ] {
            assert!(scene.holds(&format!("{object}.{field} == null || {object}.{field} != null")));
        }
    }
    assert!(transfer().holds("suspect.withheld == null && call.live == null"));
    assert!(call().holds("suspect.withheld == false && case.state == null"));
}

#[test]
fn expressions_of_all_sorts_hold() {
    let scene = call()
        .groups(&["elderly", "prior_victim"])
        .with("duration_s", json!(60))
        .with("suspicion/confidence", json!(0.5))
        .case(|case| {
            (case.state, case.level) = (Some("contacting"), Some(Level::High));
        });
    for when in [
        "subject.groups.exists(g, g == 'elderly')",
        "subject.groups.all(g, g != 'minor')",
        "subject.groups.exists_one(g, g.startsWith('eld'))",
        "size(subject.groups.filter(g, g != 'elderly')) == 1",
        "subject.groups.map(g, g + '!') == ['elderly!', 'prior_victim!']",
        "subject.groups[0] == 'elderly'",
        "size(subject.groups) == 2 && subject.groups.size() == 2",
        "event.confidence * 2.0 == 1.0",
        "event.confidence < 1",
        "call.duration_s / 60 == 1 && call.duration_s % 7 == 4 && -call.duration_s < 0",
        "double(call.duration_s) > 59.5",
        "int(event.confidence * 100.0) == 50",
        "subject.area.startsWith('kfq/') && subject.language.contains('yong')",
        "case.state == 'contacting' && case.level in ['high', 'urgent']",
        "event.time > '2021-07-15T06:00:00Z' && '2021-07-16T00:00:00+08:00' > event.time",
        "event.time == timestamp('2021-07-15T06:21:10Z')",
        "event.time.getHours() == 6 && event.time.getHours('+08:00') == 14",
        "event.time.getDayOfWeek() == 4 && event.time.getDate() == 15 && event.time.getMonth() == 6",
        "event.time.getFullYear() == 2021 && event.time.getMinutes() == 21",
    ] {
        assert!(scene.holds(when), "{when}");
    }
}

#[test]
fn a_rule_that_fails_on_an_event_counts_as_not_held() {
    for when in [
        "call.duration_s / case.contacts > 1",
        "subject.groups[3] == 'elderly'",
        "int(event.source) > 1",
        "timestamp(event.source) < event.time",
        "call.duration_s * 9223372036854775807 > 1",
    ] {
        let rules = one(when).unwrap();
        call().with("duration_s", json!(60)).judge(|facts| {
            let verdict = rules.evaluate(facts);
            assert_eq!((verdict.score, verdict.held.len()), (0, 0), "{when}");
            assert_eq!(verdict.failed, ["r"], "{when}");
        });
    }
}
