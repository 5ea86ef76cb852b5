//! A follow-up as its case keeps it.

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::bounds::{MAX_ID, clip, json_len};
use super::follow_up::{Action, ActionKind, FollowUp, Role, read_action};
use crate::core::event::EventTime;
use crate::core::text::Text;
use crate::core::time::{self, Written};

/// A follow-up that was accepted, as its case keeps it: the fields of [`FollowUp`] but the ids of the case.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    /// Identifies it.
    pub follow_up_id: String,
    /// Who did it.
    pub officer_id: String,
    /// In which role.
    pub by_role: Role,
    /// When, by their clock.
    pub at: EventTime,
    /// What.
    pub action: Action,
}

impl From<&FollowUp> for Done {
    fn from(follow_up: &FollowUp) -> Self {
        let action = match &follow_up.action {
            Action::TransferUnit { area } => Action::TransferUnit { area: clip(area, MAX_ID) },
            other => other.clone(),
        };
        Done {
            follow_up_id: clip(&follow_up.follow_up_id, MAX_ID),
            officer_id: clip(&follow_up.officer_id, MAX_ID),
            by_role: follow_up.by_role,
            at: follow_up.at,
            action,
        }
    }
}

impl Done {
    pub(super) fn wire_bound(&self) -> usize {
        let text = match &self.action {
            Action::Note { text } => json_len(text),
            Action::TransferUnit { area } => json_len(area),
            _ => 0,
        };
        600 + json_len(&self.follow_up_id) + json_len(&self.officer_id) + text
    }
}

impl Serialize for Done {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Out<'a> {
            follow_up_id: &'a str,
            officer_id: &'a str,
            by_role: Role,
            at: Written,
            #[serde(flatten)]
            action: &'a Action,
        }
        Out {
            follow_up_id: &self.follow_up_id,
            officer_id: &self.officer_id,
            by_role: self.by_role,
            at: Written(self.at),
            action: &self.action,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Done {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct In<'a> {
            #[serde(borrow)]
            follow_up_id: Text<'a>,
            #[serde(borrow)]
            officer_id: Text<'a>,
            by_role: Role,
            #[serde(deserialize_with = "time::strict")]
            at: EventTime,
            action: ActionKind,
        }
        let json: &RawValue = Deserialize::deserialize(deserializer)?;
        let wire: In<'_> = serde_json::from_str(json.get()).map_err(D::Error::custom)?;
        Ok(Done {
            follow_up_id: wire.follow_up_id.0.into_owned(),
            officer_id: wire.officer_id.0.into_owned(),
            by_role: wire.by_role,
            at: wire.at,
            action: read_action(wire.action, json).map_err(D::Error::custom)?,
        })
    }
}
