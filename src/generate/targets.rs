//! Whom an event is about, and so what must become of it.

use super::dice::Dice;
use super::names;
use super::numbers::{self, spelt, spelt_account};
use super::places::{ELSEWHERE, WITHIN};
use super::record::Expected;
use super::registrant::{MemberRecord, RegistrantRecord};
use super::zone::{Tie, Zone};

/// The victim's side of an event.
#[derive(Clone, Debug, Default)]
pub(super) struct Victim {
    pub phone: Option<String>,
    /// Only transfers carry it.
    pub account: Option<String>,
    pub name: Option<String>,
    pub area: Option<String>,
}

impl Victim {
    fn phone(phone: String) -> Self {
        Victim { phone: Some(phone), ..Victim::default() }
    }

    fn account(account: String) -> Self {
        Victim { account: Some(account), ..Victim::default() }
    }

    /// Writes the identifiers in odd spellings, so many times out of 1,000.
    pub fn spelt(mut self, odd: u32, dice: &mut Dice) -> Self {
        self.phone = self.phone.map(|phone| spelt(phone, odd, dice));
        self.account = self.account.map(|account| spelt_account(account, odd, dice));
        self
    }
}

/// A registrant or member whom a call can reach, and how many subjects that makes.
pub(super) fn called(zone: &Zone, dice: &mut Dice) -> (Victim, Expected) {
    let i = dice.below(zone.size());
    match dice.below(10) {
        0..6 => (Victim::phone(zone.mobile(i)), Expected::ONE),
        6 => own_phone(zone, i, dice),
        7 => landline(zone, i),
        _ => (Victim::phone(member_phone(zone, i, dice)), Expected::ONE),
    }
}

/// A registrant or member who pays, and how many subjects that makes.
pub(super) fn payer(zone: &Zone, dice: &mut Dice) -> (Victim, Expected) {
    let i = dice.below(zone.size());
    let registrant = zone.registrant(i);
    let account = dice.one_of(&registrant.accounts).cloned();
    let (mut victim, expected) = match dice.below(10) {
        0..4 => (Victim { account, phone: Some(zone.mobile(i)), ..Victim::default() }, Expected::ONE),
        4..6 => match account {
            Some(account) => (Victim::account(account), Expected::ONE),
            None => own_phone(zone, i, dice),
        },
        6 => (Victim { account: Some("62#0".to_owned()), ..Victim::phone(zone.mobile(i)) }, Expected::ONE),
        7 => member_pays(zone, &registrant, dice),
        8 => own_and_member(zone, i, &registrant, dice),
        _ => return two_owners(zone, i, account, dice),
    };
    victim.name = dice.chance(500).then(|| names::masked(&registrant.name));
    (victim, expected)
}

/// Somebody who lives in the zone and is not registered; the event says where.
pub(super) fn resident(zone: &Zone, pays: bool, dice: &mut Dice) -> (Victim, Expected) {
    let mut victim = Victim::phone(numbers::resident_mobile(dice.bits()));
    if pays {
        let account = numbers::resident_account(dice.bits());
        victim = if dice.chance(500) { Victim::account(account) } else { Victim { account: Some(account), ..victim } };
    }
    let area = dice.one_of(zone.places().all()).cloned().unwrap_or_default();
    victim.area = Some(if dice.chance(250) { format!("{area}/{}", dice.pick(&WITHIN)) } else { area });
    (victim, Expected::PRECISE)
}

/// Somebody from elsewhere.
pub(super) fn stranger(pays: bool, dice: &mut Dice) -> Victim {
    let phone = match dice.below(20) {
        0 => numbers::stranger_landline(dice.bits()),
        1 => numbers::numbered("+1202555", 100 + dice.below(100), 4),
        2 => dice.pick(&["10086", "95588", "12315"]).to_owned(),
        _ => numbers::stranger_mobile(dice.bits()),
    };
    let mut victim = Victim::phone(phone);
    if pays {
        let account = numbers::stranger_account(dice.bits());
        match dice.below(20) {
            0..11 => victim = Victim::account(account),
            11 => victim.account = Some("n/a".to_owned()),
            12 => {
                victim.account = Some(account);
                victim.phone = Some("withheld".to_owned());
            }
            _ => victim.account = Some(account),
        }
        victim.name = dice.chance(400).then(|| names::masked(&names::name(7, dice.bits())));
    }
    if dice.chance(200) {
        victim.area = Some(dice.pick(&ELSEWHERE).to_owned());
    }
    victim
}

/// Any phone of registrant `i`.
fn own_phone(zone: &Zone, i: u64, dice: &mut Dice) -> (Victim, Expected) {
    let phones = zone.registrant(i).phones;
    let phone = dice.one_of(&phones).cloned().unwrap_or_default();
    if zone.tie(i) == Tie::Spouses && phone == zone.landline(i) {
        return (Victim::phone(phone), Expected::TWO);
    }
    (Victim::phone(phone), Expected::ONE)
}

/// The landline of the next couple from registrant `i` on, who are both subjects; a mobile where there is no couple near.
fn landline(zone: &Zone, i: u64) -> (Victim, Expected) {
    match (i..i + 64).map(|j| j % zone.size()).find(|j| zone.tie(*j) == Tie::Spouses) {
        Some(j) => (Victim::phone(zone.landline(j)), Expected::TWO),
        None => (Victim::phone(zone.mobile(i)), Expected::ONE),
    }
}

/// The phone of a household member, from registrant `i` on; whoever owns it or lists it first is the one subject.
fn member_phone(zone: &Zone, i: u64, dice: &mut Dice) -> String {
    for j in (i..i + 16).map(|j| j % zone.size()) {
        let members = zone.registrant(j).household;
        let phones: Vec<&String> = members.iter().flat_map(|member| &member.phones).collect();
        if let Some(phone) = dice.one_of(&phones) {
            return (*phone).clone();
        }
    }
    zone.mobile(i)
}

fn member_pays(zone: &Zone, registrant: &RegistrantRecord, dice: &mut Dice) -> (Victim, Expected) {
    let accounts: Vec<&String> = registrant.household.iter().flat_map(|member| &member.accounts).collect();
    let victim = match dice.one_of(&accounts) {
        Some(account) => Victim::account((*account).clone()),
        None => Victim::phone(member_phone(zone, dice.below(zone.size()), dice)),
    };
    (victim, Expected::ONE)
}

/// A registrant's account with the phone of one of their family: both are subjects.
fn own_and_member(zone: &Zone, i: u64, registrant: &RegistrantRecord, dice: &mut Dice) -> (Victim, Expected) {
    let phones: Vec<&String> = registrant.household.iter().flat_map(|member: &MemberRecord| &member.phones).collect();
    match (registrant.accounts.first(), dice.one_of(&phones)) {
        (Some(account), Some(phone)) => {
            let victim = Victim { account: Some(account.clone()), ..Victim::phone((*phone).clone()) };
            (victim, Expected::TWO)
        }
        (Some(account), None) => (Victim::account(account.clone()), Expected::ONE),
        _ => (Victim::phone(zone.mobile(i)), Expected::ONE),
    }
}

/// The account of registrant `i` with the mobile of another: both are subjects.
fn two_owners(zone: &Zone, i: u64, account: Option<String>, dice: &mut Dice) -> (Victim, Expected) {
    let j = dice.below(zone.size());
    let expected = if account.is_some() && j != i { Expected::TWO } else { Expected::ONE };
    (Victim { account, ..Victim::phone(zone.mobile(j)) }, expected)
}
