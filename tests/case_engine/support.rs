//! A bench for the engine: made-up matches, a clock, and everything that was published.

#[path = "../support/templates.rs"]
mod templates;

use std::sync::LazyLock;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use golden_bell::core::case::{ArchiveKey, Case, CaseSettings, FollowUp};
use golden_bell::core::case_engine::{CaseBook, Change, Context, Disposition, Handled, Moment, Outlets};
use golden_bell::core::directory::{Directory, DirectoryFiles};
use golden_bell::core::matched::{Match, match_id};
use golden_bell::core::message::Templates;
use golden_bell::core::notification::Notification;
use golden_bell::core::rules::RuleSet;
use golden_bell::core::warning::Warning;
use serde_json::{Value, json};

pub const SUBJECT: &str = "r-1";
pub const OPERATOR: &str = "urn:operator";
static RULES: LazyLock<RuleSet> = LazyLock::new(rules);
static TEMPLATES: LazyLock<Templates> = LazyLock::new(templates::templates);
static DIRECTORY: LazyLock<Directory> = LazyLock::new(|| directory(&[]));

pub const BANK: &str = "urn:bank";

/// The score of an event is its confidence in tenths, times ten; the other rules say what they saw and give nothing.
fn rules() -> RuleSet {
    let mut text = String::from("[levels]\nurgent = 80\nhigh = 50\nmedium = 25\n");
    let mut rule = |id: &str, when: &str, points: i32| {
        text.push_str(&format!(
            "[[rules]]\nid = \"{id}\"\nwhen = \"{when}\"\npoints = {points}\nreason.zh = \"规则{id}\"\nreason.en = \"rule {id}\"\n"
        ));
    };
    for tenth in 1..=10 {
        rule(&format!("c{tenth}"), &format!("event.confidence >= 0.{tenth}").replace("0.10", "1.0"), 10);
    }
    for (id, when) in [
        ("two_calls", "case.calls_2h == 2"),
        ("two_transfers", "case.transfers_2h == 2"),
        ("sixty_transfers", "case.transfers_2h == 60"),
        ("two_payees", "case.payees_2h == 2"),
        ("amount_300", "case.amount_2h_minor == 300"),
        ("smallest_100", "case.smallest_2h_minor == 100"),
        ("no_smallest", "case.smallest_2h_minor == null"),
        ("rising", "case.rising_2h"),
        ("call_first", "case.call_before_transfer_2h"),
        ("two_contacts", "case.contacts == 2"),
        ("two_warnings", "case.warnings == 2"),
        ("no_warning", "case.warnings == 0"),
        ("line_busy", "case.line_busy"),
        ("dissuaded_before", "case.dissuaded_before"),
        ("refused_before", "case.refused_before"),
        ("no_case", "case.state == null && case.level == null"),
        ("was_open", "case.state == 'open'"),
        ("was_closed", "case.state == 'closed'"),
        ("was_medium", "case.level == 'medium'"),
        ("late", "event.age_s >= 100"),
    ] {
        rule(id, when, 0);
    }
    RuleSet::load(&text, "rules.toml").unwrap()
}

/// The areas of every test, and what other files a test has for them.
pub fn directory(others: &[(&str, &str)]) -> Directory {
    let area = |code: &str, zh: &str, en: &str, kind: &str| {
        format!("[[areas]]\ncode = \"{code}\"\nname = {{ zh = \"{zh}\", en = \"{en}\" }}\nkind = \"{kind}\"\n")
    };
    let text = area("kfq", "开发区", "Zone", "zone")
        + &area("kfq/huangchengli", "黄城里村", "Huangchengli Village", "village")
        + &area("kfq/heyan", "溪河沿村", "Xiheyan Village", "village");
    let mut files = DirectoryFiles::default();
    files.texts.insert("areas.toml".to_owned(), text);
    files.texts.extend(others.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
    Directory::load(&files).unwrap()
}

/// The start of every test, by every clock.
pub fn start() -> DateTime<Utc> {
    "2021-07-15T06:00:00Z".parse().unwrap()
}

/// A moment so many seconds after the start.
pub fn after(seconds: i64) -> DateTime<Utc> {
    start() + TimeDelta::seconds(seconds)
}

pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;

/// An event that will be matched.
#[derive(Clone, Debug)]
pub struct Event {
    pub subject: String,
    pub source: String,
    pub id: String,
    /// Seconds after the start.
    pub time: i64,
    pub data: Value,
    pub person: Value,
    pub contacts: Value,
    pub registrant_offset: Option<i64>,
    pub retroactive: bool,
}

impl Event {
    fn new(source: &str, id: &str, time: i64, data: Value) -> Self {
        Event {
            subject: SUBJECT.to_owned(),
            source: source.to_owned(),
            id: id.to_owned(),
            time,
            data,
            person: json!({"registrant_id": SUBJECT, "name": "张三", "phone": "13123456789", "language": "zh-yongkang",
                "groups": ["prior_victim"], "area": "kfq/huangchengli", "consented": true}),
            contacts: json!([{"person_id": "r-1/m1", "relation": "mother", "name": "李四", "phone": "13123456780", "consented": true}]),
            registrant_offset: Some(5),
            retroactive: false,
        }
    }

    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.data[field] = value.into();
        self
    }

    pub fn confidence(mut self, confidence: f64) -> Self {
        self.data["suspicion"]["confidence"] = json!(confidence);
        self
    }

    pub fn payload(&self) -> String {
        let zone = FixedOffset::east_opt(8 * 3600).unwrap();
        let time = after(self.time).with_timezone(&zone).to_rfc3339();
        let kind = if self.data.get("call_id").is_some() { "call" } else { "transfer" };
        json!({
            "match_id": match_id(&self.source, &self.id, &self.subject), "subject_id": self.subject,
            "programme": "golden_bell", "matched_by": "own", "identifier": "phone",
            "subject": self.person, "trusted_contacts": self.contacts,
            "event": {"kind": kind, "source": self.source, "id": self.id, "time": time, "data": self.data},
            "registrant_offset": self.registrant_offset, "matched_at": after(self.time), "retroactive": self.retroactive,
        })
        .to_string()
    }
}

/// A call event: `a.2` is event 2 of call `a`.
pub fn call(id: &str, phase: &str, time: i64) -> Event {
    let call_id = id.split('.').next().unwrap();
    let data = json!({"call_id": call_id, "phase": phase, "caller": "+96890000000", "callee": "13123456789",
        "suspicion": {"confidence": 0.5, "fraud_type": "fake_customer_service"}});
    Event::new(OPERATOR, id, time, data)
}

/// A transfer event: `t.2` is event 2 of transfer `t`.
pub fn transfer(id: &str, state: &str, time: i64) -> Event {
    let transfer_id = id.split('.').next().unwrap();
    let data = json!({"transfer_id": transfer_id, "state": state, "payer": {"account": "6200000000000005"},
        "payee": {"account": "6217000000000000004"}, "amount_minor": 100, "currency": "CNY",
        "suspicion": {"confidence": 0.5}});
    Event::new(BANK, id, time, data)
}

/// The engine, what drives it, and what it published.
pub struct Bench {
    pub book: CaseBook,
    pub rules: &'static RuleSet,
    pub templates: &'static Templates,
    pub directory: &'static Directory,
    pub outlets: Outlets,
    pub settings: CaseSettings,
    pub key: ArchiveKey,
    pub warnings: Vec<Warning>,
    pub notifications: Vec<Notification>,
    pub changes: Vec<Change>,
    /// What became of the last input.
    pub handled: Handled,
    follow_ups: u32,
}

impl Bench {
    pub fn new() -> Self {
        Bench::with(CaseSettings::default())
    }

    pub fn with(settings: CaseSettings) -> Self {
        Bench {
            book: CaseBook::new(),
            rules: &RULES,
            templates: &TEMPLATES,
            directory: &DIRECTORY,
            outlets: Outlets::default(),
            settings,
            key: ArchiveKey::new(&[7; 32]),
            warnings: Vec::new(),
            notifications: Vec::new(),
            changes: Vec::new(),
            handled: Handled::new(Disposition::NothingToErase),
            follow_ups: 0,
        }
    }

    /// Lets the engine do something at a clock, timers first, and commits it.
    pub fn act(&mut self, clock: i64, act: impl FnOnce(&mut CaseBook, Moment, &Context<'_>) -> Option<Handled>) {
        self.act_uncommitted(clock, act);
        self.commit();
    }

    pub fn commit(&mut self) {
        self.changes.extend(self.book.changes().unwrap());
        self.book.commit().unwrap();
    }

    pub fn act_uncommitted(
        &mut self,
        clock: i64,
        act: impl FnOnce(&mut CaseBook, Moment, &Context<'_>) -> Option<Handled>,
    ) {
        let (fired, handled) = self.engine(clock, |book, at, cx| {
            let fired = book.fire_due(at, cx, usize::MAX);
            (fired, act(book, at, cx))
        });
        for fired in fired {
            self.warnings.extend(fired.warnings);
            self.notifications.extend(fired.notifications);
        }
        if let Some(handled) = handled {
            self.warnings.extend(handled.warnings.clone());
            self.notifications.extend(handled.notifications.clone());
            self.handled = handled;
        }
    }

    /// Lets the engine do something at a clock.
    fn engine<T>(&mut self, clock: i64, act: impl FnOnce(&mut CaseBook, Moment, &Context<'_>) -> T) -> T {
        let at = Moment { clock: after(clock), wall: after(clock) };
        let cx = Context {
            rules: self.rules,
            directory: self.directory,
            templates: self.templates,
            outlets: &self.outlets,
            settings: &self.settings,
            archive_key: &self.key,
        };
        act(&mut self.book, at, &cx)
    }

    /// Fires some of what is due, and commits it.
    pub fn act_limited(&mut self, clock: i64, limit: usize) {
        let fired = self.engine(clock, |book, at, cx| book.fire_due(at, cx, limit));
        assert!(fired.len() <= limit);
        self.warnings.extend(fired.into_iter().flat_map(|handled| handled.warnings));
        self.commit();
    }

    /// Handles a match as soon as its event happens.
    pub fn take(&mut self, event: &Event) -> Disposition {
        self.take_at(event, event.time)
    }

    pub fn take_at(&mut self, event: &Event, clock: i64) -> Disposition {
        let payload = event.payload();
        let matched: Match<'_> = serde_json::from_str(&payload).unwrap();
        self.act(clock, |book, at, cx| Some(book.apply_match(&matched, Some("00-trace"), at, cx)));
        self.handled.disposition
    }

    /// Lets time pass; the warnings it gives.
    pub fn wait(&mut self, clock: i64) -> Vec<Warning> {
        let before = self.warnings.len();
        self.act(clock, |_, _, _| None);
        self.warnings[before..].to_vec()
    }

    /// Somebody does something about the subject's newest case.
    pub fn follow_up(&mut self, clock: i64, action: &str, fields: Value) -> Disposition {
        let case_id = self.case().case_id;
        self.follow_up_on(&case_id, clock, action, fields)
    }

    pub fn follow_up_on(&mut self, case_id: &str, clock: i64, action: &str, fields: Value) -> Disposition {
        self.follow_ups += 1;
        let follow_up = follow_up(&format!("f-{}", self.follow_ups), case_id, clock, action, fields);
        self.act(clock, |book, at, cx| Some(book.apply_follow_up(&follow_up, at, cx)));
        self.handled.disposition
    }

    /// The subject's newest case.
    pub fn case(&self) -> Case {
        self.book.cases_of(SUBJECT).pop().unwrap()
    }

    pub fn last(&self) -> &Warning {
        self.warnings.last().unwrap()
    }
}

/// A follow-up, read from its wire form.
pub fn follow_up(id: &str, case_id: &str, clock: i64, action: &str, fields: Value) -> FollowUp {
    let mut value = json!({"follow_up_id": id, "case_id": case_id, "subject_id": SUBJECT, "officer_id": "o-1",
        "by_role": "officer", "at": after(clock), "action": action});
    for (name, field) in fields.as_object().into_iter().flatten() {
        value[name] = field.clone();
    }
    FollowUp::read(value.to_string().as_bytes(), SUBJECT, id).unwrap()
}

/// The rules that held for the event of a warning, but for those that only give points.
pub fn seen(warning: &Warning) -> Vec<&str> {
    warning.reasons.iter().map(|reason| reason.rule.as_str()).filter(|rule| rule.len() > 3).collect()
}

pub fn is(became: Disposition, expected: Disposition) {
    assert_eq!(became, expected);
}
