//! The end of a campaign: the work is finished, and what is on the broker is held against model and replay.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::campaign::{Campaign, PATIENCE, case_settings};
use crate::compare::value;
use crate::load::Seen;
use crate::probe::probes;
use crate::replay::{Judge, Replayed, replay};
use crate::report::Verdict;
use crate::spoils;
use crate::support::audit::{Beside, Discrepancy, Outputs, audit_beside, report};
use crate::support::instance::READY;
use crate::support::model::event::Event;
use crate::support::model::{Record, expect};
use crate::support::topic_io::{read_all, send_all};
use crate::support::trial::{FEEDS, lag, outputs, wait_until_done};

/// All that is on the broker.
#[derive(Clone)]
pub struct Found {
    /// Of `calls` and `transfers`.
    pub events: Vec<Record>,
    pub outputs: Outputs,
    pub notifications: Vec<Record>,
}

impl Found {
    /// What the replay has against it, and against the order of the matches.
    pub fn replayed(&self, judge: &Judge) -> Replayed {
        let mut replayed = replay(judge, &self.outputs, &self.notifications);
        replayed.discrepancies.extend(out_of_order(&self.events, &self.outputs.case_inputs));
        replayed
    }
}

impl Campaign<'_> {
    /// Ends the load, lets the work be finished and holds everything against model and replay.
    pub fn finish(mut self, letters_may_repeat: bool) -> Verdict {
        let seen = self.load.take().map(|load| {
            println!("{:?} events and follow-ups sent", load.sent());
            load.stop()
        });
        self.supervise();
        wait_until_done(&self.setting, PATIENCE);
        println!("{:>5.0} s everything is done", self.began.elapsed().as_secs_f64());
        for id in self.instances.keys().cloned().collect::<Vec<_>>() {
            self.terminate(&id);
        }
        let before = self.read(letters_may_repeat);
        self.audit(&before);
        self.probe(&before);
        let read = |name| read_all(&self.setting.bootstrap, &self.setting.prefix, name);
        let (events, notifications) = (FEEDS.into_iter().flat_map(read).collect(), read("notifications"));
        let after = Found { events, notifications, outputs: self.read(letters_may_repeat) };
        self.still_there(&seen.unwrap_or_default(), &after.outputs);
        let judge = Judge::new(self.folder.path(), &self.settings.token_key, case_settings());
        let replayed = after.replayed(&judge);
        println!(
            "replayed {} inputs, {} transactions, {} timers, {} warnings, {} notifications: {} discrepancies",
            replayed.inputs,
            replayed.transactions,
            replayed.timers,
            replayed.warnings,
            replayed.notifications,
            replayed.discrepancies.len()
        );
        if !replayed.discrepancies.is_empty() {
            self.anomaly(report(&replayed.discrepancies));
        } else if spoils::due() {
            spoils::unseen(&judge, &after).into_iter().for_each(|what| self.anomaly(what));
        }
        println!("{:>5.0} s everything is judged", self.began.elapsed().as_secs_f64());
        Verdict {
            campaign: self.name,
            seed: self.seed,
            rounds: std::mem::take(&mut self.rounds),
            anomalies: std::mem::take(&mut self.anomalies),
            inputs: replayed.inputs,
            warnings: replayed.warnings,
            timers: replayed.timers,
            notifications: replayed.notifications,
            took: self.began.elapsed(),
            watchdog_ends: self.watchdog_ends,
        }
    }

    /// U1: `outputs` waits until no transaction is open, and fails the test where one stays. U6: nothing is left to do.
    fn read(&mut self, letters_may_repeat: bool) -> Outputs {
        let mut outputs = outputs(&self.setting);
        let left = lag(&self.setting);
        if left > 0 {
            self.anomaly(format!("{left} records are not done"));
        }
        if letters_may_repeat {
            // A refused input is not remembered: read again, it is refused again (contract 8 and 11).
            let mut known = BTreeSet::new();
            outputs.dead_letters.retain(|letter| {
                let part = |name| letter.header_text(name).unwrap_or_default().to_owned();
                known.insert((part("dlq_topic"), part("dlq_partition"), part("dlq_offset")))
            });
        }
        outputs
    }

    /// U2, U3 and U4 by the independent model.
    fn audit(&mut self, outputs: &Outputs) {
        let read = |name| read_all(&self.setting.bootstrap, &self.setting.prefix, name);
        let registrants = read("registrants");
        let events: Vec<Record> = FEEDS.into_iter().flat_map(read).collect();
        let expected = expect(&self.settings, &registrants, &events);
        let wrong = audit_beside(&self.settings, &expected, outputs, Beside::FollowUps);
        println!(
            "audited {} matches, {} subjects, {} warnings: {} discrepancies",
            expected.matches.len(),
            expected.subjects.len(),
            outputs.warnings.len(),
            wrong.len()
        );
        if !wrong.is_empty() {
            self.anomaly(report(&wrong));
        }
    }

    /// U5: an instance that restores everything goes on just where the live ones were; the replay tells.
    fn probe(&mut self, outputs: &Outputs) {
        let probes = probes(outputs);
        send_all(&self.setting.bootstrap, &self.setting.prefix, &probes);
        let mut instance = self.setting.start("probe");
        instance.wait_ready(READY);
        wait_until_done(&self.setting, PATIENCE);
        self.instances.insert("probe".to_owned(), instance);
        self.terminate("probe");
        let after = read_all(&self.setting.bootstrap, &self.setting.prefix, "warnings");
        if after.len() < outputs.warnings.len() + probes.len() {
            let (before, after) = (outputs.warnings.len(), after.len());
            self.anomaly(format!("{} new transfers gave {} warnings", probes.len(), after - before));
        }
    }

    /// What was read while it happened is what stands there now.
    fn still_there(&mut self, seen: &Seen, outputs: &Outputs) {
        let now: BTreeMap<(i32, i64), String> =
            outputs.warnings.iter().map(|r| ((r.partition, r.offset), warning_id(r))).collect();
        let gone: Vec<_> = seen.iter().filter(|(at, id)| now.get(at) != Some(*id)).take(3).collect();
        if !gone.is_empty() {
            self.anomaly(format!("warnings that a reader saw are not there: {gone:?}"));
        }
    }
}

fn warning_id(record: &Record) -> String {
    value(record)["warning_id"].as_str().unwrap_or_default().to_owned()
}

/// Where an event lies: topic, partition, offset.
type Place<'a> = (&'a str, i32, i64);

/// Matches of a person that come of one partition of a feed stand in `case-inputs` in the order of their events, by the
/// first record of each: stage 1 may write one again after a fault, but never a later one first. Events that were sent
/// more than once have no one place, and are left out.
fn out_of_order(events: &[Record], case_inputs: &[Record]) -> Vec<Discrepancy> {
    let mut places: BTreeMap<(String, String), Option<Place<'_>>> = BTreeMap::new();
    for record in events {
        if let Ok(event) = Event::read(record) {
            let place = (record.topic.as_str(), record.partition, record.offset);
            places.entry((event.source, event.id)).and_modify(|place| *place = None).or_insert(Some(place));
        }
    }
    let mut seen = BTreeSet::new();
    let mut latest: BTreeMap<(String, &str, i32), i64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for record in case_inputs.iter().filter(|r| r.header_text("ce_type") == Some("golden-bell.match.v1")) {
        let matched = value(record);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let name = (text(&matched["event"]["source"]), text(&matched["event"]["id"]));
        let Some(Some((topic, partition, offset))) = places.get(&name).copied() else { continue };
        if !seen.insert(text(&matched["match_id"])) {
            continue;
        }
        let before = latest.insert((record.key_text(), topic, partition), offset);
        if before.is_some_and(|before| before > offset) {
            let at = format!("partition {}, offset {}", record.partition, record.offset);
            let what = format!("{at}: {topic} {partition} {offset} after {before:?}");
            wrong.push(Discrepancy { check: "match_order", what });
        }
    }
    wrong
}
