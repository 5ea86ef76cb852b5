//! How large a case may become (contract 7, Bounds), and what goes first.

use super::Case;
use super::seen::Seen;
use crate::core::matched::prefixed_digest;

/// The most pieces of evidence a case holds.
pub const MAX_EVIDENCE: usize = 50;
/// The most follow-ups a case holds.
pub const MAX_FOLLOW_UPS: usize = 50;
/// The most history entries a case holds.
pub const MAX_HISTORY: usize = 50;
/// The most bytes of a case in its wire form.
pub const MAX_CASE_BYTES: usize = 256 * 1024;

/// Ids and codes are kept up to this length in JSON; a longer one is cut and made unique again by its digest.
pub(super) const MAX_ID: usize = 256;
/// Names, numbers and the like are kept up to this length in JSON.
pub(super) const MAX_WORD: usize = 128;
/// The most groups of a person that are kept.
pub(super) const MAX_GROUPS: usize = 32;

/// Hashes are given up down to this many of each kind before anything readable is.
const HASHES_KEPT: usize = 1024;

/// What fell out of a case because there was no more room for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Pieces of evidence.
    pub evidence: u32,
    /// Follow-ups.
    pub follow_ups: u32,
    /// History entries.
    pub history: u32,
    /// Trusted contacts.
    pub trusted_contacts: u32,
    /// Remembered ids, of events, follow-ups and told transfers.
    pub ids: u32,
}

impl Dropped {
    /// How much fell out, in all.
    pub const fn total(&self) -> u32 {
        self.evidence + self.follow_ups + self.history + self.trusted_contacts + self.ids
    }
}

/// The bytes of a text in JSON, without the quotes.
pub(super) fn json_len(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' => 2,
            0..0x20 => 6,
            _ => 1,
        })
        .sum()
}

/// The same of those texts that are there, together.
pub(super) fn json_lens(texts: &[&Option<String>]) -> usize {
    texts.iter().copied().flatten().map(|text| json_len(text)).sum()
}

/// The text if it is short enough, else its beginning and its digest: the same text always gives the same.
pub(super) fn clip(text: &str, max: usize) -> String {
    if json_len(text) <= max {
        return text.to_owned();
    }
    let digest = prefixed_digest("…", &[text]);
    let mut room = max.saturating_sub(digest.len());
    let mut clipped: String = text
        .chars()
        .take_while(|c| {
            let len = json_len(c.encode_utf8(&mut [0; 4]));
            let fits = len <= room;
            room = room.saturating_sub(len);
            fits
        })
        .collect();
    clipped.push_str(&digest);
    clipped
}

impl Case {
    /// Drops what is oldest until the case is sure to fit into [`MAX_CASE_BYTES`].
    ///
    /// Ids go first, from the kind that has most: without the oldest of them only a very late re-send is told again.
    /// Then notes of the past; the evidence at last, and never its newest piece.
    pub(crate) fn fit(&mut self, dropped: &mut Dropped) {
        loop {
            let excess = self.wire_bound().saturating_sub(MAX_CASE_BYTES);
            if excess == 0 {
                return;
            }
            let seen = [&mut self.seen.events, &mut self.seen.follow_ups, &mut self.seen.transfers];
            let most = seen.into_iter().max_by_key(|kind| kind.len());
            if let Some(most) = most.filter(|kind| kind.len() > HASHES_KEPT) {
                let count = (excess / Seen::wire_len(1) + 1).min(most.len() - HASHES_KEPT);
                most.forget_oldest(count);
                dropped.ids += u32::try_from(count).unwrap_or(u32::MAX);
            } else if self.follow_ups.len() > 1 {
                self.follow_ups.remove(0);
                dropped.follow_ups += 1;
            } else if self.history.len() > 1 {
                self.history.remove(0);
                dropped.history += 1;
            } else if self.evidence.len() > 1 {
                self.evidence.pop();
                dropped.evidence += 1;
            } else if self.trusted_contacts.pop().is_some() {
                dropped.trusted_contacts += 1;
            } else if self.reasons.pop().is_none() {
                return;
            }
        }
    }

    /// At least as many bytes as the wire form has, without making it.
    pub(super) fn wire_bound(&self) -> usize {
        /// Field names, times, numbers and punctuation of the case itself.
        const FIXED: usize = 3_000;
        let seen = &self.seen;
        FIXED
            + json_len(&self.case_id)
            + json_len(&self.subject_id)
            + self.subject.wire_bound()
            + json_lens(&[&self.fraud_type, &self.area, &self.round.holder])
            + self.trusted_contacts.iter().map(|c| c.wire_bound()).sum::<usize>()
            + self.evidence.iter().map(|e| e.wire_bound()).sum::<usize>()
            + self.follow_ups.iter().map(|f| f.wire_bound()).sum::<usize>()
            + self.return_visits.len() * 200
            + self.history.iter().map(|h| h.wire_bound()).sum::<usize>()
            + self.reasons.iter().map(|held| 40 + json_len(&held.rule)).sum::<usize>()
            + self.fallen.wire_len()
            + [&seen.events, &seen.follow_ups, &seen.transfers]
                .iter()
                .map(|kind| Seen::wire_len(kind.len()))
                .sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, FixedOffset};

    use super::*;
    use crate::core::case::{
        Contact, Done, Evidence, Guardian, HeldRule, HistoryEntry, Outcome, ReturnVisit, State, WINDOW,
    };

    #[test]
    fn a_long_text_is_cut_but_stays_different_from_others() {
        let long = |end: &str| "长\u{1}\"x".repeat(100) + end;
        for text in [long("a"), long("b")] {
            let clipped = clip(&text, MAX_ID);
            assert!(json_len(&clipped) <= MAX_ID, "{}", json_len(&clipped));
            assert_eq!(clipped, clip(&text, MAX_ID));
        }
        assert_ne!(clip(&long("a"), MAX_ID), clip(&long("b"), MAX_ID));
        assert_eq!(clip("short", MAX_ID), "short");
        assert_eq!(serde_json::to_string(&long("")).unwrap().len(), json_len(&long("")) + 2);
    }

    #[test]
    fn the_bound_is_never_below_the_length() {
        let mut case = Case::decode(include_bytes!("../../../tests/fixtures/cases/case.json")).unwrap();
        let time: DateTime<FixedOffset> = "2021-07-15T14:05:20.123456789+08:00".parse().unwrap();
        let long = |n: usize| clip(&format!("{n}{}", "\u{1}".repeat(300)), MAX_ID);
        let done = serde_json::json!({
            "follow_up_id": long(1), "officer_id": long(2), "by_role": "village_worker", "at": time, "action": "outcome",
            "outcome": "false_alarm", "identity_checked": true, "screen_shared": false, "code_or_money_given": false,
            "unknown_app": false, "unknown_link": false, "amount_at_risk_minor": u64::MAX, "loss_minor": u64::MAX,
            "stop_payment_requested_at": time, "family_told": false,
        });
        let done: Done = serde_json::from_str(&done.to_string()).unwrap();
        let piece = case.evidence[0].clone();
        let entry = HistoryEntry {
            at: time.to_utc(),
            round: u32::MAX,
            state: State::ReturnVisitDue,
            outcome: Outcome::FalseAlarm,
            score: u32::MAX,
            times: u32::MAX,
            by: Some(long(3)),
            area: Some(long(4)),
            ..case.history[0].clone()
        };
        for n in 0..200 {
            assert!(case.encode().unwrap().len() <= case.wire_bound(), "{n} of each");
            let mut more =
                Evidence { source: long(n), id: long(n), at: time, began_at: time - WINDOW, ..piece.clone() };
            more.confidence = Some(0.123_456_789_012_345_67);
            case.evidence.push(more.clone());
            case.fallen.push(&more, time.timestamp_millis());
            case.follow_ups.push(done.clone());
            case.history.push(entry.clone());
            case.trusted_contacts.push(Contact {
                person_id: long(n),
                name: Some(long(n)),
                guardian: true,
                minor: true,
                guardians: vec![Guardian { person_id: long(n), name: Some(long(n)), phone: Some(long(n)) }; n % 9],
                ..case.trusted_contacts[0].clone()
            });
            case.reasons.push(HeldRule { rule: long(n), points: i32::MIN });
            case.seen.events.push(more.key());
            case.return_visits.push(ReturnVisit {
                day: 30,
                due_at: time.to_utc(),
                escalates_at: time.to_utc(),
                done_at: Some(time.to_utc()),
            });
        }
        case.fit(&mut Dropped::default());
        assert!(case.encode().unwrap().len() <= MAX_CASE_BYTES);
    }
}
