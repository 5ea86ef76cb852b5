//! How single fields of the event data are read.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// A number in [0, 1], or null.
pub(super) fn confidence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let value = Option::<f64>::deserialize(deserializer)?;
    match value {
        Some(v) if !(0.0..=1.0).contains(&v) => Err(D::Error::custom("confidence is not in [0, 1]")),
        _ => Ok(value),
    }
}

/// Sources write whole or broken seconds; a fraction must not cost a warning, so it is cut off.
pub(super) fn whole_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    struct SecondsVisitor;

    impl<'de> Visitor<'de> for SecondsVisitor {
        type Value = Option<u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number of seconds, not below 0, or null")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_u64(self)
        }

        fn visit_u64<E>(self, seconds: u64) -> Result<Self::Value, E> {
            Ok(Some(seconds))
        }

        fn visit_f64<E: Error>(self, seconds: f64) -> Result<Self::Value, E> {
            if seconds >= 0.0 && seconds.is_finite() {
                Ok(Some(seconds as u64))
            } else {
                Err(E::custom("duration_s is below 0"))
            }
        }
    }

    deserializer.deserialize_option(SecondsVisitor)
}
