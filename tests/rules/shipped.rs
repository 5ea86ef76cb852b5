//! The rules as they are shipped: each of them, what they add up to, and what level that gives.

use golden_bell::core::rules::{Level, RuleSet};
use serde_json::json;

use crate::scene::{SETTLES, SHIPPED, Scene, call, shipped, transfer};

/// For every shipped rule an event for which it holds, and the same event short of what the rule asks for.
fn examples() -> Vec<(&'static str, Scene, Scene)> {
    let confidence = |value: f64| call().with("suspicion/confidence", json!(value));
    let fraud = |scene: Scene, code: &str| scene.with("suspicion/fraud_type", json!(code));
    let phase = |phase: &str| call().with("phase", json!(phase));
    let lasting = |seconds: u64| phase("ended").with("duration_s", json!(seconds));
    let caller = |number: &str| call().with("caller", json!(number));
    let amount = |minor: u64| transfer().with("amount_minor", json!(minor));
    let accepted = || transfer().with("state", json!("accepted")).with("settles_at", json!(SETTLES));
    let smallest = |scene: Scene, minor: u64| scene.case(|case| case.smallest_2h_minor = Some(minor));
    let warned = |scene: Scene| scene.case(|case| case.warnings = 1);
    let first = |first: bool| transfer().with("first_payment_to_payee", json!(first));
    vec![
        ("confidence_high", confidence(0.9), confidence(0.89)),
        ("confidence_medium", confidence(0.7), confidence(0.9)),
        ("confidence_low", confidence(0.5), confidence(0.49)),
        (
            "involved_list",
            call().with("suspicion/list", json!("involved_number")),
            call().with("suspicion/list", json!("complaints")),
        ),
        ("fraud_type_named", fraud(call(), "romance"), fraud(call(), "other")),
        ("fraud_type_fast", fraud(transfer(), "impersonating_authorities"), fraud(transfer(), "romance")),
        (
            "fraud_type_fits_group",
            fraud(call().groups(&["student"]), "brushing_rebate"),
            fraud(call().groups(&["student"]), "game_trade"),
        ),
        ("live_call", phase("ongoing").aged(599), phase("ongoing").aged(600)),
        ("long_call", lasting(300), lasting(299)),
        ("very_long_call", lasting(900), lasting(899)),
        ("overseas_caller", caller("+96890000000"), caller("+8613805791234")),
        ("withheld_caller", caller("unknown"), call()),
        ("virtual_range", caller("17012345678"), call()),
        ("forwarded_call", call().with("forwarded_to", json!("13900000000")), call()),
        ("call_then_transfer", transfer().case(|case| case.call_before_transfer_2h = true), transfer()),
        ("large_amount", amount(1_000_000), amount(999_999)),
        ("very_large_amount", amount(10_000_000), amount(9_999_999)),
        ("first_payment", first(true), first(false)),
        ("rising_series", transfer().case(|case| case.rising_2h = true), transfer()),
        ("test_then_large", smallest(amount(1_000_000), 1_999), smallest(amount(1_000_000), 2_000)),
        ("several_payees", transfer().case(|case| case.payees_2h = 2), transfer()),
        ("still_reversible", accepted(), accepted().aged(86_400)),
        ("group_prior_victim", call().groups(&["prior_victim"]), call().groups(&["elderly"])),
        ("group_vulnerable", call().groups(&["student", "elderly"]), call().groups(&["student"])),
        ("repeat_after_contact", call().case(|case| case.contacts = 1), call()),
        ("warning_ignored", warned(accepted()), warned(transfer())),
        ("dissuaded_before", call().case(|case| case.dissuaded_before = true), call()),
        ("refused_before", call().case(|case| case.refused_before = true), call()),
        ("busy_line", call().case(|case| case.line_busy = true), call()),
    ]
}

#[test]
fn every_shipped_rule_holds_where_it_should_and_not_where_it_should_not() {
    let rules = shipped();
    let examples = examples();
    for (id, yes, no) in &examples {
        assert!(yes.held(&rules).iter().any(|held| held == id), "{id} should hold");
        assert!(!no.held(&rules).iter().any(|held| held == id), "{id} should not hold");
    }
    let tested: Vec<_> = examples.iter().map(|(id, ..)| *id).collect();
    let all: Vec<_> = rules.rules().iter().map(|rule| rule.id()).collect();
    assert_eq!(tested, all);
}

#[test]
fn the_shipped_rules_weigh_sensibly() {
    let rules = shipped();
    let overseas = call()
        .with("phase", json!("ongoing"))
        .with("duration_s", json!(1080))
        .with("caller", json!("+96890000000"))
        .with("suspicion/list", json!("involved_number"));
    assert_eq!(overseas.score(&rules), (85, Level::Urgent));
    assert_eq!(call().score(&rules), (0, Level::Low));
    let doubtful = call().with("suspicion/confidence", json!(0.3)).with("suspicion/fraud_type", json!("fake_loan"));
    assert_eq!(doubtful.score(&rules), (5, Level::Low));
    let answered = call().with("phase", json!("answered")).with("suspicion/confidence", json!(0.93));
    assert_eq!(answered.score(&rules), (50, Level::High));
    let drained = transfer()
        .with("state", json!("accepted"))
        .with("settles_at", json!(SETTLES))
        .with("amount_minor", json!(1_000_000))
        .with("suspicion/confidence", json!(0.9))
        .with("suspicion/list", json!("involved_account"));
    assert_eq!(drained.score(&rules), (80, Level::Urgent));
}

#[test]
fn floors_lift_an_event_whatever_its_score() {
    let rules = shipped();
    let scene = transfer().case(|case| case.call_before_transfer_2h = true);
    assert_eq!(scene.score(&rules), (40, Level::Urgent));
    assert_eq!(call().case(|case| case.line_busy = true).score(&rules), (30, Level::Urgent));

    let rule = |id: &str, floor: &str| {
        format!(
            "[[rules]]\nid = \"{id}\"\nwhen = \"true\"\npoints = 1\nat_least = \"{floor}\"\n\
             reason = {{ zh = \"一\", en = \"one\" }}\n"
        )
    };
    let text = rule("a", "medium") + &rule("b", "high") + &rule("c", "low");
    let rules = RuleSet::load(&text, "rules.toml").unwrap();
    assert_eq!(call().score(&rules), (3, Level::High));
    assert_eq!(rules.rule("b").unwrap().at_least(), Some(Level::High));
}

#[test]
fn scores_add_up_but_not_below_zero_and_levels_follow() {
    let rule = |id: &str, points: i32| {
        format!(
            "[[rules]]\nid = \"{id}\"\nwhen = \"event.kind == 'call'\"\npoints = {points}\n\
             reason = {{ zh = \"一\", en = \"one\" }}\n"
        )
    };
    for (points, expected) in [
        ([10, -30], (0, Level::Low)),
        ([30, -6], (24, Level::Low)),
        ([20, 5], (25, Level::Medium)),
        ([40, 10], (50, Level::High)),
        ([40, 40], (80, Level::Urgent)),
        ([i32::MAX, i32::MAX], (4_294_967_294, Level::Urgent)),
    ] {
        let text = rule("a", points[0]) + &rule("b", points[1]);
        let rules = RuleSet::load(&text, "rules.toml").unwrap();
        assert_eq!(call().score(&rules), expected);
    }
    let text = format!("[levels]\nurgent = 3\nhigh = 2\nmedium = 1\n{}", rule("a", 2));
    let rules = RuleSet::load(&text, "rules.toml").unwrap();
    assert_eq!(call().score(&rules), (2, Level::High));
    assert_eq!(rules.levels().of(0), Level::Low);
}

#[test]
fn the_version_follows_the_content() {
    let rules = shipped();
    assert_eq!(rules.version().len(), 16);
    assert_eq!(rules.version(), shipped().version());
    let other = RuleSet::load(&SHIPPED.replace("points = 25", "points = 26"), "x").unwrap();
    assert_ne!(rules.version(), other.version());
}

#[test]
fn fraud_types_have_names_and_unknown_codes_show_as_they_are() {
    let rules = shipped();
    let types = rules.fraud_types();
    assert_eq!(types.all().len(), 11);
    assert_eq!(types.zh("fake_customer_service"), "冒充电商物流客服");
    assert_eq!(types.get("romance").unwrap().source_year, 2024);
    assert_eq!((types.zh("ticket_swap"), types.en("ticket_swap")), ("ticket_swap", "ticket_swap"));
}

#[test]
fn every_shipped_rule_speaks_both_languages() {
    for rule in shipped().rules() {
        assert!(rule.reason().zh.chars().any(|c| c > '\u{2e7f}'), "{}", rule.id());
        assert!(rule.reason().en.is_ascii(), "{}", rule.id());
    }
}
