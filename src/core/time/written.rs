//! Times as a case has them on the wire: what chrono writes and reads, in a fifth of the time. A case has a dozen.

use chrono::{DateTime, Datelike, FixedOffset, Timelike, Utc};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

use super::plain;

/// A time, written as chrono writes it.
#[derive(Clone, Copy, Debug)]
pub struct Written(pub DateTime<FixedOffset>);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = Line::of(self.0);
        match line.as_ref().and_then(Line::text) {
            Some(text) => serializer.serialize_str(text),
            None => self.0.serialize(serializer),
        }
    }
}

/// A time read as chrono reads it.
struct Known(DateTime<Utc>);

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KnownVisitor;

        impl serde::de::Visitor<'_> for KnownVisitor {
            type Value = Known;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an RFC 3339 time")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Known, E> {
                let time = plain(text.as_bytes()).map(|time| time.to_utc());
                time.or_else(|| text.parse().ok()).map(Known).ok_or_else(|| E::custom("not a time"))
            }
        }

        deserializer.deserialize_str(KnownVisitor)
    }
}

/// A time in characters, as far as chrono is not needed for it.
struct Line {
    characters: [u8; Line::LONGEST],
    length: usize,
}

impl Line {
    /// `2021-07-15T14:03:10.250+08:00`
    const LONGEST: usize = 29;

    /// `None` where it has more or less than the usual parts: years of other than four digits, parts of a millisecond,
    /// leap seconds, seconds in the offset.
    fn of(at: DateTime<FixedOffset>) -> Option<Self> {
        let zone = at.offset().local_minus_utc();
        let local = at.naive_utc().checked_add_offset(*at.offset())?;
        let year = u32::try_from(local.year()).ok().filter(|year| *year < 10_000)?;
        let nanos = local.nanosecond();
        if zone % 60 != 0 || nanos >= 1_000_000_000 || !nanos.is_multiple_of(1_000_000) {
            return None;
        }
        let d = |number: u32| b'0' + (number % 10) as u8;
        let (month, day) = (local.month(), local.day());
        let (hour, minute, second) = (local.hour(), local.minute(), local.second());
        let mut line = Line { characters: [0; Line::LONGEST], length: 0 };
        line.push(&[d(year / 1000), d(year / 100), d(year / 10), d(year), b'-', d(month / 10), d(month), b'-']);
        line.push(&[d(day / 10), d(day), b'T', d(hour / 10), d(hour), b':', d(minute / 10), d(minute), b':']);
        line.push(&[d(second / 10), d(second)]);
        if nanos > 0 {
            let millis = nanos / 1_000_000;
            line.push(&[b'.', d(millis / 100), d(millis / 10), d(millis)]);
        }
        if zone == 0 {
            line.push(b"Z");
        } else {
            let minutes = zone.unsigned_abs() / 60;
            let (hours, minutes, sign) = (minutes / 60, minutes % 60, if zone < 0 { b'-' } else { b'+' });
            line.push(&[sign, d(hours / 10), d(hours), b':', d(minutes / 10), d(minutes)]);
        }
        Some(line)
    }

    fn push(&mut self, more: &[u8]) {
        let end = self.length + more.len();
        if let Some(room) = self.characters.get_mut(self.length..end) {
            room.copy_from_slice(more);
            self.length = end;
        }
    }

    fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.characters.get(..self.length)?).ok()
    }
}

/// For `#[serde(with = …)]` on a time.
pub mod utc {
    use super::{DateTime, Deserialize, Deserializer, Known, Serialize, Serializer, Utc, Written};

    /// Writes it.
    pub fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        Written(at.fixed_offset()).serialize(serializer)
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        Known::deserialize(deserializer).map(|known| known.0)
    }
}

/// For `#[serde(with = …)]` on a time that need not be there.
pub mod optional_utc {
    use super::{DateTime, Deserialize, Deserializer, Known, Serialize, Serializer, Utc, Written};

    /// Writes it.
    pub fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(|at| Written(at.fixed_offset())).serialize(serializer)
    }

    /// Reads it.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        Ok(Option::<Known>::deserialize(deserializer)?.map(|known| known.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Ours {
        #[serde(with = "utc")]
        at: DateTime<Utc>,
        #[serde(default, with = "optional_utc")]
        perhaps: Option<DateTime<Utc>>,
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Chronos {
        at: DateTime<Utc>,
        #[serde(default)]
        perhaps: Option<DateTime<Utc>>,
    }

    proptest::proptest! {
        /// Also years of five digits, fractions of every length, leap seconds and odd offsets.
        #[test]
        fn written_and_read_is_what_chrono_writes_and_reads(
            seconds in -70_000_000_000..300_000_000_000_i64, fraction in 0..2_000_u32,
            unit in proptest::sample::select(vec![1_u32, 1_000, 1_000_000]), zone in -86_399..86_400_i32,
            whole_minutes: bool,
        ) {
            let Some(at) = DateTime::from_timestamp(seconds, (fraction * unit) % 1_000_000_000) else {
                return Ok(());
            };
            let zone = FixedOffset::east_opt(if whole_minutes { zone / 60 * 60 } else { zone }).unwrap();
            let local = at.with_timezone(&zone);
            proptest::prop_assert_eq!(
                serde_json::to_string(&Written(local)).unwrap(), serde_json::to_string(&local).unwrap());
            let ours = serde_json::to_string(&Ours { at, perhaps: Some(at) }).unwrap();
            proptest::prop_assert_eq!(&ours, &serde_json::to_string(&Chronos { at, perhaps: Some(at) }).unwrap());
            let (a, b): (Ours, Chronos) = (serde_json::from_str(&ours).unwrap(), serde_json::from_str(&ours).unwrap());
            proptest::prop_assert_eq!((a.at, a.perhaps), (b.at, b.perhaps));
        }
    }

    #[test]
    fn what_chrono_refuses_is_refused_and_what_it_takes_is_taken() {
        for text in [
            "\"2021-07-15T06:00:00Z\"",
            "\"2021-07-15 06:00:00 +08:00\"",
            "\"2021-13-15T06:00:00Z\"",
            "\"\"",
            "7",
            "null",
        ] {
            let json = format!("{{\"at\":{text}}}");
            let (ours, chronos) = (serde_json::from_str::<Ours>(&json), serde_json::from_str::<Chronos>(&json));
            assert_eq!(ours.ok().map(|it| it.at), chronos.ok().map(|it| it.at), "{text}");
            let json = format!("{{\"at\":\"2021-07-15T06:00:00Z\",\"perhaps\":{text}}}");
            let (ours, chronos) = (serde_json::from_str::<Ours>(&json), serde_json::from_str::<Chronos>(&json));
            assert_eq!(ours.ok().map(|it| it.perhaps), chronos.ok().map(|it| it.perhaps), "{text}");
        }
        assert!(serde_json::from_str::<Ours>("{}").is_err());
        assert_eq!(
            serde_json::to_string(&Line::of(DateTime::UNIX_EPOCH.fixed_offset()).unwrap().text()).unwrap(),
            "\"1970-01-01T00:00:00Z\""
        );
    }
}
