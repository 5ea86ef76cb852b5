//! The subjects of an event: whoever owns a victim identifier, or has it in a household.

use super::super::identifier::IdentifierKind;
use super::super::index::{Handle, MemberRecord, Moment, Record, RecordBytes, RegistrantIndex};
use super::super::lookback::Positions;
use super::super::matched::{MatchedBy, Subject};
use super::super::registrant::MINOR;
use super::super::text::Text;
use super::victim::{Known, Victim};

/// A subject and the record that says who this is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'r> {
    /// The slot of the registrant's record.
    pub(super) handle: Handle,
    /// The registrant's record.
    pub(super) record: &'r Record<'r>,
    /// The member of the household; `None` for the registrant.
    pub(super) member: Option<&'r MemberRecord<'r>>,
    /// By which kind of identifier; phone if both.
    pub(super) identifier: IdentifierKind,
}

impl<'r> Found<'r> {
    pub(super) fn matched_by(&self) -> MatchedBy {
        match self.member {
            None => MatchedBy::Own,
            Some(_) => MatchedBy::Household,
        }
    }

    pub(super) fn subject_id(&self) -> String {
        match self.member {
            None => self.record.registrant_id.to_owned(),
            Some(member) => member_person_id(self.record, member),
        }
    }

    /// The subject as a match shows it: language, area and workplace are the registrant's.
    pub(super) fn subject(&self, index: &RegistrantIndex) -> Subject<'static> {
        let record = self.record;
        let (name, phones, groups, consented_at) = match self.member {
            None => (record.name, &record.phones, &record.groups, record.consented_at),
            Some(member) => (member.name, &member.phones, &member.groups, member.consented_at),
        };
        let groups: Vec<Text<'static>> = groups.iter().map(|word| index.word(*word).into()).collect();
        Subject {
            registrant_id: Some(record.registrant_id.to_owned().into()),
            member_id: self.member.map(|member| member.member_id.to_owned().into()),
            name: name.map(|name| name.to_owned().into()),
            phone: phones.first().map(|stored| stored.text().into()),
            language: record.language.map(|word| index.word(word).into()),
            minor: has_minor(groups.iter().map(Text::as_str)),
            groups,
            area: Some(index.word(record.area).into()),
            workplace: record.workplace.map(|word| index.word(word).into()),
            consented: consented_at.is_some(),
        }
    }

    /// Own before household, each by registration, registrant id, member id.
    fn order(&self) -> (bool, Moment, &'r str, &'r str) {
        let member_id = self.member.map_or("", |member| member.member_id);
        (self.member.is_some(), self.record.registered_at, self.record.registrant_id, member_id)
    }

    fn is_same_person(&self, other: &Found<'_>) -> bool {
        let same_member = match (self.member, other.member) {
            (None, None) => true,
            (Some(one), Some(other)) => one.member_id == other.member_id,
            _ => false,
        };
        same_member && self.record.registrant_id == other.record.registrant_id
    }
}

/// Whether these are the groups of a minor.
pub(super) fn has_minor<'g>(mut groups: impl Iterator<Item = &'g str>) -> bool {
    groups.any(|group| group == MINOR)
}

/// Registrant id + `/` + member id.
pub(super) fn member_person_id(record: &Record<'_>, member: &MemberRecord<'_>) -> String {
    format!("{}/{}", record.registrant_id, member.member_id)
}

/// The records that a victim identifier may stand in.
pub(super) type Candidates<R> = (Known, Vec<(Handle, R)>);

/// Copies of the records that each victim identifier may stand in, the phone's first. Nothing is allocated where
/// there are none.
pub(super) fn copies(victim: &Victim, index: &RegistrantIndex) -> Vec<Candidates<RecordBytes>> {
    let looked_up = victim.known().map(|known| (*known, index.records(&known.key, None)));
    looked_up.filter(|(_, records)| !records.is_empty()).collect()
}

/// The same, read.
pub(super) fn read(copies: &[Candidates<RecordBytes>]) -> Vec<Candidates<Record<'_>>> {
    copies.iter().map(|(known, records)| (*known, read_each(records))).collect()
}

fn read_each(records: &[(Handle, RecordBytes)]) -> Vec<(Handle, Record<'_>)> {
    records.iter().filter_map(|(handle, bytes)| Some((*handle, bytes.read()?))).collect()
}

/// Whether an identifier stands in a record that was taken in before: whoever decided then found somebody.
pub(super) fn known_before(candidates: &[Candidates<Record<'_>>], before: &Positions, index: &RegistrantIndex) -> bool {
    candidates.iter().any(|(known, records)| {
        records.iter().filter(|(_, record)| before.cover(record.partition, record.offset)).any(|(_, record)| {
            record
                .own()
                .chain(record.household.iter().flat_map(MemberRecord::own))
                .any(|listed| known.is(listed, index))
        })
    })
}

/// The subjects, in the order of the contract.
pub(super) fn among<'r>(candidates: &'r [Candidates<Record<'r>>], index: &RegistrantIndex) -> Vec<Found<'r>> {
    let mut subjects: Vec<Found<'r>> = Vec::new();
    for (known, records) in candidates {
        let identifier = known.kind();
        let owners = records.iter().filter(|(_, record)| record.own().any(|listed| known.is(listed, index)));
        let mut found: Vec<Found<'r>> =
            owners.map(|(handle, record)| Found { handle: *handle, record, member: None, identifier }).collect();
        if found.is_empty() {
            found.extend(earliest_listing(known, records, index));
        }
        // The phone comes first, so that whoever is found by both is found by the phone.
        found.retain(|new| !subjects.iter().any(|old| old.is_same_person(new)));
        subjects.append(&mut found);
    }
    subjects.sort_by(|a, b| a.order().cmp(&b.order()));
    subjects
}

/// The household member who has an identifier, of the listing that was registered first.
fn earliest_listing<'r>(
    known: &Known,
    records: &'r [(Handle, Record<'r>)],
    index: &RegistrantIndex,
) -> Option<Found<'r>> {
    let identifier = known.kind();
    let listings = records.iter().flat_map(|(handle, record)| {
        let members = record.household.iter().filter(|member| member.own().any(|listed| known.is(listed, index)));
        members.map(move |member| Found { handle: *handle, record, member: Some(member), identifier })
    });
    listings.min_by(|a, b| a.order().cmp(&b.order()))
}
