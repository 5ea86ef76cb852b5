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

/// The address as the mobile number that robots know somebody by, if it is one rather than a user id: without the
/// country code of China, with any other.
pub fn mobile(address: &str) -> Option<&str> {
    let digits = address.strip_prefix('+').unwrap_or(address);
    let is_number = digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| address.strip_prefix("+86").unwrap_or(address))
}
