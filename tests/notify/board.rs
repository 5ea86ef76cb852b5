//! Which alerts an Alertmanager is told of a case, whatever order its notifications are read in.

use chrono::{DateTime, TimeDelta, Utc};
use golden_bell::config::DestinationConfig;
use golden_bell::core::notification::Notification;
use golden_bell::notify::alertmanager::{Alert, request};
use golden_bell::notify::board::Board;
use serde_json::json;

use super::sample::{destination, notification};

fn am() -> DestinationConfig {
    destination("kind = \"alertmanager\"\nurl = \"http://127.0.0.1:9093/\"\nallow_private = \"on\"\ntoken = \"t\"")
}

fn now() -> DateTime<Utc> {
    "2021-07-15T07:00:00Z".parse().unwrap()
}

fn told(sequence: u64, level: &str, open: bool) -> Notification {
    notification(json!({"sequence": sequence, "level": level, "case_open": open}))
}

/// Level and whether it fires, of each alert told of the case.
fn shown(board: &Board) -> Vec<(String, bool)> {
    let alerts = board.alerts("c-1", &am(), now());
    let mut shown: Vec<_> = alerts.iter().map(|alert| (alert.labels["level"].clone(), fires(alert))).collect();
    shown.sort();
    shown
}

fn fires(alert: &Alert) -> bool {
    alert.ends_at > now()
}

fn pairs(expected: &[(&str, bool)]) -> Vec<(String, bool)> {
    expected.iter().map(|(level, fires)| ((*level).to_owned(), *fires)).collect()
}

#[test]
fn an_alert_has_the_labels_routes_go_by_and_an_end_of_its_own() {
    let mut board = Board::default();
    board.take(&told(1, "urgent", true));
    let alerts = board.alerts("c-1", &am(), now());
    let made = request(&am(), &alerts);
    assert_eq!(made.url, "http://127.0.0.1:9093/api/v2/alerts");
    assert!(made.headers.contains(&("authorization", "Bearer t".to_owned())));
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&made.body).unwrap(),
        json!([{
            "labels": {
                "alertname": "GoldenBellCase", "case_id": "c-1", "level": "urgent", "severity": "critical",
                "area": "kfq/huangchengli", "runbook": "https://runbooks.example/fake-customer-service",
            },
            "annotations": {
                "summary": "高：冒充客服，黄城里", "description": "张* 131****6789 正在通话，请立即联系。",
                "area_name": "黄城里", "subject": "张* 131****6789", "warning_id": "c-1-1", "cause": "opened",
            },
            "startsAt": "2021-07-15T06:03:10Z",
            "endsAt": "2021-07-15T07:04:00Z",
        }])
    );
}

#[test]
fn the_newest_word_counts_in_whatever_order_it_comes() {
    let words = [told(1, "medium", true), told(2, "high", true), told(2, "high", false)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut board = Board::default();
        order.iter().for_each(|&n| board.take(&words[n]));
        assert_eq!(shown(&board), pairs(&[("high", false), ("medium", false)]), "{order:?}");
        assert_eq!(board.open(), 0);
    }
}

#[test]
fn a_level_that_rises_ends_the_alert_of_the_old_level() {
    let mut board = Board::default();
    board.take(&told(1, "medium", true));
    assert_eq!(shown(&board), pairs(&[("medium", true)]));
    board.take(&told(2, "urgent", true));
    board.take(&told(2, "urgent", true));
    assert_eq!(shown(&board), pairs(&[("medium", false), ("urgent", true)]));
}

#[test]
fn a_case_reopened_fires_again() {
    let mut board = Board::default();
    board.take(&told(1, "high", true));
    board.take(&told(1, "high", false));
    assert_eq!(shown(&board), pairs(&[("high", false)]));
    board.take(&told(2, "high", true));
    assert_eq!(shown(&board), pairs(&[("high", true)]));
}

#[test]
fn open_cases_are_due_until_told_and_again_after_a_while_and_only_to_their_owner() {
    let (config, mut board) = (am(), Board::default());
    board.take(&told(1, "high", true));
    let due = |board: &Board, at: DateTime<Utc>, mine: bool| board.due(&config, at, |_| mine, 10).len();
    assert_eq!((due(&board, now(), true), due(&board, now(), false)), (1, 0));
    board.told("c-1", now());
    assert_eq!(due(&board, now() + TimeDelta::seconds(59), true), 0);
    assert_eq!(due(&board, now() + TimeDelta::seconds(60), true), 1);
    board.take(&told(1, "high", false));
    assert_eq!(due(&board, now() + TimeDelta::seconds(60), true), 0);
    board.forget_closed(now());
    assert_eq!(shown(&board).len(), 1);
    board.forget_closed(now() + TimeDelta::hours(2));
    assert!(shown(&board).is_empty());
}

#[test]
fn the_newest_word_of_an_open_case_ages_until_it_is_written_again() {
    let mut board = Board::default();
    let day = TimeDelta::days;
    let written: DateTime<Utc> = "2021-07-15T06:03:10Z".parse().unwrap();
    let mut newest = told(2, "urgent", true);
    newest.notification_id = "n-2".into();
    board.take(&told(1, "high", true));
    board.take(&newest);
    let ageing = |board: &Board, since: DateTime<Utc>, mine: bool| -> Vec<u64> {
        board.ageing(since, |_| mine, 10).iter().map(|notification| notification.sequence).collect()
    };
    assert!(ageing(&board, written, true).is_empty());
    assert_eq!(ageing(&board, written + day(1), true), [2]);
    assert!(ageing(&board, written + day(1), false).is_empty());
    // One of another warning was written again, which keeps nothing of this one.
    board.written(&told(1, "high", true), written + day(5));
    assert_eq!(ageing(&board, written + day(1), true), [2]);
    board.written(&newest, written + day(5));
    assert!(ageing(&board, written + day(5), true).is_empty());
    assert_eq!(ageing(&board, written + day(6), true), [2]);
    board.take(&told(3, "urgent", false));
    assert!(ageing(&board, written + day(30), true).is_empty());
}
