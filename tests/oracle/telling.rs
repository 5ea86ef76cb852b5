//! Which transfers must be told, may be, and must not.

use serde_json::json;

use crate::support::model::{FeedRecord, Record, Settings, Telling, expect};

fn registrant() -> Vec<Record> {
    let value = json!({
        "registrant_id": "r-1", "phones": ["13805791234"], "area": "kfq",
        "registered_at": "2021-06-01T09:00:00+08:00",
    });
    let record = FeedRecord {
        topic: "registrants",
        key: Some(b"r-1".to_vec()),
        headers: Vec::new(),
        value: Some(value.to_string().into_bytes()),
    };
    vec![record.at(0, 0, 0)]
}

/// One event of transfer T1: its state, the second it happened, and where it lies.
fn news(id: &str, state: &str, second: u32, partition: i32, offset: i64) -> Record {
    let value = json!({
        "specversion": "1.0", "id": id, "source": "bank", "type": "golden-bell.transfer.v1",
        "time": format!("2021-07-15T06:00:{second:02}Z"),
        "data": {
            "transfer_id": "T1", "state": state, "payer": {"phone": "+86 138 0579 1234"},
            "payee": {"account": "x"}, "amount_minor": 1, "currency": "CNY",
        },
    });
    let value = Some(value.to_string().into_bytes());
    FeedRecord { topic: "transfers", key: None, headers: Vec::new(), value }.at(partition, offset, 0)
}

fn judged(events: &[Record]) -> (bool, Telling) {
    let expected = expect(&Settings::default(), &registrant(), events);
    let subject = &expected.subjects["r-1"];
    (subject.opened, subject.transfers[&("bank".to_owned(), "T1".to_owned())])
}

#[test]
fn a_transfer_is_told_if_it_was_ever_known_as_accepted() {
    let must = (true, Telling::Must);
    assert_eq!(judged(&[news("1", "accepted", 1, 0, 0)]), must);
    assert_eq!(judged(&[news("1", "settled", 1, 0, 0)]), must);
    // The acceptance is read before the reversal: same partition.
    assert_eq!(judged(&[news("1", "accepted", 1, 0, 0), news("2", "reversed", 2, 0, 1)]), must);
    // An acceptance later than the rejection, by time, wherever each lies.
    assert_eq!(judged(&[news("1", "rejected", 1, 0, 0), news("2", "accepted", 2, 1, 0)]), must);
    // At the same time the greater id in byte order is the later.
    assert_eq!(judged(&[news("10", "rejected", 1, 0, 0), news("9", "accepted", 1, 1, 0)]), must);
}

#[test]
fn where_the_order_decides_both_are_right() {
    let may = (true, Telling::May);
    // Different partitions: the reversal may be read first, and the older acceptance then changes nothing.
    assert_eq!(judged(&[news("1", "accepted", 1, 0, 0), news("2", "reversed", 2, 1, 0)]), may);
    // The reversal is read first for sure; it counts only if a case was there to keep it.
    assert_eq!(judged(&[news("2", "reversed", 2, 0, 0), news("1", "accepted", 1, 0, 1)]), may);
    // A copy in another partition unties the order.
    let copies = [news("1", "accepted", 1, 0, 0), news("2", "reversed", 2, 0, 1), news("2", "reversed", 2, 1, 0)];
    assert_eq!(judged(&copies), may);
}

#[test]
fn a_transfer_that_never_went_through_opens_and_tells_nothing() {
    let never = (false, Telling::MustNot);
    assert_eq!(judged(&[news("1", "rejected", 1, 0, 0)]), never);
    assert_eq!(judged(&[news("1", "reversed", 1, 0, 0), news("2", "rejected", 2, 0, 1)]), never);
}
