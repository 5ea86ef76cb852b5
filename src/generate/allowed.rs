//! Other sides that are harmless, and must be configured as such where a feed with allowed events is sent.

use super::dice::Dice;
use super::numbers;

/// What to write under `matching.allow` (contract 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowList {
    /// Phones.
    pub phones: Vec<String>,
    /// Beginnings of phones, in normal form.
    pub prefixes: Vec<String>,
    /// Accounts of payees.
    pub payee_accounts: Vec<String>,
}

const HOTLINE: &str = "12345";
const CLINIC: &str = "057412000000";
/// No 400 number goes on with a 2.
const SERVICE_PREFIX: &str = "+864002";

/// The allow-list that the feeds of this module count on.
pub fn allow_list() -> AllowList {
    AllowList {
        phones: vec![HOTLINE.to_owned(), CLINIC.to_owned()],
        prefixes: vec![SERVICE_PREFIX.to_owned()],
        payee_accounts: (0..3).map(payee).collect(),
    }
}

/// The payees: waterworks, power company, school.
fn payee(n: u64) -> String {
    numbers::payee_account(900_000_000_000 + n)
}

/// A harmless phone in some spelling.
pub(super) fn phone(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 | 1 => HOTLINE.to_owned(),
        2 => CLINIC.to_owned(),
        3 => "+86 574 12000000".to_owned(),
        4 => numbers::numbered("4002", dice.bits(), 6),
        _ => numbers::numbered("+86-400-2", dice.bits(), 6),
    }
}

/// A harmless payee in some spelling.
pub(super) fn payee_account(dice: &mut Dice) -> String {
    let account = payee(dice.below(3));
    numbers::spelt_account(account, 300, dice)
}
