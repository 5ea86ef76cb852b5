//! How much of what a feed holds.

/// Shares that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MixError {
    /// A share outside 0 to 1.
    #[error("the share `{name}` is {value}, not within 0 to 1")]
    OutOfRange {
        /// Which.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// More than everything.
    #[error("the shares of matched, allowed, malformed and resent events add up to {0}, more than 1")]
    TooMuch(f64),
}

/// The shares of a feed, each within 0 to 1. What is neither matched, allowed, malformed nor resent is unmatched.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    /// Events with a person of the zone in them.
    pub matched: f64,
    /// Of these, those about somebody who lives in the zone unregistered.
    pub precise: f64,
    /// Events whose other side is in the [allow-list](super::allow_list), which must then be configured.
    pub allowed: f64,
    /// Events for the dead letters.
    pub malformed: f64,
    /// Events sent again, byte for byte.
    pub resent: f64,
    /// Of the events that go on with a call or transfer, those that tell of an earlier moment than one already sent.
    pub older: f64,
    /// Calls among new pieces; the others are transfers.
    pub calls: f64,
    /// Events in binary content mode; the others are structured.
    pub binary: f64,
    /// Events with a `traceparent`.
    pub traced: f64,
    /// Phones and accounts in another spelling than plain digits.
    pub odd_spelling: f64,
    /// Whether values over 1,048,576 bytes are among the malformed events.
    pub too_large: bool,
}

impl Mix {
    /// For benches: 2 % matched, 1 % malformed, values of about 380 bytes, no event twice.
    pub const fn bench() -> Self {
        Mix {
            matched: 0.02,
            precise: 0.1,
            allowed: 0.0,
            malformed: 0.01,
            resent: 0.0,
            older: 0.0,
            calls: 0.6,
            binary: 0.3,
            traced: 0.1,
            odd_spelling: 0.1,
            too_large: false,
        }
    }

    /// The background of the demo: few matches, so that the stories stand out, and a little of everything.
    pub const fn demo() -> Self {
        Mix {
            matched: 0.002,
            precise: 0.15,
            allowed: 0.005,
            malformed: 0.001,
            resent: 0.002,
            older: 0.01,
            odd_spelling: 0.25,
            ..Self::bench()
        }
    }

    /// Much of everything but values that are too large.
    pub const fn rich() -> Self {
        Mix {
            matched: 0.3,
            precise: 0.2,
            allowed: 0.1,
            malformed: 0.1,
            resent: 0.05,
            older: 0.1,
            binary: 0.5,
            traced: 0.5,
            odd_spelling: 0.5,
            ..Self::bench()
        }
    }

    /// Whether the shares can be.
    ///
    /// # Errors
    /// A share out of range, or a sum above 1.
    pub fn check(&self) -> Result<(), MixError> {
        let shares = [
            ("matched", self.matched),
            ("precise", self.precise),
            ("allowed", self.allowed),
            ("malformed", self.malformed),
            ("resent", self.resent),
            ("older", self.older),
            ("calls", self.calls),
            ("binary", self.binary),
            ("traced", self.traced),
            ("odd_spelling", self.odd_spelling),
        ];
        for (name, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return Err(MixError::OutOfRange { name, value });
            }
        }
        let sum = self.matched + self.allowed + self.malformed + self.resent;
        if sum > 1.0 { Err(MixError::TooMuch(sum)) } else { Ok(()) }
    }
}
