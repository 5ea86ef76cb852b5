//! Who is forgotten: what a record of `registrants` is held against before it takes effect.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use chrono::{DateTime, Utc};
use parking_lot::RwLock;
use serde::Deserialize;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::super::event::EventTime;
use super::super::identifier::{BuildIndexKeyHasher, IndexKey};
use super::super::registrant::Registrant;
use super::super::text::Object;
use super::super::time;
use super::Erasure;

/// All Erasures in force, 28 bytes each: a keyed hash of the subject, and until when.
///
/// Threads may ask while another learns.
#[derive(Debug)]
pub struct Erasures {
    until: RwLock<HashMap<IndexKey, DateTime<Utc>, BuildIndexKeyHasher>>,
    hasher: SipHasher13,
}

/// What becomes of a registrant's record.
#[must_use = "a record that is ignored must not take effect"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It takes effect; so many members of the household are forgotten and were left out.
    Taken(usize),
    /// The registrant is forgotten and has not consented since: it is as if the record were not there.
    Ignored,
}

impl Default for Erasures {
    fn default() -> Self {
        Erasures::new()
    }
}

impl Erasures {
    /// Nobody is forgotten yet.
    pub fn new() -> Self {
        // Ids are no secret, but nobody should be able to choose two that hash to the same.
        let random = RandomState::new();
        let hasher = SipHasher13::new_with_keys(random.hash_one(1), random.hash_one(2));
        Erasures { until: RwLock::default(), hasher }
    }

    /// Takes an Erasure into account. Of two for the same subject the later holds.
    pub fn learn(&self, erasure: &Erasure) {
        let key = self.key(&[&erasure.subject_id]);
        let mut until = self.until.write();
        until.entry(key).and_modify(|at| *at = erasure.at.max(*at)).or_insert(erasure.at);
    }

    /// Takes an Erasure back.
    pub fn lift(&self, subject_id: &str) {
        self.until.write().remove(&self.key(&[subject_id]));
    }

    /// Until when this subject is forgotten, if at all.
    pub fn until(&self, subject_id: &str) -> Option<DateTime<Utc>> {
        self.until.read().get(&self.key(&[subject_id])).copied()
    }

    /// Until when this member of a household is forgotten, if at all, whatever is known of the registrant.
    pub fn until_of_member(&self, registrant_id: &str, member_id: &str) -> Option<DateTime<Utc>> {
        self.until.read().get(&self.key(&[registrant_id, "/", member_id])).copied()
    }

    /// Whether what the subject gave at this moment is forgotten.
    pub fn covers(&self, subject_id: &str, given_at: impl Into<DateTime<Utc>>) -> bool {
        self.until(subject_id).is_some_and(|until| given_at.into() <= until)
    }

    /// Holds a record against the Erasures; members who are forgotten are taken out of it. A member without a consent
    /// of their own was entered with the registrant's.
    pub fn admit(&self, registrant: &mut Registrant<'_>) -> Admission {
        if self.is_empty() {
            return Admission::Taken(0);
        }
        let given_at = registrant.given_at();
        let id = registrant.registrant_id.clone();
        if self.covers(&id, given_at) {
            return Admission::Ignored;
        }
        let before = registrant.household.len();
        registrant.household.retain(|member| {
            let until = self.until_of_member(&id, &member.member_id);
            until.is_none_or(|until| member.consented_at.unwrap_or(given_at) > until)
        });
        Admission::Taken(before - registrant.household.len())
    }

    /// Whether a bad record of `registrants` tells of somebody who is forgotten: whether it has a readable time of
    /// consent, or else of registration, that an Erasure under its key covers.
    pub fn covers_bad(&self, key: Option<&[u8]>, value: Option<&[u8]>) -> bool {
        #[derive(Deserialize)]
        struct Given {
            #[serde(default, deserialize_with = "time::optional")]
            consented_at: Option<EventTime>,
            #[serde(default, deserialize_with = "time::optional")]
            registered_at: Option<EventTime>,
        }
        let Some(until) = key.and_then(|key| self.until(std::str::from_utf8(key).ok()?)) else {
            return false;
        };
        let given = value.and_then(|value| serde_json::from_slice::<Object<Given>>(value).ok());
        given.and_then(|given| given.0.consented_at.or(given.0.registered_at)).is_some_and(|at| at <= until)
    }

    /// How many subjects are forgotten.
    pub fn len(&self) -> usize {
        self.until.read().len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.until.read().is_empty()
    }

    /// What it takes in memory, bytes, as asked of the allocator.
    pub fn bytes(&self) -> usize {
        // A slot and its control byte; a map is never fuller than seven eighths.
        self.until.read().capacity() * 8 / 7 * (size_of::<(IndexKey, DateTime<Utc>)>() + 1)
    }

    fn key(&self, parts: &[&str]) -> IndexKey {
        let mut hasher = self.hasher;
        parts.iter().for_each(|part| hasher.write(part.as_bytes()));
        IndexKey::from_bytes(hasher.finish128().as_bytes())
    }
}
