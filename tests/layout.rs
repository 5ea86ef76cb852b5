//! Topics with which nothing right could come out: refused at the start, and noticed while the program runs.

mod support;

use std::time::Duration;

use support::broker::{Broker, broker_or_skip};
use support::instance::READY;
use support::stand::Stand;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn case_inputs_whose_time_is_stamped_by_producers_are_refused() {
    broker_or_skip!("that deadlines never go by the clock of whoever wrote the record");
    let broker = Broker::shared();
    let stand = Stand::new(broker, "stamped", SOON, &[]);
    let topic = format!("{}case-inputs", stand.setting.prefix);
    broker.create_topic(&topic, 6, &[("message.timestamp.type", "CreateTime")]);
    let stand = stand.with_topics();
    let mut instance = stand.setting.start("alone");
    assert_eq!(instance.wait_for_end(READY).code(), Some(1));
    let log = instance.log_text();
    let wanted = format!("topic {topic}: message.timestamp.type is CreateTime, the contract has LogAppendTime");
    assert!(log.lines().last().unwrap_or_default().contains(&wanted), "{log}");
}
