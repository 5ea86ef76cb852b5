//! Loaded templates, and how a text is found and written.

use std::collections::HashMap;
use std::fmt;

use minijinja::{Environment, Value};

use super::field::{self, FraudWords};
use super::{Recipient, Scene};
use crate::core::event::EventKind;
use crate::core::warning::{Cause, ResidentMessage};

/// Mandarin: what is read where the language asked for has no text.
pub(super) const MANDARIN: &str = "zh-cmn";
/// English: what is read where Mandarin has none either.
pub(super) const ENGLISH: &str = "en";

/// When a template is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct When {
    pub recipient: Recipient,
    /// For a call or a transfer only.
    pub kind: Option<EventKind>,
    /// For these causes only; for any where empty.
    pub causes: Vec<Cause>,
    /// For these fraud types only; for any where empty.
    pub fraud_types: Vec<String>,
}

impl When {
    /// Whether it is used whatever happens.
    pub fn always(&self) -> bool {
        self.kind.is_none() && self.causes.is_empty() && self.fraud_types.is_empty()
    }

    fn fits(&self, recipient: Recipient, scene: &Scene<'_>) -> bool {
        self.recipient == recipient
            && self.kind.is_none_or(|kind| scene.happened.is_some_and(|happened| happened.kind == kind))
            && (self.causes.is_empty() || self.causes.contains(&scene.cause))
            && (self.fraud_types.is_empty()
                || scene.fraud_type.is_some_and(|code| self.fraud_types.iter().any(|known| known == code)))
    }

    /// Whether it is used wherever `other` would be.
    pub fn covers(&self, other: &When) -> bool {
        fn wider<T: PartialEq>(this: &[T], other: &[T]) -> bool {
            this.is_empty() || !other.is_empty() && other.iter().all(|value| this.contains(value))
        }
        self.recipient == other.recipient
            && (self.kind.is_none() || self.kind == other.kind)
            && wider(&self.causes, &other.causes)
            && wider(&self.fraud_types, &other.fraud_types)
    }
}

/// One template.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub when: When,
    /// Its name in the engine.
    pub name: String,
}

/// One language.
#[derive(Clone, Debug)]
pub(super) struct Language {
    /// In lower case, `zh-cmn`.
    pub code: String,
    /// With what every text begins.
    pub opening: String,
    pub words: HashMap<String, FraudWords>,
    /// In the order of the file: the first that fits is used.
    pub entries: Vec<Entry>,
}

/// All templates, checked; shared between threads and replaced as one.
pub struct Templates {
    pub(super) languages: Vec<Language>,
    pub(super) engine: Environment<'static>,
    pub(super) version: String,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("version", &self.version)
            .field("languages", &self.languages().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Templates {
    /// The first 16 hex digits of the SHA-256 of names and contents of all files.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The languages, in alphabetical order.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.languages.iter().map(|language| language.code.as_str())
    }

    /// How many templates there are, in all languages.
    pub fn count(&self) -> usize {
        self.languages.iter().map(|language| language.entries.len()).sum()
    }

    /// The text for this recipient, in the language asked for or else in the nearest one that has a text for it:
    /// `zh-yongkang`, `zh-cmn`, `en`. `language` of the result is the one it is written in.
    ///
    /// Loading has made sure that there is one for every recipient.
    pub fn write(&self, recipient: Recipient, language: Option<&str>, scene: &Scene<'_>) -> Option<ResidentMessage> {
        self.chain(language).find_map(|language| {
            let entry = language.entries.iter().find(|entry| entry.when.fits(recipient, scene))?;
            let fields = field::of_scene(scene, &self.words(language, scene.fraud_type));
            let text = self.render(language, entry, &fields).ok()?;
            Some(ResidentMessage { language: language.code.clone(), text })
        })
    }

    pub(super) fn render(
        &self,
        language: &Language,
        entry: &Entry,
        fields: &Value,
    ) -> Result<String, minijinja::Error> {
        let text = self.engine.get_template(&entry.name)?.render(fields)?;
        Ok(format!("{}{text}", language.opening))
    }

    /// The languages a text is looked for in: the one asked for, with ever fewer of its parts (`en-gb`, `en`), then
    /// Mandarin, then English.
    pub(super) fn chain(&self, wanted: Option<&str>) -> impl Iterator<Item = &Language> {
        let wanted = wanted.unwrap_or_default().trim().to_ascii_lowercase().replace('_', "-");
        let mut codes = Vec::with_capacity(4);
        let mut code = wanted.as_str();
        while !code.is_empty() {
            codes.push(code.to_owned());
            code = code.rsplit_once('-').map_or("", |(shorter, _)| shorter);
        }
        codes.extend([MANDARIN.to_owned(), ENGLISH.to_owned()]);
        codes.into_iter().filter_map(|code| self.languages.iter().find(|language| language.code == code))
    }

    /// The words for a fraud type, in this language or the nearest of the same tongue: a Chinese dialect may borrow
    /// those of Mandarin, English may not.
    pub(super) fn words(&self, language: &Language, code: Option<&str>) -> FraudWords {
        let tongue = |code: &str| code.split('-').next().unwrap_or_default().to_owned();
        let mut found = FraudWords::default();
        let Some(code) = code else {
            return found;
        };
        for other in self.chain(Some(&language.code)).filter(|other| tongue(&other.code) == tongue(&language.code)) {
            if let Some(words) = other.words.get(code) {
                found.name = found.name.or_else(|| words.name.clone());
                found.advice = found.advice.or_else(|| words.advice.clone());
            }
        }
        found
    }
}
