use super::*;
use crate::core::case::State;

fn metrics() -> Metrics {
    Metrics::new("golden-bell.").unwrap()
}

#[track_caller]
fn has(metrics: &Metrics, line: &str) {
    let text = metrics.encode().unwrap();
    assert!(text.lines().any(|found| found == line), "{line:?} is missing in\n{text}");
}

fn lines(metrics: &Metrics, beginning: &str) -> usize {
    metrics.encode().unwrap().lines().filter(|line| line.starts_with(beginning)).count()
}

#[test]
fn every_member_of_a_label_is_at_its_index() {
    fn check<L: Label>() {
        let indices: Vec<usize> = L::all().iter().map(|label| label.index()).collect();
        assert_eq!(indices, (0..L::all().len()).collect::<Vec<_>>());
    }
    check::<ActionKind>();
    check::<Cause>();
    check::<Channel>();
    check::<DeliveryState>();
    check::<EventKind>();
    check::<EventOutcome>();
    check::<Level>();
    check::<OpenState>();
    check::<Programme>();
    check::<Reason>();
    check::<Stage>();
    check::<Step>();
    check::<Topic>();
    check::<CaseItem>();
    check::<TransactionResult>();
    check::<ReloadResult>();
}

#[test]
fn known_series_exist_from_the_start() {
    let metrics = metrics();
    for line in [
        r#"golden_bell_events_total{feed="call",outcome="dead_lettered"} 0"#,
        r#"golden_bell_duplicates_total{stage="cases"} 0"#,
        r#"golden_bell_warnings_total{cause="reassigned",level="low",programme="precise"} 0"#,
        r#"golden_bell_cases_open{level="urgent",state="return_visit_due"} 0"#,
        r#"golden_bell_dead_letters_total{reason="too_large",topic="golden-bell.calls"} 0"#,
        r#"golden_bell_event_to_warning_seconds_bucket{level="urgent",le="0.015"} 0"#,
        r#"golden_bell_transactions_total{result="committed"} 0"#,
        r#"golden_bell_follow_ups_total{action="transfer_unit"} 0"#,
        r#"golden_bell_escalations_total{step="3"} 0"#,
        r#"golden_bell_notifications_total{channel="sms_gateway",state="failed_perm"} 0"#,
        r#"golden_bell_notification_seconds_bucket{channel="webhook",le="0.1"} 0"#,
        "golden_bell_event_to_match_seconds_count 0",
        "golden_bell_offset_resets_total 0",
        "golden_bell_index_ready 0",
    ] {
        has(&metrics, line);
    }
    assert_eq!(lines(&metrics, "golden_bell_warnings_total{"), 4 * 7 * 2);
    assert_eq!(lines(&metrics, "golden_bell_build_info{"), 1);
    assert_eq!(lines(&metrics, "process_start_time_seconds "), 1);
    assert_eq!(lines(&metrics, "golden_bell_cases_open{"), 4 * 5);
}

#[test]
fn each_combination_counts_into_its_own_series() {
    let metrics = metrics();
    let mut expected = 0;
    for level in Level::ALL {
        for cause in Cause::ALL {
            for programme in Programme::all() {
                expected += 1;
                metrics.warnings.of(level, *cause, *programme).inc_by(expected);
                has(
                    &metrics,
                    &format!(
                        "golden_bell_warnings_total{{cause=\"{}\",level=\"{}\",programme=\"{}\"}} {expected}",
                        cause.as_str(),
                        level.as_str(),
                        programme.as_str()
                    ),
                );
            }
        }
    }
}

#[test]
fn clones_count_into_the_same_series() {
    let metrics = metrics();
    metrics.clone().events.of(EventKind::Transfer, EventOutcome::Matched).inc_by(3);
    metrics.clone().dead_letter("case-inputs", Reason::InvalidTransition);
    has(&metrics, r#"golden_bell_events_total{feed="transfer",outcome="matched"} 3"#);
    has(&metrics, r#"golden_bell_dead_letters_total{reason="invalid_transition",topic="golden-bell.case-inputs"} 1"#);
}

#[test]
fn lag_is_never_negative_and_gone_with_its_partition() {
    let metrics = metrics();
    metrics.set_lag("golden-bell.calls", 0, -2);
    metrics.set_lag("golden-bell.calls", 1, 7);
    has(&metrics, r#"golden_bell_consumer_lag_records{partition="0",topic="golden-bell.calls"} 0"#);
    has(&metrics, r#"golden_bell_consumer_lag_records{partition="1",topic="golden-bell.calls"} 7"#);
    metrics.forget_lag("golden-bell.calls", 0);
    metrics.forget_lag("golden-bell.calls", 0);
    assert_eq!(lines(&metrics, "golden_bell_consumer_lag_records{"), 1);
    metrics.forget_lag("golden-bell.calls", 1);
    assert_eq!(lines(&metrics, "# HELP golden_bell_consumer_lag_records"), 0);
}

#[test]
fn a_partition_takes_its_open_cases_with_it() {
    let metrics = metrics();
    let mut one = metrics.cases_open.share();
    let mut other = metrics.cases_open.share();
    one.entered(Level::Urgent, State::Open);
    other.entered(Level::Urgent, State::Open);
    one.left(Level::Urgent, State::Open);
    one.entered(Level::Urgent, State::Acknowledged);
    one.entered(Level::Low, State::Closed);
    has(&metrics, r#"golden_bell_cases_open{level="urgent",state="open"} 1"#);
    has(&metrics, r#"golden_bell_cases_open{level="urgent",state="acknowledged"} 1"#);
    drop(one);
    has(&metrics, r#"golden_bell_cases_open{level="urgent",state="open"} 1"#);
    has(&metrics, r#"golden_bell_cases_open{level="urgent",state="acknowledged"} 0"#);
    drop(other);
    has(&metrics, r#"golden_bell_cases_open{level="urgent",state="open"} 0"#);
}

#[test]
fn sources_are_bounded_and_keep_their_newest_time() {
    let metrics = metrics();
    for n in 0..100 {
        metrics.event_read(&format!("urn:source:{n}"), 1000.5);
    }
    metrics.event_read("urn:source:1", 900.0);
    assert_eq!(lines(&metrics, "golden_bell_last_event_timestamp_seconds{"), MAX_SOURCES);
    has(&metrics, r#"golden_bell_last_event_timestamp_seconds{source="urn:source:1"} 1000.5"#);
    has(&metrics, "golden_bell_untracked_source_events_total 36");
    metrics.event_read("urn:source:1", 2000.0);
    has(&metrics, r#"golden_bell_last_event_timestamp_seconds{source="urn:source:1"} 2000"#);
}

#[test]
fn rules_in_force_are_counted_from_0() {
    let metrics = metrics();
    metrics.rule_errors.in_force(["live-call", "rising"]);
    metrics.rule_errors.failed("rising");
    has(&metrics, r#"golden_bell_rule_errors_total{rule="live-call"} 0"#);
    has(&metrics, r#"golden_bell_rule_errors_total{rule="rising"} 1"#);
    metrics.rule_errors.in_force((0..1000).map(|n| format!("rule-{n}")).collect::<Vec<_>>().iter().map(String::as_str));
    assert_eq!(lines(&metrics, "golden_bell_rule_errors_total{"), 501);
}

/// The rules of `promtool check metrics`.
#[test]
fn names_and_help_texts_satisfy_promtool() {
    let metrics = metrics();
    metrics.set_lag("t", 0, 1);
    metrics.event_read("s", 1.0);
    metrics.rule_errors.in_force(["r"]);
    let text = metrics.encode().unwrap();
    let mut names = 0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(help.len() > 10 && !help.contains("\\n"), "{line}");
            assert!(name.starts_with(PREFIX) || name.starts_with("process_"), "{name}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            names += 1;
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            let parts: Vec<&str> = name.split('_').collect();
            for bad in ["counter", "gauge", "histogram", "summary", "bucket", "count", "sum"] {
                assert!(!parts.contains(&bad), "{name} has {bad}");
            }
            for abbreviated in ["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "m", "h", "d"] {
                assert!(!parts.contains(&abbreviated), "{name} has {abbreviated}");
            }
            for scaled in ["milliseconds", "minutes", "hours", "days", "kilobytes", "percent"] {
                assert!(!parts.contains(&scaled), "{name} has {scaled}");
            }
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{name}");
        }
    }
    assert!(names > 40, "{names}");
}
