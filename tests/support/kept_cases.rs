//! Many different cases as they lie in the topic `cases`: what the engine makes of a call under the shipped rules, open,
//! or taken on and closed as a false alarm, each with other ids, names and times.

#[path = "templates.rs"]
mod templates;

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use golden_bell::core::case::{ArchiveKey, Case, CaseSettings, FollowUp, IdHash, SeenIds, What};
use golden_bell::core::case_engine::{CaseBook, Context, Moment, Outlets};
use golden_bell::core::directory::{Directory, DirectoryFiles};
use golden_bell::core::matched::{Match, match_id};
use golden_bell::core::message::Templates;
use golden_bell::core::rules::RuleSet;
use serde_json::json;

static DIRECTORY: LazyLock<Directory> = LazyLock::new(|| {
    let area = "[[areas]]\ncode = \"kfq\"\nname = { zh = \"开发区\", en = \"Zone\" }\nkind = \"zone\"\n";
    let mut files = DirectoryFiles::default();
    files.texts.insert("areas.toml".to_owned(), area.to_owned());
    Directory::load(&files).expect("a directory")
});
static TEMPLATES: LazyLock<Templates> = LazyLock::new(templates::templates);
static OUTLETS: LazyLock<Outlets> = LazyLock::new(Outlets::default);
static RULES: LazyLock<RuleSet> =
    LazyLock::new(|| RuleSet::load(include_str!("../../config/rules.toml"), "rules.toml").expect("the shipped rules"));
static SETTINGS: LazyLock<CaseSettings> = LazyLock::new(CaseSettings::default);
static KEY: LazyLock<ArchiveKey> = LazyLock::new(|| ArchiveKey::new(&[7; 32]));
static OPEN: LazyLock<Case> = LazyLock::new(|| template(false));
static CLOSED: LazyLock<Case> = LazyLock::new(|| template(true));

/// The shipped rules and the defaults.
pub fn context() -> Context<'static> {
    Context {
        rules: &RULES,
        directory: &DIRECTORY,
        templates: &TEMPLATES,
        outlets: &OUTLETS,
        settings: &SETTINGS,
        archive_key: &KEY,
    }
}

/// An event as stage 1 passes it on.
pub fn match_json(subject: &str, source: &str, id: &str, at: DateTime<Utc>, data: &serde_json::Value) -> String {
    let kind = if data.get("call_id").is_some() { "call" } else { "transfer" };
    json!({
        "match_id": match_id(source, id, subject), "subject_id": subject, "programme": "golden_bell", "matched_by": "own",
        "identifier": "phone",
        "subject": {"registrant_id": subject, "name": "测试人", "phone": "13100000000", "language": "zh-yongkang",
            "groups": ["prior_victim"], "area": "kfq/huangchengli", "consented": true},
        "trusted_contacts": [{"person_id": format!("{subject}/m1"), "relation": "mother", "name": "测试亲",
            "phone": "13300000000", "consented": true}],
        "event": {"kind": kind, "source": source, "id": id, "time": at.to_rfc3339(), "data": data},
        "registrant_offset": 5, "matched_at": at, "retroactive": false,
    })
    .to_string()
}

fn template(closed: bool) -> Case {
    let mut book = CaseBook::new();
    let opened: DateTime<Utc> = "2021-07-15T06:00:00.123Z".parse().expect("a time");
    let at = |seconds: i64| {
        let clock = opened + TimeDelta::seconds(seconds);
        Moment { clock, wall: clock }
    };
    let call = json!({"call_id": "A", "phase": "ongoing", "caller": "+96890000000", "callee": "13100000000",
        "duration_s": 280, "suspicion": {"confidence": 0.93, "fraud_type": "fake_customer_service", "list": "involved_number"}});
    let payload = match_json("r-0", "urn:operator:a", "e-0000000000", opened, &call);
    let matched: Match<'_> = serde_json::from_str(&payload).expect("a match");
    let handled = book.apply_match(&matched, None, at(1), &context());
    let case_id = handled.case_id.expect("a case");
    if closed {
        for (n, action) in [json!({"action": "acknowledge"}), json!({"action": "outcome", "outcome": "false_alarm"})]
            .into_iter()
            .enumerate()
        {
            let id = format!("f-{n}00000000");
            let mut told = json!({"follow_up_id": id, "case_id": case_id, "subject_id": "r-0", "officer_id": "o-0017",
                "by_role": "officer", "at": at(60).clock});
            told.as_object_mut().expect("an object").extend(action.as_object().expect("an object").clone());
            let follow_up = FollowUp::read(told.to_string().as_bytes(), "r-0", &id).expect("a follow-up");
            let handled = book.apply_follow_up(&follow_up, at(60 + n as i64), &context());
            assert_eq!(handled.case_id.as_ref(), Some(&case_id));
        }
    }
    book.cases_of("r-0").pop().expect("the case")
}

/// Open case `n`, opened at `opened`; each `n` is another subject.
pub fn open_case(n: usize, opened: DateTime<Utc>) -> Case {
    other(&OPEN, n, 'r', opened)
}

/// Closed case `n`, opened at `opened`; none of its subjects has an open one.
pub fn closed_case(n: usize, opened: DateTime<Utc>) -> Case {
    other(&CLOSED, n, 'q', opened)
}

/// The same case of another person at another time.
fn other(template: &Case, n: usize, prefix: char, opened: DateTime<Utc>) -> Case {
    let mut case = template.clone();
    let by = opened - template.opened_at + TimeDelta::milliseconds((n as i64 * 7_919) % 1_000_000);
    let shift = |at: &mut DateTime<Utc>| *at += by;
    // Multiplied by an odd number, so that neighbours have little in common.
    let mixed = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    case.subject_id = format!("{prefix}-{n:07}");
    case.case_id = Case::id_of(&case.subject_id, "urn:operator:a", &format!("e-{n}"));
    case.subject.registrant_id = Some(case.subject_id.clone());
    case.subject.name = Some(name(mixed));
    case.subject.phone = Some(format!("131{:08}", mixed % 100_000_000));
    case.area = Some(format!("kfq/area-{}", mixed % 40));
    case.subject.area.clone_from(&case.area);
    for contact in &mut case.trusted_contacts {
        contact.person_id = format!("{}/m1", case.subject_id);
        contact.name = Some(name(mixed >> 17));
        contact.phone = Some(format!("133{:08}", (mixed >> 7) % 100_000_000));
    }
    case.seen = SeenIds::default();
    for (m, piece) in case.evidence.iter_mut().enumerate() {
        piece.at += by;
        piece.began_at += by;
        piece.id = format!("e-{:010}", mixed % 10_000_000_000);
        piece.counterparty = format!("+968{:08}", (mixed >> 11) % 100_000_000);
        piece.confidence = Some((mixed % 100) as f64 / 100.0);
        if let What::Call { call_id, duration_s, .. } = &mut piece.what {
            (*call_id, *duration_s) = (format!("A{:08}", mixed % 100_000_000), Some(mixed % 2_000));
        }
        case.seen.events.push(IdHash::of(&[&piece.id, &m.to_string()]));
    }
    for (m, done) in case.follow_ups.iter_mut().enumerate() {
        done.follow_up_id = format!("f-{:010}", (mixed >> 3) % 10_000_000_000 + m as u64);
        done.officer_id = format!("o-{:04}", mixed % 300);
        done.at += by;
        case.seen.follow_ups.push(IdHash::of(&[&done.follow_up_id]));
    }
    for entry in &mut case.history {
        shift(&mut entry.at);
        entry.by = entry.by.take().map(|_| format!("o-{:04}", mixed % 300));
    }
    let d = &mut case.deadlines;
    let optional = [
        &mut case.closed_at,
        &mut case.respond_by,
        &mut case.next_deadline_at,
        &mut case.last_warning_at,
        &mut case.round.acknowledged_at,
        &mut d.acknowledge,
        &mut d.reach,
        &mut d.outcome,
        &mut d.lapse,
        &mut d.leave,
    ];
    optional
        .into_iter()
        .flatten()
        .chain([&mut case.opened_at, &mut case.updated_at, &mut case.round.started_at])
        .for_each(shift);
    case
}

fn name(mixed: u64) -> String {
    const PIECES: [char; 16] =
        ['测', '试', '明', '芳', '伟', '静', '磊', '娜', '强', '敏', '军', '洁', '涛', '艳', '勇', '兰'];
    (0..3).filter_map(|n| PIECES.get((mixed >> (4 * n)) as usize % PIECES.len())).collect()
}
