//! A trial: the program's processes on a broker, the model's feed into it, and the audit of what came out.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use super::audit::{Outputs, all_arrived, audit, notified, report};
use super::broker::{Broker, unique};
use super::instance::{Instance, READY, Setting, token_key_hex};
use super::model::{Settings, expect};
use super::scenario_feed::Feed;
use super::topic_io::{group_lag, read_all, wait_for_closed_transactions};

/// The topics events come by.
pub const FEEDS: [&str; 2] = ["calls", "transfers"];

/// A prefix of its own on a broker, the areas the model knows, and topics made by the program.
pub fn set_up(broker: &Broker, name: &str, folder: &Path, settings: &mut Settings) -> Setting {
    set_up_at(&broker.bootstrap_servers(), name, folder, settings, &[])
}

/// Like [`set_up`], at the brokers of these addresses, with more settings, which count more than those made here.
pub fn set_up_at(
    bootstrap: &str,
    name: &str,
    folder: &Path,
    settings: &mut Settings,
    more: &[(&str, &str)],
) -> Setting {
    settings.topic_prefix = format!("{}.", unique(name));
    let directory = folder.join("directory");
    std::fs::create_dir_all(&directory).expect("a folder");
    std::fs::write(directory.join("areas.toml"), areas(settings)).expect("a file");
    std::fs::write(directory.join("people.toml"), people(settings)).expect("a file");
    let list = |values: &[String]| format!("{values:?}");
    let setting = Setting {
        bootstrap: bootstrap.to_owned(),
        prefix: settings.topic_prefix.clone(),
        environment: [
            ("DIRECTORY__PATH", directory.display().to_string()),
            ("PRIVACY__TOKEN_KEY", token_key_hex(&settings.token_key)),
            ("MATCHING__ALLOW__PHONES", list(&settings.allow_phones)),
            ("MATCHING__ALLOW__PREFIXES", list(&settings.allow_prefixes)),
            ("MATCHING__ALLOW__PAYEE_ACCOUNTS", list(&settings.allow_payee_accounts)),
            ("WORKERS__MATCH", "2".to_owned()),
            ("WORKERS__CASES", "2".to_owned()),
            // Deadlines have tests of their own; here no warning may come of the mere passing of time.
            ("CASES__ACKNOWLEDGE_WITHIN__URGENT", "24h".to_owned()),
            ("CASES__ACKNOWLEDGE_WITHIN__HIGH", "24h".to_owned()),
            ("CASES__ACKNOWLEDGE_WITHIN__MEDIUM", "24h".to_owned()),
            ("CASES__REACH_WITHIN__URGENT", "24h".to_owned()),
            ("CASES__ACKNOWLEDGE_EXPIRES__URGENT", "24h".to_owned()),
        ]
        .into_iter()
        .chain(more.iter().map(|(key, value)| (*key, (*value).to_owned())))
        .map(|(key, value)| (format!("GOLDEN_BELL__{key}"), value))
        .collect(),
        folder: folder.to_owned(),
    };
    setting.create_topics();
    setting
}

/// A directory that has just the areas of the model, and makes the model know those that must stand above them.
fn areas(settings: &mut Settings) -> String {
    let mut codes: BTreeSet<String> = settings.areas.drain(..).collect();
    for code in codes.clone() {
        let mut above = code.as_str();
        while let Some((parent, _)) = above.rsplit_once('/') {
            codes.insert(parent.to_owned());
            above = parent;
        }
    }
    settings.areas = codes.into_iter().collect();
    (settings.areas.iter())
        .map(|code| {
            let kind = if code.contains('/') { "village" } else { "zone" };
            format!(
                "[[areas]]\ncode = \"{code}\"\nname = {{ zh = \"{code}\", en = \"{code}\" }}\nkind = \"{kind}\"\n\n"
            )
        })
        .collect()
}

/// An officer and a grid worker for each area that has none above it: what the audit expects every warning to name.
fn people(settings: &Settings) -> String {
    let roots = settings.areas.iter().filter(|code| !code.contains('/'));
    let of = |root: &String, role: &str| {
        format!("[[people]]\nid = \"{role}-{root}\"\nname = \"{root}\"\nrole = \"{role}\"\nareas = [\"{root}\"]\n\n")
    };
    roots.map(|root| of(root, "officer") + &of(root, "grid_worker")).collect()
}

/// Records that are not committed by the stage that reads them, both stages together.
pub fn lag(setting: &Setting) -> i64 {
    (FEEDS.iter())
        .map(|feed| (format!("{}match", setting.prefix), format!("{}{feed}", setting.prefix)))
        .chain([(format!("{}cases", setting.prefix), format!("{}case-inputs", setting.prefix))])
        .map(|(group, topic)| group_lag(&setting.bootstrap, &group, &topic))
        .fold(0, i64::saturating_add)
}

/// Waits until both stages have committed everything there is to read.
pub fn wait_until_done(setting: &Setting, within: Duration) {
    let until = Instant::now() + within;
    loop {
        let lag = lag(setting);
        if lag <= 0 {
            return;
        }
        assert!(Instant::now() < until, "{lag} records are still not done");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Everything that was committed, once no transaction is open.
pub fn outputs(setting: &Setting) -> Outputs {
    for topic in ["case-inputs", "cases", "warnings", "notifications", "dead-letters"] {
        wait_for_closed_transactions(
            &setting.bootstrap,
            &format!("{}{topic}", setting.prefix),
            Duration::from_secs(45),
        );
    }
    let read = |name| read_all(&setting.bootstrap, &setting.prefix, name);
    Outputs {
        case_inputs: read("case-inputs"),
        warnings: read("warnings"),
        cases: read("cases"),
        dead_letters: read("dead-letters"),
    }
}

/// Holds what is on the broker against the model. Where `feed` is given, the broker must hold just that.
pub fn check(setting: &Setting, settings: &Settings, feed: Option<&Feed>) {
    let read = |name| read_all(&setting.bootstrap, &setting.prefix, name);
    let registrants = read("registrants");
    let events: Vec<_> = FEEDS.into_iter().flat_map(read).collect();
    if let Some(feed) = feed {
        let lost = all_arrived(&feed.events, &events);
        assert!(lost.is_empty(), "the test's own input is not on the broker:\n{}", report(&lost));
    }
    let expected = expect(settings, &registrants, &events);
    let outputs = outputs(setting);
    let mut wrong = audit(settings, &expected, &outputs);
    wrong.extend(notified(settings, &outputs.warnings, &read("notifications")));
    assert!(wrong.is_empty(), "{} discrepancies:\n{}", wrong.len(), report(&wrong));
}

/// Starts instances of these names and waits until all are ready.
pub fn start(setting: &Setting, ids: &[&str]) -> Vec<Instance> {
    let mut instances: Vec<Instance> = ids.iter().map(|id| setting.start(id)).collect();
    instances.iter_mut().for_each(|instance| instance.wait_ready(READY));
    instances
}
