//! Times on the wire: RFC 3339 with offset, read strictly.

use std::fmt;

use chrono::{DateTime, FixedOffset, Utc};
use serde::de::{Deserializer, Error, Visitor};

/// Reads a time that must be RFC 3339 with an offset; `None` where it is not.
pub fn parse(text: &str) -> Option<DateTime<FixedOffset>> {
    // chrono would also take the minus sign of typesetting.
    if text.is_ascii() { DateTime::parse_from_rfc3339(text).ok() } else { None }
}

/// The time of a Kafka record, milliseconds since 1970, as a clock time; the epoch where it is out of range.
pub fn from_millis(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = DateTime<FixedOffset>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 time with offset")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        parse(text).ok_or_else(|| E::custom("not an RFC 3339 time with offset"))
    }
}

/// For `#[serde(deserialize_with = …)]` on a required time.
pub fn strict<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<FixedOffset>, D::Error> {
    deserializer.deserialize_str(TimeVisitor)
}

/// For `#[serde(deserialize_with = …)]` on a required time whose offset does not matter.
pub fn strict_utc<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    strict(deserializer).map(|time| time.to_utc())
}

/// For `#[serde(default, deserialize_with = …)]` on an optional time; `null` counts as absent.
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<FixedOffset>>, D::Error> {
    struct OptionalVisitor;

    impl<'de> Visitor<'de> for OptionalVisitor {
        type Value = Option<DateTime<FixedOffset>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an RFC 3339 time with offset, or null")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            strict(deserializer).map(Some)
        }
    }

    deserializer.deserialize_option(OptionalVisitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_needs_an_offset_and_nothing_else() {
        for good in [
            "2021-07-15T14:03:10+08:00",
            "2021-07-15T14:03:10.123456789-03:30",
            "0000-01-01T00:00:00+23:59",
            "2021-07-15t14:03:10z",
            "2021-07-15 14:03:10+08:00",
            "2016-12-31T23:59:60Z",
            "2021-07-15T14:03:10.0000000001Z",
        ] {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "2021-07-15",
            "2021-07-15T14:03:10",
            "2021-07-15T14:03:10+0800",
            "2021-07-15T14:03:10+08",
            "2021-07-15T14:03:10.+08:00",
            "2021-07-15T14:03:10\u{2212}08:00",
            "2021-02-29T00:00:00Z",
            "2021-07-15T24:00:00Z",
            "2021-07-15T14:60:00Z",
            "2021-07-15T14:03:10+24:00",
            "2021-07-15T14:03:10Z ",
            " 2021-07-15T14:03:10Z",
            "+2021-07-15T14:03:10Z",
            "1626328990",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
