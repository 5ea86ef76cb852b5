//! What the index says it takes, against what the allocator says. A binary of its own, because it counts every byte
//! of the process.

#[path = "support/allocator.rs"]
mod allocator;
#[path = "support/people.rs"]
mod people;

use allocator::{Counting, exactly};
use golden_bell::core::event::EventKind;
use golden_bell::core::matching::{AllowList, MatchSettings, Matcher, Outcome, stage1};
use people::{apply, areas, call, event, index, now, token_key, transfer};
use serde_json::json;

#[global_allocator]
static COUNTING: Counting = Counting::new(exactly);

fn person(n: usize) -> serde_json::Value {
    json!({
        "registrant_id": format!("r-{n:06}"), "name": "测试人",
        "phones": [format!("131{n:08}")], "accounts": [format!("62{n:014}")],
        "area": format!("kfq/area-{}", n % 40), "workplace": "kfq/heyan-works", "groups": ["prior_victim"],
        "language": "zh-yongkang",
        "household": [{"member_id": "m1", "name": "测试亲", "relation": "mother", "phones": [format!("133{n:08}")],
            "groups": ["elderly"], "guardian": false, "consented_at": "2021-06-02T09:00:00+08:00"}],
        "channel": "officer_qr", "consented_at": "2021-06-01T09:00:00+08:00",
        "registered_at": "2021-06-01T09:00:00+08:00"
    })
}

#[test]
fn index_bytes_is_honest() {
    let _alone = COUNTING.alone();
    for registrants in [0, 1_000, 120_000] {
        let before = COUNTING.live();
        let index = index();
        let check = |what: &str| {
            let taken = COUNTING.live() - before;
            let told = index.index_bytes();
            println!("{registrants} {what}: told {told}, taken {taken}, {} a registrant", taken / registrants.max(1));
            assert!(told.abs_diff(taken) * 10 <= taken, "{registrants} {what}: told {told}, taken {taken}");
        };
        for n in 0..registrants {
            apply(&index, n as i64, &person(n));
        }
        check("filled");
        for n in (0..registrants).step_by(2) {
            index.withdraw(&format!("r-{n:06}"));
        }
        check("half withdrawn");
        // One identifier that many list.
        for n in (0..registrants).step_by(4) {
            let mut person = person(n);
            person["household"][0]["phones"] = json!(["13300000000"]);
            apply(&index, n as i64, &person);
        }
        check("shared");
    }
}

#[test]
fn an_unmatched_event_allocates_nothing() {
    let _alone = COUNTING.alone();
    let index = index();
    for n in 0..1_000 {
        apply(&index, n as i64, &person(n));
    }
    let allow = AllowList::new(&index, &["96110"], &["+8695"], &["6217000000000000009"]).unwrap();
    let settings = MatchSettings { allow, ..MatchSettings::default() };
    let (areas, token_key) = (areas(), token_key());
    let matcher = Matcher { index: &index, settings: &settings, areas: &areas, token_key: &token_key };
    let more = json!({
        "victim": "callee", "started_at": "2021-07-15T14:03:10+08:00", "duration_s": 1080.5, "victim_area": "elsewhere",
        "suspicion": {"confidence": 0.93, "fraud_type": "fake_customer_service", "list": "involved_number"}
    });
    let payer = json!({"account": "6200 0000 0099 9999", "phone": "13900000000", "name": "张*"});
    let binary = [
        ("ce_specversion", "1.0"),
        ("ce_id", "e-1"),
        ("ce_source", "urn:operator:a"),
        ("ce_type", "golden-bell.call.v1"),
        ("ce_time", "2021-07-15T14:03:30+08:00"),
    ];
    let data = call("+96890000000", "13900000000", more.clone());
    let bare = data.to_string();
    let (_, whole_call) = event(&data);
    let (_, whole_transfer) = event(&transfer(payer, "6217000000000000004"));
    let run = |kind, headers: &[(&'static str, &'static str)], value: &str| {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        let before = COUNTING.allocations();
        let done = stage1(kind, headers, Some(value.as_bytes()), &matcher, now());
        assert!(matches!(done.outcome, Outcome::Unmatched(_)), "{:?}", done.outcome);
        drop(done);
        COUNTING.allocations() - before
    };
    // The first run fills what is made once in a process.
    for allowed in [usize::MAX, 0] {
        assert!(run(EventKind::Call, &binary, &bare) <= allowed);
        assert!(run(EventKind::Call, &[], &whole_call) <= allowed);
        assert!(run(EventKind::Transfer, &[], &whole_transfer) <= allowed);
    }
}
