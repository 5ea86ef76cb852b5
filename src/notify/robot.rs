//! What the robots of WeCom, DingTalk and Feishu have in common: 200 whatever happened, and a code in the body.

use serde_json::Value;

use super::Verdict;
use crate::core::notification::DeliveryReason;

/// Judges by the first of `fields` that is there: 0 is good, `too_many` and `busy` say that another attempt may help.
pub fn judge(body: &[u8], fields: &[&str], too_many: &[i64], busy: &[i64]) -> Verdict {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let code = answer.as_ref().and_then(|answer| fields.iter().find_map(|field| answer.get(field)?.as_i64()));
    match code {
        Some(0) => Verdict::Accepted,
        Some(code) if too_many.contains(&code) => Verdict::Retry { reason: DeliveryReason::TooMany, after: None },
        Some(code) if busy.contains(&code) => Verdict::Retry { reason: DeliveryReason::ReceiverError, after: None },
        _ => Verdict::Refused(DeliveryReason::Refused),
    }
}

/// Whether an address is a mobile number rather than a user id.
pub fn is_mobile(address: &str) -> bool {
    let digits = address.strip_prefix('+').unwrap_or(address);
    digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_digit())
}
