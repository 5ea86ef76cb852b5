//! `warnings`: one `opened` for every subject with an event that can open a case, every new transfer first in a
//! warning of its own, sequences without gaps, no id twice, and nothing for anybody else.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde_json::{Value, json};

use super::fields::{at, envelope_faults, is_time, json, list, same_contacts, same_fields, shows, text};
use super::{Beside, Findings, Told};
use crate::support::model::event::Event;
use crate::support::model::{Expected, ExpectedSubject, Record, Settings, Telling, digest_id};

const LEVELS: [&str; 4] = ["low", "medium", "high", "urgent"];

/// The place of a level, higher ones later.
pub fn rank(level: &str) -> Option<usize> {
    LEVELS.iter().position(|l| *l == level)
}

pub fn check<'a>(
    settings: &Settings,
    expected: &'a Expected,
    records: &[Record],
    beside: Beside,
    findings: &mut Findings,
) -> BTreeMap<&'a str, Told> {
    let mut ids = BTreeSet::new();
    let mut told: BTreeMap<&str, Told> = BTreeMap::new();
    for record in records {
        let Some(warning) = json(record) else {
            findings.add("warning_json", at(record));
            continue;
        };
        let id = text(&warning, "warning_id");
        findings.check(ids.insert(id.to_owned()), "warning_twice", || format!("{} {id}", at(record)));
        for fault in envelope_faults(settings, record, "golden-bell.warning.v1", id) {
            findings.add("warning_envelope", format!("{} {id}: {fault}", at(record)));
        }
        let subject_id = text(&warning["subject"], "subject_id");
        findings.check(record.key.as_deref() == Some(subject_id.as_bytes()), "warning_key", || at(record));
        let right = id == format!("{}-{}", text(&warning, "case_id"), warning["sequence"]);
        findings.check(right, "warning_id", || format!("{} {warning}", at(record)));
        match expected.subjects.get_key_value(subject_id) {
            Some((known, subject)) if subject.opened => {
                let told = told.entry(known).or_default();
                told.case_ids.insert(text(&warning, "case_id").to_owned());
                told.warnings.push(warning);
            }
            _ => findings.add("warning_unexpected", format!("{} {warning}", at(record))),
        }
    }
    for (subject_id, subject) in expected.subjects.iter().filter(|(_, s)| s.opened) {
        match told.get(subject_id.as_str()) {
            None => findings.add("opened_missing", subject_id.clone()),
            Some(told) => Subject { subject_id, subject, beside, findings, areas: &settings.areas }.check(told),
        }
    }
    told
}

/// The checks over the warnings of one subject.
struct Subject<'a> {
    subject_id: &'a str,
    subject: &'a ExpectedSubject,
    beside: Beside,
    findings: &'a mut Findings,
    /// The areas of the directory.
    areas: &'a [String],
}

impl Subject<'_> {
    fn check(&mut self, told: &Told) {
        let ids = &told.case_ids;
        self.findings.check(ids.len() == 1, "more_than_one_case", || format!("{}: {ids:?}", self.subject_id));
        self.order(&told.warnings);
        for warning in &told.warnings {
            self.content(warning);
            self.evidence(warning);
        }
        self.causes(&told.warnings);
        self.transfers(&told.warnings);
    }

    fn add(&mut self, good: bool, check: &'static str, warning: &Value) {
        self.findings.check(good, check, || format!("{}: {warning}", self.subject_id));
    }

    fn order(&mut self, warnings: &[Value]) {
        let sequences: Vec<_> = warnings.iter().map(|w| w["sequence"].as_u64().unwrap_or(0)).collect();
        let right = sequences.iter().copied().eq(1..=sequences.len() as u64);
        self.findings.check(right, "sequence", || format!("{}: {sequences:?}", self.subject_id));
        let opened = warnings.iter().filter(|w| w["cause"] == "opened").count();
        let first = warnings.first().is_some_and(|w| w["cause"] == "opened");
        self.findings.check(opened == 1 && first, "opened_once", || {
            let causes: Vec<_> = warnings.iter().map(|w| text(w, "cause")).collect();
            format!("{}: {causes:?}", self.subject_id)
        });
        // A follow-up may begin a new round, which has a level and a score of its own.
        let rounds = if self.beside == Beside::Nothing { warnings } else { &[] };
        for pair in rounds.windows(2) {
            let (before, now) = (&pair[0], &pair[1]);
            let ranks = (rank(text(before, "level")), rank(text(now, "level")));
            let count = |w: &Value| (w["score"].as_i64(), w["evidence_count"].as_u64());
            self.add(ranks.0 <= ranks.1, "level_falls", now);
            self.add(count(before).0 <= count(now).0, "score_falls", now);
            self.add(count(before).1 <= count(now).1, "evidence_count_falls", now);
            self.add((ranks.0 < ranks.1) == (now["cause"] == "raised"), "raised", now);
        }
    }

    fn content(&mut self, warning: &Value) {
        let wanted = self.subject.faces.iter();
        let names = ["registrant_id", "member_id", "name", "phone", "language", "groups"];
        let fits = wanted.clone().any(|m| same_fields(&m.json["subject"], &warning["subject"], &names));
        let code = text(&warning["area"], "code");
        let near = wanted.clone().any(|m| {
            let rest = text(&m.json["subject"], "area").strip_prefix(code);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let contacts = wanted.clone().all(|m| {
            let (wanted, got) = (list(&m.json, "trusted_contacts"), list(warning, "trusted_contacts"));
            same_contacts(wanted, &m.other_contacts, got)
        });
        let programme = wanted.clone().all(|m| m.json["programme"] == warning["programme"]);
        self.add(fits, "warning_subject", warning);
        self.add(near || code.is_empty(), "warning_area", warning);
        self.add(contacts, "warning_contacts", warning);
        self.add(programme, "warning_programme", warning);
        self.add(rank(text(warning, "level")).is_some(), "warning_level", warning);
        self.add(is_time(warning, "published_at"), "warning_published_at", warning);
        // The directory of a trial has an officer and a grid worker for each area that has none above it.
        let root = code.split('/').next().unwrap_or_default();
        let known = !root.is_empty() && self.areas.iter().any(|area| area == root);
        let person = |role: &str| json!({"person_id": format!("{role}-{root}"), "role": role, "step": 1});
        let wanted = if known { json!([person("officer"), person("grid_worker")]) } else { json!([]) };
        self.add(warning["assigned"] == wanted && warning["unowned"] == !known, "warning_assigned", warning);
        self.add(!matches!(warning["retroactive"], Value::Bool(true)), "warning_retroactive", warning);
        let points: i64 = list(warning, "reasons").iter().filter_map(|r| r["points"].as_i64()).sum();
        let score = warning["score"].as_i64().unwrap_or(-1);
        let right = match (text(warning, "cause"), self.beside) {
            ("opened", _) => points.max(0) == score,
            (_, Beside::Nothing) => points <= score,
            // What was told by a follow-up names the reasons of an event that may be of another round.
            (_, Beside::FollowUps) => true,
        };
        self.add(right, "warning_score", warning);
    }

    /// Each piece tells of an event of this subject, and none stands twice.
    fn evidence(&mut self, warning: &Value) {
        let evidence = list(warning, "evidence");
        let count = warning["evidence_count"].as_u64().unwrap_or(0) as usize;
        self.add((1..=20).contains(&evidence.len()) && count >= evidence.len(), "evidence_size", warning);
        let mut pieces = BTreeSet::new();
        for piece in evidence {
            let event = self.event(piece);
            self.add(event.is_some_and(|event| shows(piece, event)), "evidence_content", warning);
            let name = if piece["kind"] == "call" { "call_id" } else { "transfer_id" };
            let once = pieces.insert((text(piece, "kind"), text(piece, "source"), text(piece, name)));
            self.add(once, "evidence_twice", warning);
        }
        let times = evidence.iter().map(|piece| DateTime::parse_from_rfc3339(text(piece, "at")).ok());
        let skipped = usize::from(warning["cause"] != "escalated");
        let sorted = times.skip(skipped).is_sorted_by(|a, b| a >= b);
        self.add(sorted, "evidence_order", warning);
    }

    /// Whether an event caused it, and not the passing of time or a follow-up.
    fn by_event(&self, warning: &Value) -> bool {
        warning["cause"] != "escalated" && (self.beside == Beside::Nothing || !warning["event_time"].is_null())
    }

    fn event(&self, evidence: &Value) -> Option<&Event> {
        let id = (text(evidence, "source").to_owned(), text(evidence, "id").to_owned());
        self.subject.events.get(&id)
    }

    /// No event causes two warnings, and none that cannot open a case causes one.
    fn causes(&mut self, warnings: &[Value]) {
        let mut causes = BTreeSet::new();
        for warning in warnings {
            if warning["cause"] == "escalated" {
                self.add(warning["event_time"].is_null(), "event_time", warning);
            }
            if !self.by_event(warning) {
                continue;
            }
            let followed_up = self.beside == Beside::FollowUps && warning["cause"] == "reopened";
            let known = ["opened", "raised", "transfer", "repeated"];
            self.add(followed_up || known.contains(&text(warning, "cause")), "cause", warning);
            let Some(first) = list(warning, "evidence").first() else { continue };
            let cause = (text(first, "source").to_owned(), text(first, "id").to_owned());
            self.add(causes.insert(cause), "event_warned_twice", warning);
            let Some(event) = self.event(first) else { continue };
            let time = DateTime::parse_from_rfc3339(text(warning, "event_time")).ok();
            let (right, can_open) = (time == Some(event.time), event.can_open());
            let case_id = digest_id("c-", &[self.subject_id, &event.source, &event.id]);
            self.add(right, "event_time", warning);
            self.add(can_open, "cause_cannot_warn", warning);
            if warning["cause"] == "opened" {
                self.add(text(warning, "case_id") == case_id, "case_id", warning);
            }
        }
    }

    /// Each transfer that must be told is told, by one warning; later ones of it only tell that the level rose.
    fn transfers(&mut self, warnings: &[Value]) {
        let mut told: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
        let by_event: Vec<&Value> = warnings.iter().filter(|warning| self.by_event(warning)).collect();
        for warning in by_event {
            match list(warning, "evidence").first() {
                Some(first) if first["kind"] == "transfer" => {
                    told.entry((text(first, "source"), text(first, "transfer_id"))).or_default().push(warning);
                }
                _ => self.add(warning["cause"] != "transfer", "transfer_cause", warning),
            }
        }
        for ((source, id), telling) in &self.subject.transfers {
            let own = told.get(&(source.as_str(), id.as_str())).map_or(&[][..], Vec::as_slice);
            let transfer = || format!("{}: {source} {id}", self.subject_id);
            match telling {
                Telling::Must => self.findings.check(!own.is_empty(), "transfer_not_told", transfer),
                Telling::MustNot => self.findings.check(own.is_empty(), "transfer_told", transfer),
                Telling::May => {}
            }
            let again = own.iter().skip(1).all(|w| w["cause"] == "raised");
            self.findings.check(again, "transfer_told_twice", transfer);
        }
    }
}
