//! What must become of a record, worked out the plain way: a map of all identifiers and the rules of contract 5.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, FixedOffset};
use golden_bell::core::envelope::decode_event;
use golden_bell::core::event::{Event, EventData, EventKind};
use golden_bell::core::identifier::{Identifier, IdentifierReader};
use golden_bell::generate::{Expected, Feed, Reason, Record, Zone, allow_list};
use serde_json::Value;

/// Everybody registered, by what they are reached at.
pub struct Reference {
    reader: IdentifierReader,
    owners: HashMap<Identifier, Vec<String>>,
    /// By identifier: `registered_at`, registrant id and member id of each listing.
    members: HashMap<Identifier, Vec<(String, String, String)>>,
    areas: HashSet<String>,
    allowed: HashSet<Identifier>,
    prefixes: Vec<String>,
}

impl Reference {
    pub fn of(zone: &Zone) -> Self {
        let reader = IdentifierReader::default();
        let allow = allow_list();
        let phones = allow.phones.iter().map(|phone| reader.phone(phone).unwrap());
        let accounts = allow.payee_accounts.iter().map(|account| reader.account(account).unwrap());
        let mut reference = Reference {
            reader,
            owners: HashMap::new(),
            members: HashMap::new(),
            areas: zone.places().all().iter().cloned().collect(),
            allowed: phones.chain(accounts).collect(),
            prefixes: allow.prefixes,
        };
        zone.records().for_each(|record| reference.register(&record));
        reference
    }

    pub fn register(&mut self, record: &Record) {
        let registrant: Value = serde_json::from_slice(record.value.as_deref().unwrap()).unwrap();
        let id = registrant["registrant_id"].as_str().unwrap().to_owned();
        assert_eq!(record.key.as_deref(), Some(id.as_bytes()));
        for identifier in self.identifiers(&registrant) {
            self.owners.entry(identifier).or_default().push(id.clone());
        }
        for member in registrant["household"].as_array().into_iter().flatten() {
            let since = registrant["registered_at"].as_str().unwrap();
            let listing = (since.to_owned(), id.clone(), member["member_id"].as_str().unwrap().to_owned());
            for identifier in self.identifiers(member) {
                self.members.entry(identifier).or_default().push(listing.clone());
            }
        }
    }

    fn identifiers(&self, person: &Value) -> Vec<Identifier> {
        let texts = |name: &str| -> Vec<String> {
            person[name].as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let phones = texts("phones").into_iter().map(|phone| self.reader.phone(&phone).unwrap());
        phones.chain(texts("accounts").into_iter().map(|account| self.reader.account(&account).unwrap())).collect()
    }

    pub fn judge(&self, record: &Record) -> Expected {
        let kind = match record.topic {
            Feed::Calls => EventKind::Call,
            Feed::Transfers => EventKind::Transfer,
            Feed::Registrants => return Expected::Registration,
        };
        let headers = record.headers.iter().map(|(name, value)| (*name, value.as_slice()));
        match decode_event(kind, headers, record.value.as_deref()) {
            Ok(event) => self.judge_event(&event),
            Err(reject) => {
                let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == reject.reason.as_str());
                Expected::DeadLetter(reason.unwrap())
            }
        }
    }

    fn judge_event(&self, event: &Event<'_>) -> Expected {
        let (victims, other) = match &event.data {
            EventData::Call(call) => {
                (vec![self.reader.phone(call.victim_number())], self.reader.phone(call.other_number()))
            }
            EventData::Transfer(transfer) => {
                let payer = &transfer.payer;
                let phone = payer.phone.as_deref().and_then(|phone| self.reader.phone(phone));
                let account = payer.account.as_deref().and_then(|account| self.reader.account(account));
                (vec![phone, account], self.reader.account(&transfer.payee.account))
            }
        };
        let victims: Vec<Identifier> = victims.into_iter().flatten().collect();
        if victims.is_empty() {
            return Expected::DeadLetter(Reason::Identifier);
        }
        if other.is_some_and(|other| self.is_allowed(&other)) {
            return Expected::Allowed;
        }
        let mut subjects: HashSet<String> = HashSet::new();
        for victim in &victims {
            if let Some(owners) = self.owners.get(victim) {
                subjects.extend(owners.iter().cloned());
            } else if let Some((_, registrant, member)) = self.members.get(victim).and_then(|all| all.iter().min()) {
                subjects.insert(format!("{registrant}/{member}"));
            }
        }
        match (subjects.len() as u32, event.data.victim_area()) {
            (0, Some(area)) if self.is_here(area) => Expected::Matched { subjects: 1, precise: true },
            (0, _) => Expected::Unmatched,
            (subjects, _) => Expected::Matched { subjects, precise: false },
        }
    }

    fn is_allowed(&self, other: &Identifier) -> bool {
        let begins = |phone: &str| self.prefixes.iter().any(|prefix| phone.starts_with(prefix));
        self.allowed.contains(other) || matches!(other, Identifier::Phone(phone) if begins(phone.as_str()))
    }

    fn is_here(&self, area: &str) -> bool {
        let ends = area.match_indices('/').map(|(at, _)| at).chain([area.len()]);
        ends.into_iter().any(|end| area.get(..end).is_some_and(|area| self.areas.contains(area)))
    }
}

/// The `id` of an event, wherever it stands.
pub fn event_id(record: &Record) -> Option<String> {
    attribute(record, "ce_id", "id")
}

/// The `time` of an event, wherever it stands.
pub fn event_time(record: &Record) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(&attribute(record, "ce_time", "time")?).ok()
}

fn attribute(record: &Record, header: &str, member: &str) -> Option<String> {
    if let Some((_, value)) = record.headers.iter().find(|(name, _)| *name == header) {
        return String::from_utf8(value.clone()).ok();
    }
    let value: Value = serde_json::from_slice(record.value.as_deref()?).ok()?;
    value.get(member)?.as_str().map(str::to_owned)
}
