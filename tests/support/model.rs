//! A second reading of the contract, written for the tests alone: slow, single-threaded, and without a line of the
//! program's own core. It says what must come out of a given input, so that a test can hold the program against it.
//!
//! Everything here works on plain records and [`serde_json::Value`]. What depends on the order in which records of
//! different partitions are read is left open: see [`expect::Telling`].
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of this")]

pub mod event;
pub mod expect;
pub mod identifier;
pub mod matching;
pub mod registry;

pub use expect::{DeadLetter, Expected, ExpectedMatch, ExpectedSubject, Outcome, Telling, expect};

use sha2::{Digest, Sha256};

/// A header as Kafka carries it: a name that may stand more than once, and a value that may be null.
pub type Header = (String, Option<Vec<u8>>);

/// A record before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRecord {
    /// Topic without the prefix: `registrants`, `calls` or `transfers`.
    pub topic: &'static str,
    /// Key; null is not the same as empty.
    pub key: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<Header>,
    /// Value; null is not the same as empty.
    pub value: Option<Vec<u8>>,
}

impl FeedRecord {
    /// The record as it lies in its topic.
    pub fn at(&self, partition: i32, offset: i64, timestamp_ms: i64) -> Record {
        Record {
            topic: self.topic.to_owned(),
            partition,
            offset,
            timestamp_ms,
            key: self.key.clone(),
            headers: self.headers.clone(),
            value: self.value.clone(),
        }
    }
}

/// A record as a consumer read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Topic without the prefix.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// Record time, milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Key; null is not the same as empty.
    pub key: Option<Vec<u8>>,
    /// Headers in order.
    pub headers: Vec<Header>,
    /// Value; null is not the same as empty.
    pub value: Option<Vec<u8>>,
}

impl Record {
    /// Topic, partition and offset: what tells this record from every other.
    pub fn position(&self) -> Position {
        (self.topic.clone(), self.partition, self.offset)
    }

    /// The first header of this name that is not null.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find_map(|(n, v)| if n == name { v.as_deref() } else { None })
    }

    /// The first header of this name as text.
    pub fn header_text(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(|v| std::str::from_utf8(v).ok())
    }

    /// The key as text; bytes that are none are shown as such.
    pub fn key_text(&self) -> String {
        self.key.as_deref().map(|k| String::from_utf8_lossy(k).into_owned()).unwrap_or_default()
    }
}

/// Topic without prefix, partition, offset.
pub type Position = (String, i32, i64);

/// What the program is configured with, as far as the model must know it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `kafka.topic_prefix`.
    pub topic_prefix: String,
    /// `kafka.source`.
    pub source: String,
    /// `matching.max_subjects`.
    pub max_subjects: usize,
    /// `matching.allow.phones`.
    pub allow_phones: Vec<String>,
    /// `matching.allow.prefixes`, each written in the normal form.
    pub allow_prefixes: Vec<String>,
    /// `matching.allow.payee_accounts`.
    pub allow_payee_accounts: Vec<String>,
    /// Codes of the areas in the directory.
    pub areas: Vec<String>,
    /// `privacy.token_key`.
    pub token_key: [u8; 32],
}

impl Default for Settings {
    fn default() -> Self {
        let texts = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Settings {
            topic_prefix: "golden-bell.".to_owned(),
            source: "urn:golden-bell".to_owned(),
            max_subjects: 16,
            allow_phones: texts(&["95588", "0579-8712 0000"]),
            allow_prefixes: texts(&["1008", "+86400820"]),
            allow_payee_accounts: texts(&["6217 0000-0000 0000 004", "gb29nwbk60161331926819"]),
            areas: texts(&["kfq", "kfq/huangchengli", "kfq/heyan", "kfq/heyan-works", "xinqu", "xinqu/dongmen"]),
            token_key: *b"an end-to-end test's own key 32b",
        }
    }
}

/// Why a record went to the dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The value is over 1,048,576 bytes.
    TooLarge,
    /// The value is empty or no JSON.
    NotJson,
    /// An attribute of the envelope is missing or bad.
    Envelope,
    /// The type is not the one of this topic.
    UnknownType,
    /// A field is missing, of the wrong type, or an unknown enumeration value.
    Schema,
    /// No identifier can be used.
    Identifier,
}

impl Reason {
    /// The value of `dlq_reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::TooLarge => "too_large",
            Reason::NotJson => "not_json",
            Reason::Envelope => "envelope",
            Reason::UnknownType => "unknown_type",
            Reason::Schema => "schema",
            Reason::Identifier => "identifier",
        }
    }
}

/// `prefix` and the first 32 hex digits of SHA-256 over the parts with a zero byte between them.
pub fn digest_id(prefix: &str, parts: &[&str]) -> String {
    let hex = hex::encode(Sha256::digest(parts.join("\0").as_bytes()));
    format!("{prefix}{}", &hex[..32])
}

/// HMAC-SHA-256 as RFC 2104 writes it down, for a key of 32 bytes.
pub fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let mut block = [0u8; 64];
    block[..32].copy_from_slice(key);
    let inner = Sha256::new().chain_update(block.map(|b| b ^ 0x36)).chain_update(message).finalize();
    let outer = Sha256::new().chain_update(block.map(|b| b ^ 0x5c)).chain_update(inner).finalize();
    let mut out = [0u8; 32];
    out.copy_from_slice(&outer);
    out
}
