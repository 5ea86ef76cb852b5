//! Bank accounts and cards in one normal form (contract 4).

use std::fmt;

use super::inline::Inline;

/// The fewest characters an account has.
const MIN_LEN: usize = 8;
/// The most characters an account has: those of the longest IBAN.
const MAX_LEN: usize = 34;

/// A bank account or card: 8 to 34 characters of `0-9A-Z`.
///
/// `Debug` prints the mask, never the account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account(Inline<MAX_LEN>);

impl Account {
    /// Reads an account as received: spaces and hyphens are dropped, letters upper-cased; anything
    /// else in it, or another length, and it is not an account.
    pub fn parse(raw: &str) -> Option<Self> {
        let mut normal = Inline::new();
        for c in raw.chars() {
            match c {
                '0'..='9' | 'A'..='Z' | 'a'..='z' => {
                    normal.push(u8::try_from(c).ok()?.to_ascii_uppercase())?;
                }
                _ if is_space_or_hyphen(c) => {}
                _ => return None,
            }
        }
        (normal.as_bytes().len() >= MIN_LEN).then_some(Self(normal))
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The normal form as bytes, all ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The account with all but its last four characters hidden (contract 16).
    pub fn masked(&self) -> String {
        let text = self.as_str();
        let tail = text.get(text.len().saturating_sub(4)..).unwrap_or_default();
        format!("****{tail}")
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({})", self.masked())
    }
}

/// Spaces and hyphens as keyboards and documents write them: the plain ones, the no-break ones
/// and the full-width ones of Chinese text.
fn is_space_or_hyphen(c: char) -> bool {
    const SPACES: [char; 4] = [' ', '\u{00A0}', '\u{202F}', '\u{3000}'];
    const HYPHENS: [char; 4] = ['-', '\u{2010}', '\u{2011}', '\u{FF0D}'];
    SPACES.contains(&c) || HYPHENS.contains(&c)
}
