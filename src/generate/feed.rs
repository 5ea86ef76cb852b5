//! A feed of single events in given shares.

use chrono::{DateTime, Utc};

use super::allowed;
use super::cases::MALFORMED;
use super::dice::{Dice, mixed};
use super::malformed::Malformed;
use super::mix::{Mix, MixError};
use super::numbers::{spelt, spelt_account};
use super::pieces::{
    self, Body, CALL_COURSES, CALL_SOURCES, Moment, Piece, TRANSFER_COURSES, TRANSFER_SOURCES, Transfer,
};
use super::record::{Expected, Feed, Flavour, Generated, Reason};
use super::render::{Envelope, Mode, Trace, render};
use super::stamp::Stamp;
use super::targets::{self, Victim};
use super::zone::Zone;

/// How many calls and transfers of each kind go on at the same time, at least and at most.
const OPEN: std::ops::Range<usize> = 4..64;
/// How many events are kept for sending again, one of every [`KEEP_EVERY`].
const KEPT: usize = 32;
const KEEP_EVERY: u64 = 17;

/// Events of calls and transfers, one after the other, in the shares of a [`Mix`].
#[derive(Clone, Debug)]
pub struct EventFeed {
    zone: Zone,
    shares: Shares,
    pub(super) dice: Dice,
    tag: u32,
    serial: u64,
    open: Going,
    kept: Vec<Generated>,
    /// The next of [`MALFORMED`].
    next_malformed: usize,
}

/// The calls and transfers that go on, by what they end as.
#[derive(Clone, Debug, Default)]
struct Going {
    unmatched: Vec<Open>,
    matched: Vec<Open>,
    allowed: Vec<Open>,
}

/// The shares of a mix: sorts as thresholds of 64 bits, the others per mille.
#[derive(Clone, Debug)]
struct Shares {
    matched: u64,
    allowed: u64,
    malformed: u64,
    resent: u64,
    precise: u32,
    older: u32,
    calls: u32,
    binary: u32,
    traced: u32,
    odd: u32,
    too_large: bool,
}

/// What a call or transfer is to end as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Unmatched,
    Matched,
    Allowed,
}

/// A call or transfer that goes on.
#[derive(Clone, Debug)]
struct Open {
    piece: Piece,
    course: &'static [&'static str],
    /// How many events have been sent.
    told: usize,
    last: Stamp,
    expected: Expected,
}

impl EventFeed {
    /// A feed about the people of a zone. `seed`, of which 32 bits count, tells feeds of the same zone apart: their
    /// event ids never meet. The same seed again gives the same ids, which are duplicates to whoever saw them before.
    ///
    /// # Errors
    /// Shares that cannot be, see [`Mix::check`].
    pub fn new(zone: Zone, mix: &Mix, seed: u64) -> Result<Self, MixError> {
        mix.check()?;
        let dice = Dice::new(zone.seed() ^ seed.rotate_left(32)).stream(u64::MAX);
        let tag = mixed(zone.seed(), u64::MAX) as u32 ^ seed as u32;
        Ok(EventFeed {
            zone,
            shares: Shares::new(mix),
            dice,
            tag,
            serial: 0,
            open: Going::default(),
            kept: Vec::new(),
            next_malformed: 0,
        })
    }

    /// The zone it is about.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The next event, told at `now`.
    pub fn next(&mut self, now: DateTime<Utc>) -> Generated {
        let mut generated = Generated::blank();
        self.fill(now, &mut generated);
        generated
    }

    /// The next event, told at `now`, into the buffers of an earlier one.
    pub fn fill(&mut self, now: DateTime<Utc>, out: &mut Generated) {
        let now = Stamp::from(now);
        let roll = self.dice.bits();
        let shares = &self.shares;
        if roll < shares.matched {
            self.tell(Sort::Matched, now, out);
        } else if roll < shares.allowed {
            self.tell(Sort::Allowed, now, out);
        } else if roll < shares.malformed {
            let case = self.next_case();
            self.spoil(case, now, out);
        } else if roll < shares.resent && !self.kept.is_empty() {
            self.again(out);
        } else {
            self.tell(Sort::Unmatched, now, out);
        }
        if self.shares.resent > self.shares.malformed && self.serial.is_multiple_of(KEEP_EVERY) {
            self.keep(out);
        }
    }

    /// An event that is bad in a given way.
    pub fn malformed(&mut self, case: &Malformed, now: DateTime<Utc>) -> Generated {
        let mut generated = Generated::blank();
        self.spoil(case, Stamp::from(now), &mut generated);
        generated
    }

    /// A number for a new event, call or transfer of this feed.
    pub(super) fn number(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Writes one event of a piece under a number.
    pub(super) fn write(&mut self, piece: &Piece, moment: Moment, serial: u64, out: &mut Generated) {
        let mode = self.mode();
        let trace = self.trace();
        let envelope = Envelope { tag: self.tag, serial, mode, trace };
        render(piece, moment, envelope, &mut out.record);
        out.malformed = None;
        out.story = None;
    }

    fn mode(&mut self) -> Mode {
        if self.dice.chance(self.shares.binary) {
            Mode::Binary
        } else if self.dice.chance(300) {
            Mode::Bare
        } else {
            Mode::Structured
        }
    }

    fn trace(&mut self) -> Trace {
        if !self.dice.chance(self.shares.traced) {
            return Trace::None;
        }
        let trace = self.dice.bits();
        if trace & 2 == 0 { Trace::Header(trace) } else { Trace::Attribute(trace) }
    }

    /// Goes on with a call or transfer of this sort, or begins one.
    fn tell(&mut self, sort: Sort, now: Stamp, out: &mut Generated) {
        let mut list = std::mem::take(self.open.of(sort));
        if list.len() < OPEN.start || (list.len() < OPEN.end && self.dice.chance(350)) {
            list.push(self.begin(sort, now));
            let last = list.len() - 1;
            self.go_on(&mut list, last, now, out);
        } else {
            let at = self.dice.below(list.len() as u64) as usize;
            self.go_on(&mut list, at, now, out);
        }
        *self.open.of(sort) = list;
    }

    /// The next event of an open call or transfer, which is dropped from the list after its last one.
    fn go_on(&mut self, list: &mut Vec<Open>, at: usize, now: Stamp, out: &mut Generated) {
        let Some(open) = list.get_mut(at) else { return };
        let older = open.told > 0 && self.dice.chance(self.shares.older);
        let (stage_at, time) = if older {
            (open.told - 1, open.last.plus(-1000 - self.dice.below(9000) as i64))
        } else {
            (open.told, now)
        };
        let moment = Moment { stage: open.course.get(stage_at).copied().unwrap_or("ended"), time };
        let serial = self.number();
        self.write(&open.piece, moment, serial, out);
        out.expected = open.expected;
        out.flavour = if time < open.last { Flavour::Older } else { Flavour::Fresh };
        if !older {
            open.told += 1;
            open.last = open.last.max(time);
        }
        if open.told >= open.course.len() {
            list.swap_remove(at);
        }
    }

    fn begin(&mut self, sort: Sort, now: Stamp) -> Open {
        let is_call = self.dice.chance(self.shares.calls);
        let (victim, expected) = self.victim(sort, !is_call);
        let victim = victim.spelt(self.shares.odd, &mut self.dice);
        let piece = if is_call { self.call(sort, victim, now) } else { self.transfer(sort, victim, now) };
        let course = match is_call {
            true => self.dice.pick(&CALL_COURSES),
            false => self.dice.pick(&TRANSFER_COURSES),
        };
        Open { piece, course, told: 0, last: Stamp::from_millis(i64::MIN), expected }
    }

    fn victim(&mut self, sort: Sort, pays: bool) -> (Victim, Expected) {
        let (zone, dice) = (&self.zone, &mut self.dice);
        match sort {
            Sort::Unmatched => (targets::stranger(pays, dice), Expected::Unmatched),
            Sort::Matched if dice.chance(self.shares.precise) => targets::resident(zone, pays, dice),
            Sort::Allowed if dice.chance(500) => (targets::stranger(pays, dice), Expected::Allowed),
            Sort::Matched | Sort::Allowed => {
                let (mut victim, expected) =
                    if pays { targets::payer(zone, dice) } else { targets::called(zone, dice) };
                if dice.chance(200) {
                    victim.area = dice.one_of(zone.places().all()).cloned();
                }
                (victim, if sort == Sort::Allowed { Expected::Allowed } else { expected })
            }
        }
    }

    fn call(&mut self, sort: Sort, victim: Victim, now: Stamp) -> Piece {
        let number = self.number();
        let (zone, dice) = (&self.zone, &mut self.dice);
        let own = victim.phone.unwrap_or_default();
        // Registered people on the other side, or as the one forwarded to, are nobody's victims.
        let decoy = sort == Sort::Unmatched && dice.chance(30);
        let other = match sort {
            Sort::Allowed => allowed::phone(dice),
            _ if decoy => spelt(zone.mobile(dice.below(zone.size())), self.shares.odd, dice),
            _ => pieces::suspect_phone(dice),
        };
        let victim_calls = dice.chance(80);
        let (caller, callee) = if victim_calls { (own, other) } else { (other, own) };
        let mut call = pieces::call(caller, callee, now, dice);
        call.victim_calls = victim_calls;
        if dice.chance(60) {
            call.forwarded_to = Some(zone.mobile(dice.below(zone.size())));
        }
        Piece {
            number,
            source: dice.pick(&CALL_SOURCES),
            victim_area: victim.area,
            suspicion: pieces::suspicion(dice),
            verbose: dice.chance(200),
            body: Body::Call(call),
        }
    }

    fn transfer(&mut self, sort: Sort, victim: Victim, now: Stamp) -> Piece {
        let number = self.number();
        let (zone, dice) = (&self.zone, &mut self.dice);
        let payee = match sort {
            Sort::Allowed => allowed::payee_account(dice),
            Sort::Unmatched if dice.chance(30) => {
                let accounts = zone.registrant(dice.below(zone.size())).accounts;
                accounts.into_iter().next().unwrap_or_else(|| pieces::suspect_account(dice))
            }
            Sort::Unmatched | Sort::Matched => pieces::suspect_account(dice),
        };
        let payee = if sort == Sort::Allowed { payee } else { spelt_account(payee, 20, dice) };
        let facts = pieces::transfer(payee, now, dice);
        Piece {
            number,
            source: dice.pick(&TRANSFER_SOURCES),
            victim_area: victim.area,
            suspicion: pieces::suspicion(dice),
            verbose: dice.chance(200),
            body: Body::Transfer(Transfer { account: victim.account, phone: victim.phone, name: victim.name, ..facts }),
        }
    }

    fn next_case(&mut self) -> &'static Malformed {
        loop {
            let case = MALFORMED.get(self.next_malformed);
            self.next_malformed = if case.is_some() { self.next_malformed + 1 } else { 0 };
            match case {
                Some(case) if case.reason() != Reason::TooLarge || self.shares.too_large => return case,
                _ => {}
            }
        }
    }

    fn spoil(&mut self, case: &Malformed, now: Stamp, out: &mut Generated) {
        let is_call = case.feed() == Feed::Calls;
        let victim = match is_call {
            true => Victim { phone: Some(self.zone.mobile(self.dice.below(self.zone.size()))), ..Victim::default() },
            false => targets::payer(&self.zone, &mut self.dice).0,
        };
        let mut piece = match is_call {
            true => self.call(Sort::Matched, victim, now),
            false => self.transfer(Sort::Matched, victim, now),
        };
        if let Body::Call(call) = &mut piece.body
            && call.victim_calls
        {
            call.victim_calls = false;
            std::mem::swap(&mut call.caller, &mut call.callee);
        }
        let stage = if is_call { "ongoing" } else { "accepted" };
        let serial = self.number();
        let trace = self.trace();
        let envelope = Envelope { tag: self.tag, serial, mode: case.mode(), trace };
        render(&piece, Moment { stage, time: now }, envelope, &mut out.record);
        case.apply(&mut out.record);
        out.expected = case.expected();
        out.flavour = Flavour::Fresh;
        out.malformed = Some(case.name());
        out.story = None;
    }

    fn again(&mut self, out: &mut Generated) {
        if let Some(kept) = self.dice.one_of(&self.kept) {
            out.clone_from(kept);
            out.flavour = Flavour::Resent;
        }
    }

    fn keep(&mut self, sent: &Generated) {
        if sent.flavour == Flavour::Resent || sent.malformed.is_some() {
            return;
        }
        if self.kept.len() < KEPT {
            self.kept.push(sent.clone());
        } else {
            let at = self.dice.below(KEPT as u64) as usize;
            if let Some(kept) = self.kept.get_mut(at) {
                kept.clone_from(sent);
            }
        }
    }
}

impl Going {
    fn of(&mut self, sort: Sort) -> &mut Vec<Open> {
        match sort {
            Sort::Unmatched => &mut self.unmatched,
            Sort::Matched => &mut self.matched,
            Sort::Allowed => &mut self.allowed,
        }
    }
}

impl Shares {
    fn new(mix: &Mix) -> Self {
        let threshold = |share: f64| (share * u64::MAX as f64) as u64;
        let per_mille = |share: f64| (share * 1000.0).round() as u32;
        Shares {
            matched: threshold(mix.matched),
            allowed: threshold(mix.matched + mix.allowed),
            malformed: threshold(mix.matched + mix.allowed + mix.malformed),
            resent: threshold(mix.matched + mix.allowed + mix.malformed + mix.resent),
            precise: per_mille(mix.precise),
            older: per_mille(mix.older),
            calls: per_mille(mix.calls),
            binary: per_mille(mix.binary),
            traced: per_mille(mix.traced),
            odd: per_mille(mix.odd_spelling),
            too_large: mix.too_large,
        }
    }
}
