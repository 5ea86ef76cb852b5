//! The faults.

use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::campaign::{Campaign, PARTITIONS, SCAN, TRANSACTION, now_ms};
use crate::proxy::{Proxy, Way};
use crate::support::broker::START;

/// How long a process may take to come by a fault point, or to notice that it is not wanted.
const SOON: Duration = Duration::from_secs(90);

/// The session time-out of most campaigns.
const SHORT_SESSION: Duration = Duration::from_secs(3);

/// The fault points, the name of the fault at each, and up to which pass it is worth waiting.
pub const POINTS: [(&str, &str, u64); 9] = [
    ("rebalance", "kill -9 in the rebalance callback", 2),
    ("restoring", "kill -9 while restoring", 10),
    ("after_poll", "kill -9 after poll", 40),
    ("timer_due", "kill -9 with a timer due", 2),
    ("after_produce", "kill -9 after produce", 25),
    ("after_send_offsets", "kill -9 after sending offsets", 25),
    ("before_end", "kill -9 before EndTxn", 25),
    ("after_end", "kill -9 after EndTxn", 25),
    ("before_store", "kill -9 before stage 1 stores an offset", 25),
];

const POINT_REACHED: &str = "a fault point was reached";

/// An instance dies at a fault point and is started again under its name.
pub fn kill_at(c: &mut Campaign<'_>, (point, kind, most): (&'static str, &'static str, u64)) {
    let victim = c.any();
    c.kill(&victim);
    let pass = c.chance.random_range(1..=most);
    c.start_at_point(&victim, &format!("{point}:{pass}"));
    c.hush(point == "timer_due");
    let reached = |c: &Campaign<'_>| c.instances[&victim].log_text().matches(POINT_REACHED).count();
    let before = reached(c);
    let died = c.wait_until(SOON, |c| c.instances.get_mut(&victim).is_some_and(|i| i.ended().is_some()));
    c.hush(false);
    let since = now_ms();
    let bit = died && reached(c) > before;
    if !died {
        c.kill(&victim);
    }
    c.start(&victim);
    c.restart_round(kind, format!("{victim} at pass {pass}"), since, bit, &victim);
}

/// An instance dies at any moment and is started again under its name.
pub fn kill(c: &mut Campaign<'_>) {
    std::thread::sleep(Duration::from_millis(c.chance.random_range(0..700)));
    let victim = c.any();
    let held = c.holds(&victim);
    c.kill(&victim);
    let since = now_ms();
    c.start(&victim);
    let kind = if c.options.session > SHORT_SESSION {
        "kill -9 at any moment, restart, session 10 s as shipped"
    } else {
        "kill -9 at any moment, restart"
    };
    c.restart_round(kind, format!("{victim} with {held} partitions"), since, held > 0, &victim);
}

/// An instance dies and another takes over.
pub fn take_over(c: &mut Campaign<'_>) {
    let victim = c.any();
    let held = c.holds(&victim);
    c.kill(&victim);
    let since = now_ms();
    let detail = format!("{victim} with {held} partitions");
    let recovery = c.progress_since(since, Duration::from_secs(120));
    let kind = if c.options.session > SHORT_SESSION {
        "kill -9, take-over by another instance, session 10 s as shipped"
    } else {
        "kill -9, take-over by another instance"
    };
    c.start(&victim);
    c.note(kind, detail, held > 0, recovery);
}

/// An instance stands still (SIGSTOP) for so long, and goes on (SIGCONT).
pub fn pause(c: &mut Campaign<'_>, kind: &'static str, how_long: Duration) {
    let victim = c.any();
    let held = c.holds(&victim);
    let since = now_ms();
    c.instances[&victim].signal("STOP");
    std::thread::sleep(how_long);
    // Others do its work by then: it has lost its place and must find that out.
    let taken_over = c.wait_until(SOON, |c| c.progressed_since(since));
    c.instances[&victim].signal("CONT");
    c.round(kind, format!("{victim} with {held} partitions"), since, held > 0 && taken_over);
}

/// An instance stands still just when it is about to fire a timer, until its place and its transaction are lost.
pub fn pause_with_due_timer(c: &mut Campaign<'_>) {
    let victim = c.any();
    c.kill(&victim);
    let pass = c.chance.random_range(1..=2);
    c.start_at_point(&victim, &format!("timer_due:{pass}:stop"));
    c.hush(true);
    let stopped = c.wait_until(SOON, |c| c.instances.get(&victim).and_then(|i| i.state()) == Some('T'));
    c.hush(false);
    let since = now_ms();
    std::thread::sleep(c.options.session + TRANSACTION + SCAN);
    let taken_over = c.wait_until(SOON, |c| c.progressed_since(since));
    c.instances[&victim].signal("CONT");
    let detail = format!("{victim} at timer {pass}");
    c.round("SIGSTOP with a timer due, past session and transaction", detail, since, stopped && taken_over);
}

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

/// Everything takes its time, and now and then a connection breaks.
pub fn network_slow(c: &mut Campaign<'_>, how_long: Duration) {
    let since = now_ms();
    let passed = |c: &Campaign<'_>| c.arena.proxies.iter().map(|proxy| proxy.counts().0).sum::<u64>();
    let before = passed(c);
    for proxy in &c.arena.proxies {
        proxy.slow(Duration::from_millis(200));
    }
    let steps = how_long.as_secs().div_ceil(5);
    for _ in 0..steps {
        std::thread::sleep(Duration::from_secs(5));
        let at = c.chance.random_range(0..c.arena.proxies.len());
        c.arena.proxies[at].cut();
        c.supervise();
    }
    let bit = passed(c) > before;
    c.round("network with 200 ms ± 50 each way, connections breaking", format!("{how_long:?}"), since, bit);
    c.arena.proxies.iter().for_each(Proxy::heal);
}

/// From the instances there are to these, each with a share of the work.
pub fn scale_to(c: &mut Campaign<'_>, kind: &'static str, ids: &[&str]) {
    let since = now_ms();
    let running: Vec<String> = c.instances.keys().cloned().collect();
    for id in running.iter().filter(|id| !ids.contains(&id.as_str())) {
        c.terminate(id);
    }
    for id in ids.iter().filter(|id| !running.contains(&(**id).to_owned())) {
        c.start(id);
    }
    let share = |c: &Campaign<'_>| ids.iter().all(|id| c.holds(id) == PARTITIONS / ids.len());
    let shared = c.wait_until(SOON, |c| share(c));
    c.round(kind, format!("{} to {}", running.len(), ids.len()), since, shared);
}

/// One instance after another dies and comes back, before the last has found its feet.
pub fn restart_storm(c: &mut Campaign<'_>, times: usize) {
    let mut held = 0;
    let mut since = now_ms();
    for _ in 0..times {
        let victim = c.any();
        held += c.holds(&victim);
        c.kill(&victim);
        since = now_ms();
        c.start(&victim);
        std::thread::sleep(Duration::from_secs(3));
        c.supervise();
    }
    c.round("restart storm, one every 3 s (from the last)", format!("{times} restarts"), since, held > 0);
}

/// A second process of a name that is in use: it ends, and the first works on.
pub fn same_name_later(c: &mut Campaign<'_>) {
    let name = c.any();
    let since = now_ms();
    let mut second = c.program.start(&name);
    let status = second.wait_for_end(SOON);
    if status.code() != Some(1) {
        c.anomaly(format!("the second {name} ended with {status}"));
    }
    c.round("same instance id twice, the second later", name, since, true);
}

/// Two processes of one name that start at the same moment: one of them ends.
pub fn same_name_at_once(c: &mut Campaign<'_>) {
    let name = c.any();
    c.kill(&name);
    let since = now_ms();
    let mut pair = [c.program.start(&name), c.program.start(&name)];
    let mut gone = None;
    c.wait_until(SOON, |_| {
        gone = pair.iter_mut().position(|instance| instance.ended().is_some());
        gone.is_some()
    });
    let [first, second] = pair;
    let (left, mut ended) = if gone == Some(0) { (second, first) } else { (first, second) };
    if let Some(status) = ended.ended().filter(|status| status.code() != Some(1)) {
        c.anomaly(format!("one of two {name} ended with {status}"));
    }
    c.instances.insert(name.clone(), left);
    c.round("same instance id twice, both at once", name, since, gone.is_some());
}

/// What becomes of the committed offsets of both stages while nobody works.
#[derive(Clone, Copy, Debug)]
pub enum Offsets {
    Deleted,
    Reset,
}

/// The committed offsets of both stages are gone, or at the beginning: everything comes again and nothing is told twice.
pub fn offsets(c: &mut Campaign<'_>, what: Offsets) {
    let ids: Vec<String> = c.instances.keys().cloned().collect();
    ids.iter().for_each(|id| c.terminate(id));
    let groups = [("cases", &["case-inputs"][..]), ("match", &["calls", "transfers"][..])];
    let groups = groups.map(|(group, topics)| {
        let prefix = &c.setting.prefix;
        (format!("{prefix}{group}"), topics.iter().map(|topic| format!("{prefix}{topic}")).collect::<Vec<_>>())
    });
    let done = match what {
        Offsets::Deleted => delete(&c.setting.bootstrap, &groups.each_ref().map(|(group, _)| group.as_str())),
        Offsets::Reset => groups.iter().all(|(group, topics)| reset(&c.setting.bootstrap, group, topics)),
    };
    let since = now_ms();
    ids.iter().for_each(|id| c.start(id));
    let kind = match what {
        Offsets::Deleted => "group offsets deleted, restart",
        Offsets::Reset => "group offsets reset to the beginning, restart",
    };
    c.round(kind, format!("{} instances", ids.len()), since, done);
}

fn delete(bootstrap: &str, groups: &[&str]) -> bool {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("an admin");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    (0..20).any(|_| {
        let deleted = runtime.block_on(admin.delete_groups(groups, &AdminOptions::new())).expect("an answer");
        std::thread::sleep(Duration::from_millis(500));
        deleted.iter().all(Result::is_ok)
    })
}

fn reset(bootstrap: &str, group: &str, topics: &[String]) -> bool {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    for topic in topics {
        for partition in 0..PARTITIONS {
            list.add_partition_offset(topic, partition as i32, Offset::Offset(0)).expect("an offset");
        }
    }
    (0..20).any(|_| {
        let done = consumer.commit(&list, CommitMode::Sync).is_ok();
        if !done {
            std::thread::sleep(Duration::from_millis(500));
        }
        done
    })
}
