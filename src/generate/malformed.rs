//! Making a good event bad in one given way (contract 11).

use serde_json::Value;

use super::record::{Expected, Feed, Reason, Record};
use super::render::Mode;

/// One way in which an event can be bad.
#[derive(Clone, Copy, Debug)]
pub struct Malformed {
    pub(super) name: &'static str,
    pub(super) reason: Reason,
    pub(super) feed: Feed,
    pub(super) mode: Mode,
    pub(super) edits: &'static [Edit],
}

/// What is done to a good event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edit {
    /// The value becomes null.
    NullValue,
    /// The value becomes these bytes.
    Value(&'static [u8]),
    /// The last bytes of the value are lost.
    Cut(usize),
    /// Bytes follow the value.
    Append(&'static [u8]),
    /// The value is filled up with spaces, which leaves it JSON, to so many bytes.
    Grow(usize),
    /// The same, with bytes that are no JSON.
    GrowBadly(usize),
    /// A member of the value, by its path, becomes this JSON.
    Set(&'static str, &'static str),
    /// A member of the value, by its path, is lost.
    Remove(&'static str),
    /// A header is set.
    Header(&'static str, &'static [u8]),
    /// A header is lost.
    NoHeader(&'static str),
}

impl Malformed {
    /// A name that says what is wrong.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The reason it must be put aside for.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The feed its events belong to.
    pub const fn feed(&self) -> Feed {
        self.feed
    }

    /// What must become of it.
    pub const fn expected(&self) -> Expected {
        Expected::DeadLetter(self.reason)
    }

    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    /// Makes a good record of the right feed and mode bad.
    pub(super) fn apply(&self, record: &mut Record) {
        for edit in self.edits {
            edit.apply(record);
        }
    }
}

impl Edit {
    fn apply(self, record: &mut Record) {
        match self {
            Edit::NullValue => record.value = None,
            Edit::Value(bytes) => record.value = Some(bytes.to_vec()),
            Edit::Cut(bytes) => {
                if let Some(value) = &mut record.value {
                    value.truncate(value.len().saturating_sub(bytes));
                }
            }
            Edit::Append(bytes) => record.value.get_or_insert_default().extend_from_slice(bytes),
            Edit::Grow(size) => record.value.get_or_insert_default().resize(size, b' '),
            Edit::GrowBadly(size) => record.value.get_or_insert_default().resize(size, b'{'),
            Edit::Set(path, json) => change(record, path, serde_json::from_str(json).ok()),
            Edit::Remove(path) => change(record, path, None),
            Edit::Header(name, bytes) => {
                record.headers.retain(|(n, _)| *n != name);
                record.headers.push((name, bytes.to_vec()));
            }
            Edit::NoHeader(name) => record.headers.retain(|(n, _)| *n != name),
        }
    }
}

/// Sets or removes the member at a path of names joined by `/`.
fn change(record: &mut Record, path: &str, to: Option<Value>) {
    let Some(mut root) = record.value.as_deref().and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok()) else {
        return;
    };
    let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut at = Some(&mut root);
    for parent in parents.split('/').filter(|parent| !parent.is_empty()) {
        at = at.and_then(|value| value.get_mut(parent));
    }
    if let Some(Value::Object(object)) = at {
        match to {
            Some(value) => object.insert(name.to_owned(), value),
            None => object.remove(name),
        };
    }
    record.value = Some(root.to_string().into_bytes());
}
