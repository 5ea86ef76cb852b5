//! Events and cases for rules to look at.

use golden_bell::core::matched::Match;
use golden_bell::core::rules::{CaseFacts, Facts, Level, RuleSet};
use serde_json::{Value, json};

pub const SHIPPED: &str = include_str!("../../config/rules.toml");

/// When the transfer of a scene settles: a day after its event.
pub const SETTLES: &str = "2021-07-16T14:21:10+08:00";

pub fn shipped() -> RuleSet {
    RuleSet::load(SHIPPED, "config/rules.toml").unwrap()
}

/// A rule set of one rule, worth 10 points.
pub fn one(when: &str) -> Result<RuleSet, String> {
    let when = toml::Value::String(when.to_owned());
    let text = format!("[[rules]]\nid = \"r\"\nwhen = {when}\npoints = 10\nreason = {{ zh = \"一\", en = \"one\" }}\n");
    RuleSet::load(&text, "rules.toml").map_err(|error| error.to_string())
}

pub fn refusal(when: &str) -> String {
    one(when).expect_err(when)
}

/// What an event is made of in a test: its data, the subject's groups, and what its case says.
#[derive(Clone, Debug)]
pub struct Scene {
    pub matched: Value,
    pub age_s: u64,
    pub case: CaseFacts,
}

impl Scene {
    pub fn with(mut self, path: &str, value: Value) -> Self {
        let data = self.matched.pointer_mut("/event/data").unwrap();
        let (parent, key) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = if parent.is_empty() { data } else { data.get_mut(parent).unwrap() };
        parent[key] = value;
        self
    }

    pub fn groups(mut self, groups: &[&str]) -> Self {
        self.matched["subject"]["groups"] = json!(groups);
        self
    }

    pub fn aged(mut self, age_s: u64) -> Self {
        self.age_s = age_s;
        self
    }

    pub fn case(mut self, change: impl FnOnce(&mut CaseFacts)) -> Self {
        change(&mut self.case);
        self
    }

    pub fn judge<T>(&self, look: impl FnOnce(&Facts<'_>) -> T) -> T {
        let text = self.matched.to_string();
        let matched: Match<'_> = serde_json::from_str(&text).unwrap();
        look(&Facts::new(&matched, self.age_s, 86, self.case))
    }

    pub fn held(&self, rules: &RuleSet) -> Vec<String> {
        self.judge(|facts| {
            let verdict = rules.evaluate(facts);
            assert!(verdict.failed.is_empty(), "{:?}", verdict.failed);
            verdict.held.iter().map(|rule| rule.id().to_owned()).collect()
        })
    }

    pub fn holds(&self, when: &str) -> bool {
        !self.held(&one(when).unwrap()).is_empty()
    }

    pub fn score(&self, rules: &RuleSet) -> (u32, Level) {
        self.judge(|facts| {
            let verdict = rules.evaluate(facts);
            (verdict.score, verdict.level)
        })
    }
}

pub fn scene(kind: &str, data: Value) -> Scene {
    Scene {
        matched: json!({
            "match_id": "m-0", "subject_id": "r-000123", "programme": "golden_bell", "matched_by": "own",
            "identifier": "phone",
            "subject": {"registrant_id": "r-000123", "language": "zh-yongkang", "groups": [],
                        "area": "kfq/huangchengli", "consented": true},
            "trusted_contacts": [],
            "event": {"kind": kind, "source": "urn:operator", "id": "1", "time": "2021-07-15T14:21:10+08:00",
                      "data": data},
            "matched_at": "2021-07-15T06:21:11Z",
        }),
        age_s: 1,
        case: CaseFacts::default(),
    }
}

/// A domestic call that rings, of which nothing more is known.
pub fn call() -> Scene {
    let data = json!({"call_id": "A1", "phase": "ringing", "caller": "13805791234", "callee": "13123456789",
                      "suspicion": {}});
    scene("call", data).case(|case| case.calls_2h = 1)
}

/// A settled transfer of 100 yuan, of which nothing more is known.
pub fn transfer() -> Scene {
    let data = json!({"transfer_id": "T1", "state": "settled", "payer": {"phone": "13123456789"},
                      "payee": {"account": "6217000000000000004"}, "amount_minor": 10_000, "currency": "CNY",
                      "suspicion": {}});
    scene("transfer", data).case(|case| {
        (case.transfers_2h, case.payees_2h) = (1, 1);
        (case.amount_2h_minor, case.smallest_2h_minor) = (10_000, Some(10_000));
    })
}
