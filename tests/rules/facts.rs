//! The facts taken out of a match.

use golden_bell::core::rules::age_s;
use serde_json::json;

use crate::scene::{SETTLES, call, shipped, transfer};

#[test]
fn facts_of_a_call() {
    let scene =
        call().with("caller", json!("0096890000000")).with("phase", json!("ongoing")).with("duration_s", json!(1080.7));
    scene.judge(|facts| {
        assert_eq!(facts.call.live, Some(true));
        assert_eq!(facts.call.duration_s, Some(1080));
        assert_eq!(facts.call.forwarded, Some(false));
        assert_eq!(facts.suspect.overseas, Some(true));
        assert_eq!(facts.transfer.state, None);
        assert_eq!(facts.subject.area, Some("kfq/huangchengli"));
    });
    // The other side is the callee where the caller is at risk.
    let returned = call()
        .with("victim", json!("caller"))
        .with("caller", json!("13123456789"))
        .with("callee", json!("+85223456789"));
    returned.judge(|facts| assert_eq!(facts.suspect.overseas, Some(true)));
    let phases = ["initiated", "ringing", "answered", "ongoing", "ended", "busy", "failed", "forwarded"];
    for phase in phases {
        let live = matches!(phase, "answered" | "ongoing");
        call().with("phase", json!(phase)).judge(|facts| {
            assert_eq!(facts.call.live, Some(live), "{phase}");
            assert_eq!(facts.call.forwarded, Some(phase == "forwarded"), "{phase}");
        });
    }
}

#[test]
fn facts_of_a_transfer() {
    let accepted = transfer().with("state", json!("accepted"));
    accepted.judge(|facts| {
        assert_eq!(facts.transfer.reversible, None, "nobody says when it settles");
        assert_eq!(facts.suspect.withheld, None);
        assert_eq!(facts.call.live, None);
        assert_eq!(facts.transfer.amount_minor, Some(10_000));
    });
    let dated = accepted.with("settles_at", json!(SETTLES));
    for (age_s, reversible) in [(0, true), (86_399, true), (86_400, false), (u64::MAX, false)] {
        let scene = dated.clone().aged(age_s);
        scene.judge(|facts| assert_eq!(facts.transfer.reversible, Some(reversible), "{age_s}"));
    }
    for state in ["settled", "reversed", "rejected"] {
        let scene = dated.clone().with("state", json!(state));
        scene.judge(|facts| assert_eq!(facts.transfer.reversible, Some(false), "{state}"));
    }
    let huge = transfer().with("amount_minor", json!(u64::MAX));
    assert!(huge.holds("transfer.amount_minor >= 10000000"));
}

#[test]
fn the_age_of_an_event_is_never_below_zero() {
    let time = "2021-07-15T14:21:10+08:00".parse().unwrap();
    let at = |text: &str| text.parse().unwrap();
    assert_eq!(age_s(time, at("2021-07-15T06:31:10.900Z")), 600);
    assert_eq!(age_s(time, at("2021-07-15T06:20:00Z")), 0);
}

#[test]
fn a_rule_set_is_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&shipped());
}
