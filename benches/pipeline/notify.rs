//! From a notification's being due to its arrival at a webhook, at an open-loop load, while other destinations are well
//! and while they are not.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use chrono::Utc;
use rdkafka::producer::Producer;
use serde_json::{Value, json};

use crate::receiver::{Receiver, Reply};
use crate::sample::{SECRETS, json_of};
use crate::support::broker::Broker;
use crate::support::instance::READY;
use crate::support::model::FeedRecord;
use crate::support::topic_io::{self, send};
use crate::{Scale, feed, percentile};

/// Notifications a second to the destination that is measured.
const RATE: u64 = 200;
/// Notifications a second to each of the others.
const OTHERS_RATE: u64 = 20;
const OTHERS: [&str; 4] = ["failing", "silent", "cutting", "slow"];
/// Left out at the beginning of every measurement.
const WARM_UP: Duration = Duration::from_secs(2);

/// Measures twice and prints both.
pub fn run(broker: &Broker, scale: Scale) {
    let span = Duration::from_secs((30 / scale.divisor).max(6));
    let undisturbed = round(broker, "undisturbed", span, |_| Reply::status(200));
    let disturbed = round(broker, "others misbehave", span, |name| match name {
        "failing" => Reply::status(500),
        "silent" => Reply::Never,
        "cutting" => Reply::Cut,
        _ => Reply::After(Duration::from_secs(2), 200),
    });
    println!(
        "  99th percentile {undisturbed:.1} ms (wanted: under 100 ms), with others misbehaving {:.2} times that \
         (wanted: at most 1.5)",
        disturbed / undisturbed
    );
}

fn round(broker: &Broker, what: &str, span: Duration, manners: impl Fn(&str) -> Reply) -> f64 {
    let setting = feed::set_up(broker, "notify", 1);
    let well = Receiver::good();
    let others = OTHERS.map(|name| {
        let reply = manners(name);
        (name, Receiver::start(move |_, _| reply.clone()))
    });
    let all = others.iter().map(|(name, receiver)| (*name, receiver)).chain([("well", &well)]);
    let config: String = all
        .map(|(name, receiver)| {
            format!(
                "[notify.destinations.{name}]\nkind = \"webhook\"\nurl = \"{}\"\nsecret = \"{}\"\nallow_private = \"on\"\n\
                 timeout = \"5s\"\n",
                receiver.url("/"),
                SECRETS[0]
            )
        })
        .collect();
    let path = setting.folder.join("golden-bell.toml");
    std::fs::write(&path, config).expect("a file");
    let path = path.display().to_string();
    let mut instance = setting.start_with("notify", &["--config", &path, "run", "--roles", "notify"]);
    instance.wait_ready(READY);

    let producer = topic_io::producer(&setting.bootstrap);
    let (began, clock) = (Instant::now(), Utc::now());
    let mut due_at = HashMap::new();
    for n in 0..span.as_secs() * RATE {
        let due = Duration::from_nanos(n * 1_000_000_000 / RATE);
        if let Some(early) = due.checked_sub(began.elapsed()) {
            thread::sleep(early);
        }
        let write = |destination: &str| {
            let mut notification = json_of(destination, &format!("{destination}-{n}"), 1);
            notification["created_at"] = json!(clock + due);
            send(&producer, &setting.prefix, &record(&notification));
            notification["notification_id"].as_str().unwrap_or_default().to_owned()
        };
        due_at.insert(write("well"), due);
        if n % (RATE / OTHERS_RATE) == 0 {
            OTHERS.iter().for_each(|name| drop(write(name)));
        }
        producer.poll(Duration::ZERO);
    }
    producer.flush(Duration::from_secs(30)).expect("notifications delivered");
    well.wait(Duration::from_secs(60), "all to arrive", |got| got.len() >= due_at.len());
    let mut millis: Vec<f64> = (well.got().iter())
        .filter_map(|got| {
            let due = *due_at.get(&got.id())?;
            (due >= WARM_UP).then(|| got.at.duration_since(began).saturating_sub(due).as_secs_f64() * 1_000.0)
        })
        .collect();
    millis.sort_by(f64::total_cmp);
    let high = percentile(&millis, 0.99);
    println!(
        "notify: {what}: {} samples at {RATE}/s, median {:.1} ms, 99th percentile {high:.1} ms, resident {:.0} MB",
        millis.len(),
        percentile(&millis, 0.5),
        instance.peak_resident_bytes() as f64 / 1e6
    );
    assert!(instance.terminate(Duration::from_secs(15)).success());
    high
}

fn record(notification: &Value) -> FeedRecord {
    FeedRecord {
        topic: "notifications",
        key: notification["notification_id"].as_str().map(|id| id.as_bytes().to_vec()),
        headers: Vec::new(),
        value: Some(notification.to_string().into_bytes()),
    }
}
