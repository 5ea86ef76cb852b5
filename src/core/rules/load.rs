//! Reads `rules.toml`. A set with a fault is refused whole, with every fault named.

use std::fmt;
use std::sync::Arc;

use cel::{Env, ParseErrors};
use serde::Deserialize;
use toml::Spanned;

use super::check::{Checked, check};
use super::fraud_types::{FraudType, FraudTypes};
use super::level::{Level, Levels};
use super::{Bilingual, Rule, RuleSet, moment};
use crate::core::files::{line_of, version_of_text};

/// Why a rule set was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesError {
    /// The file, as it was named to [`RuleSet::load`].
    pub file: String,
    /// What is wrong with it, in the order of the file.
    pub faults: Vec<RuleFault>,
}

/// One thing that is wrong with a rule set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault {
    /// The line it begins on, from 1.
    pub line: Option<usize>,
    /// The rule it is about.
    pub rule: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            f.write_str(&self.file)?;
            if let Some(line) = fault.line {
                write!(f, ":{line}")?;
            }
            if let Some(rule) = &fault.rule {
                write!(f, ": rule `{rule}`")?;
            }
            write!(f, ": {}", fault.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for RulesError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    levels: Levels,
    #[serde(default)]
    rules: Vec<Spanned<toml::Table>>,
    #[serde(default)]
    fraud_types: Vec<Spanned<RawFraudType>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: String,
    when: String,
    points: i32,
    #[serde(default)]
    reason: RawReason,
    at_least: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReason {
    #[serde(default)]
    zh: String,
    #[serde(default)]
    en: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFraudType {
    code: String,
    zh: String,
    en: String,
    source_year: u16,
}

impl RuleSet {
    /// Reads a rule set; `file` is only its name in errors.
    ///
    /// # Errors
    ///
    /// Where the text is not TOML, a rule does not compile, names something there is not, mixes up types, has no
    /// reason in one of the languages or the id of another, or where the levels do not descend.
    pub fn load(text: &str, file: &str) -> Result<RuleSet, RulesError> {
        let raw: RawFile = toml::from_str(text).map_err(|error| RulesError {
            file: file.to_owned(),
            faults: vec![RuleFault {
                line: error.span().map(|span| line_of(text, span.start)),
                rule: None,
                reason: error.message().to_owned(),
            }],
        })?;
        let mut loader = Loader { text, faults: Vec::new(), rules: Vec::new() };
        let env = loader.environment();
        if !raw.levels.descend() {
            loader.fault(None, None, "the levels must descend from urgent over high to medium");
        }
        if raw.rules.is_empty() {
            loader.fault(None, None, "there are no rules in it");
        }
        for rule in raw.rules {
            loader.rule(rule, &env);
        }
        let fraud_types = loader.fraud_types(raw.fraud_types);
        if loader.faults.is_empty() {
            Ok(RuleSet {
                rules: loader.rules,
                levels: raw.levels,
                fraud_types,
                version: version_of_text(text),
                env: Arc::new(env),
            })
        } else {
            Err(RulesError { file: file.to_owned(), faults: loader.faults })
        }
    }
}

struct Loader<'t> {
    text: &'t str,
    faults: Vec<RuleFault>,
    rules: Vec<Rule>,
}

impl Loader<'_> {
    fn fault(&mut self, line: Option<usize>, rule: Option<&str>, reason: impl Into<String>) {
        let rule = rule.map(ToOwned::to_owned);
        self.faults.push(RuleFault { line, rule, reason: reason.into() });
    }

    fn environment(&mut self) -> Env {
        let mut env = Env::stdlib().with_optional_support(false);
        if let Err(error) = moment::declare(&mut env) {
            self.fault(None, None, error.to_string());
        }
        env
    }

    fn rule(&mut self, table: Spanned<toml::Table>, env: &Env) {
        let line = Some(line_of(self.text, table.span().start));
        let table = table.into_inner();
        let id = table.get("id").and_then(toml::Value::as_str).map(ToOwned::to_owned);
        let raw: RawRule = match table.try_into() {
            Ok(raw) => raw,
            Err(error) => {
                let error: toml::de::Error = error;
                return self.fault(line, id.as_deref(), error.message());
            }
        };
        let faults = self.faults.len();
        self.judge(line, &raw);
        let at_least = raw.at_least.as_deref().map(str::parse::<Level>).transpose();
        if let Err(error) = &at_least {
            self.fault(line, Some(&raw.id), error.to_string());
        }
        let checked = compile(&raw.when, env);
        if let Err(reason) = &checked {
            self.fault(line, Some(&raw.id), reason);
        }
        if let (Ok(at_least), Ok(Checked { expr, needs })) = (at_least, checked)
            && self.faults.len() == faults
        {
            let reason = Bilingual { zh: raw.reason.zh, en: raw.reason.en };
            self.rules.push(Rule { id: raw.id, points: raw.points, reason, at_least, expr, needs });
        }
    }

    /// All that can be said of a rule without compiling it.
    fn judge(&mut self, line: Option<usize>, raw: &RawRule) {
        let id = Some(raw.id.as_str());
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if raw.id.is_empty() || raw.id.len() > 64 || !raw.id.chars().all(fits) {
            // The id is the label of a metric and a key of the statistics.
            self.fault(line, id, "an id is 1 to 64 of a-z, A-Z, 0-9, `_`, `-` and `.`");
        }
        if self.rules.iter().any(|rule| rule.id == raw.id) {
            self.fault(line, id, "another rule has the same id");
        }
        for (language, text) in [("zh", &raw.reason.zh), ("en", &raw.reason.en)] {
            if text.trim().is_empty() {
                self.fault(line, id, format!("reason.{language} is missing"));
            }
        }
    }

    fn fraud_types(&mut self, raw: Vec<Spanned<RawFraudType>>) -> FraudTypes {
        let mut types = FraudTypes::default();
        for entry in raw {
            let line = Some(line_of(self.text, entry.span().start));
            let RawFraudType { code, zh, en, source_year } = entry.into_inner();
            if [&code, &zh, &en].iter().any(|text| text.trim().is_empty()) {
                self.fault(line, None, format!("fraud type `{code}` lacks its code or a name"));
                continue;
            }
            let fraud_type = FraudType { code, name: Bilingual { zh, en }, source_year };
            if let Err(double) = types.add(fraud_type) {
                self.fault(line, None, format!("fraud type `{}` is there twice", double.code));
            }
        }
        types
    }
}

/// The most bytes an expression may have. The parser's stack grows with it, and nobody reads a longer one.
const MAX_WHEN: usize = 4096;

fn compile(when: &str, env: &Env) -> Result<Checked, String> {
    if when.len() > MAX_WHEN {
        return Err(format!("`when` is longer than {MAX_WHEN} bytes"));
    }
    let program = env.compile(when).map_err(|errors| syntax_error(&errors))?;
    check(&program).map_err(|fault| match program.source_info().offset_for(fault.node) {
        Some((start, _)) => format!("{} (at character {} of `when`)", fault.reason, start + 1),
        None => fault.reason,
    })
}

fn syntax_error(errors: &ParseErrors) -> String {
    let faults: Vec<_> = errors
        .errors
        .iter()
        .map(|error| format!("{} (line {}, column {})", error.msg, error.pos.0, error.pos.1))
        .collect();
    format!("does not compile: {}", faults.join(", "))
}
