//! What the stories are told with: people to whom things happen, calls and transfers, and their events in time order.

use super::feed::EventFeed;
use super::pieces::{self, Body, CALL_SOURCES, Moment, Piece, Suspicion, TRANSFER_SOURCES, Transfer};
use super::plots::StoryTag;
use super::record::{Expected, Flavour, Generated};
use super::registrant::RegistrantRecord;
use super::stamp::Stamp;

/// A story being written out.
pub(super) struct Stage<'a> {
    pub feed: &'a mut EventFeed,
    pub tag: StoryTag,
    /// When the next event comes.
    pub now: Stamp,
    /// How long a second takes, milliseconds.
    pub second_ms: i64,
    /// What comes when, in time order.
    pub scenes: Vec<(Stamp, Generated)>,
}

impl Stage<'_> {
    /// Lets so many seconds pass.
    pub fn wait(&mut self, seconds: i64) {
        self.now = self.now.plus(seconds * self.second_ms);
    }

    /// Adds what comes now.
    pub fn add(&mut self, mut generated: Generated) {
        generated.story = Some(self.tag);
        self.scenes.push((self.now, generated));
    }

    /// An event that tells of the present.
    pub fn tell(&mut self, piece: &Piece, stage: &'static str, expected: Expected) {
        let event = self.event(piece, Moment { stage, time: self.now }, expected);
        self.add(event);
    }

    /// An event that tells of so many seconds ago, and comes after one that is not as old.
    pub fn tell_late(&mut self, piece: &Piece, stage: &'static str, seconds: i64, expected: Expected) {
        let time = self.now.plus(-1000 * seconds);
        let event = self.event(piece, Moment { stage, time }, expected);
        self.add(Generated { flavour: Flavour::Older, ..event });
    }

    /// The last event once more.
    pub fn again(&mut self) {
        if let Some((_, last)) = self.scenes.last() {
            let event = Generated { flavour: Flavour::Resent, ..last.clone() };
            self.add(event);
        }
    }

    fn event(&mut self, piece: &Piece, moment: Moment, expected: Expected) -> Generated {
        let mut event = Generated { expected, ..Generated::blank() };
        let serial = self.feed.number();
        self.feed.write(piece, moment, serial, &mut event);
        event
    }

    /// A call that is being set up now.
    pub fn call(&mut self, caller: &str, callee: &str, fraud_type: &'static str, confidence: u8) -> Piece {
        let call = pieces::call(caller.to_owned(), callee.to_owned(), self.now, &mut self.feed.dice);
        self.piece(Body::Call(call), fraud_type, confidence)
    }

    /// A first payment of somebody to somebody new.
    pub fn transfer(
        &mut self,
        who: &RegistrantRecord,
        amount_minor: u64,
        fraud_type: &'static str,
        confidence: u8,
    ) -> Piece {
        let body = Transfer {
            account: who.accounts.first().cloned(),
            phone: who.phones.first().cloned(),
            ..self.payment(amount_minor)
        };
        self.piece(Body::Transfer(body), fraud_type, confidence)
    }

    /// A first payment to somebody new, nobody paying yet.
    pub fn payment(&mut self, amount_minor: u64) -> Transfer {
        let payee = pieces::suspect_account(&mut self.feed.dice);
        let facts = pieces::transfer(payee, self.now, &mut self.feed.dice);
        Transfer { amount_minor, first: true, channel: "mobile", settles: Some(self.now.plus(86_400_000)), ..facts }
    }

    /// A call or transfer of a source of its feed.
    pub fn piece(&mut self, body: Body, fraud_type: &'static str, confidence: u8) -> Piece {
        let [call_source, ..] = CALL_SOURCES;
        let [transfer_source, ..] = TRANSFER_SOURCES;
        let source = if matches!(body, Body::Call(_)) { call_source } else { transfer_source };
        let suspicion = Some(Suspicion { confidence, fraud_type, listed: true });
        Piece { number: self.feed.number(), source, victim_area: None, suspicion, verbose: true, body }
    }

    /// Any registrant.
    pub fn anybody(&mut self) -> RegistrantRecord {
        self.find(1, |_| true)
    }

    /// A registrant with an account.
    pub fn payer(&mut self) -> RegistrantRecord {
        self.find(200, |registrant| !registrant.accounts.is_empty())
    }

    /// The first registrant of whom something is true, from a random one on; that one if there is none near.
    pub fn find(&mut self, within: u64, is: impl Fn(&RegistrantRecord) -> bool) -> RegistrantRecord {
        let from = self.somebody();
        let zone = self.feed.zone();
        let found = (from..from + within).map(|i| zone.registrant(i % zone.size())).find(|r| is(r));
        found.unwrap_or_else(|| zone.registrant(from))
    }

    /// The number of a random registrant.
    pub fn somebody(&mut self) -> u64 {
        let size = self.feed.zone().size();
        self.feed.dice.below(size)
    }
}

/// Lets a call have begun and been answered so many seconds earlier than it would have.
pub(super) fn began(call: &mut Piece, seconds: i64) {
    if let Body::Call(body) = &mut call.body {
        body.started = body.started.plus(-1000 * seconds);
        body.answered = body.answered.plus(-1000 * seconds);
    }
}

/// The phone that is called first.
pub(super) fn first_phone(who: &RegistrantRecord) -> &str {
    who.phones.first().map_or("", String::as_str)
}
