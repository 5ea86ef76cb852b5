//! A registrant on the wire.

use serde::{Deserialize, Serialize};

use super::super::event::EventTime;
use super::super::text::{Text, non_empty, objects, or_default};
use super::super::time;

/// The value of a record of the topic `registrants`, its phones and accounts as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegistrantData<'a> {
    /// Key of the record.
    #[serde(borrow, deserialize_with = "non_empty")]
    pub registrant_id: Text<'a>,
    /// Name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<'a>>,
    /// Phones in any spelling, or their tokens.
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub phones: Vec<Text<'a>>,
    /// Accounts in any spelling, or their tokens.
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub accounts: Vec<Text<'a>>,
    /// Area code of the home.
    #[serde(borrow)]
    pub area: Text<'a>,
    /// Area code of the workplace.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub workplace: Option<Text<'a>>,
    /// Groups; open.
    #[serde(borrow, default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Text<'a>>,
    /// Preferred language.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Text<'a>>,
    /// Who lives with them.
    #[serde(borrow, default, deserialize_with = "objects", skip_serializing_if = "Vec::is_empty")]
    pub household: Vec<MemberData<'a>>,
    /// How the registration came in; open.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Text<'a>>,
    /// When they consented to be messaged, if they did.
    #[serde(default, deserialize_with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub consented_at: Option<EventTime>,
    /// When they registered.
    #[serde(deserialize_with = "time::strict")]
    pub registered_at: EventTime,
}

/// A household member on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberData<'a> {
    /// Unique in the household.
    #[serde(borrow, deserialize_with = "non_empty")]
    pub member_id: Text<'a>,
    /// Name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<'a>>,
    /// What the member is to the registrant; open.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Text<'a>>,
    /// Phones in any spelling, or their tokens.
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub phones: Vec<Text<'a>>,
    /// Accounts in any spelling, or their tokens.
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub accounts: Vec<Text<'a>>,
    /// Groups; open.
    #[serde(borrow, default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Text<'a>>,
    /// Whether messages for the registrant, a minor, go to this member.
    #[serde(default, deserialize_with = "or_default")]
    pub guardian: bool,
    /// When they consented to be messaged, if they did.
    #[serde(default, deserialize_with = "time::optional", skip_serializing_if = "Option::is_none")]
    pub consented_at: Option<EventTime>,
}
