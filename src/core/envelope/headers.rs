//! The headers of a record, as far as an envelope needs them.

use super::super::dead_letter::{Reason, Reject};
use super::super::text::Text;
use super::super::time;
use super::attributes::{Attributes, SPEC_VERSION, is_clean, trace};

/// What the content type of the structured mode begins with.
const STRUCTURED_TYPE: &[u8] = b"application/cloudevents";

/// The two ways a CloudEvent is laid into a Kafka record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One JSON object with the attributes and `data`.
    Structured,
    /// The attributes in `ce_*` headers, the value is the data.
    Binary,
}

/// The headers that matter, each as last written.
#[derive(Clone, Debug, Default)]
pub struct Headers<'a> {
    content_type: Option<&'a [u8]>,
    spec_version: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
    event_type: Option<&'a [u8]>,
    time: Option<&'a [u8]>,
    traceparent: Option<&'a [u8]>,
    ce_traceparent: Option<&'a [u8]>,
}

impl<'a> Headers<'a> {
    /// Picks them out of all headers of a record.
    pub fn collect(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut found = Headers::default();
        for (name, value) in headers {
            let place = match name {
                "content-type" => &mut found.content_type,
                "ce_specversion" => &mut found.spec_version,
                "ce_id" => &mut found.id,
                "ce_source" => &mut found.source,
                "ce_type" => &mut found.event_type,
                "ce_time" => &mut found.time,
                "traceparent" => &mut found.traceparent,
                "ce_traceparent" => &mut found.ce_traceparent,
                _ => continue,
            };
            *place = Some(value);
        }
        found
    }

    /// Structured if the content type says so, else binary if there is any attribute among the headers, else structured.
    pub fn mode(&self) -> Mode {
        let says_structured = self
            .content_type
            .and_then(|value| value.get(..STRUCTURED_TYPE.len()))
            .is_some_and(|start| start.eq_ignore_ascii_case(STRUCTURED_TYPE));
        let any_attribute = [self.spec_version, self.id, self.source, self.event_type, self.time];
        if !says_structured && any_attribute.iter().any(Option::is_some) { Mode::Binary } else { Mode::Structured }
    }

    /// Whether this is a message in binary mode of this type, as far as the headers say.
    pub(super) fn names_type(&self, event_type: &str) -> bool {
        self.mode() == Mode::Binary && self.event_type == Some(event_type.as_bytes())
    }

    /// The trace context of the headers, if one can be carried on.
    pub(super) fn traceparent(&self) -> Option<Text<'a>> {
        [self.traceparent, self.ce_traceparent]
            .into_iter()
            .flatten()
            .find_map(|value| trace(std::str::from_utf8(value).ok()?.into()))
    }

    /// The attributes of the binary mode.
    ///
    /// # Errors
    /// `envelope`, naming the first that is missing or bad.
    pub(super) fn attributes(&self) -> Result<Attributes<'a>, Reject> {
        if self.spec_version != Some(SPEC_VERSION.as_bytes()) {
            return Err(bad("ce_specversion", self.spec_version, "is not 1.0"));
        }
        let id = required("ce_id", self.id)?;
        let source = required("ce_source", self.source)?;
        let event_type = required("ce_type", self.event_type)?;
        let time = time::parse(required("ce_time", self.time)?)
            .ok_or_else(|| bad("ce_time", self.time, "is not an RFC 3339 time with offset"))?;
        Ok(Attributes {
            source: source.into(),
            id: id.into(),
            event_type: event_type.into(),
            time,
            traceparent: self.traceparent(),
        })
    }
}

fn required<'a>(name: &str, value: Option<&'a [u8]>) -> Result<&'a str, Reject> {
    value
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .filter(|text| is_clean(text))
        .ok_or_else(|| bad(name, value, "is empty or not plain text"))
}

fn bad(name: &str, value: Option<&[u8]>, fault: &str) -> Reject {
    match value {
        Some(_) => Reject::new(Reason::Envelope, format!("header {name} {fault}")),
        None => Reject::new(Reason::Envelope, format!("header {name} is missing")),
    }
}
