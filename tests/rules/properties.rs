//! What must be so for any event, any expression and any file.

use golden_bell::core::directory::Areas;
use golden_bell::core::rules::RuleSet;
use proptest::prelude::*;
use serde_json::json;

use crate::scene::{SETTLES, Scene, call, one, shipped, transfer};

fn any_call() -> impl Strategy<Value = Scene> {
    let phase = prop::sample::select(vec!["initiated", "ringing", "answered", "ongoing", "ended", "busy"]);
    (phase, any::<String>(), prop::option::of(any::<u64>()), prop::option::of(0.0..=1.0f64), any::<u64>()).prop_map(
        |(phase, caller, duration_s, confidence, age_s)| {
            call()
                .with("phase", json!(phase))
                .with("caller", json!(caller))
                .with("duration_s", json!(duration_s))
                .with("suspicion/confidence", json!(confidence))
                .aged(age_s)
        },
    )
}

fn any_transfer() -> impl Strategy<Value = Scene> {
    let state = prop::sample::select(vec!["accepted", "settled", "reversed", "rejected"]);
    (state, any::<u64>(), any::<String>(), prop::option::of(any::<bool>()), any::<u64>(), any::<[u64; 4]>()).prop_map(
        |(state, amount, currency, first, age_s, counts)| {
            transfer()
                .with("state", json!(state))
                .with("amount_minor", json!(amount))
                .with("currency", json!(currency))
                .with("first_payment_to_payee", json!(first))
                .with("settles_at", json!(SETTLES))
                .aged(age_s)
                .case(|case| {
                    [case.calls_2h, case.transfers_2h, case.payees_2h, case.warnings] = counts;
                })
        },
    )
}

/// Expressions put together at random from words of the language, most of them wrong.
fn any_expression() -> impl Strategy<Value = String> {
    let words = [
        "event",
        "call",
        "case",
        ".",
        "kind",
        "live",
        "amount_minor",
        "calls_2h",
        "groups",
        "subject",
        "confidence",
        "==",
        "!=",
        ">=",
        "<",
        "&&",
        "||",
        "!",
        "in",
        "(",
        ")",
        "[",
        "]",
        ",",
        "?",
        ":",
        "null",
        "true",
        "'call'",
        "1",
        "0.5",
        "-",
        "+",
        "*",
        "size",
        "has",
        ".exists(g, g == 'x')",
        ".map(g, g)",
        "timestamp",
        "'",
        "{",
        "}",
        "event.kind == 'call'",
        "call.live",
        "transfer.amount_minor > 5",
        "subject.groups",
        "event.time",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 1..12).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn evaluating_never_panics(scene in prop_oneof![any_call(), any_transfer()]) {
        let rules = shipped();
        scene.judge(|facts| {
            let verdict = rules.evaluate(facts);
            let points: i64 = verdict.held.iter().map(|rule| i64::from(rule.points())).sum();
            prop_assert_eq!(i64::from(verdict.score), points.max(0));
            prop_assert!(verdict.level >= rules.levels().of(verdict.score));
            Ok(())
        })?;
    }

    #[test]
    fn any_text_is_read_or_refused(when in prop_oneof![any_expression(), any::<String>()]) {
        if let Ok(rules) = one(&when) {
            for scene in [call(), transfer()] {
                scene.judge(|facts| {
                    let verdict = rules.evaluate(facts);
                    prop_assert!(verdict.held.len() + verdict.failed.len() <= 1);
                    Ok(())
                })?;
            }
        }
    }

    #[test]
    fn any_file_is_read_or_refused(text in any::<String>()) {
        let _ = RuleSet::load(&text, "rules.toml").map(|rules| rules.rules().len());
        let _ = Areas::load(&text, "areas.toml").map(|areas| areas.all().len());
    }
}
