//! `golden-bell forget`: a person is forgotten, in one transaction.

use chrono::Utc;

use crate::config::Config;
use crate::core::erasure::{Erasure, Plan, SubjectId};
use crate::kafka::client::Connection;
use crate::kafka::record::{Headers, Outgoing};
use crate::kafka::transaction::{Failed, TransactionalProducer};
use crate::kafka::watchdog::Watchdog;
use crate::runtime::{connection, identifiers};
use crate::telemetry;
use crate::workers::envelope;

use super::output;
use super::subject::{SubjectArgs, gather};

/// Names the command's client and transactional id; of two that run at once the later takes the earlier one's place.
const WORKER: &str = "forget";

pub(super) fn execute(config: &Config, args: &SubjectArgs) -> anyhow::Result<()> {
    telemetry::init(&config.telemetry)?;
    let (reader, tokens) = identifiers(config)?;
    let connection = connection(config);
    let holdings = gather(&connection, WORKER, &args.subject, false)?;
    let plan = Plan::of(&holdings, &reader, &tokens, Utc::now())?;
    write(config, &connection, holdings.subject(), &plan)?;
    say(&args.subject, holdings.subject(), &plan)
}

/// Writes all of the plan, or nothing.
fn write(config: &Config, connection: &Connection, subject: SubjectId<'_>, plan: &Plan) -> anyhow::Result<()> {
    let leash = Watchdog::ending_process(|| false, || ()).leash(WORKER, config.kafka.watchdog);
    let mut producer = TransactionalProducer::start(connection, WORKER, leash)?;
    producer.begin()?;
    for (partition, value) in &plan.registrants {
        let key = subject.registrant_id().map(str::as_bytes);
        send(&mut producer, &connection.topic("registrants"), Some(*partition), key, value.as_deref(), Headers::new())?;
    }
    if let Some(erasure) = &plan.erasure {
        let (topic, value) = (connection.topic("erasures"), serde_json::to_vec(erasure)?);
        send(&mut producer, &topic, None, Some(erasure.subject_id.as_bytes()), Some(&value), Headers::new())?;
    }
    for erasure in &plan.inputs {
        let (topic, value) = (connection.topic("case-inputs"), serde_json::to_vec(erasure)?);
        let headers = headers(config, erasure);
        send(&mut producer, &topic, None, Some(erasure.subject_id.as_bytes()), Some(&value), headers)?;
    }
    Ok(producer.commit_alone()?)
}

fn headers(config: &Config, erasure: &Erasure) -> Headers {
    envelope::headers(&config.kafka.source, "erasure", &Plan::event_id(erasure), erasure.at, None)
}

fn send(
    producer: &mut TransactionalProducer,
    topic: &str,
    partition: Option<i32>,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: Headers,
) -> Result<(), Failed> {
    producer.send(Outgoing { topic, partition, key, value, headers })
}

fn say(id: &str, subject: SubjectId<'_>, plan: &Plan) -> anyhow::Result<()> {
    let cases = match plan.cases {
        0 => "no case".to_owned(),
        1 => "1 case".to_owned(),
        several => format!("{several} cases"),
    };
    output::line(format_args!("{id} is forgotten; {cases} to be stripped by the case workers"))?;
    if let (SubjectId::Registrant(_), more @ 1..) = (subject, plan.inputs.len().saturating_sub(1)) {
        output::line(format_args!("with {more} of the household"))?;
    }
    Ok(output::line("events, inputs, warnings, notifications and dead letters leave by the retention of their topics")?)
}
