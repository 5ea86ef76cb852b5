//! The people close to a subject (contract 5).

use std::collections::BTreeMap;

use super::super::identifier::{IdentifierKind, IndexKey};
use super::super::index::{MemberRecord, Record, RegistrantIndex, Stored, Word};
use super::super::matched::{MAX_TRUSTED_CONTACTS, StandIn, TrustedContact};
use super::super::text::Text;
use super::subjects::{Found, has_minor, member_person_id};

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
        None => keys(record.own(), index),
        Some(member) => keys(member.own(), index),
    };
    match found.member {
        None => {
            for member in &record.household {
                add(&mut contacts, of_member(record, member, minor, index));
            }
        }
        Some(member) => add(&mut contacts, of_lister(record, member, &keys, minor, index)),
    }
    for key in &keys {
        for (_, copy) in index.records(key, Some(found.handle)) {
            let Some(lister) = copy.read() else { continue };
            // A handle that was used again may have become the subject's own.
            if lister.registrant_id == record.registrant_id || contacts.contains_key(lister.registrant_id) {
                continue;
            }
            if let Some(listing) = lister.household.iter().find(|member| has_any(member, &keys, index)) {
                add(&mut contacts, of_lister(&lister, listing, &keys, false, index));
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

/// Whether a member of a household has one of these identifiers.
fn has_any(member: &MemberRecord<'_>, keys: &[IndexKey], index: &RegistrantIndex) -> bool {
    let is_one = |(kind, stored): (IdentifierKind, Stored<'_>)| {
        index.stored_key(kind, stored).is_some_and(|key| keys.contains(&key))
    };
    member.own().any(is_one)
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
        minor: is_minor(&member.groups, index),
        // The guardian of a member is the registrant, who is the person at risk.
        guardians: Vec::new(),
    }
}

fn of_lister(
    lister: &Record<'_>,
    listing: &MemberRecord<'_>,
    keys: &[IndexKey],
    guardian: bool,
    index: &RegistrantIndex,
) -> TrustedContact<'static> {
    let minor = is_minor(&lister.groups, index);
    TrustedContact {
        person_id: lister.registrant_id.to_owned().into(),
        relation: relation(listing, index),
        name: lister.name.map(|name| name.to_owned().into()),
        phone: lister.phones.first().map(|stored| stored.text().into()),
        consented: lister.consented_at.is_some(),
        guardian,
        minor,
        guardians: if minor { stand_ins(lister, listing, keys, index) } else { Vec::new() },
    }
}

/// Who may be told instead of a registrant who is a minor; never the person at risk, whose identifiers these are.
fn stand_ins(
    minor: &Record<'_>,
    listing: &MemberRecord<'_>,
    keys: &[IndexKey],
    index: &RegistrantIndex,
) -> Vec<StandIn<'static>> {
    let may = |member: &&MemberRecord<'_>| {
        member.guardian
            && member.consented_at.is_some()
            && !is_minor(&member.groups, index)
            && member.member_id != listing.member_id
            && !has_any(member, keys, index)
    };
    let guardians = minor.household.iter().filter(may).map(|member| StandIn {
        person_id: member_person_id(minor, member).into(),
        name: member.name.map(|name| name.to_owned().into()),
        phone: member.phones.first().map(|stored| stored.text().into()),
    });
    guardians.collect()
}

fn is_minor(groups: &[Word<'_>], index: &RegistrantIndex) -> bool {
    let groups: Vec<String> = groups.iter().map(|word| index.word(*word)).collect();
    has_minor(groups.iter().map(String::as_str))
}

fn relation(listing: &MemberRecord<'_>, index: &RegistrantIndex) -> Option<Text<'static>> {
    listing.relation.map(|word| index.word(word).into())
}
