//! Phones and accounts, and the ways in which they are written.
//!
//! The ranges never overlap, so that whose number it is follows from how it was made:
//! `145…` and `0579 1…` belong to the zone's registrants and households, `1610…` to people who live in it unregistered,
//! `147…` and `0571 1…` to strangers. 145 and 147 were given to data cards, no landline in China begins with 1.

use super::dice::{Dice, mixed, pick};

/// How many numbers of each kind a registrant may have: own 0 and 1, members from 2.
const SLOTS: u64 = 8;
const MOBILES: u64 = 100_000_000;

/// A number for each person: registrant `i` is slot 0, their members come from slot 2.
pub(super) const fn person(i: u64, slot: u64) -> u64 {
    i.wrapping_mul(SLOTS).wrapping_add(slot)
}

/// The mobile of a slot of registrant `i`, as eleven digits.
pub(super) fn mobile(seed: u64, i: u64, slot: u64) -> String {
    numbered("145", scatter(seed, person(i, slot), MOBILES), 8)
}

/// The landline that a couple of registrants share, with its area code.
pub(super) fn landline(seed: u64, couple: u64) -> String {
    numbered("05791", scatter(seed, couple, 10_000_000), 7)
}

/// The account of a slot of registrant `i`: sixteen digits with their check digit.
pub(super) fn account(seed: u64, i: u64, slot: u64) -> String {
    luhn(numbered("620000", scatter(!seed, person(i, slot), 1_000_000_000), 9))
}

/// An account with letters, of registrant `i`.
pub(super) fn lettered_account(i: u64) -> String {
    numbered("KFQB", i, 10)
}

/// The mobile of somebody who lives in the zone and is not registered.
pub(super) fn resident_mobile(n: u64) -> String {
    numbered("1610", n % 10_000_000, 7)
}

/// The account of somebody who lives in the zone and is not registered.
pub(super) fn resident_account(n: u64) -> String {
    luhn(numbered("620002", n % 1_000_000_000, 9))
}

/// The mobile of a stranger.
pub(super) fn stranger_mobile(n: u64) -> String {
    numbered("147", n % MOBILES, 8)
}

/// The landline of a stranger.
pub(super) fn stranger_landline(n: u64) -> String {
    numbered("05711", n % 10_000_000, 7)
}

/// The account of a stranger.
pub(super) fn stranger_account(n: u64) -> String {
    luhn(numbered("620001", n % 1_000_000_000, 9))
}

/// The account of somebody who is paid: nineteen digits, as newer cards have.
pub(super) fn payee_account(n: u64) -> String {
    luhn(numbered("620003", n % 1_000_000_000_000, 12))
}

/// Spreads numbers below `modulus` over the whole range without a collision: the factor has no divisor in common with
/// a power of ten.
fn scatter(seed: u64, n: u64, modulus: u64) -> u64 {
    let shift = mixed(seed, 0x70_68_6f_6e_65) % modulus;
    ((n % modulus) * 61_803_399 + shift) % modulus
}

/// A prefix and the last `width` decimal digits of `n`, at most 20.
pub(super) fn numbered(prefix: &str, n: u64, width: usize) -> String {
    let mut digits = [b'0'; 20];
    let mut rest = n;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let digits = str::from_utf8(&digits).unwrap_or_default();
    let mut out = String::with_capacity(24);
    out.push_str(prefix);
    out.push_str(digits.get(20 - width.min(20)..).unwrap_or_default());
    out
}

/// Appends the check digit that makes the whole valid by Luhn's rule (ISO/IEC 7812-1).
fn luhn(mut digits: String) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| {
            let value = u32::from(digit.wrapping_sub(b'0'));
            match at % 2 {
                0 if value > 4 => value * 2 - 9,
                0 => value * 2,
                _ => value,
            }
        })
        .sum();
    digits.push(char::from(b'0' + ((10 - sum % 10) % 10) as u8));
    digits
}

/// How a phone may be written (contract 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    Plain,
    Plus,
    DoubleZero,
    CountryOnly,
    Trunk,
    CarrierSpaced,
    CarrierTrunk,
    Hyphens,
    Spaces,
    Brackets,
    FullWidth,
    FullWidthPlus,
}

impl Spelling {
    /// The spellings of a mobile.
    pub const ALL: [Spelling; 12] = [
        Spelling::Plain,
        Spelling::Plus,
        Spelling::DoubleZero,
        Spelling::CountryOnly,
        Spelling::Trunk,
        Spelling::CarrierSpaced,
        Spelling::CarrierTrunk,
        Spelling::Hyphens,
        Spelling::Spaces,
        Spelling::Brackets,
        Spelling::FullWidth,
        Spelling::FullWidthPlus,
    ];
    /// Those of a landline: without the plus, `86` cannot be told from an area code.
    const LANDLINE: [Spelling; 6] = [
        Spelling::Plain,
        Spelling::Plus,
        Spelling::DoubleZero,
        Spelling::Hyphens,
        Spelling::Brackets,
        Spelling::FullWidth,
    ];
}

/// Writes a Chinese mobile or landline plainly unless `odd` (per mille) says otherwise; any other number as it is.
pub(super) fn spelt(national: String, odd: u32, dice: &mut Dice) -> String {
    if !dice.chance(odd) {
        return national;
    }
    let bits = dice.word();
    if national.starts_with('0') {
        spell_landline(&national, pick(&Spelling::LANDLINE, bits))
    } else if national.starts_with('1') && national.len() == 11 {
        spell_mobile(&national, pick(&Spelling::ALL, bits))
    } else {
        national
    }
}

/// A mobile of eleven digits in one of its spellings.
pub(super) fn spell_mobile(national: &str, spelling: Spelling) -> String {
    let (a, rest) = national.split_at_checked(3).unwrap_or((national, ""));
    let (b, c) = rest.split_at_checked(4).unwrap_or((rest, ""));
    match spelling {
        Spelling::Plain => national.to_owned(),
        Spelling::Plus => format!("+86{national}"),
        Spelling::DoubleZero => format!("0086{national}"),
        Spelling::CountryOnly => format!("86{national}"),
        Spelling::Trunk => format!("0{national}"),
        Spelling::CarrierSpaced => format!("17951 {a} {b} {c}"),
        Spelling::CarrierTrunk => format!("179510{national}"),
        Spelling::Hyphens => format!("{a}-{b}-{c}"),
        Spelling::Spaces => format!("+86 {a} {b} {c}"),
        Spelling::Brackets => format!("(+86) {a}-{b}{c}"),
        Spelling::FullWidth => full_width(national),
        Spelling::FullWidthPlus => full_width(&format!("+86{national}")),
    }
}

fn spell_landline(national: &str, spelling: Spelling) -> String {
    let (area, local) = national.split_at_checked(4).unwrap_or((national, ""));
    let without_trunk = area.trim_start_matches('0');
    match spelling {
        Spelling::Plus => format!("+86 {without_trunk} {local}"),
        Spelling::DoubleZero => format!("0086-{without_trunk}-{local}"),
        Spelling::Hyphens => format!("{area}-{local}"),
        Spelling::Brackets => format!("({area}){local}"),
        Spelling::FullWidth => full_width(national),
        _ => national.to_owned(),
    }
}

fn full_width(text: &str) -> String {
    let wide = |c: char| char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c);
    text.chars().map(wide).collect()
}

/// Writes an account, as it is unless `odd` (per mille) says otherwise: in groups, or in small letters.
pub(super) fn spelt_account(account: String, odd: u32, dice: &mut Dice) -> String {
    if !dice.chance(odd) {
        return account;
    }
    let separator = dice.pick(&[' ', '-']);
    let mut out = String::with_capacity(24);
    for (at, c) in account.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            out.push(separator);
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_known_accounts() {
        assert_eq!(luhn("620000000000000".into()), "6200000000000005");
        assert_eq!(luhn("621700000000000000".into()), "6217000000000000004");
        assert_eq!(luhn("622202000000000000".into()), "6222020000000000000");
    }

    #[test]
    fn a_number_keeps_its_width() {
        assert_eq!(numbered("147", 7, 8), "14700000007");
        assert_eq!(payee_account(999_999_999_999).len(), 19);
    }

    #[test]
    fn spellings_are_those_of_the_contract() {
        let spell = |s| spell_mobile("14512345678", s);
        assert_eq!(spell(Spelling::CarrierSpaced), "17951 145 1234 5678");
        assert_eq!(
            spell(Spelling::FullWidthPlus),
            "\u{ff0b}\u{ff18}\u{ff16}\u{ff11}\u{ff14}\u{ff15}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}\u{ff17}\u{ff18}"
        );
        assert_eq!(spell(Spelling::Trunk), "014512345678");
        assert_eq!(spell_landline("057912345678", Spelling::Brackets), "(0579)12345678");
    }
}
