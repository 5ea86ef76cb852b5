//! What is refused when a rule set is loaded.

use golden_bell::core::rules::RuleSet;

use crate::scene::{one, refusal};

#[test]
fn unknown_names_are_refused() {
    for (when, named) in [
        ("evnt.kind == 'call'", "unknown variable `evnt`"),
        ("kind == 'call'", "unknown variable `kind`"),
        ("call.durations_s > 1", "unknown field `call.durations_s`"),
        ("event['knd'] == 'call'", "unknown field `event.knd`"),
        ("true || transfer.amount > 1", "unknown field `transfer.amount`"),
        ("has(case.open)", "unknown field `case.open`"),
        ("false && foo(event.kind)", "unknown function `foo`"),
        ("event.kind.upper() == 'CALL'", "unknown function `upper`"),
        ("event.source.matches('^urn')", "unknown function `matches`"),
        ("event.exists(e, true)", "object"),
        ("subject.groups.exists(g, h == 'elderly')", "unknown variable `h`"),
        ("subject.groups.exists(event, event == 'elderly')", "taken"),
        ("call.phase == 'ongoin'", "never `ongoin`"),
        ("case.level in ['high', 'urgnet']", "never `urgnet`"),
        ("event", "object"),
        ("event.kind.length == 4", "no field `length`"),
        ("event[call.phase] == 'x'", "must be named"),
    ] {
        let refusal = refusal(when);
        assert!(refusal.contains(named), "{when}: {refusal}");
        assert!(refusal.contains("rules.toml:1: rule `r`"), "{when}: {refusal}");
    }
}

#[test]
fn types_that_clash_are_refused() {
    for when in [
        "event.confidence == 'high'",
        "event.confidence >= '0.9'",
        "call.live == 1",
        "call.live == 'true'",
        "transfer.amount_minor > '10000'",
        "event.kind == 3",
        "subject.groups == 'elderly'",
        "'elderly' in subject.area",
        "5 in subject.groups",
        "event.kind in [1, 2]",
        "event.kind in ['call', 2]",
        "event.confidence * 100 > 90.0",
        "transfer.currency + 1 == 'CNY1'",
        "transfer.currency && true",
        "!transfer.amount_minor",
        "-transfer.currency == 'x'",
        "transfer.amount_minor ? true : false",
        "call.live ? 1 : 'x'",
        "event.confidence",
        "'yes'",
        "null",
        "event.time > 'yesterday'",
        "event.time > 5",
        "event.time.getHours('east') > 5",
        "timestamp('noon') < event.time",
        "size(call.duration_s) > 1",
        "event.kind.startsWith(1)",
        "subject.groups < ['a']",
        "{'a': 1}['a'] == 1",
        "event.kind == b'call'",
        "subject.groups['a'] == 'b'",
    ] {
        let refusal = refusal(when);
        assert!(refusal.contains("rule `r`"), "{when}: {refusal}");
    }
}

#[test]
fn what_does_not_compile_is_refused() {
    for when in ["", " ", "event.kind ==", "(call.live", "call.live &&& true", "call.?live", "'", "{"] {
        let refusal = refusal(when);
        assert!(refusal.contains("rule `r`"), "{when}: {refusal}");
    }
}

#[test]
fn a_set_with_a_fault_is_refused_whole() {
    let rule = "id = \"a\"\nwhen = \"true\"\npoints = 1\nreason = { zh = \"一\", en = \"one\" }\n";
    let good = format!("[[rules]]\n{rule}");
    for (text, named) in [
        (format!("{good}{good}"), "rules.toml:6: rule `a`: another rule has the same id"),
        (format!("{good}[[rules]]\n{}", rule.replace("en = \"one\"", "en = \" \"")), "reason.en is missing"),
        (format!("[[rules]]\n{}", rule.replace("zh = \"一\", ", "")), "reason.zh is missing"),
        ("[[rules]]\nid = \"a\"\nwhen = \"true\"\npoints = 1\n".to_owned(), "reason.zh is missing"),
        (format!("[levels]\nurgent = 50\n{good}"), "descend"),
        (format!("[levels]\nhigh = 90\n{good}"), "descend"),
        (format!("[levels]\nmedium = 50\n{good}"), "descend"),
        (format!("[levels]\nlow = 5\n{good}"), "low"),
        (format!("{good}at_least = \"critical\"\n"), "unknown level `critical`"),
        (format!("{good}at_most = \"low\"\n"), "rule `a`: unknown field `at_most`"),
        (good.replace("points = 1", "points = 1.5"), "rule `a`"),
        (good.replace("points = 1\n", ""), "rule `a`: missing field `points`"),
        (good.replace("\"a\"", "\"a b\""), "an id is"),
        (good.replace("id = \"a\"\n", ""), "missing field `id`"),
        (String::new(), "there are no rules"),
        ("[[rules]\n".to_owned(), "rules.toml:1"),
        (format!("[[rule]]\n{rule}"), "rule"),
        (format!("{good}[[fraud_types]]\ncode = \"x\"\nzh = \"\"\nen = \"x\"\nsource_year = 2024\n"), "fraud type `x`"),
    ] {
        let refusal = RuleSet::load(&text, "rules.toml").expect_err(&text).to_string();
        assert!(refusal.contains(named), "{text}\n{refusal}");
    }
    let many = format!("[[rules]]\n{}", rule.replace("true", "evnt.kind == 1"))
        + &format!("[[rules]]\n{}", rule.replace("\"a\"", "\"b\"").replace("true", "call.x"));
    let error = RuleSet::load(&many, "rules.toml").unwrap_err();
    let rules: Vec<_> = error.faults.iter().filter_map(|fault| fault.rule.as_deref()).collect();
    let lines: Vec<_> = error.faults.iter().filter_map(|fault| fault.line).collect();
    assert_eq!((rules, lines), (vec!["a", "b"], vec![1, 6]));
}

#[test]
fn a_deep_expression_is_refused_and_does_not_break_the_stack() {
    for n in [200, 600, 2_000, 100_000] {
        for when in [
            format!("{}true{}", "(".repeat(n), ")".repeat(n)),
            format!("1{} == 1", "+1".repeat(n)),
            format!("event.kind{} == 1", ".a".repeat(n)),
            format!("{}1{} == []", "[".repeat(n), "]".repeat(n)),
            format!("true{}", " ? true : true".repeat(n)),
            format!("'a'{} == 1", ".size()".repeat(n)),
            format!("subject.groups{} == 1", "[0]".repeat(n)),
            format!("{}true{}", "subject.groups.all(g, ".repeat(n), ")".repeat(n)),
        ] {
            assert!(one(&when).is_err(), "{n}: {}", &when[..40]);
        }
    }
}
