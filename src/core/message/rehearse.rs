//! Everything a template can ever write is written once, while it is loaded.

use std::collections::BTreeSet;

use minijinja::ErrorKind;

use super::field::{self, MAX_MINUTES};
use super::safety::danger;
use super::templates::{Entry, Language, When};
use super::{Caller, Field, Happened, MAX_PARTS, Recipient, Scene, Templates, parts};
use crate::core::event::{EventKind, EventTime};
use crate::core::warning::Cause;

impl Templates {
    /// What is wrong with anything that this template can write.
    pub(super) fn fault_of(
        &self,
        language: &Language,
        entry: &Entry,
        fields: &BTreeSet<Field>,
        codes: &BTreeSet<String>,
    ) -> Option<String> {
        scenes(&entry.when, fields, codes).into_iter().find_map(|scene| {
            let words = self.words(language, scene.fraud_type);
            self.fault_in(self.render(language, entry, &field::of_scene(&scene, &words)))
        })
    }

    fn fault_in(&self, written: Result<String, minijinja::Error>) -> Option<String> {
        let text = match written {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::UndefinedError => {
                return Some("writes a field that may be missing: ask for it with `if` first".to_owned());
            }
            Err(_) => return Some("cannot be written".to_owned()),
        };
        if let Some(danger) = danger(&text) {
            return Some(format!("{danger} may not be in a message, and this can write it"));
        }
        let parts = parts(&text);
        (parts > MAX_PARTS).then(|| format!("can fill {parts} text messages; {MAX_PARTS} are the most"))
    }
}

/// A scene for every way in which the fields a template names can differ.
fn scenes<'c>(when: &'c When, fields: &BTreeSet<Field>, codes: &'c BTreeSet<String>) -> Vec<Scene<'c>> {
    let any = |of: &[Field]| of.iter().any(|field| fields.contains(field));
    let fraud_types: Vec<Option<&str>> = if !when.fraud_types.is_empty() {
        when.fraud_types.iter().map(|code| Some(code.as_str())).collect()
    } else if any(&[Field::Fraud, Field::Advice]) {
        codes.iter().map(|code| Some(code.as_str())).chain([None]).collect()
    } else {
        vec![None]
    };
    let callers: &[Caller] = if any(&[Field::Overseas, Field::Withheld]) {
        &[Caller::Plain, Caller::Overseas, Caller::Withheld]
    } else {
        &[Caller::Plain]
    };
    let lives: &[bool] = if any(&[Field::Live]) { &[false, true] } else { &[false] };
    let lengths: &[Option<u16>] = if any(&[Field::Minutes]) { &[None, Some(MAX_MINUTES)] } else { &[None] };
    let began_at = EventTime::default() + chrono::TimeDelta::minutes(23 * 60 + 58);
    let plain = Happened { kind: EventKind::Transfer, began_at, caller: Caller::Plain, live: false, minutes: None };
    let mut happened = Vec::new();
    if when.recipient == Recipient::TrustedContact {
        happened.push(None);
    } else {
        if when.kind != Some(EventKind::Call) {
            happened.push(Some(plain));
        }
        if when.kind != Some(EventKind::Transfer) {
            for caller in callers {
                for live in lives {
                    let call = Happened { kind: EventKind::Call, caller: *caller, live: *live, ..plain };
                    happened.extend(lengths.iter().map(|minutes| Some(Happened { minutes: *minutes, ..call })));
                }
            }
        }
    }
    let cause = when.causes.first().copied().unwrap_or(Cause::Opened);
    let scene = |fraud_type| happened.iter().map(move |happened| Scene { cause, happened: *happened, fraud_type });
    fraud_types.into_iter().flat_map(scene).collect()
}
