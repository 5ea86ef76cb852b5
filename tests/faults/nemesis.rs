//! The faults of processes: they die, stand still, come and go, or find other offsets than they left.

use std::time::Duration;

use rand::Rng;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::campaign::{Campaign, PARTITIONS, SCAN, TRANSACTION, now_ms};

/// How long a process may take to come by a fault point, or to notice that it is not wanted.
pub const SOON: Duration = Duration::from_secs(90);

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

/// Take-overs, by the session time-out.
pub const TAKE_OVER: &str = "kill -9, take-over by another instance";
pub const TAKE_OVER_SHIPPED: &str = "kill -9, take-over by another instance, session 10 s as shipped";

/// An instance dies and another takes over.
pub fn take_over(c: &mut Campaign<'_>) {
    let victim = c.any();
    let held = c.holds(&victim);
    c.kill(&victim);
    let since = now_ms();
    let detail = format!("{victim} with {held} partitions");
    let recovery = c.progress_since(since, Duration::from_secs(120));
    let kind = if c.options.session > SHORT_SESSION { TAKE_OVER_SHIPPED } else { TAKE_OVER };
    c.start(&victim);
    c.note(kind, detail, held > 0, recovery);
}

/// An instance stands still (SIGSTOP) for so long, and goes on (SIGCONT). Recovery is counted from the SIGSTOP, so that
/// the pause is a part of it.
pub fn pause(c: &mut Campaign<'_>, kind: &'static str, how_long: Duration) {
    let victim = c.any();
    let held = c.holds(&victim);
    let since = now_ms();
    c.instances[&victim].signal("STOP");
    std::thread::sleep(how_long);
    // Others do its work by then: it has lost its place and must find that out.
    let taken_over = c.progress_since(since, SOON).is_some();
    c.instances[&victim].signal("CONT");
    let missed = if taken_over { "" } else { ", not taken over" };
    c.round(kind, format!("{victim} with {held} partitions{missed}"), since, held > 0 && taken_over);
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
    let taken_over = c.progress_since(since, SOON).is_some();
    c.instances[&victim].signal("CONT");
    let missed = if taken_over { "" } else { ", not taken over" };
    let detail = format!("{victim} at timer {pass}{missed}");
    c.round("SIGSTOP with a timer due, past session and transaction", detail, since, stopped && taken_over);
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
