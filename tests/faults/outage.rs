//! The faults of brokers and of the network.

use std::time::{Duration, Instant};

use rand::Rng;
use rand::seq::IndexedRandom;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ConfigSource, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;

use crate::campaign::{Campaign, PATIENCE, now_ms};
use crate::nemesis::SOON;
use crate::proxy::{Proxy, Way};
use crate::support::broker::START;

/// What a broker is to the program.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    Leader,
    TransactionCoordinator,
    GroupCoordinator,
}

impl Part {
    pub const ALL: [Part; 3] = [Part::Leader, Part::TransactionCoordinator, Part::GroupCoordinator];

    fn who(self, c: &Campaign<'_>) -> Option<i32> {
        let cluster = &c.arena.cluster;
        let prefix = &c.setting.prefix;
        match self {
            Part::Leader => cluster.leader(&format!("{prefix}case-inputs"), 0),
            Part::TransactionCoordinator => {
                let id = c.instances.keys().next()?;
                cluster.transaction_coordinator(&format!("{prefix}{id}/cases-0"))
            }
            Part::GroupCoordinator => cluster.group_coordinator(&format!("{prefix}cases")),
        }
    }
}

/// A broker dies, or ends in an orderly way, and comes back after the others have gone on without it.
pub fn broker_down(c: &mut Campaign<'_>, part: Part, orderly: bool) {
    let kind = match (part, orderly) {
        (Part::Leader, false) => "broker kill -9: leader",
        (Part::Leader, true) => "broker stop: leader",
        (Part::TransactionCoordinator, false) => "broker kill -9: transaction coordinator",
        (Part::TransactionCoordinator, true) => "broker stop: transaction coordinator",
        (Part::GroupCoordinator, false) => "broker kill -9: group coordinator",
        (Part::GroupCoordinator, true) => "broker stop: group coordinator",
    };
    let Some(id) = part.who(c) else { return c.note(kind, "nobody has the part".into(), false, Some(Duration::ZERO)) };
    let since = now_ms();
    if orderly {
        c.arena.cluster.stop(id)
    } else {
        c.arena.cluster.kill(id)
    }
    let moved = c.wait_until(SOON, |c| part.who(c).is_some_and(|now| now != id));
    c.round(kind, format!("broker {id}"), since, moved);
    c.arena.cluster.restart(id);
    c.arena.cluster.wait_ready(START);
    c.supervise();
}

/// Every broker is restarted in turn.
pub fn rolling_restart(c: &mut Campaign<'_>) {
    let since = now_ms();
    for id in c.arena.cluster.ids() {
        c.arena.cluster.stop(id);
        c.arena.cluster.restart(id);
        c.arena.cluster.wait_ready(START);
        c.supervise();
    }
    let took = now_ms() - since;
    let since = now_ms();
    c.round("rolling restart of all brokers (from its end)", format!("over {took} ms"), since, true);
}

/// A broker stands still and goes on: what it had in hand then comes late.
pub fn broker_pause(c: &mut Campaign<'_>, kind: &'static str, how_long: Duration) {
    let part = *Part::ALL.choose(&mut c.chance).expect("some");
    let Some(id) = part.who(c) else { return c.note(kind, "nobody has the part".into(), false, Some(Duration::ZERO)) };
    let since = now_ms();
    c.arena.cluster.pause(id);
    std::thread::sleep(how_long);
    c.arena.cluster.resume(id);
    c.round(kind, format!("broker {id}, {part:?}"), since, true);
    c.arena.cluster.wait_ready(START);
    c.supervise();
}

/// How a cut ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// What was held comes through late.
    Late,
    /// Connections break, and what was held is lost.
    Lost,
}

/// Nothing comes through to one broker or to any, one way or both. Recovery is counted from the end.
pub fn network_cut(c: &mut Campaign<'_>, all: bool, way: Way, end: End, how_long: Duration) {
    let kind = match (all, way) {
        (true, Way::Both) => "network to all brokers cut both ways (from its end)",
        (true, _) => "network to all brokers cut one way (from its end)",
        (false, Way::Both) => "network to one broker cut both ways (from its end)",
        (false, _) => "network to one broker cut one way (from its end)",
    };
    let proxies: Vec<&Proxy> = match Part::Leader.who(c) {
        Some(leader) if !all => c.arena.proxies.iter().filter(|proxy| proxy.id == leader).collect(),
        _ => c.arena.proxies.iter().collect(),
    };
    proxies.iter().for_each(|proxy| proxy.hold(way));
    std::thread::sleep(how_long);
    let held = || proxies.iter().map(|proxy| proxy.counts().1).sum::<u64>();
    let before = held();
    if end == End::Lost {
        proxies.iter().for_each(|proxy| proxy.cut());
    }
    proxies.iter().for_each(|proxy| proxy.heal());
    let since = now_ms();
    // Held chunks are counted when they come through; where they are lost the connections were there to be cut.
    let bit = end == End::Lost || c.wait_until(Duration::from_secs(10), |_| held() > before);
    c.round(kind, format!("{way:?}, {end:?}, {} ms", how_long.as_millis()), since, bit);
}

/// Everything takes its time, and now and then a connection breaks. Recovery is the time until all partitions have made
/// progress under it.
pub fn network_slow(c: &mut Campaign<'_>, how_long: Duration) {
    let began = Instant::now();
    let since = now_ms();
    let passed = |c: &Campaign<'_>| c.arena.proxies.iter().map(|proxy| proxy.counts().0).sum::<u64>();
    let before = passed(c);
    c.arena.proxies.iter().for_each(|proxy| proxy.slow(Duration::from_millis(200)));
    let recovery = c.progress_since(since, PATIENCE);
    while began.elapsed() < how_long {
        std::thread::sleep(Duration::from_secs(5));
        let at = c.chance.random_range(0..c.arena.proxies.len());
        c.arena.proxies[at].cut();
        c.supervise();
    }
    let bit = passed(c) > before;
    let recovery = recovery.filter(|_| works_on(c));
    c.note(
        "network with 200 ms ± 50 each way, connections breaking (under it)",
        format!("{how_long:?}"),
        bit,
        recovery,
    );
    c.arena.proxies.iter().for_each(Proxy::heal);
}

/// Packets are lost, of 1,000 this many, both ways. Recovery is the time until all partitions have made progress under
/// it.
pub fn network_lossy(c: &mut Campaign<'_>, kind: &'static str, per_mille: u64, how_long: Duration) {
    let began = Instant::now();
    let since = now_ms();
    let lost = |c: &Campaign<'_>| c.arena.proxies.iter().map(Proxy::lost).sum::<u64>();
    let before = lost(c);
    c.arena.proxies.iter().for_each(|proxy| proxy.lose(per_mille));
    let recovery = c.progress_since(since, PATIENCE);
    while began.elapsed() < how_long {
        std::thread::sleep(Duration::from_millis(500));
        c.supervise();
    }
    let lost = lost(c) - before;
    let recovery = recovery.filter(|_| works_on(c));
    c.note(kind, format!("{how_long:?}, {lost} chunks lost"), lost > 0, recovery);
    c.arena.proxies.iter().for_each(Proxy::heal);
}

/// Whether all partitions make progress from now on, the fault going on.
fn works_on(c: &mut Campaign<'_>) -> bool {
    c.progress_since(now_ms(), PATIENCE).is_some()
}

/// The topics of stage 2's outputs and inputs take no records: they want three replicas in sync, and one broker is dead.
/// So it looks to the program, too, while disks are full: each record is refused until it is given up. Recovery is
/// counted from the moment two replicas are enough again.
pub fn produce_refused(c: &mut Campaign<'_>, how_long: Duration) {
    let topics =
        ["case-inputs", "cases", "warnings", "notifications"].map(|name| format!("{}{name}", c.setting.prefix));
    let leader = Part::Leader.who(c);
    let victim = c.arena.cluster.ids().into_iter().find(|id| Some(*id) != leader).expect("three brokers");
    min_in_sync(&c.setting.bootstrap, &topics, "3");
    c.arena.cluster.kill(victim);
    // Whoever led its partitions has moved by then, and what is not enough is the replicas.
    std::thread::sleep(how_long / 2);
    let half = now_ms();
    std::thread::sleep(how_long / 2);
    let bit = !c.progressed_since(half);
    c.supervise();
    min_in_sync(&c.setting.bootstrap, &topics, "2");
    let since = now_ms();
    let detail = format!("broker {victim} dead, {how_long:?}");
    c.round("too few replicas in sync, records refused (from its end)", detail, since, bit);
    c.arena.cluster.restart(victim);
    c.arena.cluster.wait_ready(START);
    c.supervise();
}

/// Sets `min.insync.replicas` of topics, and leaves all else that was set for them as it was.
fn min_in_sync(bootstrap: &str, topics: &[String], replicas: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("an admin");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let options = AdminOptions::new().request_timeout(Some(START));
    let asked: Vec<ResourceSpecifier<'_>> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
    let described = runtime.block_on(admin.describe_configs(&asked, &options)).expect("an answer");
    let settings: Vec<Vec<(String, String)>> = (described.into_iter())
        .map(|topic| topic.expect("the settings of a topic").entries)
        .map(|entries| {
            let own = entries.into_iter().filter(|entry| entry.source == ConfigSource::DynamicTopic);
            own.filter_map(|entry| Some((entry.name, entry.value?))).collect()
        })
        .collect();
    let changes: Vec<AlterConfig<'_>> = (topics.iter().zip(&settings))
        .map(|(topic, settings)| {
            let change = AlterConfig::new(ResourceSpecifier::Topic(topic));
            let change = settings.iter().fold(change, |change, (name, value)| change.set(name, value));
            change.set("min.insync.replicas", replicas)
        })
        .collect();
    for changed in runtime.block_on(admin.alter_configs(&changes, &options)).expect("an answer") {
        changed.expect("a topic takes its setting");
    }
}
