//! `golden-bell generate`: load for a trial installation, made up from a seed, and what must be counted in the end.

use std::time::{Duration, Instant};

use anyhow::bail;
use chrono::Utc;
use clap::Args;
use tokio::runtime;

use crate::config::Config;
use crate::generate::{EventFeed, Families, Generated, Mix, Places, Reason, Record, Tally, Zone};
use crate::kafka::client::Connection;
use crate::kafka::producer::{Delivered, ReportingProducer};
use crate::kafka::record::{Headers, Outgoing};
use crate::lifecycle::Stop;
use crate::runtime::{Rulebook, connection};
use crate::{lifecycle, telemetry};

use super::output;

#[derive(Args, Clone, Debug)]
pub(super) struct GenerateArgs {
    /// How many people are registered; they are sent first.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    registrants: u64,
    /// Send no registrants: those of this seed and number are there from an earlier call.
    #[arg(long)]
    events_only: bool,
    /// How many events to send; 0: until stopped.
    #[arg(long, value_name = "N", default_value_t = 0)]
    events: u64,
    /// Events a second; 0: as many as the broker takes.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    rate: u64,
    /// The share of events with a person of the zone in them.
    #[arg(long, value_name = "SHARE", default_value_t = Mix::bench().matched)]
    matched: f64,
    /// The share of events that are bad.
    #[arg(long, value_name = "SHARE", default_value_t = Mix::bench().malformed)]
    malformed: f64,
    /// Which people there are; the same seed gives the same people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which events there are; the same seed gives events with the same ids, which are duplicates. Random by default.
    #[arg(long, value_name = "SEED")]
    event_seed: Option<u32>,
}

/// Events between two looks at the clock and at deliveries.
const BATCH: u64 = 500;

/// How long a broker that takes nothing is put up with.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long what is under way may take once it is to stop.
const FAREWELL: Duration = Duration::from_secs(5);

pub(super) fn execute(config: &Config, args: &GenerateArgs) -> anyhow::Result<()> {
    telemetry::init(&config.telemetry)?;
    let directory = Rulebook::load(config)?.directory.load_full();
    let areas = directory.areas();
    let places = Places::new(areas.all().iter().map(|area| (area.code.as_str(), area.kind.as_str())))?;
    let zone = Zone::new(args.seed, args.registrants, Families::Typical, places);
    let mix = Mix { matched: args.matched, malformed: args.malformed, ..Mix::bench() };
    let event_seed = args.event_seed.unwrap_or_else(rand::random);
    let feed = EventFeed::new(zone, &mix, event_seed.into())?;
    let sender = Sender::new(connection(config))?;

    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (stop, args) = (Stop::default(), args.clone());
    runtime.block_on(async {
        let mut signals = lifecycle::termination()?;
        let sending = tokio::task::spawn_blocking({
            let stop = stop.clone();
            move || send_all(sender, feed, &args, &stop)
        });
        let stopping = async {
            signals.recv().await;
            stop.request();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = sending => result?,
            () = stopping => Ok(()),
        }
    })
}

fn send_all(mut sender: Sender, mut feed: EventFeed, args: &GenerateArgs, stop: &Stop) -> anyhow::Result<()> {
    if !args.events_only {
        let zone = feed.zone().clone();
        for record in zone.records().take_while(|_| !stop.stopping()) {
            sender.send(&record)?;
        }
        sender.flush(stop)?;
        tracing::info!(registrants = zone.size(), "registrants are sent");
    }
    let began = Instant::now();
    let mut tally = Tally::default();
    let mut generated = Generated::blank();
    while !stop.stopping() && (args.events == 0 || tally.records < args.events) {
        let owed = owed(args, tally.records, began.elapsed());
        if owed == 0 {
            stop.wait(Duration::from_millis(1));
        }
        let now = Utc::now();
        for _ in 0..owed {
            feed.fill(now, &mut generated);
            sender.send(&generated.record)?;
            tally.add(&generated);
        }
        sender.look()?;
    }
    sender.flush(stop)?;
    Ok(report(&tally, began.elapsed())?)
}

/// How many events are to be sent now, so that the rate is kept.
fn owed(args: &GenerateArgs, sent: u64, elapsed: Duration) -> u64 {
    let left = if args.events == 0 { u64::MAX } else { args.events - sent };
    let due = match args.rate {
        0 => BATCH,
        rate => ((elapsed.as_secs_f64() * rate as f64) as u64).saturating_sub(sent),
    };
    due.min(left).min(BATCH)
}

fn report(tally: &Tally, took: Duration) -> std::io::Result<()> {
    let seconds = took.as_secs_f64().max(0.001);
    let rate = tally.records as f64 / seconds;
    let bytes = tally.value_bytes;
    output::line(format_args!("{} events, {bytes} bytes, in {seconds:.1} s: {rate:.0} a second", tally.records))?;
    output::line("what must be counted once all are handled:")?;
    output::line(format_args!(
        "matched        {} ({} matches, {} of them precise)",
        tally.matched, tally.matches, tally.precise
    ))?;
    output::line(format_args!("unmatched      {}", tally.unmatched))?;
    output::line(format_args!("allowed        {}", tally.allowed))?;
    for reason in Reason::ALL {
        output::line(format_args!("dead letters   {} {}", tally.dead_letters_of(reason), reason.as_str()))?;
    }
    Ok(())
}

/// A producer that gives up when anything could not be delivered.
struct Sender {
    connection: Connection,
    producer: ReportingProducer,
    delivered: Vec<Delivered>,
}

impl Sender {
    fn new(connection: Connection) -> anyhow::Result<Self> {
        let producer = ReportingProducer::new(&connection, "generate")?;
        Ok(Self { connection, producer, delivered: Vec::new() })
    }

    fn send(&self, record: &Record) -> anyhow::Result<()> {
        let headers = record.headers.iter().fold(Headers::new(), |headers, (name, value)| headers.with(name, value));
        let outgoing = Outgoing {
            topic: &self.connection.topic(record.topic.topic()),
            partition: None,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers,
        };
        Ok(self.producer.send(outgoing, 0, PATIENCE)?)
    }

    fn look(&mut self) -> anyhow::Result<()> {
        // What is sent is due now: it must not wait for more of its kind.
        self.producer.send_now();
        self.producer.poll(Duration::ZERO, &mut self.delivered);
        match self.delivered.drain(..).find_map(|delivered| delivered.failed) {
            Some(reason) => bail!("a record could not be delivered: {reason}"),
            None => Ok(()),
        }
    }

    /// Waits until everything is acknowledged; not for long once it is to stop.
    fn flush(&mut self, stop: &Stop) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let done = self.producer.flush(Duration::from_millis(100), &mut self.delivered);
            self.look()?;
            if done {
                return Ok(());
            }
            let patience = if stop.stopping() { FAREWELL } else { PATIENCE };
            if began.elapsed() > patience {
                bail!("the broker has not acknowledged everything within {} s", patience.as_secs());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: GenerateArgs,
    }

    #[test]
    fn the_rate_and_the_number_of_events_are_kept() {
        let args = Line::parse_from(["generate", "--events", "1000", "--rate", "100"]).args;
        assert_eq!(owed(&args, 0, Duration::from_secs(2)), 200);
        assert_eq!(owed(&args, 200, Duration::from_secs(2)), 0);
        assert_eq!(owed(&args, 990, Duration::from_secs(600)), 10);
        let args = Line::parse_from(["generate", "--rate", "0"]).args;
        assert_eq!(owed(&args, 1_000_000, Duration::ZERO), BATCH);
    }
}
