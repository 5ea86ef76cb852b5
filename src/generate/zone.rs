//! The made-up zone: its registrants, their families and who shares what with whom.

use std::sync::Arc;

use super::dice::{Dice, mixed};
use super::names;
use super::numbers;
use super::places::Places;
use super::record::Record;
use super::registrant::{self, MemberRecord, RegistrantRecord};
use super::stamp::Stamp;

/// The most registrants a zone may have; as many again can register later.
pub const MAX_REGISTRANTS: u64 = 5_000_000;

/// Registration began on 1 March 2021 at 08:00 and went on until 15 July.
const FIRST_DAY: Stamp = Stamp::from_millis(1_614_556_800_000);
const DAYS: u64 = 136;
const DAY_MS: i64 = 86_400_000;

const CHANNELS: [&str; 8] =
    ["officer_qr", "officer_qr", "officer_qr", "self", "vaccination_site", "rental", "enterprise", "import"];

/// How much family the registrants list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// None to four members, as people do: about 520 bytes of JSON for a registrant.
    Typical,
    /// One member for every third registrant: 325 bytes of JSON on average, the size the benches agree on.
    Few,
}

/// What ties registrant 2k and registrant 2k + 1 together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// Nothing.
    None,
    /// They are married: both own the same landline and each lists the other, with a mobile the other owns.
    Spouses,
    /// They have the same mother: both list her, with the same mobile.
    Siblings,
}

/// A development zone of made-up people.
///
/// Registrant `i` follows from the seed and `i` alone, so the zone holds nobody in memory; only whether the last one of
/// an odd number has a partner depends on the size.
#[derive(Clone, Debug)]
pub struct Zone {
    seed: u64,
    size: u64,
    families: Families,
    places: Arc<Places>,
    dice: Dice,
}

impl Zone {
    /// A zone of `size` registrants, at most [`MAX_REGISTRANTS`] and at least one.
    pub fn new(seed: u64, size: u64, families: Families, places: Places) -> Self {
        let size = size.clamp(1, MAX_REGISTRANTS);
        Zone { seed, size, families, places: Arc::new(places), dice: Dice::new(seed) }
    }

    /// How many registrants it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Where its people live and work.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// All registrants as records for the topic `registrants`.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        (0..self.size).map(|i| self.registrant(i).to_record())
    }

    /// Appends the JSON of registrant `i`.
    pub fn write_registrant(&self, i: u64, out: &mut Vec<u8>) {
        self.registrant(i).write_json(out);
    }

    /// Registrant `i`. One at or above the [size](Self::size) is somebody who has not registered yet.
    pub fn registrant(&self, i: u64) -> RegistrantRecord {
        let mut dice = self.dice.stream(i);
        let tie = self.tie(i);
        let age = Age::of(&mut dice, tie);
        let registered_at = FIRST_DAY.plus(dice.below(DAYS) as i64 * DAY_MS).plus(dice.below(10 * 3600) as i64 * 1000);
        let consented_at = (!dice.chance(30)).then_some(registered_at);
        RegistrantRecord {
            registrant_id: registrant::id(i),
            name: self.name(i),
            phones: self.phones(i, tie, &mut dice),
            accounts: self.accounts(i, &mut dice),
            area: dice.one_of(self.places.homes()).cloned().unwrap_or_default(),
            workplace: self.workplace(age, &mut dice),
            groups: groups(age, &mut dice),
            language: self.language(&mut dice),
            household: self.household(i, tie, age, registered_at, &mut dice),
            channel: dice.pick(&CHANNELS),
            consented_at,
            registered_at,
        }
    }

    /// The mobile of registrant `i`, the first of their phones.
    pub(super) fn mobile(&self, i: u64) -> String {
        numbers::mobile(self.seed, i, 0)
    }

    /// The landline of the couple that registrant `i` belongs to, if they are [`Tie::Spouses`].
    pub(super) fn landline(&self, i: u64) -> String {
        numbers::landline(self.seed, i / 2)
    }

    /// What ties registrant `i` and their partner `i ^ 1` together.
    pub(super) fn tie(&self, i: u64) -> Tie {
        if i >= self.size || (i ^ 1) >= self.size {
            return Tie::None;
        }
        match mixed(self.seed ^ 0x0074_6965, i / 2) % 1000 {
            0..40 => Tie::Spouses,
            40..60 => Tie::Siblings,
            _ => Tie::None,
        }
    }

    fn name(&self, i: u64) -> String {
        names::name(self.seed, numbers::person(i, 0))
    }

    fn member_name(&self, i: u64, slot: u64) -> String {
        names::name(self.seed, numbers::person(i, slot))
    }

    fn phones(&self, i: u64, tie: Tie, dice: &mut Dice) -> Vec<String> {
        let mut phones = Vec::with_capacity(2);
        phones.push(self.mobile(i));
        if tie == Tie::Spouses {
            phones.push(self.landline(i));
        } else if dice.chance(60) {
            phones.push(numbers::mobile(self.seed, i, 1));
        }
        phones
    }

    fn accounts(&self, i: u64, dice: &mut Dice) -> Vec<String> {
        let mut accounts = Vec::with_capacity(2);
        if self.families == Families::Few || dice.chance(850) {
            accounts.push(numbers::account(self.seed, i, 0));
        }
        if dice.chance(80) {
            accounts.push(numbers::account(self.seed, i, 1));
        } else if dice.chance(20) {
            accounts.push(numbers::lettered_account(i));
        }
        accounts
    }

    fn workplace(&self, age: Age, dice: &mut Dice) -> Option<String> {
        let works = age == Age::Adult && dice.chance(400);
        works.then(|| dice.one_of(self.places.workplaces()).cloned()).flatten()
    }

    fn language(&self, dice: &mut Dice) -> Option<&'static str> {
        match dice.below(100) {
            0..36 => Some("zh-yongkang"),
            36..38 => Some("en"),
            38..80 => Some("zh-cmn"),
            _ => None,
        }
    }

    fn household(&self, i: u64, tie: Tie, age: Age, since: Stamp, dice: &mut Dice) -> Vec<MemberRecord> {
        let mut members = Vec::new();
        match tie {
            Tie::Spouses => {
                let known = Some((self.name(i ^ 1), self.mobile(i ^ 1)));
                let spouse = Relative { relation: "spouse", age: Age::Adult, known };
                members.push(self.member(i, 0, spouse, since, dice));
            }
            Tie::Siblings => {
                let couple = i & !1;
                let known = Some((self.member_name(couple, 2), numbers::mobile(self.seed, couple, 2)));
                let mother = Relative { relation: "mother", age: Age::Elderly, known };
                members.push(self.member(i, 0, mother, since, dice));
            }
            Tie::None if age == Age::Minor => {
                let relation = dice.pick(&["mother", "father"]);
                let parent = Relative { relation, age: Age::Adult, known: None };
                let mut guardian = self.member(i, 0, parent, since, dice);
                guardian.guardian = true;
                members.push(guardian);
            }
            Tie::None => {}
        }
        let count = match (self.families, dice.below(100)) {
            (Families::Few, roll) => usize::from(roll < 30),
            (Families::Typical, 0..20) => 0,
            (Families::Typical, 20..46) => 1,
            (Families::Typical, 46..72) => 2,
            (Families::Typical, 72..90) => 3,
            (Families::Typical, _) => 4,
        };
        let first = dice.below(6) as usize;
        for (relation, age) in age.relatives().iter().cycle().skip(first).take(6).copied() {
            let at = members.len() as u64;
            if members.len() >= count {
                break;
            }
            members.push(self.member(i, at, Relative { relation, age, known: None }, since, dice));
        }
        members
    }

    /// Member number `at` of the household of registrant `i`.
    fn member(&self, i: u64, at: u64, who: Relative, since: Stamp, dice: &mut Dice) -> MemberRecord {
        let Relative { relation, age, known } = who;
        let slot = at + 2;
        let has_phone = known.is_some() || at == 0 || dice.chance(if age == Age::Minor { 400 } else { 930 });
        let (name, phone) = known.unwrap_or_else(|| (self.member_name(i, slot), numbers::mobile(self.seed, i, slot)));
        let accounts = match dice.chance(150) {
            true => vec![numbers::account(self.seed, i, slot)],
            false => Vec::new(),
        };
        let consented = dice.chance(750);
        let later = dice.below(30) as i64 * DAY_MS;
        MemberRecord {
            member_id: format!("m{}", at + 1),
            name,
            relation,
            phones: if has_phone { vec![phone] } else { Vec::new() },
            accounts,
            groups: groups(age, dice),
            guardian: false,
            consented_at: consented.then_some(since.plus(later)),
        }
    }
}

/// Somebody to list in a household.
struct Relative {
    relation: &'static str,
    age: Age,
    /// Name and mobile, where they are somebody else's too.
    known: Option<(String, String)>,
}

/// How old somebody is, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    Minor,
    Student,
    Adult,
    Elderly,
}

impl Age {
    fn of(dice: &mut Dice, tie: Tie) -> Self {
        match dice.below(100) {
            0 if tie == Tie::None => Age::Minor,
            1..8 if tie != Tie::Spouses => Age::Student,
            8..21 => Age::Elderly,
            _ => Age::Adult,
        }
    }

    /// Whom somebody of this age may list.
    const fn relatives(self) -> &'static [(&'static str, Age); 6] {
        match self {
            Age::Minor | Age::Student => &[
                ("mother", Age::Adult),
                ("father", Age::Adult),
                ("grandmother", Age::Elderly),
                ("grandfather", Age::Elderly),
                ("aunt", Age::Adult),
                ("sister", Age::Student),
            ],
            Age::Adult => &[
                ("mother", Age::Elderly),
                ("father", Age::Elderly),
                ("mother_in_law", Age::Elderly),
                ("spouse", Age::Adult),
                ("son", Age::Minor),
                ("daughter", Age::Student),
            ],
            Age::Elderly => &[
                ("spouse", Age::Elderly),
                ("son", Age::Adult),
                ("daughter", Age::Adult),
                ("daughter_in_law", Age::Adult),
                ("grandson", Age::Minor),
                ("granddaughter", Age::Student),
            ],
        }
    }
}

fn groups(age: Age, dice: &mut Dice) -> Vec<&'static str> {
    let mut groups = Vec::new();
    match age {
        Age::Minor => groups.extend(["minor", "student"]),
        Age::Student => groups.push("student"),
        Age::Elderly => groups.push("elderly"),
        Age::Adult if dice.chance(30) => groups.push("finance_staff"),
        Age::Adult => {}
    }
    match dice.below(100) {
        0..3 => groups.push("prior_victim"),
        3..7 => groups.push("at_risk"),
        _ => {}
    }
    groups
}
