//! What is sent when: order for each recipient of a subject's, so many at once, the destination's own limit and its
//! summaries. Decides without a clock; the limit is asked.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::core::notification::Notification;

/// Notifications read and not yet sent that a destination may hold: waiting to be merged, or for one before them.
const MAX_WAITING: usize = 1_000;

/// Messages that failed and wait for another attempt. They take nobody's place, but what is done beyond them has to be
/// remembered beside the committed offset.
const MAX_RESTING: usize = 256;

/// A notification and the record it came in.
#[derive(Clone, Debug)]
pub struct Item {
    /// The notification.
    pub notification: Notification,
    /// The record's partition.
    pub partition: i32,
    /// The record's offset.
    pub offset: i64,
    /// Whether the limit has held it back before.
    pub held: bool,
}

impl Item {
    fn lane(&self) -> Lane {
        Lane::of(&self.notification)
    }
}

/// What must come in order: the messages to one recipient about one subject. Those to others never wait for them, so
/// that somebody who cannot be told keeps nobody else from being told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane {
    subject_id: String,
    kind: &'static str,
    person_id: Option<String>,
}

impl Lane {
    /// The lane of a notification.
    pub fn of(notification: &Notification) -> Self {
        let recipient = &notification.recipient;
        Lane {
            subject_id: notification.subject_id.clone(),
            kind: recipient.kind.as_str(),
            person_id: recipient.person_id.clone(),
        }
    }
}

/// What is to be done next.
#[derive(Debug)]
pub enum Next {
    /// Send these as one message.
    Send(Vec<Item>),
    /// The limit is used up for so long; these wait because of it from now on.
    Wait(Duration, Vec<Notification>),
    /// Nothing that could be sent now.
    Nothing,
}

/// The notifications of one destination between reading and sending.
#[derive(Debug)]
pub struct Queue {
    limited: bool,
    concurrency: usize,
    waiting: VecDeque<Item>,
    /// Messages under way that have not failed.
    under_way: usize,
    /// Messages under way that have.
    resting: usize,
    /// Lanes of messages under way, and how many of each.
    busy: BTreeMap<Lane, usize>,
}

impl Queue {
    /// An empty queue that lets `concurrency` messages be under way that have not failed.
    pub fn new(limited: bool, concurrency: usize) -> Self {
        Queue { limited, concurrency, waiting: VecDeque::new(), under_way: 0, resting: 0, busy: BTreeMap::new() }
    }

    /// Whether more may be read. Without a limit nothing is gained by holding more than can be sent soon, unless all of
    /// it waits for what was sent before.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < self.concurrency
            || (self.waiting.len() < MAX_WAITING && (self.limited || self.first().is_none()))
    }

    /// One more.
    pub fn push(&mut self, item: Item) {
        self.waiting.push_back(item);
    }

    /// What to do now. `permit` takes one message from the limit, or says how long it is used up.
    pub fn next(&mut self, permit: impl FnOnce() -> Result<(), Duration>) -> Next {
        if self.under_way >= self.concurrency || self.resting >= MAX_RESTING {
            return Next::Nothing;
        }
        let Some(first) = self.first() else { return Next::Nothing };
        if let Err(wait) = permit() {
            let fresh = self.waiting.iter_mut().filter(|item| !item.held).map(|item| {
                item.held = true;
                item.notification.clone()
            });
            return Next::Wait(wait, fresh.collect());
        }
        let Some(item) = self.waiting.remove(first) else { return Next::Nothing };
        let mut items = vec![item];
        if items.iter().all(|item| item.held) {
            self.take_company(&mut items);
        }
        self.under_way += 1;
        for item in &items {
            *self.busy.entry(item.lane()).or_default() += 1;
        }
        Next::Send(items)
    }

    /// The urgent ones first, then those held back before, then as they came; never two of a lane at once.
    fn first(&self) -> Option<usize> {
        let mut seen = std::collections::BTreeSet::new();
        let free = self.waiting.iter().enumerate().filter(|(_, item)| {
            let lane = item.lane();
            !self.busy.contains_key(&lane) && seen.insert(lane)
        });
        if !self.limited {
            return free.map(|(n, _)| n).next();
        }
        free.min_by_key(|(n, item)| (!item.notification.urgent, !item.held, *n)).map(|(n, _)| n)
    }

    /// Whoever was held back as well and may share a summary with the first.
    fn take_company(&mut self, items: &mut Vec<Item>) {
        let mut left = VecDeque::with_capacity(self.waiting.len());
        for item in std::mem::take(&mut self.waiting) {
            let joins = item.held
                && items.first().is_some_and(|first| first.notification.may_share_with(&item.notification))
                && !self.busy.contains_key(&item.lane());
            if joins { items.push(item) } else { left.push_back(item) }
        }
        self.waiting = left;
    }

    /// A message has failed and waits for another attempt: another may have its place.
    pub fn rests(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        self.resting += 1;
    }

    /// A message is no longer under way; whether it had failed before.
    pub fn finished(&mut self, lanes: impl IntoIterator<Item = Lane>, rested: bool) {
        let count = if rested { &mut self.resting } else { &mut self.under_way };
        *count = count.saturating_sub(1);
        for lane in lanes {
            if let Some(count) = self.busy.get_mut(&lane) {
                *count -= 1;
                if *count == 0 {
                    self.busy.remove(&lane);
                }
            }
        }
    }

    /// Forgets everything: the partitions are gone.
    pub fn clear(&mut self) {
        *self = Queue::new(self.limited, self.concurrency);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(offset: i64, subject: &str, urgent: bool) -> Item {
        item_to(offset, subject, urgent, "person", None)
    }

    fn item_to(offset: i64, subject: &str, urgent: bool, kind: &str, address: Option<&str>) -> Item {
        let notification = serde_json::from_value(json!({
            "notification_id": format!("n-{offset}"), "destination": "d", "channel": "webhook", "warning_id": "c-1",
            "case_id": "c", "subject_id": subject, "sequence": 1, "cause": "opened", "level": "high",
            "recipient": {"kind": kind, "address": address}, "urgent": urgent,
            "title": {"zh": "预警", "en": "warning"}, "text": "t", "language": "en", "case_open": true,
            "created_at": "2021-07-15T06:00:00Z",
        }))
        .unwrap();
        Item { notification, partition: 0, offset, held: false }
    }

    fn sent(next: Next) -> Vec<i64> {
        match next {
            Next::Send(items) => items.iter().map(|item| item.offset).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_of_a_subject_at_a_time_and_no_more_than_may_be_under_way() {
        let mut queue = Queue::new(false, 2);
        for (offset, subject) in [(0, "a"), (1, "a"), (2, "b"), (3, "c")] {
            queue.push(item(offset, subject, false));
        }
        assert!(!queue.has_room());
        assert_eq!(sent(queue.next(|| Ok(()))), [0]);
        assert_eq!(sent(queue.next(|| Ok(()))), [2]);
        assert!(matches!(queue.next(|| panic!("nobody may be sent")), Next::Nothing));
        let lane = |subject| [item(0, subject, false).lane()];
        queue.finished(lane("a"), false);
        assert_eq!(sent(queue.next(|| Ok(()))), [1]);
        queue.finished(lane("b"), false);
        assert_eq!(sent(queue.next(|| Ok(()))), [3]);
        assert!(queue.has_room());
    }

    #[test]
    fn a_recipient_who_is_not_told_yet_keeps_no_other_of_the_subject_waiting() {
        let mut queue = Queue::new(false, 8);
        let to = |offset, person: &str| {
            let mut item = item(offset, "a", true);
            item.notification.recipient.person_id = Some(person.to_owned());
            item
        };
        for (offset, person) in [(0, "officer"), (1, "grid"), (2, "officer")] {
            queue.push(to(offset, person));
        }
        queue.push(item_to(3, "a", true, "resident", Some("1")));
        let told: Vec<Vec<i64>> = (0..3).map(|_| sent(queue.next(|| Ok(())))).collect();
        assert_eq!(told, [vec![0], vec![1], vec![3]]);
        assert!(matches!(queue.next(|| Ok(())), Next::Nothing));
        queue.finished([to(0, "officer").lane()], false);
        assert_eq!(sent(queue.next(|| Ok(()))), [2]);
    }

    #[test]
    fn those_that_wait_for_another_attempt_take_nobodys_place() {
        let mut queue = Queue::new(false, 2);
        for (offset, subject) in [(0, "a"), (1, "b"), (2, "c"), (3, "a")] {
            queue.push(item(offset, subject, false));
        }
        assert_eq!((sent(queue.next(|| Ok(()))), sent(queue.next(|| Ok(())))), (vec![0], vec![1]));
        assert!(matches!(queue.next(|| Ok(())), Next::Nothing));
        queue.rests();
        assert_eq!(sent(queue.next(|| Ok(()))), [2]);
        // What is for the same recipient still waits for it.
        queue.finished([item(1, "b", false).lane()], false);
        assert!(matches!(queue.next(|| Ok(())), Next::Nothing));
        queue.finished([item(0, "a", false).lane()], true);
        assert_eq!(sent(queue.next(|| Ok(()))), [3]);
    }

    #[test]
    fn more_is_read_while_all_that_was_read_waits_for_one_before_it() {
        let mut queue = Queue::new(false, 2);
        queue.push(item(0, "a", false));
        assert_eq!(sent(queue.next(|| Ok(()))), [0]);
        queue.rests();
        let mut read = 0;
        while queue.has_room() {
            read += 1;
            queue.push(item(read, "a", false));
        }
        assert_eq!(read as usize, MAX_WAITING);
        let mut other = Queue::new(false, 2);
        (0..2).for_each(|n| other.push(item(n, &format!("s{n}"), false)));
        assert!(!other.has_room());
    }

    #[test]
    fn those_that_wait_for_another_attempt_are_not_more_than_can_be_remembered() {
        let mut queue = Queue::new(false, 1);
        let mut failed = 0;
        loop {
            queue.push(item(failed, &format!("s{failed}"), false));
            let Next::Send(_) = queue.next(|| Ok(())) else { break };
            queue.rests();
            failed += 1;
        }
        assert_eq!(failed as usize, MAX_RESTING);
    }

    #[test]
    fn what_the_limit_holds_back_goes_out_as_one_message_when_there_is_room_again() {
        let mut queue = Queue::new(true, 4);
        for offset in 0..3 {
            queue.push(item(offset, &format!("s{offset}"), false));
        }
        assert_eq!(sent(queue.next(|| Ok(()))), [0]);
        let second = Duration::from_secs(1);
        assert!(matches!(queue.next(|| Err(second)), Next::Wait(wait, held) if wait == second && held.len() == 2));
        queue.push(item(3, "s3", true));
        // Only what is new is told to wait; the urgent one goes first, and alone, as it was never held back.
        assert_eq!(sent(queue.next(|| Ok(()))), [3]);
        queue.push(item(4, "s4", false));
        assert!(matches!(queue.next(|| Err(second)), Next::Wait(_, held) if held.len() == 1));
        assert_eq!(sent(queue.next(|| Ok(()))), [1, 2, 4]);
        assert!(matches!(queue.next(|| Ok(())), Next::Nothing));
    }

    #[test]
    fn texts_for_the_public_and_for_other_addresses_are_never_merged() {
        let mut queue = Queue::new(true, 8);
        queue.push(item_to(0, "a", false, "resident", Some("1")));
        queue.push(item_to(1, "b", false, "resident", Some("1")));
        queue.push(item_to(2, "c", false, "person", Some("2")));
        queue.push(item_to(3, "d", false, "person", Some("3")));
        queue.push(item_to(4, "e", false, "person", Some("2")));
        assert!(matches!(queue.next(|| Err(Duration::ZERO)), Next::Wait(_, held) if held.len() == 5));
        let rounds: Vec<Vec<i64>> = (0..4).map(|_| sent(queue.next(|| Ok(())))).collect();
        assert_eq!(rounds, [vec![0], vec![1], vec![2, 4], vec![3]]);
    }
}
