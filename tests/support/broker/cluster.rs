//! Several brokers that replicate to each other, and the faults a test can cause among them.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use tempfile::TempDir;

use super::node::{Node, Ports};
use super::{START, client, script};

/// Brokers with the node ids 1, 2 and so on, each also a controller. From three on everything has
/// three replicas, of which two must be in sync. They end with the value.
pub struct Cluster {
    nodes: Vec<Node>,
    doors: Vec<Ports>,
    /// Last, so that the brokers are gone before their folders.
    folder: TempDir,
}

impl Cluster {
    /// Starts this many brokers and waits until each serves and knows all the others.
    pub fn start(count: usize) -> Self {
        Self::start_with(count, Vec::new())
    }

    /// Like [`Cluster::start`], with a second way in to each broker; see [`Cluster::doors`].
    pub fn start_with_doors(count: usize) -> Self {
        Self::start_with(count, (0..count).map(|_| Ports::reserve()).collect())
    }

    fn start_with(count: usize, doors: Vec<Ports>) -> Self {
        if let Err(missing) = super::available() {
            panic!("no broker to be had: {missing}");
        }
        let folder = tempfile::Builder::new()
            .prefix("kafka-")
            .disable_cleanup(std::env::var_os("GOLDEN_BELL_KEEP_BROKER").is_some())
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("a folder for the brokers");
        let ports: Vec<Ports> = (0..count).map(|_| Ports::reserve()).collect();
        let prepared = script()
            .arg("prepare")
            .arg(folder.path())
            .args(ports.iter().enumerate().map(|(index, ports)| match doors.get(index) {
                Some(door) => format!("{}:{}:{}", ports.client(), door.client(), door.client() + 1),
                None => ports.client().to_string(),
            }))
            .output()
            .expect("bash");
        assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
        let nodes = (1..).zip(ports).map(|(id, ports)| Node::start(id, folder.path(), ports)).collect();
        let cluster = Self { nodes, doors, folder };
        cluster.wait_ready(START);
        cluster
    }

    /// Kills a broker (SIGKILL) and returns when it is gone. Ports and data stay for `restart`.
    pub fn kill(&self, id: i32) {
        self.node(id).kill();
    }

    /// Ends a broker in an orderly way (SIGTERM): it hands its partitions over first.
    pub fn stop(&self, id: i32) {
        self.node(id).stop();
    }

    /// Stops a broker in its tracks (SIGSTOP): connections stay open, nothing answers.
    pub fn pause(&self, id: i32) {
        self.node(id).pause();
    }

    /// Lets a paused broker go on (SIGCONT).
    pub fn resume(&self, id: i32) {
        self.node(id).resume();
    }

    /// Starts a broker again on the same ports and data, after a kill if it runs; waits until it
    /// serves, not until its replicas are in sync.
    pub fn restart(&self, id: i32) {
        let node = self.node(id);
        node.restart();
        self.wait_for(&[node], START);
    }

    /// Lets paused brokers go on and starts those that are gone.
    pub fn revive(&self) {
        for node in &self.nodes {
            node.revive();
        }
    }

    /// Waits until each broker that was not killed, stopped or paused answers, counts all of those
    /// among the living, and has its replicas in sync. After it the next fault may come.
    pub fn wait_ready(&self, within: Duration) {
        let deadline = Instant::now() + within;
        let running: Vec<&Node> = self.nodes.iter().filter(|node| node.runs()).collect();
        self.wait_for(&running, within);
        let ids: Vec<i32> = running.iter().map(|node| node.id()).collect();
        let Some(first) = running.first() else {
            return;
        };
        client::wait_until(
            deadline.saturating_duration_since(Instant::now()),
            || format!("replicas to be in sync:\n{}", self.logs()),
            || client::in_sync(&first.address(), &ids),
        );
    }

    fn wait_for(&self, nodes: &[&Node], within: Duration) {
        client::wait_until(
            within,
            || format!("brokers to serve:\n{}", self.logs()),
            || {
                nodes.iter().all(|node| {
                    node.assert_alive();
                    client::living(&node.address()).is_some_and(|ids| nodes.iter().all(|node| ids.contains(&node.id())))
                })
            },
        );
    }

    /// The addresses of all brokers, the value of `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        let addresses: Vec<String> = self.nodes.iter().map(Node::address).collect();
        addresses.join(",")
    }

    /// The second way in to each broker, by node id: the port at which it listens, and the port at which it tells clients
    /// who come that way to find it. Somebody must stand there and pass on what they say.
    pub fn doors(&self) -> Vec<(i32, u16, u16)> {
        self.nodes.iter().zip(&self.doors).map(|(node, door)| (node.id(), door.client(), door.client() + 1)).collect()
    }

    /// The node ids of all brokers.
    pub fn ids(&self) -> Vec<i32> {
        self.nodes.iter().map(Node::id).collect()
    }

    /// The start of a client's configuration: where the brokers are, and quick reconnects.
    pub fn client_config(&self) -> ClientConfig {
        client::config(&self.bootstrap_servers())
    }

    /// Creates a topic with these settings and waits until each partition has a leader.
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let replicas = i32::try_from(self.nodes.len().min(3)).expect("at most three");
        let servers = self.bootstrap_servers();
        client::create_topic(&servers, name, partitions, replicas, settings);
    }

    /// The node id of a partition's leader, if it has one that lives.
    pub fn leader(&self, topic: &str, partition: i32) -> Option<i32> {
        client::leader(&self.bootstrap_servers(), topic, partition)
    }

    /// Waits until a partition's leader is another than `not`; returns its node id.
    pub fn wait_leader_other_than(&self, not: i32, topic: &str, partition: i32, within: Duration) -> i32 {
        let mut found = None;
        client::wait_until(
            within,
            || format!("{topic} {partition} to be led by another than {not}"),
            || {
                found = self.leader(topic, partition).filter(|id| *id != not);
                found.is_some()
            },
        );
        found.expect("just seen")
    }

    /// The node id of the broker that coordinates a consumer group, once a group was used.
    pub fn group_coordinator(&self, group: &str) -> Option<i32> {
        client::coordinator(&self.bootstrap_servers(), "__consumer_offsets", group)
    }

    /// The node id of the broker that coordinates a transactional id, once one was used.
    pub fn transaction_coordinator(&self, transactional_id: &str) -> Option<i32> {
        let servers = self.bootstrap_servers();
        client::coordinator(&servers, "__transaction_state", transactional_id)
    }

    fn node(&self, id: i32) -> &Node {
        self.nodes.iter().find(|node| node.id() == id).unwrap_or_else(|| panic!("no broker has the node id {id}"))
    }

    fn logs(&self) -> String {
        self.nodes.iter().map(Node::log_end).collect()
    }
}
