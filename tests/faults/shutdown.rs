//! SIGTERM while the broker is away and a transaction is under way.

use std::time::{Duration, Instant};

use crate::support::broker::{Broker, broker_or_skip};
use crate::support::instance::READY;
use crate::support::model::Settings;
use crate::support::scenario_feed::Plan;
use crate::support::topic_io::send_all;
use crate::support::trial::set_up;

#[test]
fn a_process_asked_to_end_in_mid_transaction_while_the_broker_hangs_or_is_dead_ends_well_and_in_time() {
    broker_or_skip!("that `run` ends with 0 within 15 s of SIGTERM, whatever the broker does");
    let broker = Broker::start();
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = Settings::default();
    let mut setting = set_up(&broker, "shutdown", folder.path(), &mut settings);
    setting.environment.push(("GOLDEN_BELL_FAULT_POINT".to_owned(), "before_end:2:stop".to_owned()));
    let plan = Plan { registrants: 120, events: 500, large: false, settings, ..Plan::default() };
    let feed = plan.generate();
    send_all(&setting.bootstrap, &setting.prefix, &feed.registrants);
    for (id, hang) in [("hangs", true), ("dead", false)] {
        // Not waited for until it is ready: what the one before left undone may bring it to the point at once.
        let mut instance = setting.start(id);
        send_all(&setting.bootstrap, &setting.prefix, &feed.events);
        let until = Instant::now() + READY;
        while instance.state() != Some('T') {
            assert!(Instant::now() < until && instance.ended().is_none(), "no second transaction");
            std::thread::sleep(Duration::from_millis(10));
        }
        if hang {
            broker.pause()
        } else {
            broker.kill()
        }
        instance.signal("CONT");
        let log = instance.log().to_owned();
        let status = instance.terminate(Duration::from_secs(15));
        let log = std::fs::read_to_string(log).unwrap_or_default();
        assert!(status.success(), "{id}: {status}\n{log}");
        assert!(log.contains("left behind") || log.contains("stopped"), "{log}");
        if hang { broker.resume() } else { broker.restart() }
    }
}
