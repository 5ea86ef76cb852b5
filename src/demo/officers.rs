//! The people at the desks: they take cases on, call, find the line busy, and in the end talk most out of paying. Some
//! cases nobody looks at until they have gone up to the chief.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::{SecondsFormat, Utc};
use rand::Rng;

use crate::core::case::{
    Action, ContactChannel, ContactMade, FollowUp, Line, Outcome, OutcomeReported, Role as OfficerRole,
};
use crate::core::warning::Cause;
use crate::kafka::client::Connection;
use crate::lifecycle::Stop;

use super::board::Board;
use super::sender::Sender;
use super::told::Alarm;

const SOURCE: &str = "urn:golden-bell:demo-desks";

/// Between two looks at what is to be done.
const TICK: Duration = Duration::from_millis(50);

/// Of a hundred new cases, how many nobody takes on by themselves, and how many have a busy line at first.
const IGNORED: u32 = 15;
const BUSY: u32 = 20;

/// Works until `stop`; whoever has something in hand then leaves it.
///
/// # Errors
/// When the broker does not take a follow-up.
pub fn run(connection: &Connection, board: &Board, stop: &Stop) -> anyhow::Result<()> {
    let mut sender = Sender::new(connection, "officers")?;
    let mut desks = Desks::default();
    while !stop.wait(TICK) {
        for alarm in board.with(|state| state.told.take_alarms()) {
            desks.hear(alarm, Instant::now());
        }
        for follow_up in desks.due(Instant::now()) {
            send(&sender, &follow_up)?;
            board.with(|state| state.sent.follow_ups += 1);
        }
        sender.look()?;
    }
    sender.flush()
}

fn send(sender: &Sender, follow_up: &FollowUp) -> anyhow::Result<()> {
    let time = follow_up.at.to_rfc3339_opts(SecondsFormat::Millis, false);
    let headers: [(&str, &[u8]); 6] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", follow_up.follow_up_id.as_bytes()),
        ("ce_source", SOURCE.as_bytes()),
        ("ce_type", b"golden-bell.follow-up.v1"),
        ("ce_time", time.as_bytes()),
        ("content-type", b"application/json"),
    ];
    let value = serde_json::to_vec(follow_up)?;
    sender.send("case-inputs", Some(follow_up.subject_id.as_bytes()), headers, Some(&value))
}

/// Who is at work on what.
#[derive(Default)]
struct Desks {
    /// Cases somebody is at work on.
    in_hand: HashSet<String>,
    tasks: Vec<Task>,
}

/// Something to be done at a time.
struct Task {
    due: Instant,
    case_id: String,
    subject_id: String,
    role: OfficerRole,
    deed: Deed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    TakeOn,
    FindBusy,
    TalkOut,
}

impl Desks {
    /// A warning came in.
    fn hear(&mut self, alarm: Alarm, now: Instant) {
        let luck = rand::rng().random_range(0..100);
        let (role, plan): (_, &[(Deed, f64)]) = match alarm.cause {
            Cause::Escalated => (OfficerRole::Chief, &[(Deed::TakeOn, 2.0), (Deed::TalkOut, 6.0)]),
            Cause::Opened | Cause::Reopened if luck < IGNORED => return,
            Cause::Opened | Cause::Reopened if luck < IGNORED + BUSY => {
                (OfficerRole::Officer, &[(Deed::FindBusy, 4.0), (Deed::TalkOut, 10.0)])
            }
            Cause::Opened | Cause::Reopened => (OfficerRole::GridWorker, &[(Deed::TakeOn, 5.0), (Deed::TalkOut, 11.0)]),
            Cause::Raised | Cause::Transfer | Cause::Repeated | Cause::Reassigned => return,
        };
        if !self.in_hand.insert(alarm.case_id.clone()) {
            return;
        }
        let mut due = now;
        for (deed, seconds) in plan {
            due += Duration::from_secs_f64(seconds * rand::rng().random_range(0.6..1.4));
            let (case_id, subject_id) = (alarm.case_id.clone(), alarm.subject_id.clone());
            self.tasks.push(Task { due, case_id, subject_id, role, deed: *deed });
        }
    }

    /// What is to be done by `now`, the earliest first.
    fn due(&mut self, now: Instant) -> Vec<FollowUp> {
        let mut due: Vec<Task> = self.tasks.extract_if(.., |task| task.due <= now).collect();
        due.sort_by_key(|task| task.due);
        for task in due.iter().filter(|task| task.deed == Deed::TalkOut) {
            self.in_hand.remove(&task.case_id);
        }
        due.into_iter().map(Task::follow_up).collect()
    }
}

impl Task {
    fn follow_up(self) -> FollowUp {
        FollowUp {
            follow_up_id: format!("f-{:016x}", rand::random::<u64>()),
            case_id: self.case_id,
            subject_id: self.subject_id,
            officer_id: format!("demo-{}", self.role.as_str()),
            by_role: self.role,
            at: Utc::now().fixed_offset(),
            action: self.deed.action(),
        }
    }
}

impl Deed {
    fn action(self) -> Action {
        match self {
            Deed::TakeOn => Action::Acknowledge,
            Deed::FindBusy => Action::Contact(ContactMade {
                channel: Some(ContactChannel::Phone),
                line: Some(Line::Busy),
                ..ContactMade::default()
            }),
            Deed::TalkOut => Action::Outcome(OutcomeReported {
                outcome: Outcome::Dissuaded,
                identity_checked: true,
                screen_shared: Some(false),
                code_or_money_given: None,
                unknown_app: None,
                unknown_link: None,
                amount_at_risk_minor: None,
                loss_minor: None,
                stop_payment_requested_at: None,
                family_told: Some(true),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(case_id: &str, cause: Cause) -> Alarm {
        Alarm { case_id: case_id.to_owned(), subject_id: "r-1".to_owned(), cause }
    }

    #[test]
    fn a_case_that_went_up_is_taken_on_and_its_person_talked_out_of_paying_once() {
        let (mut desks, now) = (Desks::default(), Instant::now());
        for _ in 0..3 {
            desks.hear(alarm("c-1", Cause::Escalated), now);
        }
        assert!(desks.due(now).is_empty());
        let done = desks.due(now + Duration::from_secs(60));
        let actions: Vec<_> = done.iter().map(|done| done.action.kind().as_str()).collect();
        assert_eq!(actions, ["acknowledge", "outcome"]);
        assert!(done.iter().all(|done| done.by_role == OfficerRole::Chief && done.case_id == "c-1"));
        desks.hear(alarm("c-1", Cause::Escalated), now);
        assert_eq!(desks.tasks.len(), 2, "once the case is done it may come again");
    }

    #[test]
    fn most_new_cases_find_somebody_and_some_do_not() {
        let (mut desks, now) = (Desks::default(), Instant::now());
        for n in 0..1_000 {
            desks.hear(alarm(&format!("c-{n}"), Cause::Opened), now);
            desks.hear(alarm(&format!("t-{n}"), Cause::Transfer), now);
        }
        assert!((750..950).contains(&desks.in_hand.len()), "{}", desks.in_hand.len());
    }

    #[test]
    fn what_is_sent_is_what_the_program_reads() {
        for deed in [Deed::TakeOn, Deed::FindBusy, Deed::TalkOut] {
            let task = Task {
                due: Instant::now(),
                case_id: "c-1".to_owned(),
                subject_id: "r-1".to_owned(),
                role: OfficerRole::Officer,
                deed,
            };
            let follow_up = task.follow_up();
            let value = serde_json::to_vec(&follow_up).unwrap();
            assert_eq!(FollowUp::read(&value, "r-1", &follow_up.follow_up_id), Ok(follow_up));
        }
    }
}
