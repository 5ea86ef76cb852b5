//! Reads the template files. A set with a fault in it is refused whole, with every fault named.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

use minijinja::{Environment, UndefinedBehavior};
use serde::Deserialize;
use toml::Spanned;

use super::field::FraudWords;
use super::safety::danger;
use super::source::take_apart;
use super::templates::{ENGLISH, Entry, Language, MANDARIN, When};
use super::{Field, Recipient, Templates};
use crate::core::event::EventKind;
use crate::core::files::{line_of, version_of_files};
use crate::core::warning::Cause;

/// The most bytes of one template: far more than may be sent, and few enough to be read at once.
const MAX_TEMPLATE: usize = 2_000;
/// The most templates, and the most fraud types, of one file: each with each is written once while loading.
const MAX_ENTRIES: usize = 100;

/// Why a set of templates was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplatesError {
    /// What is wrong, file by file.
    pub faults: Vec<TemplateFault>,
}

/// One thing that is wrong with a set of templates. Never carries a text, only what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFault {
    /// The file, as it was named to [`Templates::load`]; empty where the set as a whole is meant.
    pub file: String,
    /// The line, from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for TemplatesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            match (fault.file.as_str(), fault.line) {
                ("", _) => {}
                (file, None) => write!(f, "{file}: ")?,
                (file, Some(line)) => write!(f, "{file}:{line}: ")?,
            }
            f.write_str(&fault.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplatesError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    opening: Spanned<String>,
    #[serde(default)]
    fraud_types: BTreeMap<String, RawWords>,
    #[serde(default)]
    messages: Vec<Spanned<RawMessage>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWords {
    name: Option<Spanned<String>>,
    advice: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMessage {
    recipient: Recipient,
    event: Option<EventKind>,
    #[serde(default)]
    cause: Vec<Cause>,
    #[serde(default)]
    fraud_type: Vec<String>,
    text: Spanned<String>,
}

/// A template that has passed all checks that need no other file.
struct Draft {
    file: usize,
    line: usize,
    when: When,
    fields: BTreeSet<Field>,
    text: String,
}

impl Templates {
    /// Reads a set: name and text of each file, the name without `.toml` being the language it is in (`zh-cmn.toml`).
    ///
    /// # Errors
    /// Where a file is not TOML or has keys nobody knows; where a template names a field its recipient has not, writes
    /// one that may be missing, or is never used; where something in it, or something that could ever be written by
    /// it, is unsafe ([`danger`]) or longer than [`MAX_PARTS`](super::MAX_PARTS) text messages; where neither Mandarin nor English has
    /// a text for every recipient and occasion.
    pub fn load(files: &[(String, String)]) -> Result<Templates, TemplatesError> {
        let mut files: Vec<&(String, String)> = files.iter().collect();
        files.sort();
        let mut loader = Loader { files: &files, faults: Vec::new(), drafts: Vec::new(), languages: Vec::new() };
        for file in 0..files.len() {
            loader.read(file);
        }
        loader.check_types();
        loader.check_coverage();
        if !loader.faults.is_empty() {
            return Err(TemplatesError { faults: loader.faults });
        }
        let (templates, faults) = loader.assemble();
        if faults.is_empty() { Ok(templates) } else { Err(TemplatesError { faults }) }
    }
}

struct Loader<'t> {
    files: &'t [&'t (String, String)],
    faults: Vec<TemplateFault>,
    drafts: Vec<Draft>,
    languages: Vec<Language>,
}

impl<'t> Loader<'t> {
    fn fault(&mut self, file: usize, line: Option<usize>, reason: impl Into<String>) {
        let file = self.files.get(file).map(|(path, _)| path.clone()).unwrap_or_default();
        self.faults.push(TemplateFault { file, line, reason: reason.into() });
    }

    fn text_of(&self, file: usize) -> &'t str {
        self.files.get(file).map_or("", |(_, text)| text.as_str())
    }

    fn read(&mut self, file: usize) {
        let text = self.text_of(file);
        let path = self.files.get(file).map_or("", |(path, _)| path.as_str());
        let code = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if code.len() < 2 || code.len() > 35 || !code.chars().all(fits) {
            self.fault(file, None, "the file is not named after a language, such as zh-cmn.toml, in lower case");
        }
        let raw: RawFile = match toml::from_str(text) {
            Ok(raw) => raw,
            Err(error) => {
                let line = error.span().map(|span| line_of(text, span.start));
                return self.fault(file, line, error.message());
            }
        };
        if raw.messages.len().max(raw.fraud_types.len()) > MAX_ENTRIES {
            return self.fault(file, None, format!("more than {MAX_ENTRIES} templates or fraud types"));
        }
        if raw.opening.as_ref().trim().is_empty() {
            self.fault(file, Some(line_of(text, raw.opening.span().start)), "the opening is empty");
        }
        let mut words = HashMap::new();
        for (code, raw) in raw.fraud_types {
            for text in [&raw.name, &raw.advice].into_iter().flatten() {
                self.check_plain(file, text);
            }
            let [name, advice] = [raw.name, raw.advice].map(|text| text.map(Spanned::into_inner));
            words.insert(code, FraudWords { name, advice });
        }
        self.check_plain(file, &raw.opening);
        for message in raw.messages {
            self.message(file, message);
        }
        self.languages.push(Language { code, opening: raw.opening.into_inner(), words, entries: Vec::new() });
    }

    /// A text that stands in messages as it is.
    fn check_plain(&mut self, file: usize, text: &Spanned<String>) {
        if let Some(danger) = danger(text.as_ref()) {
            let line = dangerous_line(self.text_of(file), text);
            self.fault(file, Some(line), format!("{danger} may not be in a message"));
        }
    }

    fn message(&mut self, file: usize, raw: Spanned<RawMessage>) {
        let line = line_of(self.text_of(file), raw.span().start);
        let RawMessage { recipient, event, cause, fraud_type, text } = raw.into_inner();
        let when = When { recipient, kind: event, causes: cause, fraud_types: fraud_type };
        let earlier = self.drafts.iter().find(|draft| draft.file == file && draft.when.covers(&when));
        if let Some(earlier) = earlier.map(|draft| draft.line) {
            self.fault(file, Some(line), format!("is never used: the one on line {earlier} comes first"));
        }
        let written = text.as_ref().as_str();
        let start = line_of(self.text_of(file), text.span().start);
        if written.trim().is_empty() || written.len() > MAX_TEMPLATE {
            return self.fault(file, Some(start), format!("a text has 1 to {MAX_TEMPLATE} bytes"));
        }
        let apart = match take_apart(written, Field::of(recipient)) {
            Ok(apart) => apart,
            Err(bad) => {
                let place = text.span().start + self.raw(file, &text).find(bad.tag).unwrap_or_default();
                return self.fault(file, Some(line_of(self.text_of(file), place)), bad.reason);
            }
        };
        if let Some(danger) = apart.plain.iter().find_map(|plain| danger(plain)) {
            let line = dangerous_line(self.text_of(file), &text);
            return self.fault(file, Some(line), format!("{danger} may not be in a message"));
        }
        self.drafts.push(Draft { file, line: start, when, fields: apart.fields, text: text.into_inner() });
    }

    fn raw(&self, file: usize, text: &Spanned<String>) -> &'t str {
        self.text_of(file).get(text.span()).unwrap_or_default()
    }

    /// A fraud type that no file has words for is a slip of the pen.
    fn check_types(&mut self) {
        if !self.faults.is_empty() {
            return;
        }
        let known: BTreeSet<&str> =
            self.languages.iter().flat_map(|language| language.words.keys().map(String::as_str)).collect();
        let unknown: Vec<(usize, usize)> = (self.drafts.iter())
            .filter(|draft| draft.when.fraud_types.iter().any(|code| !known.contains(code.as_str())))
            .map(|draft| (draft.file, draft.line))
            .collect();
        for (file, line) in unknown {
            self.fault(file, Some(line), "names a fraud type that is in no table [fraud_types]");
        }
    }

    /// Whoever must be told, there must be a text, whatever their language and whatever happened.
    fn check_coverage(&mut self) {
        // A file that could not be read is reason enough not to complain about what it lacks.
        if !self.faults.is_empty() {
            return;
        }
        for recipient in Recipient::ALL.iter().copied() {
            let covered = self.drafts.iter().any(|draft| {
                let language = self.languages.get(draft.file).map(|language| language.code.as_str());
                draft.when.recipient == recipient
                    && draft.when.always()
                    && language.is_some_and(|code| code == MANDARIN || code == ENGLISH)
            });
            if !covered {
                let reason = format!(
                    "neither {MANDARIN}.toml nor {ENGLISH}.toml has a text for `{}` without conditions",
                    recipient.as_str()
                );
                self.faults.push(TemplateFault { file: String::new(), line: None, reason });
            }
        }
    }

    /// Puts the set together and writes everything it can ever write.
    fn assemble(self) -> (Templates, Vec<TemplateFault>) {
        let Loader { files, mut faults, drafts, mut languages } = self;
        let file_name = |file: usize| files.get(file).map(|(path, _)| path.clone()).unwrap_or_default();
        let mut engine = Environment::empty();
        engine.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let mut checks = Vec::new();
        for (n, draft) in drafts.into_iter().enumerate() {
            let name = n.to_string();
            // The engine's own words may repeat the text; that its line is given is enough.
            if engine.add_template_owned(name.clone(), draft.text).is_err() {
                let reason = "an `if` without `endif`, or the other way round".to_owned();
                faults.push(TemplateFault { file: file_name(draft.file), line: Some(draft.line), reason });
                continue;
            }
            let entry = Entry { when: draft.when, name };
            checks.push((draft.file, draft.line, draft.fields, entry.clone()));
            if let Some(language) = languages.get_mut(draft.file) {
                language.entries.push(entry);
            }
        }
        let codes: BTreeSet<String> = languages.iter().flat_map(|language| language.words.keys().cloned()).collect();
        let templates = Templates { languages, engine, version: version(files) };
        for (file, line, fields, entry) in checks {
            let Some(language) = templates.languages.get(file) else { continue };
            if let Some(reason) = templates.fault_of(language, &entry, &fields, &codes) {
                faults.push(TemplateFault { file: file_name(file), line: Some(line), reason });
            }
        }
        (templates, faults)
    }
}

fn version(files: &[&(String, String)]) -> String {
    let name = |path| Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    version_of_files(files.iter().map(|(path, text)| (name(path), text.as_str())))
}

/// The first line of a text that is dangerous by itself, or else the one it begins on.
fn dangerous_line(file: &str, text: &Spanned<String>) -> usize {
    let start = line_of(file, text.span().start);
    let raw = file.get(text.span()).unwrap_or_default();
    let found = raw.lines().position(|line| danger(line.trim_matches(|c: char| c.is_control())).is_some());
    start + found.unwrap_or_default()
}
