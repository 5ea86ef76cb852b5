//! The stories: what is told in each, to whom it happens and what must become of every event.

use super::cases::MALFORMED;
use super::feed::EventFeed;
use super::numbers;
use super::pieces::{self, Body, Transfer};
use super::places::ELSEWHERE;
use super::record::{Expected, Generated, Reason};
use super::registrant::RegistrantRecord;
use super::stage::{Stage, began, first_phone};
use super::stamp::Stamp;
use super::zone::Tie;

/// A course of events worth watching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Story {
    /// A call from abroad, 16 minutes long and going on, then a transfer.
    LongCall,
    /// Eight yuan twice, then 20,000, to one payee.
    TestAmounts,
    /// A call to an elderly household member.
    FamilyMember,
    /// A resident of the zone who is not registered: programme `precise`.
    Unregistered,
    /// 2,600, 2,998, 10,000, 100,000 yuan.
    RisingSeries,
    /// Four transfers to four payees.
    SeveralPayees,
    /// Ringing, forwarded, answered by somebody else.
    ForwardedCall,
    /// Events sent twice, and one older than those before it.
    SentAgain,
    /// A dead letter of every reason but `too_large`.
    Spoilt,
    /// An unmatched call, then a registration: a retroactive match.
    RegistersLater,
    /// A call whose victim is the caller.
    CallsBack,
    /// A call to a minor, whose guardian is told.
    Minor,
    /// A call to a number that two registrants own: two subjects.
    SharedLandline,
    /// A transfer that is reversed.
    MoneyBack,
    /// Calls of a withheld number, one after the other, and at last a busy line.
    Authorities,
    /// A short call, then 498,000 yuan.
    FinanceStaff,
}

impl Story {
    /// All of them, in the order in which they are told.
    pub const ALL: [Story; 16] = [
        Story::LongCall,
        Story::TestAmounts,
        Story::FamilyMember,
        Story::Unregistered,
        Story::RisingSeries,
        Story::SeveralPayees,
        Story::ForwardedCall,
        Story::SentAgain,
        Story::Spoilt,
        Story::RegistersLater,
        Story::CallsBack,
        Story::Minor,
        Story::SharedLandline,
        Story::MoneyBack,
        Story::Authorities,
        Story::FinanceStaff,
    ];

    /// What happens, in English.
    pub const fn title_en(self) -> &'static str {
        match self {
            Story::LongCall => "a long call from abroad goes on while money leaves",
            Story::TestAmounts => "two payments of eight yuan, then 20,000",
            Story::FamilyMember => "an elderly member of a household is called",
            Story::Unregistered => "somebody who lives here unregistered is called and pays",
            Story::RisingSeries => "amounts that rise from payment to payment",
            Story::SeveralPayees => "four payees within a minute",
            Story::ForwardedCall => "a call that is sent on to another number",
            Story::SentAgain => "events that come twice, and one that comes late",
            Story::Spoilt => "a source sends bad events, then good ones",
            Story::RegistersLater => "somebody registers just after a suspicious call",
            Story::CallsBack => "the victim is the one who calls",
            Story::Minor => "a minor is called about a game",
            Story::SharedLandline => "the landline of a couple is called",
            Story::MoneyBack => "a payment that comes back",
            Story::Authorities => "a withheld caller who claims to be the police, again and again",
            Story::FinanceStaff => "a bookkeeper pays on the word of a false manager",
        }
    }

    /// What happens, in Chinese.
    pub const fn title_zh(self) -> &'static str {
        match self {
            Story::LongCall => "境外来电长时间通话,期间转账",
            Story::TestAmounts => "两笔八元试探后转出两万元",
            Story::FamilyMember => "登记人家中老人接到可疑来电",
            Story::Unregistered => "区内未登记居民接到来电并转账",
            Story::RisingSeries => "转账金额逐笔升高",
            Story::SeveralPayees => "一分钟内向四个账户转账",
            Story::ForwardedCall => "来电被呼叫转移",
            Story::SentAgain => "重复和迟到的事件",
            Story::Spoilt => "数据源先发错误事件,后恢复正常",
            Story::RegistersLater => "可疑来电之后才登记",
            Story::CallsBack => "受害人主动回拨",
            Story::Minor => "未成年人接到游戏交易来电",
            Story::SharedLandline => "夫妻共用的座机接到来电",
            Story::MoneyBack => "已转出的款项被退回",
            Story::Authorities => "隐藏号码冒充公检法反复来电",
            Story::FinanceStaff => "财务人员被假领导要求转账",
        }
    }
}

/// Which story an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StoryTag {
    /// Which story.
    pub story: Story,
    /// Which telling of it, from 1.
    pub number: u64,
}

/// Where a story begins.
pub(super) struct Beginning {
    /// When its first event comes.
    pub start: Stamp,
    /// How long a second between two events takes, milliseconds.
    pub second_ms: i64,
    /// The number of a person not registered before.
    pub newcomer: u64,
}

/// Writes a story out.
pub(super) fn write(feed: &mut EventFeed, tag: StoryTag, beginning: Beginning) -> Vec<(Stamp, Generated)> {
    let Beginning { start, second_ms, newcomer } = beginning;
    let mut stage = Stage { feed, tag, now: start, second_ms, scenes: Vec::new() };
    match tag.story {
        Story::LongCall => stage.long_call(),
        Story::TestAmounts => stage.payments("fake_loan", 70, &[800, 800, 2_000_000], true),
        Story::FamilyMember => stage.family_member(),
        Story::Unregistered => stage.unregistered(),
        Story::RisingSeries => {
            stage.payments("brushing_rebate", 60, &[260_000, 299_800, 1_000_000, 10_000_000], false);
        }
        Story::SeveralPayees => {
            stage.payments("fake_investment", 55, &[480_000, 350_000, 495_000, 120_000], false);
        }
        Story::ForwardedCall => stage.forwarded_call(),
        Story::SentAgain => stage.sent_again(),
        Story::Spoilt => stage.spoilt(),
        Story::RegistersLater => stage.registers_later(newcomer),
        Story::CallsBack => stage.calls_back(),
        Story::Minor => stage.minor(),
        Story::SharedLandline => stage.shared_landline(),
        Story::MoneyBack => stage.money_back(),
        Story::Authorities => stage.authorities(),
        Story::FinanceStaff => stage.finance_staff(),
    }
    stage.scenes
}

impl Stage<'_> {
    fn long_call(&mut self) {
        let who = self.payer();
        let mut call = self.call("+96890000016", first_phone(&who), "fake_customer_service", 93);
        began(&mut call, 16 * 60);
        self.tell(&call, "ongoing", Expected::ONE);
        self.wait(15);
        self.tell(&call, "ongoing", Expected::ONE);
        self.wait(8);
        let transfer = self.transfer(&who, 5_000_000, "fake_customer_service", 90);
        self.tell(&transfer, "accepted", Expected::ONE);
        self.wait(12);
        self.tell(&call, "ongoing", Expected::ONE);
        self.wait(20);
        self.tell(&call, "ended", Expected::ONE);
    }

    /// Payments of one person; all to one payee, or each to another.
    fn payments(&mut self, fraud_type: &'static str, confidence: u8, amounts: &[u64], one_payee: bool) {
        let who = self.payer();
        let payee = pieces::suspect_account(&mut self.feed.dice);
        for amount in amounts {
            let mut transfer = self.transfer(&who, *amount, fraud_type, confidence);
            if let (true, Body::Transfer(body)) = (one_payee, &mut transfer.body) {
                body.payee.clone_from(&payee);
            }
            self.tell(&transfer, "accepted", Expected::ONE);
            self.wait(6);
            self.tell(&transfer, "settled", Expected::ONE);
            self.wait(6);
        }
    }

    fn family_member(&mut self) {
        let is_elderly = |registrant: &RegistrantRecord| {
            registrant.household.iter().any(|m| !m.phones.is_empty() && m.groups.contains(&"elderly"))
        };
        let who = self.find(500, is_elderly);
        let phone = who
            .household
            .iter()
            .filter(|member| member.groups.contains(&"elderly"))
            .find_map(|member| member.phones.first())
            .map_or(first_phone(&who), String::as_str);
        let mut call = self.call("+96890000003", phone, "impersonating_authorities", 82);
        self.tell(&call, "ringing", Expected::ONE);
        self.wait(6);
        began(&mut call, 6);
        self.tell(&call, "answered", Expected::ONE);
        self.wait(30);
        self.tell(&call, "ongoing", Expected::ONE);
    }

    fn unregistered(&mut self) {
        let phone = numbers::resident_mobile(self.feed.dice.bits());
        let area = self.feed.zone().places().homes().first().cloned();
        let mut call = self.call("unknown", &phone, "fake_credit_record", 75);
        call.victim_area.clone_from(&area);
        began(&mut call, 6 * 60);
        self.tell(&call, "ongoing", Expected::PRECISE);
        self.wait(18);
        let body = Transfer { phone: Some(phone), ..self.payment(1_680_000) };
        let mut transfer = self.piece(Body::Transfer(body), "fake_credit_record", 80);
        transfer.victim_area = area;
        self.tell(&transfer, "accepted", Expected::PRECISE);
    }

    fn forwarded_call(&mut self) {
        let who = self.anybody();
        let mut call = self.call("17000009527", first_phone(&who), "impersonating_authorities", 78);
        if let Body::Call(body) = &mut call.body {
            body.forwarded_to = Some("17000001111".to_owned());
        }
        for (stage, wait) in [("ringing", 4), ("forwarded", 5), ("answered", 25), ("ongoing", 0)] {
            self.tell(&call, stage, Expected::ONE);
            self.wait(wait);
        }
    }

    fn sent_again(&mut self) {
        let who = self.payer();
        let call = self.call("+96890000044", first_phone(&who), "fake_shopping_service", 66);
        self.tell(&call, "answered", Expected::ONE);
        self.again();
        self.wait(20);
        self.tell(&call, "ongoing", Expected::ONE);
        self.wait(3);
        self.tell_late(&call, "ringing", 30, Expected::ONE);
        let transfer = self.transfer(&who, 650_000, "fake_shopping_service", 71);
        self.tell(&transfer, "accepted", Expected::ONE);
        self.again();
        self.wait(5);
        self.tell(&transfer, "settled", Expected::ONE);
        self.wait(2);
        self.again();
    }

    /// One bad event of every reason but `too_large`, then a good one.
    fn spoilt(&mut self) {
        let reasons = Reason::ALL.into_iter().filter(|reason| *reason != Reason::TooLarge);
        for reason in reasons {
            let cases: Vec<_> = MALFORMED.iter().filter(|case| case.reason() == reason).collect();
            if let Some(case) = self.feed.dice.one_of(&cases) {
                let event = self.feed.malformed(case, self.now.utc());
                self.add(event);
            }
            self.wait(2);
        }
        let who = self.anybody();
        let call = self.call("4009999999", first_phone(&who), "fake_customer_service", 50);
        self.tell(&call, "ringing", Expected::ONE);
        self.wait(9);
        self.tell(&call, "ended", Expected::ONE);
    }

    fn registers_later(&mut self, newcomer: u64) {
        let mut who = self.feed.zone().registrant(newcomer);
        let mut call = self.call("+96890000012", first_phone(&who), "romance", 85);
        call.victim_area = ELSEWHERE.first().map(|area| (*area).to_owned());
        began(&mut call, 4 * 60);
        self.tell(&call, "ongoing", Expected::Unmatched);
        self.wait(12);
        who.registered_at = self.now;
        who.consented_at = Some(self.now);
        let record = who.to_record();
        self.add(Generated { record, expected: Expected::Registration, ..Generated::blank() });
        self.wait(20);
        self.tell(&call, "ongoing", Expected::ONE);
    }

    fn calls_back(&mut self) {
        let who = self.anybody();
        let mut call = self.call(first_phone(&who), "9501300000077", "fake_loan", 64);
        if let Body::Call(body) = &mut call.body {
            body.victim_calls = true;
        }
        for (stage, wait) in [("initiated", 3), ("answered", 30), ("ongoing", 30), ("ended", 0)] {
            self.tell(&call, stage, Expected::ONE);
            self.wait(wait);
        }
    }

    fn minor(&mut self) {
        let who = self.find(2_000, |registrant| registrant.groups.contains(&"minor"));
        let mut call = self.call("17000008888", first_phone(&who), "game_trade", 72);
        began(&mut call, 5 * 60 + 20);
        self.tell(&call, "ongoing", Expected::ONE);
        self.wait(20);
        self.tell(&call, "ended", Expected::ONE);
    }

    fn shared_landline(&mut self) {
        let from = self.somebody();
        let zone = self.feed.zone();
        let couple = (from..from + 500).map(|i| i % zone.size()).find(|i| zone.tie(*i) == Tie::Spouses);
        let (phone, expected) = match couple {
            Some(i) => (zone.landline(i), Expected::TWO),
            None => (zone.mobile(from), Expected::ONE),
        };
        let call = self.call("+96890000007", &phone, "fake_customer_service", 69);
        for (stage, wait) in [("ringing", 5), ("answered", 30), ("ongoing", 0)] {
            self.tell(&call, stage, expected);
            self.wait(wait);
        }
    }

    fn money_back(&mut self) {
        let who = self.payer();
        let transfer = self.transfer(&who, 980_000, "game_trade", 58);
        self.tell(&transfer, "accepted", Expected::ONE);
        self.wait(25);
        self.tell(&transfer, "reversed", Expected::ONE);
    }

    fn authorities(&mut self) {
        let who = self.find(500, |registrant| registrant.groups.contains(&"elderly"));
        for _ in 0..3 {
            let mut call = self.call("unknown", first_phone(&who), "impersonating_authorities", 88);
            self.tell(&call, "ringing", Expected::ONE);
            self.wait(4);
            began(&mut call, 4);
            self.tell(&call, "answered", Expected::ONE);
            self.wait(9);
            self.tell(&call, "ended", Expected::ONE);
            self.wait(5);
        }
        let call = self.call("unknown", first_phone(&who), "impersonating_authorities", 88);
        self.tell(&call, "busy", Expected::ONE);
    }

    fn finance_staff(&mut self) {
        let who = self.find(500, |r| r.groups.contains(&"finance_staff") && !r.accounts.is_empty());
        let call = self.call("17000000001", first_phone(&who), "impersonating_acquaintance", 61);
        self.tell(&call, "answered", Expected::ONE);
        self.wait(10);
        self.tell(&call, "ended", Expected::ONE);
        self.wait(6);
        let transfer = self.transfer(&who, 49_800_000, "impersonating_acquaintance", 77);
        self.tell(&transfer, "accepted", Expected::ONE);
    }
}
