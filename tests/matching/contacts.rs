//! Trusted contacts and guardians (contract 2 and 5).

use golden_bell::core::matched::MAX_TRUSTED_CONTACTS;
use serde_json::{Value, json};

use crate::people::{apply, decide, index, member, registrant};
use crate::{called, plain};

fn person_ids(found: &Value) -> Vec<String> {
    let contacts = found["trusted_contacts"].as_array().unwrap();
    contacts.iter().map(|contact| contact["person_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn trusted_contacts_are_the_household_and_whoever_lists_the_subject() {
    let index = index();
    let own = json!({"accounts": ["6200000000000001"], "household": [
        {"member_id": "m2", "relation": "son", "phones": ["13100000012"]},
        {"member_id": "m1", "name": "测试亲", "consented_at": "2021-06-01T09:00:00+08:00"},
    ]});
    apply(&index, 1, &registrant("r-5", &["13100000001"], own));
    let listed = json!([
        {"member_id": "x", "relation": "friend", "phones": ["13100000077"]},
        {"member_id": "y", "relation": "father", "accounts": ["6200000000000001"]},
        {"member_id": "z", "relation": "boss", "phones": ["13100000001"]},
    ]);
    apply(&index, 1, &registrant("r-1", &["13100000071"], json!({"name": "测试甲", "household": listed})));
    apply(
        &index,
        1,
        &registrant(
            "r-9",
            &[],
            json!({"accounts": ["6200000000000009"], "household": [member("m", &["13100000012"])]}),
        ),
    );
    let found = decide(&index, &plain(), &called("13100000001")).matches().remove(0);
    assert_eq!(
        found["trusted_contacts"],
        json!([
            {"person_id": "r-1", "relation": "father", "name": "测试甲", "phone": "+8613100000071", "consented": false},
            {"person_id": "r-5/m1", "relation": null, "name": "测试亲", "phone": null, "consented": true},
            {"person_id": "r-5/m2", "relation": "son", "name": null, "phone": "+8613100000012", "consented": false},
        ])
    );
    // The member is listed twice, and both who list it are close to it.
    let found = decide(&index, &plain(), &called("13100000012")).matches().remove(0);
    assert_eq!(found["subject_id"], "r-5/m2");
    assert_eq!(person_ids(&found), ["r-5", "r-9"]);
}

#[test]
fn no_more_trusted_contacts_than_a_case_can_hold() {
    let index = index();
    apply(&index, 1, &registrant("r-00", &["13100000001"], json!({"household": [member("m", &[])]})));
    for n in (1..60).rev() {
        apply(
            &index,
            1,
            &registrant(&format!("r-{n:02}"), &["13100000009"], json!({"household": [member("m", &["13100000001"])]})),
        );
    }
    let found = decide(&index, &plain(), &called("13100000001")).matches().remove(0);
    let expected: Vec<_> =
        std::iter::once("r-00/m".to_owned()).chain((1..MAX_TRUSTED_CONTACTS).map(|n| format!("r-{n:02}"))).collect();
    assert_eq!(person_ids(&found), expected);
}

#[test]
fn of_a_minor_the_guardian_is_marked() {
    let index = index();
    let guardian = json!({"groups": ["student", "minor"], "household": [
        {"member_id": "m1", "guardian": true}, {"member_id": "m2"},
        {"member_id": "m3", "groups": ["minor"], "phones": ["13100000003"], "guardian": true},
    ]});
    apply(&index, 1, &registrant("r-1", &["13100000001"], guardian));
    apply(&index, 1, &registrant("r-2", &["13100000002"], json!({"household": [member("m", &["13100000003"])]})));
    let guardians = |phone: &str| -> (bool, Vec<String>) {
        let found = decide(&index, &plain(), &called(phone)).matches().remove(0);
        let contacts = found["trusted_contacts"].as_array().unwrap().clone();
        let marked = contacts.iter().filter(|contact| contact["guardian"] == json!(true));
        (
            found["subject"]["minor"].as_bool().unwrap(),
            marked.map(|contact| contact["person_id"].as_str().unwrap().to_owned()).collect(),
        )
    };
    assert_eq!(guardians("13100000001"), (true, vec!["r-1/m1".to_owned(), "r-1/m3".to_owned()]));
    assert_eq!(guardians("13100000003"), (true, vec!["r-1".to_owned()]));
    assert_eq!(guardians("13100000002"), (false, vec![]));
}

#[test]
fn a_contact_who_is_a_minor_brings_the_guardians_who_consented() {
    let index = index();
    let consented = "2021-06-01T09:00:00+08:00";
    let child = json!({"groups": ["minor"], "consented_at": consented, "household": [
        {"member_id": "m0", "relation": "grandson", "phones": ["13100000001"], "guardian": true, "consented_at": consented},
        {"member_id": "m1", "name": "测试亲", "phones": ["13100000021"], "guardian": true, "consented_at": consented},
        {"member_id": "m2", "phones": ["13100000022"], "guardian": true},
        {"member_id": "m3", "groups": ["minor"], "guardian": true, "consented_at": consented},
        {"member_id": "m4", "phones": ["13100000024"], "consented_at": consented},
        {"member_id": "m5", "phones": ["13100000025", "13100000001"], "guardian": true, "consented_at": consented},
    ]});
    apply(&index, 1, &registrant("r-2", &["13100000002"], child));
    let own = json!({"household": [{"member_id": "m1", "groups": ["minor"], "phones": ["13100000003"]}]});
    apply(&index, 1, &registrant("r-1", &["13100000001"], own));
    let found = decide(&index, &plain(), &called("13100000001")).matches().remove(0);
    assert_eq!(
        found["trusted_contacts"],
        json!([
            {"person_id": "r-1/m1", "relation": null, "name": null, "phone": "+8613100000003", "consented": false,
             "minor": true},
            {"person_id": "r-2", "relation": "grandson", "name": null, "phone": "+8613100000002", "consented": true,
             "minor": true, "guardians": [{"person_id": "r-2/m1", "name": "测试亲", "phone": "+8613100000021"}]},
        ])
    );
}
