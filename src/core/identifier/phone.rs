//! Phone numbers in one normal form for all their spellings (contract 4).
//!
//! libphonenumber decides what a spelling means; four rules of the contract stand before it:
//! letters make it no phone, 3 to 6 digits without `+` are a short number and fewer are none, the
//! Chinese carrier prefix `179xx` is dropped with a trunk `0` after it, and E.164 ends at 15
//! digits. A fifth keeps the normal form a normal form: see `settle`. `tests/identifiers.rs`
//! lists and checks what they change.

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber};

use super::inline::Inline;
use super::region::Region;
use super::written::{Written, read};

/// `+` and the 15 digits that ITU-T E.164 allows.
const MAX_LEN: usize = 16;
/// The digits of a short number such as `110` or `96110`.
const SHORT: std::ops::RangeInclusive<usize> = 3..=6;
/// The digits of a Chinese mobile number.
const MOBILE_LEN: usize = 11;
/// How often a number is read again before it counts as having no normal form: each time at least
/// one of its digits goes.
const MAX_PASSES: usize = 15;

/// A phone number in its normal form: E.164 (`+8613805791234`), or the 3 to 6 digits of a short
/// number (`96110`).
///
/// `Debug` prints the mask, never the number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(Inline<MAX_LEN>);

impl Phone {
    /// Reads a phone number as received; `None` if it is not one. A number without a country code
    /// belongs to `default_region`.
    ///
    /// The plain spellings of a Chinese mobile take some nanoseconds, all others a microsecond or
    /// two.
    pub fn parse(raw: &str, default_region: Region) -> Option<Self> {
        if default_region == Region::CN {
            let (plus, digits) = match raw.as_bytes() {
                [b'+', digits @ ..] => (true, digits),
                digits => (false, digits),
            };
            if let Some(phone) = mobile(plus, digits) {
                return Some(phone);
            }
        }
        normalise(read(raw, default_region)?, default_region)
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The normal form as bytes, all ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether this is a short number, which belongs to a service and has no country code.
    pub fn is_short(&self) -> bool {
        !self.as_bytes().starts_with(b"+")
    }

    /// The number with its middle hidden (contract 16): a Chinese number without its country code
    /// as `131****6789`, a foreign one as `+968****0000`. Of shorter ones less is shown, so that
    /// at least three digits stay hidden; of a short number no more than the last two.
    pub fn masked(&self) -> String {
        let text = self.as_str();
        let (sign, digits) = match text.strip_prefix('+') {
            Some(digits) => digits.strip_prefix("86").map_or(("+", digits), |rest| ("", rest)),
            None => ("", text),
        };
        let (head, tail) = match digits.len() {
            10.. => (3, 4),
            7..=9 => (2, 2),
            _ => (0, 2.min(digits.len() / 2)),
        };
        let head = digits.get(..head).unwrap_or_default();
        let tail = digits.get(digits.len() - tail..).unwrap_or_default();
        format!("{sign}{head}****{tail}")
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

/// The normal form of a Chinese mobile written as 11 digits, with or without `+86`, `0086`, `86`
/// or a trunk `0` before them.
///
/// All of `1[3-9]` and nine digits counts, assigned or not: new ranges are opened every few years,
/// and a number that is in use must be found. libphonenumber agrees but for the unassigned `179`,
/// which it takes for a carrier prefix in some of these spellings only.
#[inline]
fn mobile(plus: bool, digits: &[u8]) -> Option<Phone> {
    let national = match (plus, digits.len()) {
        (false, MOBILE_LEN) => digits,
        (false, 12) => digits.strip_prefix(b"0")?,
        (_, 13) => digits.strip_prefix(b"86")?,
        (false, 15) => digits.strip_prefix(b"0086")?,
        _ => return None,
    };
    let &[b'1', b @ b'3'..=b'9', c, d, e, f, g, h, i, j, k] = national else {
        return None;
    };
    // Without a way out in the middle, the nine comparisons become a few.
    let all_digits = [c, d, e, f, g, h, i, j, k].iter().fold(true, |all, byte| all & byte.is_ascii_digit());
    let normal = [b'+', b'8', b'6', b'1', b, c, d, e, f, g, h, i, j, k, 0, 0];
    all_digits.then_some(Phone(Inline::of_ascii(normal, 3 + MOBILE_LEN)))
}

/// From what is written to the normal form.
fn normalise(written: Written, region: Region) -> Option<Phone> {
    let digits = written.digits.as_bytes();
    let digits = match region {
        Region::CN if !written.plus => without_carrier(digits),
        _ => digits,
    };
    if region == Region::CN
        && let Some(phone) = mobile(written.plus, digits)
    {
        return Some(phone);
    }
    let mut text: Inline<{ Written::MAX_DIGITS + 1 }> = Inline::new();
    if written.plus {
        text.push(b'+')?;
    } else if digits.len() < *SHORT.start() {
        return None;
    } else if SHORT.contains(&digits.len()) {
        let mut normal = Inline::new();
        normal.extend(digits)?;
        return Some(Phone(normal));
    }
    text.extend(digits)?;
    settle(e164(text.as_str(), region)?, region)
}

/// The digits behind a carrier prefix `179xx` and a trunk `0`.
///
/// `00` is the international prefix, not a trunk `0`. Eleven digits have the form of a mobile
/// number and are one, and a prefix with less than a short number behind it is none.
fn without_carrier(digits: &[u8]) -> &[u8] {
    let [b'1', b'7', b'9', _, _, rest @ ..] = digits else {
        return digits;
    };
    let rest = match rest {
        [b'0', b'0', ..] => rest,
        [b'0', number @ ..] => number,
        _ => rest,
    };
    if digits.len() == MOBILE_LEN || rest.len() < *SHORT.start() {
        return digits;
    }
    rest
}

/// What libphonenumber makes of plain digits, in E.164; `None` if nothing, or over 15 digits.
fn e164(text: &str, region: Region) -> Option<Phone> {
    let number = PHONE_NUMBER_UTIL.parse(text, Some(region.0)).ok()?;
    let mut normal = Inline::new();
    write_e164(&mut normal, &number).ok()?;
    Some(Phone(normal))
}

/// Writes country code, leading zeros and national number, without the allocation of the
/// library's own formatter.
fn write_e164(out: &mut impl fmt::Write, number: &PhoneNumber) -> fmt::Result {
    let zeros = if number.italian_leading_zero() {
        usize::try_from(number.number_of_leading_zeros()).unwrap_or_default()
    } else {
        0
    };
    write!(out, "+{}{:0<zeros$}{}", number.country_code, "", number.national_number)
}

/// Reads a result again until it stays the same.
///
/// libphonenumber takes off one prefix at a time, so that a second trunk `0` or carrier prefix
/// stays in its E.164 and goes when that is read back. A number must not change when it is.
fn settle(first: Phone, region: Region) -> Option<Phone> {
    let mut last = first;
    for _ in 0..MAX_PASSES {
        if is_settled(&last) {
            return Some(last);
        }
        let next = e164(last.as_str(), region)?;
        if next == last {
            return Some(last);
        }
        last = next;
    }
    None
}

/// Whether a second reading cannot change it, told without one: the prefixes that are taken off a
/// Chinese number begin with `0` or `1`.
fn is_settled(phone: &Phone) -> bool {
    matches!(phone.as_bytes(), [b'+', b'8', b'6', b'2'..=b'9', ..])
}
