use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use super::*;

const LONG: Duration = Duration::from_secs(30);

/// Runs the supervisor on a thread's own runtime; `start` registers components and may keep the signal sender.
fn supervise(
    drain_within: Duration,
    start: impl FnOnce(&Components, &mpsc::Sender<&'static str>),
) -> Result<(), Stopped> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (sender, signals) = mpsc::channel(4);
    let result = runtime.block_on(async {
        let lifecycle = Lifecycle::new(drain_within);
        start(lifecycle.components(), &sender);
        lifecycle.supervise(signals).await
    });
    runtime.shutdown_background();
    result
}

fn until_stop(stop: Stop) -> impl FnOnce() -> Result<(), String> {
    move || {
        stop.wait(LONG);
        Ok(())
    }
}

#[test]
fn a_signal_drains_threads_and_tasks() {
    let result = supervise(LONG, |components, signals| {
        let stop = components.stop().clone();
        components.spawn_thread("thread", until_stop(stop.clone())).unwrap();
        components.spawn("task", async move {
            stop.requested().await;
            Ok::<(), String>(())
        });
        signals.try_send("SIGTERM").unwrap();
    });
    assert_eq!(result, Ok(()));
}

#[test]
fn a_component_that_ends_stops_the_others_and_is_the_reason() {
    for (work, reason) in [
        ((|| Err("the topic is gone".to_owned())) as fn() -> Result<(), String>, "the topic is gone"),
        (|| Ok(()), "ended although nobody asked it to"),
        (|| panic!("13123456789"), "panicked"),
    ] {
        let result = supervise(LONG, |components, _| {
            components.spawn_thread("other", until_stop(components.stop().clone())).unwrap();
            components.spawn_thread("broken", work).unwrap();
        });
        let expected = Stopped::Component { component: "broken".to_owned(), reason: reason.to_owned() };
        assert_eq!(result, Err(expected.clone()));
        assert_eq!(expected.to_string(), format!("broken: {reason}"));
    }
}

#[test]
fn a_component_that_is_done_is_not_missed() {
    let result = supervise(LONG, |components, signals| {
        components.register("start").done();
        let (signals, component) = (signals.clone(), components.register("other"));
        let stop = components.stop().clone();
        thread::spawn(move || {
            signals.blocking_send("SIGINT").unwrap();
            stop.wait(LONG);
            component.end(Ok::<(), String>(()));
        });
    });
    assert_eq!(result, Ok(()));
}

#[test]
fn one_that_does_not_finish_is_named_when_the_time_is_over() {
    let mut held = None;
    let result = supervise(Duration::from_millis(20), |components, signals| {
        held = Some(components.register("stuck"));
        signals.try_send("SIGTERM").unwrap();
    });
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "did not finish within 20ms: stuck");
}

#[test]
fn one_that_may_be_left_behind_makes_no_failure_unless_another_is_stuck_too() {
    let mut held = Vec::new();
    let result = supervise(Duration::from_millis(20), |components, signals| {
        held.push(components.register("worker").leavable());
        signals.try_send("SIGTERM").unwrap();
    });
    assert_eq!(result, Ok(()));
    let result = supervise(Duration::from_millis(20), |components, signals| {
        held.extend([components.register("worker").leavable(), components.register("stuck")]);
        signals.try_send("SIGTERM").unwrap();
    });
    assert_eq!(result.unwrap_err().to_string(), "did not finish within 20ms: stuck");
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut held = None;
    let result = supervise(LONG, |components, signals| {
        held = Some(components.register("slow"));
        signals.try_send("SIGTERM").unwrap();
        signals.try_send("SIGINT").unwrap();
    });
    assert_eq!(result, Err(Stopped::Aborted { signal: "SIGINT", components: vec!["slow".to_owned()] }));
}

#[test]
fn a_failure_while_finishing_does_not_change_the_result() {
    let result = supervise(LONG, |components, signals| {
        let stop = components.stop().clone();
        components
            .spawn_thread("transaction", move || {
                stop.wait(LONG);
                Err("rolled back")
            })
            .unwrap();
        signals.try_send("SIGTERM").unwrap();
    });
    assert_eq!(result, Ok(()));
}

#[test]
fn waiting_for_stop_ends_with_it() {
    let stop = Stop::default();
    assert!(!stop.wait(Duration::from_millis(1)));
    let waiting = thread::spawn({
        let stop = stop.clone();
        move || stop.wait(LONG)
    });
    stop.request();
    assert!(waiting.join().unwrap());
    assert!(stop.stopping());
}

#[test]
fn readiness_lists_what_is_missing_with_progress() {
    let lifecycle = Lifecycle::default();
    let readiness = lifecycle.components().readiness();
    assert_eq!(readiness.check(), Err(NotReady::Starting));
    readiness.progress("index-0", "filling the index", 30_000, 120_000);
    readiness.waiting("match-0", "waiting for its partitions");
    readiness.set("cases-1", State::Waiting { what: "restoring cases".to_owned(), done: 7, total: None });
    readiness.ready("cases-0");
    assert_eq!(
        readiness.check().unwrap_err().to_string(),
        "cases-1: restoring cases, 7 so far\n\
         index-0: filling the index, 30000 of 120000 (25 %)\n\
         match-0: waiting for its partitions"
    );
    readiness.ready("index-0");
    readiness.ready("match-0");
    readiness.remove("cases-1");
    assert_eq!(readiness.check(), Ok(()));
    readiness.waiting("match-0", "starting anew after an error");
    assert!(readiness.check().is_err());
    lifecycle.components().stop().request();
    assert_eq!(readiness.check(), Err(NotReady::Stopping));
}
