//! Look-up keys: what the index holds in the place of phones and accounts (contract 4).

use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use siphasher::sip128::SipHasher13;

use super::inline::Inline;
use super::token::TokenKey;
use super::{Identifier, IdentifierKind};

/// Keeps the index key apart from whatever else the pepper may be used for.
const PEPPER_USE: &[u8] = b"golden-bell index key v1";
/// Room for `account:` and the longest account.
const MESSAGE_LEN: usize = 8 + 34;

/// A 128-bit keyed hash of an identifier. `Debug` does not print it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IndexKey([u8; 16]);

impl IndexKey {
    /// The 16 bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A key out of a snapshot.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl Hash for IndexKey {
    /// Half of it is enough for a map: it is a hash already, and keyed, so that nobody outside
    /// can choose identifiers that collide.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey(..)")
    }
}

/// Hands an [`IndexKey`] through as its own hash.
#[derive(Clone, Copy, Default, Debug)]
pub struct IndexKeyHasher(u64);

impl Hasher for IndexKeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        // Not reached by `IndexKey`; any other key still gets a usable, if slow, hash (FNV-1a).
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The hasher of maps from [`IndexKey`].
pub type BuildIndexKeyHasher = BuildHasherDefault<IndexKeyHasher>;

/// The 16 bytes that key the index while tokens are off. `Debug` does not print them.
#[derive(Clone, Copy)]
pub struct IndexSecret([u8; 16]);

impl IndexSecret {
    /// Random bytes, drawn anew by each process.
    pub const fn from_random(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Bytes that are the same in every process with the same `privacy.pepper`, so that a
    /// snapshot can be read by the next one.
    pub fn from_pepper(pepper: &[u8]) -> Self {
        // HMAC hashes a key longer than its block first (RFC 2104); done here because the
        // constructor that does it by itself returns an error that cannot happen.
        let mut block = [0; 64];
        match block.get_mut(..pepper.len()) {
            Some(head) => head.copy_from_slice(pepper),
            None => {
                let (head, _) = block.split_at_mut(32);
                head.copy_from_slice(&<Sha256 as sha2::Digest>::digest(pepper));
            }
        }
        let mut mac: Hmac<Sha256> = Hmac::new(&block.into());
        mac.update(PEPPER_USE);
        let mut secret = [0; 16];
        let code = mac.finalize().into_bytes();
        secret.copy_from_slice(code.split_at(16).0);
        Self(secret)
    }
}

impl fmt::Debug for IndexSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexSecret(..)")
    }
}

/// Makes look-up keys. `Debug` prints nothing secret.
#[derive(Clone, Debug)]
pub struct KeyHasher(Keying);

#[derive(Clone)]
enum Keying {
    /// Tokens off: a keyed hash that costs a fifth of a token.
    Keyed(SipHasher13),
    /// Tokens on: the first half of the token, which a clear identifier and its token share.
    Tokens(TokenKey),
}

impl fmt::Debug for Keying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Keying::Keyed(_) => "Keyed(..)",
            Keying::Tokens(_) => "Tokens(..)",
        })
    }
}

impl KeyHasher {
    /// For `privacy.tokens = "off"`.
    pub fn keyed(secret: &IndexSecret) -> Self {
        Self(Keying::Keyed(SipHasher13::new_with_key(&secret.0)))
    }

    /// For `privacy.tokens = "on"`.
    pub fn tokens(key: TokenKey) -> Self {
        Self(Keying::Tokens(key))
    }

    /// The look-up key of an identifier; `None` for a token while tokens are off, which can match
    /// nothing.
    pub fn key(&self, identifier: &Identifier) -> Option<IndexKey> {
        match (&self.0, identifier) {
            (Keying::Tokens(key), _) => Some(IndexKey(key.token(identifier).head())),
            (Keying::Keyed(sip), Identifier::Phone(phone)) => sip_key(sip, IdentifierKind::Phone, phone.as_bytes()),
            (Keying::Keyed(sip), Identifier::Account(account)) => {
                sip_key(sip, IdentifierKind::Account, account.as_bytes())
            }
            (Keying::Keyed(_), Identifier::PhoneToken(_) | Identifier::AccountToken(_)) => None,
        }
    }
}

/// SipHash-1-3-128 over kind + ":" + normal form.
fn sip_key(sip: &SipHasher13, kind: IdentifierKind, normal: &[u8]) -> Option<IndexKey> {
    let mut message: Inline<MESSAGE_LEN> = Inline::new();
    message.extend(kind.prefix())?;
    message.extend(normal)?;
    Some(IndexKey(sip.hash(message.as_bytes()).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::identifier::{IdentifierReader, Token, Tokens};

    // The expected values of this module were computed with another implementation: Python's hmac,
    // and SipHash written from its paper and checked with the paper's vector.

    const PHONE_TOKEN: &str = "hmac-sha256:7e7ec5b223149e35e5654786262dfe318bf0323ad09b58ff1abe461ef4c28f5d";
    const ACCOUNT_TOKEN: &str = "hmac-sha256:c3474cc71ac6a718e7526bd805d6a84658ab07fbb085d26d36ea69fbcc883b85";

    fn token_key() -> TokenKey {
        TokenKey::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F").unwrap()
    }

    fn reader(tokens: Tokens) -> IdentifierReader {
        IdentifierReader { tokens, ..IdentifierReader::default() }
    }

    #[test]
    fn a_token_is_the_keyed_hash_of_kind_and_normal_form() {
        let off = reader(Tokens::Off);
        let phone = off.phone("138 0579 1234").unwrap();
        let account = off.account("6200-0000-0000-0005").unwrap();
        assert_eq!(token_key().token(&phone).to_string(), PHONE_TOKEN);
        assert_eq!(token_key().token(&account).to_string(), ACCOUNT_TOKEN);
        assert_eq!(token_key().token(&phone).short_hex(), "7e7ec5b223149e35e5654786262dfe31");
    }

    #[test]
    fn a_token_and_its_identifier_have_the_same_key_and_token_while_tokens_are_on() {
        let hasher = KeyHasher::tokens(token_key());
        let on = reader(Tokens::On);
        for (kind, clear, token) in [
            (IdentifierKind::Phone, "13805791234", PHONE_TOKEN),
            (IdentifierKind::Account, "6200000000000005", ACCOUNT_TOKEN),
        ] {
            let clear = on.read(kind, clear).unwrap();
            let token = on.read(kind, token).unwrap();
            assert_eq!((clear.kind(), token.kind()), (kind, kind));
            let key = hasher.key(&clear).unwrap();
            assert_eq!(hasher.key(&token), Some(key));
            assert_eq!(token_key().token(&clear), token_key().token(&token));
            assert_eq!(token_key().token(&clear).as_bytes()[..16], *key.as_bytes());
        }
    }

    #[test]
    fn a_token_is_no_identifier_while_tokens_are_off() {
        let off = reader(Tokens::Off);
        assert_eq!(off.phone(PHONE_TOKEN), None);
        assert_eq!(off.account(ACCOUNT_TOKEN), None);
        let token = Token::parse(PHONE_TOKEN).unwrap();
        let hasher = KeyHasher::keyed(&IndexSecret::from_random([7; 16]));
        assert_eq!(hasher.key(&Identifier::PhoneToken(token)), None);
    }

    #[test]
    fn a_token_has_one_text_form() {
        let longer = format!("{PHONE_TOKEN}0");
        let spaced = format!(" {PHONE_TOKEN}");
        let on = reader(Tokens::On);
        for bad in [
            "hmac-sha256:",
            &PHONE_TOKEN.to_uppercase(),
            &PHONE_TOKEN.replace("7e7e", "7E7E"),
            &PHONE_TOKEN.replace("7e7e", "7g7e"),
            &PHONE_TOKEN.replace("256", "512"),
            &PHONE_TOKEN[..PHONE_TOKEN.len() - 1],
            &longer,
            &spaced,
        ] {
            assert_eq!(on.phone(bad), None, "{bad}");
            assert_eq!(on.account(bad), None, "{bad}");
        }
        let json = format!("\"{PHONE_TOKEN}\"");
        let token: Token = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&token).unwrap(), json);
        assert!(serde_json::from_str::<Token>("\"13805791234\"").is_err());
    }

    #[test]
    fn the_cheap_key_is_siphash_of_kind_and_normal_form() {
        let secret = IndexSecret::from_random(std::array::from_fn(|at| at as u8));
        let hasher = KeyHasher::keyed(&secret);
        let off = reader(Tokens::Off);
        let key = hasher.key(&off.phone("13805791234").unwrap()).unwrap();
        assert_eq!(hex::encode(key.as_bytes()), "23fcadc8a63fc9e8bda6044026fd7d31");
        // The same digits as a phone and as an account; the longest account.
        let phone = hasher.key(&off.phone("+12345678").unwrap());
        let account = hasher.key(&off.account("12345678").unwrap());
        assert_ne!(phone, account);
        assert!(hasher.key(&off.account(&"Z".repeat(34)).unwrap()).is_some());
        let other = KeyHasher::keyed(&IndexSecret::from_random([1; 16]));
        assert_ne!(other.key(&off.phone("13805791234").unwrap()), Some(key));
    }

    #[test]
    fn a_pepper_of_any_length_makes_a_secret() {
        let secret = |pepper: &[u8]| hex::encode(IndexSecret::from_pepper(pepper).0);
        assert_eq!(secret(b"salt and pepper"), "2bcc27765cd0ed45ddf4bdd742e7ef0d");
        assert_eq!(secret(&[b'p'; 100]), "cda0d49cffc7129ef742d6146c4a152d");
    }

    #[test]
    fn debug_prints_no_identifier_and_no_secret() {
        let on = reader(Tokens::On);
        let phone = on.phone("13805791234").unwrap();
        let token = on.phone(PHONE_TOKEN).unwrap();
        let keyed = KeyHasher::keyed(&IndexSecret::from_random([7; 16]));
        let hashed = KeyHasher::tokens(token_key());
        assert_eq!(
            format!("{phone:?} {token:?} {:?} {keyed:?} {hashed:?}", keyed.key(&phone).unwrap()),
            "Phone(Phone(138****1234)) PhoneToken(Token(..)) IndexKey(..) \
             KeyHasher(Keyed(..)) KeyHasher(Tokens(..))"
        );
        assert_eq!(token.masked(), "****");
        assert_eq!(format!("{:?}", IndexSecret::from_random([7; 16])), "IndexSecret(..)");
        let bad = TokenKey::from_hex("secret").unwrap_err();
        assert!(!bad.to_string().contains("secret"));
    }

    #[test]
    fn a_map_by_key_takes_the_key_as_its_hash() {
        use std::collections::HashMap;
        let mut map: HashMap<IndexKey, u32, BuildIndexKeyHasher> = HashMap::default();
        for number in 0..1_000_u32 {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            map.insert(IndexKey::from_bytes(bytes), number);
        }
        assert_eq!(map.len(), 1_000);
        assert_eq!(map.get(&IndexKey::from_bytes([0; 16])), Some(&0));
    }
}
