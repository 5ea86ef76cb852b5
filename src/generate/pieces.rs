//! Calls and transfers as they go on, before they are written down as events.

use super::dice::Dice;
use super::numbers::{self, numbered};
use super::record::Feed;
use super::stamp::Stamp;

/// A call or a transfer: what stays the same through all its events.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Makes its `call_id` or `transfer_id`.
    pub number: u64,
    /// Who tells of it.
    pub source: &'static str,
    pub victim_area: Option<String>,
    pub suspicion: Option<Suspicion>,
    /// Whether the source writes what is absent as null, and what is the default.
    pub verbose: bool,
    pub body: Body,
}

impl Piece {
    /// The feed its events belong to.
    pub const fn feed(&self) -> Feed {
        match self.body {
            Body::Call(_) => Feed::Calls,
            Body::Transfer(_) => Feed::Transfers,
        }
    }
}

/// Why a source suspects fraud.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspicion {
    /// Hundredths, up to 100.
    pub confidence: u8,
    pub fraud_type: &'static str,
    /// Whether the list is named on which the other side stands.
    pub listed: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    Call(Call),
    Transfer(Transfer),
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub caller: String,
    pub callee: String,
    pub victim_calls: bool,
    pub started: Stamp,
    pub answered: Stamp,
    pub forwarded_to: Option<String>,
}

/// A transfer.
#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub account: Option<String>,
    pub phone: Option<String>,
    /// As the bank shows it.
    pub name: Option<String>,
    pub payee: String,
    pub payee_name: Option<String>,
    pub bank: &'static str,
    pub amount_minor: u64,
    pub channel: &'static str,
    pub first: bool,
    /// How long it can still be reversed, ms from its first event.
    pub settles: Option<Stamp>,
}

/// How far a call or transfer is, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// `phase` or `state`.
    pub stage: &'static str,
    pub time: Stamp,
}

/// Who tells of calls.
pub(super) const CALL_SOURCES: [&str; 4] =
    ["urn:made-up:mobile-a", "urn:made-up:mobile-b", "urn:made-up:telecom-c", "/made-up/gateway/7"];
/// Who tells of transfers.
pub(super) const TRANSFER_SOURCES: [&str; 4] =
    ["urn:made-up:bank-a", "urn:made-up:bank-b", "urn:made-up:wallet-c", "/made-up/clearing/2"];
/// The sources whose events have no key.
pub(super) const KEYLESS: [&str; 2] = ["/made-up/gateway/7", "/made-up/clearing/2"];

/// The courses a call may take.
pub(super) const CALL_COURSES: [&[&str]; 8] = [
    &["initiated", "ringing", "answered", "ongoing", "ongoing", "ended"],
    &["ringing", "answered", "ended"],
    &["answered", "ongoing", "ended"],
    &["ongoing", "ended"],
    &["ongoing"],
    &["initiated", "busy"],
    &["initiated", "failed"],
    &["ringing", "forwarded", "answered", "ended"],
];

/// The courses a transfer may take.
pub(super) const TRANSFER_COURSES: [&[&str]; 5] =
    [&["accepted", "settled"], &["accepted", "settled"], &["accepted"], &["accepted", "reversed"], &["rejected"]];

/// The fraud types of contract 3.
pub(super) const FRAUD_TYPES: [&str; 11] = [
    "brushing_rebate",
    "fake_investment",
    "fake_shopping_service",
    "fake_customer_service",
    "fake_loan",
    "fake_credit_record",
    "impersonating_acquaintance",
    "impersonating_authorities",
    "romance",
    "game_trade",
    "other",
];

const BANKS: [&str; 6] = ["ICBC", "ABC", "BOC", "CCB", "PSBC", "YKRCB"];
const CHANNELS: [&str; 4] = ["mobile", "mobile", "counter", "atm"];
const WITHHELD: [&str; 4] = ["unknown", "", "未知号码", "anonymous"];

/// The other side of a suspected call.
///
/// The foreign numbers end in zeros or come from ranges kept free for fiction, `170 0000` is nobody's.
pub(super) fn suspect_phone(dice: &mut Dice) -> String {
    match dice.below(12) {
        0..3 => numbered("+9689", dice.below(1000), 7),
        3 => numbered("009689", dice.below(1000), 7),
        4 => numbered("+1202555", 100 + dice.below(100), 4),
        5 => numbered("00447700900", dice.below(1000), 3),
        6..9 => numbered("1700000", dice.below(10_000), 4),
        9 => numbered("95013", dice.below(100_000), 8),
        10 => dice.pick(&WITHHELD).to_owned(),
        _ => numbers::stranger_landline(dice.bits()),
    }
}

/// The account of a suspected payee.
pub(super) fn suspect_account(dice: &mut Dice) -> String {
    match dice.below(20) {
        0 => numbered("wallet:u", dice.bits(), 9),
        1 => numbered("XX00FREE", dice.below(1_000_000_000), 14),
        _ => numbers::payee_account(dice.below(900_000_000_000)),
    }
}

/// Why somebody suspects something: mostly a little, sometimes much, sometimes nothing is said.
pub(super) fn suspicion(dice: &mut Dice) -> Option<Suspicion> {
    if dice.chance(250) {
        return None;
    }
    let most = dice.pick(&[40, 60, 60, 80, 100]);
    Some(Suspicion {
        confidence: dice.below(most + 1) as u8,
        fraud_type: dice.pick(&FRAUD_TYPES),
        listed: dice.chance(500),
    })
}

/// A call between two numbers that is being set up `now`.
pub(super) fn call(caller: String, callee: String, now: Stamp, dice: &mut Dice) -> Call {
    let ringing = 3000 + dice.below(15_000) as i64;
    Call { caller, callee, victim_calls: false, started: now, answered: now.plus(ringing), forwarded_to: None }
}

/// A transfer to an account that is being made `now`; who pays is for the caller to fill in.
pub(super) fn transfer(payee: String, now: Stamp, dice: &mut Dice) -> Transfer {
    let amount_minor = match dice.below(20) {
        0..4 => 100 + dice.below(2_000),
        4..16 => 5_000 + dice.below(500_000),
        16..19 => 500_000 + dice.below(4_500_000),
        _ => 5_000_000 + dice.below(60_000_000),
    };
    Transfer {
        account: None,
        phone: None,
        name: None,
        payee,
        payee_name: dice.chance(400).then(|| "*某".to_owned()),
        bank: dice.pick(&BANKS),
        amount_minor,
        channel: dice.pick(&CHANNELS),
        first: dice.chance(400),
        settles: dice.chance(300).then(|| now.plus(86_400_000)),
    }
}
