//! Who is at risk in an event (contract 5).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::event::Event;
use super::expect::ExpectedMatch;
use super::identifier::{Identifier, phone};
use super::registry::{Person, Registrant, Registry};
use super::{Reason, Settings, digest_id};

/// The most trusted contacts a Match carries.
pub const MOST_CONTACTS: usize = 32;

/// What became of a good event.
#[derive(Debug)]
pub enum Found {
    /// These people are at risk, in the order of the contract; so many more were left out.
    Subjects(Vec<ExpectedMatch>, usize),
    /// The other side is on the allow-list.
    Allowed,
    /// Nobody.
    Unmatched,
}

/// The registry turned round: who has an identifier.
pub struct Matcher<'a> {
    settings: &'a Settings,
    registry: &'a Registry,
    owners: BTreeMap<&'a Identifier, Vec<&'a Registrant>>,
    listings: BTreeMap<&'a Identifier, Vec<(&'a Registrant, &'a Person)>>,
}

impl<'a> Matcher<'a> {
    /// Takes everybody in.
    pub fn new(settings: &'a Settings, registry: &'a Registry) -> Self {
        let mut owners: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut listings: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for registrant in registry.registrants.values() {
            for identifier in &registrant.person.identifiers {
                owners.entry(identifier).or_default().push(registrant);
            }
            for member in &registrant.household {
                for identifier in &member.identifiers {
                    listings.entry(identifier).or_default().push((registrant, member));
                }
            }
        }
        Matcher { settings, registry, owners, listings }
    }

    /// Decides on one event.
    pub fn find(&self, event: &Event) -> Result<Found, Reason> {
        let (as_phone, as_account) = event.victim();
        let phone = as_phone.and_then(Identifier::phone);
        let account = as_account.and_then(Identifier::account);
        let victim: Vec<Identifier> = phone.into_iter().chain(account).collect();
        if victim.is_empty() {
            return Err(Reason::Identifier);
        }
        if self.allowed(event) {
            return Ok(Found::Allowed);
        }
        let mut subjects = self.own(event, &victim);
        subjects.extend(self.household(event, &victim));
        if subjects.is_empty() {
            return Ok(match self.precise(event, &victim, as_phone) {
                Some(found) => Found::Subjects(vec![found], 0),
                None => Found::Unmatched,
            });
        }
        let cut = subjects.len().saturating_sub(self.settings.max_subjects);
        subjects.truncate(self.settings.max_subjects);
        Ok(Found::Subjects(subjects, cut))
    }

    fn allowed(&self, event: &Event) -> bool {
        let other = event.other_side();
        if event.kind == "transfer" {
            let list = &self.settings.allow_payee_accounts;
            let other = Identifier::account(other);
            return other.is_some() && list.iter().any(|a| Identifier::account(a) == other);
        }
        phone(other).is_some_and(|other| {
            self.settings.allow_prefixes.iter().any(|prefix| other.starts_with(prefix.as_str()))
                || self.settings.allow_phones.iter().any(|p| phone(p).as_ref() == Some(&other))
        })
    }

    fn own(&self, event: &Event, victim: &[Identifier]) -> Vec<ExpectedMatch> {
        // The first kind seen stays: the phone comes first.
        let mut found: BTreeMap<_, (&Registrant, &str)> = BTreeMap::new();
        for identifier in victim {
            for registrant in self.owners.get(identifier).into_iter().flatten() {
                let order = (registrant.registered_at, &registrant.person.person_id);
                found.entry(order).or_insert((registrant, identifier.kind()));
            }
        }
        found
            .into_values()
            .map(|(registrant, kind)| {
                let contacts = self.contacts(&registrant.person, Some(registrant));
                registered(event, "own", kind, registrant, &registrant.person, contacts)
            })
            .collect()
    }

    fn household(&self, event: &Event, victim: &[Identifier]) -> Vec<ExpectedMatch> {
        let mut found: BTreeMap<_, (&Registrant, &Person, &str)> = BTreeMap::new();
        for identifier in victim.iter().filter(|i| !self.owners.contains_key(i)) {
            let listings = self.listings.get(identifier).into_iter().flatten();
            let order = |(r, m): &(&'a Registrant, &'a Person)| {
                (r.registered_at, r.person.person_id.clone(), m.member_id.clone())
            };
            if let Some(first) = listings.min_by_key(|listing| order(listing)) {
                found.entry(order(first)).or_insert((first.0, first.1, identifier.kind()));
            }
        }
        found
            .into_values()
            .map(|(registrant, member, kind)| {
                let contacts = self.contacts(member, None);
                registered(event, "household", kind, registrant, member, contacts)
            })
            .collect()
    }

    fn precise(&self, event: &Event, victim: &[Identifier], as_phone: Option<&str>) -> Option<ExpectedMatch> {
        let place = event.text(&["victim_area"])?;
        let under = |area: &String| {
            place.strip_prefix(area.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !self.settings.areas.iter().any(under) {
            return None;
        }
        let identifier = victim.first()?;
        let phone = as_phone.filter(|_| identifier.kind() == "phone");
        let subject_id = identifier.precise_subject(self.settings);
        let mut out = head(event, &subject_id, "precise", "area", identifier.kind());
        out.json["subject"] = json!({
            "registrant_id": null, "member_id": null, "name": null, "phone": phone,
            "language": null, "groups": [], "area": place, "workplace": null,
            "minor": false, "consented": false,
        });
        Some(out)
    }

    /// Who may be told: of a registrant, their household and whoever else lists them; of a member, whoever lists them.
    fn contacts(&self, subject: &Person, own: Option<&Registrant>) -> Contacts {
        let mut contacts = Contacts::new();
        for member in own.into_iter().flat_map(|r| &r.household) {
            contacts.entry(member.person_id.clone()).or_default().push(told(member, &member.relation));
        }
        for identifier in &subject.identifiers {
            for (registrant, member) in self.listings.get(identifier).into_iter().flatten() {
                let other = &registrant.person;
                if own.is_none_or(|own| own.person.person_id != other.person_id) {
                    let contact = told(other, &member.relation);
                    let same = contacts.entry(other.person_id.clone()).or_default();
                    if !same.contains(&contact) {
                        same.push(contact);
                    }
                }
            }
        }
        contacts
    }
}

/// By person id; more than one where one household lists the same person under two relations, of which either will do.
type Contacts = BTreeMap<String, Vec<Value>>;

fn told(person: &Person, relation: &Option<String>) -> Value {
    json!({
        "person_id": person.person_id, "relation": relation, "name": person.name,
        "phone": person.phone, "consented": person.consented,
    })
}

fn head(event: &Event, subject_id: &str, programme: &str, by: &str, kind: &str) -> ExpectedMatch {
    let match_id = digest_id("m-", &[&event.source, &event.id, subject_id]);
    ExpectedMatch {
        json: json!({
            "match_id": match_id, "subject_id": subject_id, "programme": programme,
            "matched_by": by, "identifier": kind, "trusted_contacts": [],
            "event": {
                "kind": event.kind, "source": event.source, "id": event.id,
                "time": event.time.to_rfc3339(), "data": event.data,
            },
            "retroactive": false,
        }),
        match_id,
        subject_id: subject_id.to_owned(),
        other_contacts: Vec::new(),
        registrant_offsets: BTreeSet::new(),
        traceparent: event.traceparent.clone(),
    }
}

fn registered(
    event: &Event,
    by: &str,
    kind: &str,
    registrant: &Registrant,
    subject: &Person,
    contacts: Contacts,
) -> ExpectedMatch {
    let mut out = head(event, &subject.person_id, "golden_bell", by, kind);
    out.json["subject"] = json!({
        "registrant_id": registrant.person.person_id, "member_id": subject.member_id,
        "name": subject.name, "phone": subject.phone, "language": registrant.language,
        "groups": subject.groups, "area": registrant.area, "workplace": registrant.workplace,
        "minor": subject.groups.iter().any(|g| g == "minor"), "consented": subject.consented,
    });
    let carried = contacts.into_values().take(MOST_CONTACTS);
    let (first, other): (Vec<_>, Vec<_>) = carried.map(|mut all| (all.remove(0), all)).unzip();
    out.json["trusted_contacts"] = Value::Array(first);
    out.other_contacts = other.into_iter().flatten().collect();
    out.registrant_offsets = registrant.offsets.clone();
    out
}
