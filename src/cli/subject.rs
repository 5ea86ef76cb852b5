//! What `export` and `forget` have in common: whom they are about, and what is held of that person.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;

use crate::core::erasure::{ErasureRecord, Erasures, Holdings, Passing, SubjectId, Version, decode_erasure};
use crate::kafka::client::Connection;
use crate::kafka::error::Error;
use crate::kafka::reader::read_all;
use crate::kafka::topics::{layout_problems, partition_counts};

#[derive(Args, Debug)]
pub(super) struct SubjectArgs {
    /// A registrant id, a household member as REGISTRANT/MEMBER, or the p-… id of somebody who is not registered.
    #[arg(value_name = "SUBJECT", value_parser = known_form)]
    pub(super) subject: String,
}

fn known_form(text: &str) -> Result<String, String> {
    match SubjectId::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("neither REGISTRANT nor REGISTRANT/MEMBER".to_owned()),
    }
}

/// How long the broker may take to name its topics.
const ANSWER: Duration = Duration::from_secs(10);

/// Topics that neither command can do without.
const NEEDED: [&str; 4] = ["registrants", "erasures", "case-inputs", "cases"];

/// Reads all that is held of a subject; what leaves by itself only if `passing`.
pub(super) fn gather(connection: &Connection, worker: &str, id: &str, passing: bool) -> Result<Holdings, Error> {
    let counts = partition_counts(connection, ANSWER)?;
    let problems = layout_problems(connection, &counts, &NEEDED);
    if !problems.is_empty() {
        return Err(Error::Layout(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")));
    }
    let mut holdings = Holdings::of(id).ok_or_else(|| Error::Layout(format!("{id} is no subject")))?;
    let topics = Topics { connection, worker, counts };
    topics.registrants(&mut holdings)?;
    topics.erasures(&mut holdings)?;
    topics.cases(&mut holdings)?;
    if passing {
        for topic in Passing::ALL {
            topics.passing(topic, &mut holdings)?;
        }
    }
    Ok(holdings)
}

struct Topics<'a> {
    connection: &'a Connection,
    worker: &'a str,
    counts: BTreeMap<&'static str, i32>,
}

impl Topics<'_> {
    fn read(&self, topic: &str, each: impl FnMut(&crate::kafka::record::Record<'_>)) -> Result<(), Error> {
        let Some(&partitions) = self.counts.get(topic) else { return Ok(()) };
        read_all(self.connection, self.worker, &self.connection.topic(topic), partitions, each)
    }

    fn registrants(&self, holdings: &mut Holdings) -> Result<(), Error> {
        self.read("registrants", |record| {
            holdings.take_registrant(record.key(), || Version {
                partition: record.partition(),
                written: (record.timestamp().unwrap_or_default(), record.offset()),
                value: record.value().unwrap_or_default().to_vec(),
            });
        })
    }

    fn erasures(&self, holdings: &mut Holdings) -> Result<(), Error> {
        let erasures = Erasures::new();
        self.read("erasures", |record| match decode_erasure(record.key(), record.value()) {
            Ok(ErasureRecord::Forgotten(erasure)) => erasures.learn(&erasure),
            Ok(ErasureRecord::Lifted(subject_id)) => erasures.lift(subject_id),
            Err(reject) => {
                let (partition, offset) = (record.partition(), record.offset());
                tracing::warn!(partition, offset, %reject, "an erasure cannot be read and has no effect");
            }
        })?;
        let own = erasures.until(holdings.subject_id());
        let whole = holdings.subject().registrant_id().and_then(|id| erasures.until(id));
        holdings.forgotten_until = own.max(whole);
        Ok(())
    }

    fn cases(&self, holdings: &mut Holdings) -> Result<(), Error> {
        self.read("cases", |record| {
            if let Some(case_id) = record.key().and_then(|key| std::str::from_utf8(key).ok()) {
                holdings.take_case(case_id, record.value());
            }
        })
    }

    fn passing(&self, topic: Passing, holdings: &mut Holdings) -> Result<(), Error> {
        self.read(topic.topic(), |record| {
            holdings.take_passing(topic, record.key(), record.headers(), record.value());
        })
    }
}
