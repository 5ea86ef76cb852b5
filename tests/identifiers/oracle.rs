//! libphonenumber's answer, and the named reasons to differ from it.

use golden_bell::core::identifier::{Phone, Region};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

/// What libphonenumber makes of a spelling, parsed with the region CN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// E.164; absent if it does not parse.
    pub e164: Option<String>,
    /// Whether it calls the number valid.
    pub valid: bool,
}

/// Asks libphonenumber, by way of its port to Rust.
///
/// The port lacks one character of Google's list of punctuation, the full-width tilde; the plain
/// tilde means the same. The fixture, which was made by Google's own, has both.
pub fn ask(spelling: &str) -> Answer {
    let spelling = spelling.replace('～', "~");
    let region = Some(rlibphonenumber::Region::CN);
    match PHONE_NUMBER_UTIL.parse(spelling, region) {
        Ok(number) => Answer {
            e164: Some(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned()),
            valid: PHONE_NUMBER_UTIL.is_valid_number(&number),
        },
        Err(_) => Answer { e164: None, valid: false },
    }
}

/// Reads a spelling as the program does.
pub fn ours(spelling: &str) -> Option<String> {
    Phone::parse(spelling, Region::CN).map(|phone| phone.as_str().to_owned())
}

/// Why the program may read a spelling in another way than libphonenumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Contract 4: letters are no phone. libphonenumber takes vanity letters for the digits of
    /// their keys, drops one or two stray letters, takes words before the number for noise and
    /// `x12` or `ext 12` for an extension. Validity is about the digits it ends up with, so a
    /// spelling with letters can be valid; whether letters are read at all is decided before.
    Letters,
    /// Contract 4: 3 to 6 digits without `+` are a short number. libphonenumber adds the country
    /// code, which makes a number that is valid nowhere; its `ShortNumberInfo`, which knows short
    /// numbers, is a part of its own that has no E.164 either.
    Short,
    /// Contract 4: under 3 digits are no phone.
    TooFew,
    /// Contract 4: E.164 ends at 15 digits. libphonenumber goes to 17 national ones, and calls
    /// some Japanese toll-free numbers valid that are longer and cannot be dialled from abroad.
    TooLong,
    /// Contract 4: a carrier prefix `179xx` and a trunk `0` after it are dropped first.
    /// libphonenumber leaves the trunk `0` as the first digit of the number, looks for no country
    /// code behind a carrier prefix, and keeps the prefix before a short number.
    Carrier,
    /// One normal form for all spellings, of a number in the unassigned mobile range `179` too.
    /// libphonenumber takes its head for a carrier prefix after `86`, and for a carrier and an
    /// international prefix where `00` follows.
    Unassigned179,
    /// A normal form read again is itself. libphonenumber drops one carrier prefix or trunk `0`
    /// at a time, so that a second one goes when its E.164 is read again.
    SecondPrefix,
}

/// All of them.
pub const REASONS: [Reason; 7] = [
    Reason::Letters,
    Reason::Short,
    Reason::TooFew,
    Reason::TooLong,
    Reason::Carrier,
    Reason::Unassigned179,
    Reason::SecondPrefix,
];

/// The reasons that also hold for what libphonenumber calls valid: the contract says in so many
/// words that these are no phones. For all that is a phone, a valid number is read as it reads it.
pub const OF_VALID: [Reason; 2] = [Reason::Letters, Reason::TooLong];

/// The reason for a difference, `None` without one.
///
/// # Errors
/// A difference that no reason explains.
pub fn judge(spelling: &str, theirs: &Answer) -> Result<Option<Reason>, String> {
    let ours = ours(spelling);
    if ours == theirs.e164 {
        return Ok(None);
    }
    let Some(reason) = REASONS.into_iter().find(|reason| explains(*reason, spelling, theirs, &ours)) else {
        return Err(format!("{spelling:?}: ours {ours:?}, theirs {theirs:?}"));
    };
    if theirs.valid && !OF_VALID.contains(&reason) {
        return Err(format!("{spelling:?} is valid: ours {ours:?}, theirs {theirs:?}, {reason:?}"));
    }
    Ok(Some(reason))
}

fn explains(reason: Reason, spelling: &str, theirs: &Answer, ours: &Option<String>) -> bool {
    let plus = has_plus(spelling);
    let digits = main_digits(spelling);
    let ours = ours.as_deref();
    match reason {
        Reason::Letters => ours.is_none() && spelling.chars().any(|c| c.is_alphabetic() && c != 'ー'),
        Reason::Short => !plus && (3..=6).contains(&digits.len()) && ours == Some(&digits),
        Reason::TooFew => !plus && digits.len() < 3 && ours.is_none(),
        Reason::TooLong => ours.is_none() && theirs.e164.as_ref().is_some_and(|e164| e164.len() > 16),
        Reason::Carrier => !plus && behind_carrier(&digits).is_some_and(|rest| reads_as(rest, ours)),
        Reason::Unassigned179 => {
            let (before, national) = digits.split_at(digits.len().saturating_sub(11));
            let prefixes: &[&str] = if plus { &["86"] } else { &["", "0", "86", "0086"] };
            national.starts_with("179") && prefixes.contains(&before) && ours == Some(&format!("+86{national}"))
        }
        Reason::SecondPrefix => {
            let mut last = theirs.e164.clone();
            loop {
                let next = last.as_deref().and_then(|last| ask(last).e164);
                if next == last {
                    break last.is_none_or(|last| last.len() > 16 && ours.is_none()) || next.as_deref() == ours;
                }
                last = next;
            }
        }
    }
}

/// Whether a `+` stands before the first digit; behind it, it is noise.
fn has_plus(spelling: &str) -> bool {
    let before = spelling.split_once(['+', '＋']).map(|(before, _)| before);
    before.is_some_and(|before| PHONE_NUMBER_UTIL.normalize_digits_only(before).is_empty())
}

/// All digits of a spelling but those of an extension.
fn main_digits(spelling: &str) -> String {
    let mut digits = PHONE_NUMBER_UTIL.normalize_digits_only(spelling);
    if let Ok(number) = PHONE_NUMBER_UTIL.parse(spelling.replace('～', "~"), Some(rlibphonenumber::Region::CN)) {
        digits.truncate(digits.len() - number.extension().chars().count());
    }
    digits
}

/// The number behind `179xx` and a trunk `0`. Eleven digits are a mobile number.
fn behind_carrier(digits: &str) -> Option<&str> {
    if digits.len() == 11 || digits.len() < 8 || !digits.starts_with("179") {
        return None;
    }
    let rest = &digits[5..];
    let trunk = rest.starts_with('0') && !rest.starts_with("00");
    Some(if trunk { &rest[1..] } else { rest })
}

/// Whether the number behind a carrier prefix, written alone, is read the same, and rightly so.
fn reads_as(rest: &str, expected: Option<&str>) -> bool {
    ours(rest).as_deref() == expected && judge(rest, &ask(rest)).is_ok()
}
