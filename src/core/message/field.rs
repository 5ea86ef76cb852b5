//! The fields of the templates, and what each can bring into a text.

use chrono::Timelike;
use minijinja::Value;

use super::{Caller, Recipient, Scene};

/// The longest call whose minutes are written.
pub(super) const MAX_MINUTES: u16 = 24 * 60;

/// Something a template may name: a value, or a yes or no for a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// When it began, `14:03`.
    Time,
    /// How long the call has lasted, minutes; may be missing.
    Minutes,
    /// Whether the call came from abroad.
    Overseas,
    /// Whether no number was shown.
    Withheld,
    /// Whether the call goes on.
    Live,
    /// The name of the fraud type in the language of the text; may be missing.
    Fraud,
    /// What helps against it; may be missing.
    Advice,
}

impl Field {
    /// Every field.
    pub const ALL: [Field; 7] =
        [Field::Time, Field::Minutes, Field::Overseas, Field::Withheld, Field::Live, Field::Fraud, Field::Advice];

    /// The name in templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Field::Time => "time",
            Field::Minutes => "minutes",
            Field::Overseas => "overseas",
            Field::Withheld => "withheld",
            Field::Live => "live",
            Field::Fraud => "fraud",
            Field::Advice => "advice",
        }
    }

    /// The field called `name`.
    pub fn from_name(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.as_str() == name)
    }

    /// The fields of a recipient.
    pub const fn of(recipient: Recipient) -> &'static [Field] {
        match recipient {
            Recipient::Resident | Recipient::Guardian => &[
                Field::Time,
                Field::Minutes,
                Field::Overseas,
                Field::Withheld,
                Field::Live,
                Field::Fraud,
                Field::Advice,
            ],
            Recipient::TrustedContact => &[Field::Fraud, Field::Advice],
        }
    }

    /// Whether the field is a yes or no, which can be asked but not written.
    pub const fn is_condition(self) -> bool {
        matches!(self, Field::Overseas | Field::Withheld | Field::Live)
    }
}

/// What the template files say of a fraud type in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FraudWords {
    pub name: Option<String>,
    pub advice: Option<String>,
}

/// The fields of a text about a scene. What is missing stays undefined: a condition takes it for no, and to write it
/// is an error, which loading finds.
pub(super) fn of_scene(scene: &Scene<'_>, words: &FraudWords) -> Value {
    let mut fields: Vec<(&'static str, Value)> = Vec::with_capacity(7);
    if let Some(happened) = scene.happened {
        let time = format!("{:02}:{:02}", happened.began_at.hour(), happened.began_at.minute());
        fields.push((Field::Time.as_str(), Value::from(time)));
        if let Some(minutes) = happened.minutes {
            fields.push((Field::Minutes.as_str(), Value::from(minutes.min(MAX_MINUTES))));
        }
        fields.push((Field::Overseas.as_str(), Value::from(happened.caller == Caller::Overseas)));
        fields.push((Field::Withheld.as_str(), Value::from(happened.caller == Caller::Withheld)));
        fields.push((Field::Live.as_str(), Value::from(happened.live)));
    }
    for (field, text) in [(Field::Fraud, &words.name), (Field::Advice, &words.advice)] {
        fields.extend(text.as_deref().map(|text| (field.as_str(), Value::from(text))));
    }
    Value::from_pairs(fields)
}
