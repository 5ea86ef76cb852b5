//! Every request of a transaction, refused in every way by a broker inside this process: each ends in the branch meant
//! for it, never as a silent success, and the next transaction commits. The embedded broker knows no isolation; that
//! nothing of an aborted transaction is seen is shown on real ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use golden_bell::kafka::client::{Connection, Purpose};
use golden_bell::kafka::consumer::GroupConsumer;
use golden_bell::kafka::rebalance::Membership;
use golden_bell::kafka::record::{Headers, Outgoing};
use golden_bell::kafka::transaction::{Failed, Position, TransactionalProducer};
use golden_bell::kafka::watchdog::{Leash, Watchdog};
use rdkafka::mocking::{MockCluster, MockCoordinator};
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Code};

/// What becomes of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Committed,
    Aborted,
    Unknown,
    Fenced,
}

struct Scene {
    cluster: MockCluster<'static, DefaultProducerContext>,
    connection: Connection,
    membership: Arc<Membership>,
    inputs: String,
    log: String,
    _member: GroupConsumer,
}

fn leash() -> Leash {
    Watchdog::start(|name, call| panic!("{name} hangs: {call}")).leash("test", Duration::from_secs(40))
}

fn scene() -> Scene {
    let cluster = MockCluster::new(3).expect("a broker inside the process");
    let connection = Connection {
        bootstrap_servers: cluster.bootstrap_servers(),
        topic_prefix: "mock.".to_owned(),
        group_prefix: "mock.".to_owned(),
        instance_id: "mock".to_owned(),
        properties: BTreeMap::new(),
    };
    let (inputs, log) = (connection.topic("inputs"), connection.topic("log"));
    for topic in [&inputs, &log] {
        cluster.create_topic(topic, 1, 3).expect("a topic");
    }
    let member =
        GroupConsumer::join(&connection, "member", "group", std::slice::from_ref(&inputs), Purpose::Transactional)
            .expect("a member");
    let until = Instant::now() + Duration::from_secs(60);
    let membership = loop {
        assert!(Instant::now() < until, "no partitions");
        let _ = member.poll(Duration::from_millis(50)).expect("a poll");
        if let Some(membership) = member.member().membership() {
            break membership;
        }
    };
    Scene { cluster, connection, membership, inputs, log, _member: member }
}

impl Scene {
    /// One whole transaction.
    fn transaction(&self, producer: &mut TransactionalProducer) -> Ends {
        if producer.begin().is_err() {
            return Ends::Unknown;
        }
        let sent = (0..3).try_for_each(|_| {
            producer.send(Outgoing {
                topic: &self.log,
                partition: Some(0),
                key: Some(b"key"),
                value: Some(b"value"),
                headers: Headers::new(),
            })
        });
        let done =
            sent.and_then(|()| producer.commit(&self.inputs, &[Position { partition: 0, next: 1 }], &self.membership));
        match done {
            Ok(()) => Ends::Committed,
            Err(Failed::Aborted(_)) => Ends::Aborted,
            Err(Failed::Unknown(_)) => Ends::Unknown,
            Err(Failed::Fenced(_)) => Ends::Fenced,
        }
    }

    fn refuse(&self, api: Api, code: Code, times: usize) {
        self.cluster.request_errors(api, &vec![code; times]);
    }

    fn clear(&self, api: Api) {
        self.cluster.clear_request_errors(api);
    }
}

#[test]
fn every_transactional_request_that_is_refused_ends_in_its_branch() {
    use Code::*;
    use Ends::*;
    let passing = [
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        RD_KAFKA_RESP_ERR__TRANSPORT,
    ];
    let mut table: Vec<(Api, Code, Ends)> = Vec::new();
    for api in [Api::AddPartitionsToTxn, Api::AddOffsetsToTxn, Api::TxnOffsetCommit, Api::EndTxn] {
        table.extend(passing.iter().map(|code| (api, *code, Committed)));
    }
    table.extend([
        (Api::AddPartitionsToTxn, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, Committed),
        (Api::AddPartitionsToTxn, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Aborted),
        (Api::AddPartitionsToTxn, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, Fenced),
        (Api::AddPartitionsToTxn, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, Unknown),
        (Api::AddOffsetsToTxn, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, Committed),
        (Api::AddOffsetsToTxn, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Aborted),
        (Api::AddOffsetsToTxn, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, Fenced),
        (Api::TxnOffsetCommit, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Aborted),
        (Api::TxnOffsetCommit, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, Aborted),
        (Api::TxnOffsetCommit, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Aborted),
        (Api::TxnOffsetCommit, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, Aborted),
        (Api::TxnOffsetCommit, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, Fenced),
        (Api::Produce, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, Committed),
        (Api::Produce, RD_KAFKA_RESP_ERR__TRANSPORT, Committed),
        (Api::Produce, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, Aborted),
        (Api::Produce, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Aborted),
        (Api::EndTxn, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, Committed),
        (Api::EndTxn, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, Fenced),
        (Api::EndTxn, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, Fenced),
        (Api::EndTxn, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, Unknown),
        (Api::EndTxn, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, Unknown),
    ]);
    let scene = scene();
    let mut wrong = Vec::new();
    for (api, code, meant) in table {
        let mut producer = TransactionalProducer::start(&scene.connection, "cases-0", leash()).expect("a producer");
        assert_eq!(scene.transaction(&mut producer), Committed, "before anything is refused");
        scene.refuse(api, code, if meant == Committed { 2 } else { 1 });
        let ended = scene.transaction(&mut producer);
        scene.clear(api);
        if ended != meant {
            wrong.push(format!("{api:?} {code:?}: {ended:?}, meant {meant:?}"));
        }
        let next = scene.transaction(&mut producer);
        if next != Committed {
            wrong.push(format!("{api:?} {code:?}: the next transaction ends {next:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn taking_over_a_transactional_id_waits_out_what_passes_and_reports_what_does_not() {
    use Code::*;
    let scene = scene();
    for (code, good) in [
        (RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, true),
        (RD_KAFKA_RESP_ERR_NOT_COORDINATOR, true),
        (RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, true),
        (RD_KAFKA_RESP_ERR__TRANSPORT, true),
        (RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, false),
        (RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, false),
    ] {
        scene.refuse(Api::InitProducerId, code, 1);
        let started = TransactionalProducer::start(&scene.connection, "cases-1", leash());
        scene.clear(Api::InitProducerId);
        assert_eq!(started.is_ok(), good, "{code:?}: {:?}", started.err());
    }
}

#[test]
fn a_coordinator_that_moves_or_answers_late_holds_a_transaction_up_and_no_more() {
    let scene = scene();
    let mut producer = TransactionalProducer::start(&scene.connection, "cases-2", leash()).expect("a producer");
    for broker in [1, 2, 3, 1] {
        for coordinator in
            [MockCoordinator::Transaction("mock.mock/cases-2".to_owned()), MockCoordinator::Group("mock.group".into())]
        {
            scene.cluster.coordinator(coordinator, broker).expect("a coordinator");
        }
        assert_eq!(scene.transaction(&mut producer), Ends::Committed, "coordinators at broker {broker}");
    }
    for broker in 1..=3 {
        scene.cluster.broker_round_trip_time(broker, Duration::from_millis(300)).expect("a delay");
    }
    assert_eq!(scene.transaction(&mut producer), Ends::Committed, "everything takes 300 ms");
}

#[test]
fn a_transaction_given_up_right_after_its_first_record_leaves_a_producer_that_works() {
    let scene = scene();
    let mut producer = TransactionalProducer::start(&scene.connection, "cases-3", leash()).expect("a producer");
    for round in 0..200 {
        producer.begin().expect("a beginning");
        let record = Outgoing {
            topic: &scene.log,
            partition: Some(0),
            key: Some(b"key"),
            value: Some(b"value"),
            headers: Headers::new(),
        };
        producer.send(record).expect("a record is taken");
        if producer.give_up().is_err() {
            assert_eq!(scene.transaction(&mut producer), Ends::Committed, "after giving up for the {round}th time");
        }
    }
    assert_eq!(scene.transaction(&mut producer), Ends::Committed);
}
