//! The digits of a spelling, free of what stands between them.

use rlibphonenumber::PHONE_NUMBER_UTIL;

use super::inline::Inline;
use super::region::Region;

/// The longest spelling looked at, in characters: the limit of Google's libphonenumber.
const MAX_CHARS: usize = 250;

/// What a spelling says: its digits, and whether a `+` stands before them.
pub(super) struct Written {
    /// Whether the country code is marked by a `+`.
    pub(super) plus: bool,
    /// The digits in ASCII, those of an extension left out.
    pub(super) digits: Inline<{ Written::MAX_DIGITS }>,
}

impl Written {
    /// More digits than libphonenumber accepts with every prefix there is: international prefix
    /// with carrier 7, country code 3, carrier 5, national number 17, extension 20.
    pub(super) const MAX_DIGITS: usize = 52;
}

/// Reads the digits of a spelling; `None` if it is certainly no phone number.
pub(super) fn read(raw: &str, region: Region) -> Option<Written> {
    if raw.len() > MAX_CHARS && raw.chars().count() > MAX_CHARS {
        return None;
    }
    let mut written = Written { plus: false, digits: Inline::new() };
    let mut plain = true;
    for c in raw.chars() {
        match c {
            '0'..='9' => written.digits.push(u8::try_from(c).ok()?)?,
            '\u{FF10}'..='\u{FF19}' => {
                let value = u32::from(c) - 0xFF10;
                written.digits.push(b'0' + u8::try_from(value).ok()?)?;
            }
            '+' | '\u{FF0B}' if !written.plus && written.digits.as_bytes().is_empty() => {
                written.plus = true;
            }
            _ if is_separator(c) => {}
            _ if c.is_alphabetic() => return None,
            _ => plain = false,
        }
    }
    if plain { Some(written) } else { unusual(raw, region) }
}

/// The same for a spelling with characters that may mean something: `#` and `,` start an
/// extension, digits of other scripts count, most signs are noise before and after a number and
/// spoil one in the middle. libphonenumber says whether it is a number at all.
fn unusual(raw: &str, region: Region) -> Option<Written> {
    // Google's list of punctuation has the full-width tilde, that of the crate lacks it; the plain
    // one means the same to both.
    let raw = &*raw.replace('\u{FF5E}', "~");
    let number = PHONE_NUMBER_UTIL.parse(raw, Some(region.0)).ok()?;
    let all = PHONE_NUMBER_UTIL.normalize_digits_only(raw);
    let extension = number.extension().chars().count();
    let mut digits = Inline::new();
    digits.extend(all.get(..all.len().checked_sub(extension)?)?.as_bytes())?;
    let before_plus = raw.split_once(['+', '\u{FF0B}']).map(|(before, _)| before);
    let plus = before_plus.is_some_and(|before| PHONE_NUMBER_UTIL.normalize_digits_only(before).is_empty());
    Some(Written { plus, digits })
}

/// Characters that libphonenumber skips wherever they stand in a number: its
/// `VALID_PUNCTUATION` without the letter `x` and the tildes, which can start an extension.
/// U+30FC, a long-vowel mark and so a letter, is written for a dash.
fn is_separator(c: char) -> bool {
    const ASCII: [char; 8] = [' ', '-', '(', ')', '.', '/', '[', ']'];
    const INVISIBLE: [char; 4] = ['\u{00A0}', '\u{00AD}', '\u{200B}', '\u{2060}'];
    const DASHES: [char; 2] = ['\u{2212}', '\u{30FC}'];
    const FULL_WIDTH: [char; 5] = ['\u{3000}', '\u{FF08}', '\u{FF09}', '\u{FF3B}', '\u{FF3D}'];
    ASCII.contains(&c)
        || ('\u{2010}'..='\u{2015}').contains(&c)
        || ('\u{FF0D}'..='\u{FF0F}').contains(&c)
        || INVISIBLE.contains(&c)
        || DASHES.contains(&c)
        || FULL_WIDTH.contains(&c)
}
