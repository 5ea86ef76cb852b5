//! Allow-list and tokens: identifiers in all their forms, on either side (contract 4 and 5).

use golden_bell::core::identifier::IdentifierKind;
use golden_bell::core::matching::{AllowList, BadAllowEntry};
use serde_json::json;

use crate::people::{Decided, apply, call, decide, index, index_with_tokens, member, registrant, token_key, transfer};
use crate::{allowing, called, plain, subject_ids};

#[test]
fn a_known_good_other_side_is_allowed_but_a_bad_victim_is_refused_first() {
    let index = index();
    apply(&index, 1, &registrant("r-1", &["13100000001", "13900000000"], json!({"accounts": ["6200000000000001"]})));
    let settings = allowing(
        &index,
        &["96110", "0571-88888888", "13900000000"],
        &["+8695", "955", "+968"],
        &["6217 0000 0000 0009"],
    );
    let from = |caller: &str| decide(&index, &settings, &call(caller, "13100000001", json!({})));
    for caller in [
        "96110",
        "057188888888",
        "+86 571 88888888",
        "+8613900000000",
        "13900000000",
        "955",
        "95588",
        "+96890000000",
        "0096890000000",
    ] {
        assert_eq!(from(caller), Decided::Allowed, "{caller}");
    }
    for caller in [
        "",
        "unknown",
        "9611",
        "96111",
        "+9711234567",
        "13100000001",
        "+8613900000001",
        "057188888889",
        "１３９００００００００1",
    ] {
        assert_eq!(from(caller).subject_ids(), ["r-1"], "{caller}");
    }
    assert_eq!(from("１３９００００００００"), Decided::Allowed);
    let pays = |payee: &str| decide(&index, &settings, &transfer(json!({"account": "6200000000000001"}), payee));
    assert_eq!(pays("6217-0000-0000-0009"), Decided::Allowed);
    assert_eq!(pays("6217000000000008").subject_ids(), ["r-1"]);
    assert_eq!(pays("96110").subject_ids(), ["r-1"]);
    // It is the other side that counts, and the identifier comes first.
    assert_eq!(decide(&index, &settings, &call("13100000001", "96110", json!({"victim": "caller"}))), Decided::Allowed);
    assert_eq!(decide(&index, &settings, &call("", "13900000000", json!({}))).subject_ids(), ["r-1"]);
    assert_eq!(decide(&index, &settings, &call("96110", "unknown", json!({}))), Decided::Rejected);
    assert_eq!(
        decide(&index, &settings, &call("96110", "13500000000", json!({"victim_area": "kfq"}))),
        Decided::Allowed
    );
}

#[test]
fn the_allow_list_refuses_what_can_never_match() {
    let index = index();
    assert_eq!(AllowList::new(&index, &["call"], &[], &[]).unwrap_err(), BadAllowEntry::Phone("call".into()));
    for prefix in ["", "+", "+86 95", "x"] {
        assert_eq!(AllowList::new(&index, &[], &[prefix], &[]).unwrap_err(), BadAllowEntry::Prefix(prefix.into()));
    }
    assert_eq!(AllowList::new(&index, &[], &[], &["1"]).unwrap_err(), BadAllowEntry::PayeeAccount("1".into()));
}

#[test]
fn token_and_clear_match_each_other_in_all_four_combinations() {
    let index = index_with_tokens();
    let token = |kind, normal: &str| token_key().token_of(kind, normal).to_string();
    let phone = |normal: &str| token(IdentifierKind::Phone, normal);
    let account = token(IdentifierKind::Account, "6200000000000005");
    apply(&index, 1, &registrant("r-clear", &["13100000001"], json!({"accounts": ["6200000000000005"]})));
    apply(
        &index,
        1,
        &registrant(
            "r-token",
            &[&phone("+8613100000002")],
            json!({"household": [member("m", &[&phone("+8613100000003")])]}),
        ),
    );
    for written in ["13100000001", &phone("+8613100000001")] {
        assert_eq!(subject_ids(&index, &called(written)), ["r-clear"]);
    }
    for written in ["13100000002", &phone("+8613100000002")] {
        assert_eq!(subject_ids(&index, &called(written)), ["r-token"]);
    }
    for written in ["13100000003", &phone("+8613100000003")] {
        assert_eq!(subject_ids(&index, &called(written)), ["r-token/m"]);
    }
    for written in ["6200-0000-0000-0005", account.as_str()] {
        assert_eq!(subject_ids(&index, &transfer(json!({"account": written}), "?")), ["r-clear"]);
    }
    // What may be shown of a token is the token.
    let found = decide(&index, &plain(), &called("13100000002")).matches();
    assert_eq!(found[0]["subject"]["phone"], json!(phone("+8613100000002")));
    // Outside the register a token names the same subject as the clear form.
    let precise = |written: &str| subject_ids(&index, &call("", written, json!({"victim_area": "kfq"})));
    assert_eq!(precise("13100000009"), precise(&phone("+8613100000009")));
    let allow = allowing(&index, &["96110", &phone("+8613100000009")], &[], &[&account]);
    assert_eq!(decide(&index, &allow, &call(&phone("96110"), "13100000001", json!({}))), Decided::Allowed);
    assert_eq!(decide(&index, &allow, &call("13100000009", "13100000001", json!({}))), Decided::Allowed);
    assert_eq!(decide(&index, &allow, &transfer(json!({"account": account}), "6200000000000005")), Decided::Allowed);
}

#[test]
fn with_tokens_off_a_token_is_no_usable_identifier() {
    let index = index();
    let written = token_key().token_of(IdentifierKind::Phone, "+8613100000001").to_string();
    assert_eq!(decide(&index, &plain(), &called(&written)), Decided::Rejected);
    assert_eq!(
        decide(&index, &plain(), &transfer(json!({"account": "6200000000000005", "phone": written}), "?")),
        Decided::Unmatched
    );
}
