//! The main job while its processes and its broker die: nothing lost, nothing doubled.

mod support;

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use support::audit::{no_new_warnings, report};
use support::broker::{Broker, broker_or_skip};
use support::instance::READY;
use support::model::Settings;
use support::scenario_feed::Plan;
use support::topic_io::{producer, read_all, send, send_all};
use support::trial::{check, lag, outputs, set_up, start, wait_until_done};

use rdkafka::producer::Producer;

const KILLS: usize = 10;

#[test]
fn ten_kills_and_a_broker_restart_lose_nothing_and_double_nothing() {
    broker_or_skip!("that warnings survive kill -9 of the program and of the broker");
    let seed: u64 =
        std::env::var("GOLDEN_BELL_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(rand::random);
    println!("seed {seed} (GOLDEN_BELL_TEST_SEED={seed} repeats it)");
    let mut chance = StdRng::seed_from_u64(seed);
    let broker = Broker::start();
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = Settings::default();
    let mut setting = set_up(&broker, "kills", folder.path(), &mut settings);
    // A dead member is given up after three seconds instead of ten: the test is about what happens then.
    for (key, value) in [("SESSION_TIMEOUT_MS", "3000"), ("HEARTBEAT_INTERVAL_MS", "500")] {
        setting.environment.push((format!("GOLDEN_BELL__KAFKA__PROPERTIES__{key}"), value.to_owned()));
    }
    let plan = Plan { seed, settings: settings.clone(), large: false, ..Plan::default() };
    let feed = plan.generate();
    send_all(&setting.bootstrap, &setting.prefix, &feed.registrants);
    let mut instances = start(&setting, &["a", "b"]);

    let mut chunks = feed.events.chunks(feed.events.len().div_ceil(KILLS + 1));
    let mut kills = 0;
    let feeder = producer(&setting.bootstrap);
    let mut resend = Vec::new();
    while kills < KILLS {
        // Once the feed is used up its chunks are sent again: duplicates are work in flight too.
        let chunk = chunks.next().map_or_else(|| resend.clone(), <[_]>::to_vec);
        resend.clone_from(&chunk);
        chunk.iter().for_each(|record| send(&feeder, &setting.prefix, record));
        feeder.flush(Duration::from_secs(30)).expect("events delivered");
        std::thread::sleep(Duration::from_millis(chance.random_range(0..250)));
        let victim = chance.random_range(0..instances.len());
        let in_flight = lag(&setting);
        let name = ["a", "b"][victim];
        instances.remove(victim).kill();
        instances.insert(victim, setting.start(name));
        if in_flight > 0 {
            kills += 1;
        }
        println!("kill {kills}: {name} with {in_flight} records in flight");
        instances[victim].wait_ready(READY);
    }

    for chunk in chunks {
        chunk.iter().for_each(|record| send(&feeder, &setting.prefix, record));
    }
    let broker_down = Instant::now();
    broker.kill();
    broker.restart();
    println!("the broker was away for {:.1} s", broker_down.elapsed().as_secs_f64());
    feeder.flush(Duration::from_secs(60)).expect("events delivered");
    wait_until_done(&setting, Duration::from_secs(180));
    // The feeder repeats what it is not sure of; the model is asked about what lies on the broker.
    check(&setting, &settings, None);

    let before = read_all(&setting.bootstrap, &setting.prefix, "warnings");
    send_all(&setting.bootstrap, &setting.prefix, &feed.events);
    wait_until_done(&setting, Duration::from_secs(120));
    let new = no_new_warnings(&before, &outputs(&setting).warnings);
    assert!(new.is_empty(), "the whole input sent again gives new warnings:\n{}", report(&new));
    for instance in instances {
        let log = instance.log().to_owned();
        let status = instance.terminate(Duration::from_secs(15));
        assert!(status.success(), "{status}:\n{}", std::fs::read_to_string(log).unwrap_or_default());
    }
}
