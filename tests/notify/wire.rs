//! Notifications and deliveries as they stand in their topics.

use chrono::{TimeDelta, Utc};
use golden_bell::core::case_engine::FailedDelivery;
use golden_bell::core::notification::{
    Channel, Delivery, DeliveryReason, DeliveryState, MAX_SUMMARY_LINES, Notification,
};
use serde_json::json;

use super::sample::notification;

#[test]
fn a_notification_comes_back_as_it_was_written() {
    let written = notification(json!({"recipient": {"kind": "guardian", "address": "13123456789"}, "merged": ["n-1"]}));
    let value = serde_json::to_vec(&written).unwrap();
    assert_eq!(Notification::decode(&value).unwrap(), written);
}

#[test]
fn a_bad_notification_is_refused_without_saying_what_it_holds() {
    for value in ["[]", "{}", r#"{"destination":"secret-name","level":"13123456789"}"#, "13123456789"] {
        let error = Notification::decode(value.as_bytes()).unwrap_err();
        assert!(error.starts_with("not a notification: line 1, column"), "{error}");
        assert!(!error.contains("13123456789") && !error.contains("secret"), "{error}");
    }
}

#[test]
fn a_failed_delivery_is_what_the_cases_read() {
    let notification = notification(json!({}));
    let at = Utc::now();
    let delivery = Delivery {
        attempts: 3,
        reason: Some(DeliveryReason::Refused),
        ..Delivery::of(&notification, Channel::Webhook, DeliveryState::FailedPerm, at)
    };
    let value = serde_json::to_value(&delivery).unwrap();
    assert_eq!(value["state"], "failed_perm");
    assert_eq!(value["reason"], "refused");
    let read: FailedDelivery = serde_json::from_value(value).unwrap();
    assert_eq!(read.notification_id, notification.notification_id);
    assert_eq!((read.warning_id.as_str(), read.case_id.as_str(), read.subject_id.as_str()), ("c-1-1", "c-1", "r-c-1"));
}

#[test]
fn a_summary_tells_of_all_the_most_urgent_first_under_an_id_of_its_own() {
    let one = |n: u32, level: &str, urgent: bool| {
        let masked = format!("王* 131****000{n}");
        notification(json!({
            "notification_id": format!("n-{n}"), "case_id": format!("c-{n}"), "level": level, "urgent": urgent,
            "subject_masked": masked, "created_at": format!("2021-07-15T06:00:0{n}Z"),
        }))
    };
    let items = [one(1, "low", false), one(2, "urgent", true), one(3, "high", false)];
    let summary = Notification::summary(&items).unwrap();
    assert!(summary.notification_id.starts_with("s-") && summary.notification_id.len() == 34);
    assert_eq!((summary.title.zh.as_str(), summary.title.en.as_str()), ("3 条预警", "3 warnings"));
    assert_eq!(
        summary.text,
        "[紧急] 黄城里，王* 131****0002，c-2\n[高] 黄城里，王* 131****0003，c-3\n[低] 黄城里，王* 131****0001，c-1"
    );
    assert_eq!(summary.merged, ["n-2", "n-3", "n-1"]);
    assert!(summary.urgent);
    let other_order = [items[2].clone(), items[0].clone(), items[1].clone()];
    assert_eq!(Notification::summary(&other_order).unwrap().notification_id, summary.notification_id);
    assert_ne!(Notification::summary(&items[..2]).unwrap().notification_id, summary.notification_id);

    let many: Vec<Notification> = (0..30).map(|n| one(n % 10, "low", false)).collect();
    let lines = Notification::summary(&many).unwrap().text;
    assert_eq!(lines.lines().count(), MAX_SUMMARY_LINES + 1);
    assert!(lines.ends_with("另有 10 条"), "{lines}");
    assert_eq!(Notification::summary(&[]), None);
}

#[test]
fn the_earlier_of_two_deadlines_holds() {
    let hour = TimeDelta::hours(1);
    let free = notification(json!({}));
    assert_eq!(free.deadline(hour), free.created_at + hour);
    let bound = notification(json!({"give_up_after": "2021-07-15T06:10:00Z"}));
    assert_eq!(bound.deadline(hour), bound.give_up_after.unwrap());
    assert_eq!(bound.deadline(TimeDelta::minutes(1)), bound.created_at + TimeDelta::minutes(1));
    assert!(free.deadline(TimeDelta::MAX) > free.created_at);
}
