//! The people close to a subject (contract 5).

use std::collections::BTreeMap;

use super::super::identifier::{IdentifierKind, IndexKey};
use super::super::index::{MemberRecord, Record, RegistrantIndex, Stored};
use super::super::matched::{MAX_TRUSTED_CONTACTS, TrustedContact};
use super::super::text::Text;
use super::subjects::{Found, member_person_id};

/// Of an own subject: its household, and every other registrant in whose household it is listed. Of a household
/// subject: every registrant in whose household it is listed. By person id, no doubles, at most
/// [`MAX_TRUSTED_CONTACTS`].
pub(super) fn trusted_contacts(
    found: &Found<'_>,
    minor: bool,
    index: &RegistrantIndex,
) -> Vec<TrustedContact<'static>> {
    let record = found.record;
    let mut contacts = Contacts::new();
    let keys = match found.member {
        None => {
            for member in &record.household {
                add(&mut contacts, of_member(record, member, minor, index));
            }
            keys(record.own(), index)
        }
        Some(member) => {
            add(&mut contacts, of_lister(record, member, minor, index));
            keys(member.own(), index)
        }
    };
    for key in &keys {
        for (_, copy) in index.records(key, Some(found.handle)) {
            let Some(lister) = copy.read() else { continue };
            // A handle that was used again may have become the subject's own.
            if lister.registrant_id == record.registrant_id || contacts.contains_key(lister.registrant_id) {
                continue;
            }
            if let Some(listing) = listing_of(&keys, &lister, index) {
                add(&mut contacts, of_lister(&lister, listing, false, index));
            }
        }
    }
    contacts.into_values().take(MAX_TRUSTED_CONTACTS).collect()
}

/// By person id.
type Contacts = BTreeMap<String, TrustedContact<'static>>;

fn add(contacts: &mut Contacts, contact: TrustedContact<'static>) {
    contacts.insert(contact.person_id.as_str().to_owned(), contact);
}

/// The first member of a household who has one of these identifiers.
fn listing_of<'r>(keys: &[IndexKey], record: &'r Record<'r>, index: &RegistrantIndex) -> Option<&'r MemberRecord<'r>> {
    let is_one = |(kind, stored): (IdentifierKind, Stored<'_>)| {
        index.stored_key(kind, stored).is_some_and(|key| keys.contains(&key))
    };
    record.household.iter().find(|member| member.own().any(is_one))
}

fn keys<'r>(own: impl Iterator<Item = (IdentifierKind, Stored<'r>)>, index: &RegistrantIndex) -> Vec<IndexKey> {
    own.filter_map(|(kind, stored)| index.stored_key(kind, stored)).collect()
}

fn of_member(
    record: &Record<'_>,
    member: &MemberRecord<'_>,
    minor: bool,
    index: &RegistrantIndex,
) -> TrustedContact<'static> {
    TrustedContact {
        person_id: member_person_id(record, member).into(),
        relation: relation(member, index),
        name: member.name.map(|name| name.to_owned().into()),
        phone: member.phones.first().map(|stored| stored.text().into()),
        consented: member.consented_at.is_some(),
        guardian: minor && member.guardian,
    }
}

fn of_lister(
    lister: &Record<'_>,
    listing: &MemberRecord<'_>,
    guardian: bool,
    index: &RegistrantIndex,
) -> TrustedContact<'static> {
    TrustedContact {
        person_id: lister.registrant_id.to_owned().into(),
        relation: relation(listing, index),
        name: lister.name.map(|name| name.to_owned().into()),
        phone: lister.phones.first().map(|stored| stored.text().into()),
        consented: lister.consented_at.is_some(),
        guardian,
    }
}

fn relation(listing: &MemberRecord<'_>, index: &RegistrantIndex) -> Option<Text<'static>> {
    listing.relation.map(|word| index.word(word).into())
}
