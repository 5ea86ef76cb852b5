//! The country whose dialling rules are taken for a number without a country code.

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::PHONE_NUMBER_UTIL;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A country known to libphonenumber (`matching.default_region`), by its two ISO 3166 letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region(pub(super) rlibphonenumber::Region);

impl Region {
    /// Mainland China, the default.
    pub const CN: Region = Region(rlibphonenumber::Region::CN);

    /// The country calling code, such as 86.
    pub fn calling_code(self) -> u16 {
        let code = PHONE_NUMBER_UTIL.get_country_code_for_region(self.0);
        code.and_then(|code| u16::try_from(code).ok()).unwrap_or_default()
    }
}

impl Default for Region {
    fn default() -> Self {
        Region::CN
    }
}

/// The text names no country that libphonenumber knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the two-letter code of a country with telephone numbers, such as CN")]
pub struct UnknownRegion(String);

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        rlibphonenumber::Region::from_str(code)
            .ok()
            .filter(|region| PHONE_NUMBER_UTIL.get_supported_regions().any(|known| known == *region))
            .map(Region)
            .ok_or_else(|| UnknownRegion(code.to_owned()))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Region {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Region {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        code.parse().map_err(serde::de::Error::custom)
    }
}
