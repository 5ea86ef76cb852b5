//! The main job on a real broker, held against a model that knows nothing of the program.

mod support;

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use support::audit::{no_new_warnings, report};
use support::broker::{Broker, broker_or_skip};
use support::model::Settings;
use support::scenario_feed::Plan;
use support::topic_io::{read_all, send_all};
use support::trial::{check, outputs, set_up, start, wait_until_done};

#[test]
fn thirty_thousand_mixed_events_come_to_exactly_what_the_model_says() {
    broker_or_skip!("that every match, warning and dead letter is right");
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = Settings::default();
    let setting = set_up(Broker::shared(), "mixed", folder.path(), &mut settings);
    // Some of the events are too old to be told to the person at risk when they come, most are not.
    let plan = Plan { settings: settings.clone(), start: Utc::now() - TimeDelta::minutes(45), ..Plan::default() };
    let feed = plan.generate();
    send_all(&setting.bootstrap, &setting.prefix, &feed.registrants);
    let mut instances = start(&setting, &["one"]);
    send_all(&setting.bootstrap, &setting.prefix, &feed.events);
    wait_until_done(&setting, Duration::from_secs(120));
    check(&setting, &settings, Some(&feed));

    let before = read_all(&setting.bootstrap, &setting.prefix, "warnings");
    send_all(&setting.bootstrap, &setting.prefix, &feed.events);
    wait_until_done(&setting, Duration::from_secs(120));
    let after = outputs(&setting).warnings;
    let new = no_new_warnings(&before, &after);
    assert!(new.is_empty(), "the whole input sent again gives new warnings:\n{}", report(&new));
    for instance in instances.drain(..) {
        assert!(instance.terminate(Duration::from_secs(15)).success());
    }
}
