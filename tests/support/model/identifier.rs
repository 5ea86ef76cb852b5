//! Phones and accounts in their normal form (contract 4), with libphonenumber as the reference for phones.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

use super::{Settings, hmac_sha256};

/// One phone or account in its normal form. Phones sort before accounts, as wherever the contract prefers one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// E.164, or a short number as it is.
    Phone(String),
    /// 8 to 34 characters of `0-9A-Z`.
    Account(String),
}

impl Identifier {
    /// Reads a phone.
    pub fn phone(text: &str) -> Option<Identifier> {
        phone(text).map(Identifier::Phone)
    }

    /// Reads an account.
    pub fn account(text: &str) -> Option<Identifier> {
        account(text).map(Identifier::Account)
    }

    /// `phone` or `account`.
    pub fn kind(&self) -> &'static str {
        match self {
            Identifier::Phone(_) => "phone",
            Identifier::Account(_) => "account",
        }
    }

    /// The id of the unregistered person who has this identifier: `p-` and the first 32 hex digits of its token.
    pub fn precise_subject(&self, settings: &Settings) -> String {
        let (Identifier::Phone(normal) | Identifier::Account(normal)) = self;
        let token = hmac_sha256(&settings.token_key, format!("{}:{normal}", self.kind()).as_bytes());
        format!("p-{}", &hex::encode(token)[..32])
    }
}

/// The normal form of a phone, or `None` where it is none.
pub fn phone(text: &str) -> Option<String> {
    if text.chars().any(char::is_alphabetic) {
        return None;
    }
    let mut plus = false;
    let mut digits = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '０'..='９' => digits.extend(char::from_digit(c as u32 - '０' as u32, 10)),
            '+' | '＋' => plus = true,
            _ => {} // what stands between the digits says nothing
        }
    }
    if !plus && digits.len() >= 12 && digits.starts_with("179") {
        digits.drain(..5);
        if digits.starts_with('0') {
            digits.remove(0);
        }
    }
    match (plus, digits.len()) {
        (_, 0..=2) => None,
        (false, 3..=6) => Some(digits),
        (false, _) => e164(&digits),
        (true, _) => e164(&format!("+{digits}")),
    }
}

fn e164(text: &str) -> Option<String> {
    let number = PHONE_NUMBER_UTIL.parse(text, Some(Region::CN)).ok()?;
    let out = number.format_as(PhoneNumberFormat::E164).to_string();
    (4..=16).contains(&out.len()).then_some(out)
}

/// The normal form of an account, or `None` where it is none.
pub fn account(text: &str) -> Option<String> {
    let kept: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).map(|c| c.to_ascii_uppercase()).collect();
    let good = kept.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    (good && (8..=34).contains(&kept.len())).then_some(kept)
}

/// Whether two texts mean the same phone: equal as written, or equal in their normal form.
pub fn same_phone(a: &str, b: &str) -> bool {
    a == b || matches!((phone(a), phone(b)), (Some(x), Some(y)) if x == y)
}
