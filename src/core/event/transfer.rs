//! The data of a transfer event.

use serde::{Deserialize, Serialize};

use super::super::text::{Object, Text, non_empty, wire_enum};
use super::super::time;
use super::{EventTime, Suspicion};

wire_enum! {
    /// How far a transfer has come.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub enum TransferState {
        /// Taken on by the bank.
        Accepted = "accepted",
        /// The money has moved.
        Settled = "settled",
        /// The money came back.
        Reversed = "reversed",
        /// The bank refused it.
        Rejected = "rejected",
    }
}

/// The paying side of a transfer: the person at risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payer<'a> {
    /// Account, as received.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Text<'a>>,
    /// Phone, as received.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text<'a>>,
    /// Name as the bank shows it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<'a>>,
}

/// The receiving side of a transfer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payee<'a> {
    /// Account, any text.
    #[serde(borrow, deserialize_with = "non_empty")]
    pub account: Text<'a>,
    /// Name as the bank shows it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<'a>>,
    /// Its bank.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub bank: Option<Text<'a>>,
}

/// The data of a `golden-bell.transfer.v1` event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferData<'a> {
    /// Identifies the transfer within its source.
    #[serde(borrow, deserialize_with = "non_empty")]
    pub transfer_id: Text<'a>,
    /// How far it has come.
    pub state: TransferState,
    /// Who pays.
    #[serde(borrow)]
    pub payer: Object<Payer<'a>>,
    /// Who is paid.
    #[serde(borrow)]
    pub payee: Object<Payee<'a>>,
    /// Amount in minor units of `currency`.
    pub amount_minor: u64,
    /// ISO 4217 code.
    #[serde(borrow)]
    pub currency: Text<'a>,
    /// How it was ordered (`mobile`, `atm`, …); open.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Text<'a>>,
    /// Whether the payer never paid this payee before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_payment_to_payee: Option<bool>,
    /// When the money is gone for good.
    #[serde(default, deserialize_with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub settles_at: Option<EventTime>,
    /// Where the person at risk is, as the source knows it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub victim_area: Option<Text<'a>>,
    /// Why it is suspected; absent where the source does not say.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub suspicion: Option<Object<Suspicion<'a>>>,
}
