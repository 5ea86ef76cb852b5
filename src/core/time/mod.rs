//! Times on the wire: RFC 3339 with offset, read strictly.

use std::fmt;

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde::de::{Deserializer, Error, Visitor};

mod written;

pub use written::{Written, optional_utc, utc};

/// Reads a time that must be RFC 3339 with an offset; `None` where it is not.
pub fn parse(text: &str) -> Option<DateTime<FixedOffset>> {
    if let Some(time) = plain(text.as_bytes()) {
        return Some(time);
    }
    // chrono would also take the minus sign of typesetting.
    if text.is_ascii() { DateTime::parse_from_rfc3339(text).ok() } else { None }
}

/// Reads a time as nearly every message has it, to the second or the millisecond, in a fifth of the time that chrono
/// takes; `None` for anything else, good or not. A message has up to four.
fn plain(text: &[u8]) -> Option<DateTime<FixedOffset>> {
    let (clock, rest) = text.split_first_chunk::<19>()?;
    let [b'0'..=b'9', _, _, _, b'-', _, _, b'-', _, _, b'T', _, _, b':', _, _, b':', _, _] = *clock else {
        return None;
    };
    let two = |at: usize| pair(*clock.get(at)?, *clock.get(at + 1)?);
    let date = NaiveDate::from_ymd_opt((two(0)? * 100 + two(2)?) as i32, two(5)?, two(8)?)?;
    let (millis, zone) = match *rest {
        [b'.', a, b, c, ref zone @ ..] => (pair(a, b)? * 10 + pair(b'0', c)?, zone),
        _ => (0, rest),
    };
    let minutes = match *zone {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), a, b, b':', c, d] => {
            let (hours, minutes) = (pair(a, b)?, pair(c, d)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = (hours * 60 + minutes) as i32;
            if sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let offset = FixedOffset::east_opt(minutes * 60)?;
    let local = date.and_hms_milli_opt(two(11)?, two(14)?, two(17)?, millis)?;
    Some(DateTime::from_naive_utc_and_offset(local.checked_sub_offset(offset)?, offset))
}

fn pair(tens: u8, ones: u8) -> Option<u32> {
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
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

    proptest::proptest! {
        /// What the short way reads is what chrono reads, also where a byte is spoilt.
        #[test]
        fn the_short_way_agrees_with_chrono(
            year in 0..10_000_u32, month in 0..14_u32, day in 0..33_u32, hour in 0..26_u32, minute in 0..62_u32,
            second in 0..62_u32,
            fraction in "(\\.[0-9]{1,4})?", zone in "Z|z|[+-][0-2][0-9]:[0-6][0-9]", at in 0..32_usize, other in " -~",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}");
            let mut spoilt = text.clone();
            if at < spoilt.len() {
                spoilt.replace_range(at..=at, &other);
            }
            for text in [text, spoilt] {
                if let Some(read) = plain(text.as_bytes()) {
                    let expected = DateTime::parse_from_rfc3339(&text).unwrap();
                    proptest::prop_assert_eq!((read, read.offset()), (expected, expected.offset()), "{}", text);
                }
            }
        }
    }

    #[test]
    fn the_short_way_is_the_usual_one() {
        for text in ["2021-07-15T14:03:10+08:00", "2021-07-15T14:03:10.250-03:30", "2024-02-29T23:59:59Z"] {
            assert_eq!(plain(text.as_bytes()), DateTime::parse_from_rfc3339(text).ok(), "{text}");
        }
    }

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
