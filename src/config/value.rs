//! How single values are written.

use std::time::Duration;

use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};

/// `30s`, `10m`, `72h`, `31d`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|error| D::Error::custom(format!("{text:?} is no duration like 30s, 10m or 72h: {error}")))
}

/// A duration in the largest unit that it is a whole number of, as in the shipped file.
pub(super) fn written(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if millis > 0 && millis.is_multiple_of(length) {
            return format!("{}{unit}", millis / length);
        }
    }
    format!("{millis}ms")
}

/// A string where the empty one means: not set.
pub(super) fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Some(String::deserialize(deserializer)?).filter(|text| !text.is_empty()))
}

/// `"on"` or `"off"`.
pub(super) fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(D::Error::custom(format!("must be \"on\" or \"off\", found {other:?}"))),
    }
}

/// A share above 0 and up to 1, or `"off"`.
pub(super) fn ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(f64),
        Text(String),
        Other(IgnoredAny),
    }

    let number = match Written::deserialize(deserializer)? {
        Written::Number(number) => Some(number),
        Written::Text(text) if text == "off" => return Ok(None),
        Written::Text(text) => text.parse().ok(),
        Written::Other(_) => None,
    };
    match number {
        Some(number) if number > 0.0 && number <= 1.0 => Ok(Some(number)),
        _ => Err(D::Error::custom("must be a number above 0 and up to 1, or \"off\"")),
    }
}
