//! The shipped templates: what each recipient reads, whatever happened.

#[path = "../support/templates.rs"]
mod templates;

use std::sync::LazyLock;

use chrono::{DateTime, FixedOffset};
use golden_bell::core::event::EventKind;
use golden_bell::core::message::{Caller, Happened, MAX_PARTS, Recipient, Scene, Templates, danger, parts};
use golden_bell::core::rules::RuleSet;
use golden_bell::core::warning::Cause;
use proptest::prelude::*;
pub use templates::message_files;

static TEMPLATES: LazyLock<Templates> = LazyLock::new(templates::templates);

fn at(time: &str) -> DateTime<FixedOffset> {
    time.parse().unwrap()
}

fn call() -> Happened {
    Happened {
        kind: EventKind::Call,
        began_at: at("2021-07-15T14:03:10+08:00"),
        caller: Caller::Overseas,
        live: true,
        minutes: None,
    }
}

fn transfer() -> Happened {
    Happened { kind: EventKind::Transfer, caller: Caller::Plain, live: false, ..call() }
}

fn text(recipient: Recipient, language: &str, scene: &Scene<'_>) -> (String, String) {
    let message = TEMPLATES.write(recipient, Some(language), scene).unwrap();
    (message.language, message.text)
}

/// Every recipient, in every language, of every fraud type and cause, by every event or none.
fn every_scene() -> Vec<(Recipient, &'static str, Scene<'static>)> {
    const TYPES: [Option<&str>; 14] = [
        None,
        Some("brushing_rebate"),
        Some("fake_investment"),
        Some("fake_shopping_service"),
        Some("fake_customer_service"),
        Some("fake_loan"),
        Some("fake_credit_record"),
        Some("impersonating_acquaintance"),
        Some("impersonating_authorities"),
        Some("romance"),
        Some("game_trade"),
        Some("other"),
        Some("http://evil.cn 13123456789"),
        Some(""),
    ];
    let mut happened = vec![Some(transfer())];
    for caller in [Caller::Plain, Caller::Overseas, Caller::Withheld] {
        for minutes in [None, Some(1), Some(18), Some(1439)] {
            happened.extend([true, false].map(|live| Some(Happened { caller, minutes, live, ..call() })));
        }
    }
    let mut all = Vec::new();
    for recipient in [Recipient::Resident, Recipient::Guardian, Recipient::TrustedContact] {
        for language in ["zh-cmn", "zh-yongkang", "en"] {
            for cause in Cause::ALL {
                for fraud_type in TYPES {
                    let mut cases = happened.clone();
                    if recipient == Recipient::TrustedContact {
                        cases.push(None);
                    }
                    let scene = |happened| (recipient, language, Scene { cause: *cause, happened, fraud_type });
                    all.extend(cases.into_iter().map(scene));
                }
            }
        }
    }
    all
}

#[test]
fn every_shipped_text_is_safe_short_and_begins_as_all_do() {
    for (recipient, language, scene) in every_scene() {
        let (_, text) = text(recipient, language, &scene);
        assert!(text.starts_with("【反诈预警】") || text.starts_with("[Anti-fraud warning] "), "{text}");
        assert_eq!(danger(&text), None, "{text}");
        assert!(parts(&text) <= MAX_PARTS, "{} parts: {text}", parts(&text));
        let length = text.chars().count();
        assert!((60..=306).contains(&length), "{length}: {text}");
        assert!(text.contains("96110") && text.trim() == text && !text.contains("  "), "{text}");
        for leak in ["evil", "none", "true", "undefined", "{{", "其他"] {
            assert!(!text.contains(leak), "{leak}: {text}");
        }
    }
}

#[test]
fn a_text_says_what_happened_why_it_matters_and_what_to_do() {
    let scene = |cause, happened, fraud_type| Scene { cause, happened: Some(happened), fraud_type };
    let opened = scene(Cause::Opened, call(), Some("fake_customer_service"));
    assert_eq!(
        text(Recipient::Resident, "zh-cmn", &opened).1,
        "【反诈预警】您14:03接到的境外来电疑似冒充客服诈骗。请立即挂断,停止共享屏幕,不要转账、不要告知验证码。真客服不会要求共享屏幕或转账验证。\
         核实请自行拨打96110或到就近派出所。公安机关不会要求您转账。"
    );
    assert_eq!(
        text(Recipient::Resident, "en", &opened).1,
        "[Anti-fraud warning] The overseas call you took at 14:03 may be a fake customer-service scam. Hang up now, stop \
         sharing your screen, transfer no money, give no code. Real staff never ask you to share a screen. To check, \
         dial 96110 yourself or ask at a police station."
    );
    let paid = scene(Cause::Transfer, transfer(), None);
    assert_eq!(
        text(Recipient::Resident, "zh-cmn", &paid).1,
        "【反诈预警】您14:03新的一笔转账疑似涉及电信网络诈骗。请停止一切付款,立即拨打96110或110,说明转账时间和收款账户,争取止付。\
         公安机关不会要求您转账。本短信不含链接。"
    );
    let differ = |a: &Scene<'_>, b: &Scene<'_>| {
        assert_ne!(text(Recipient::Resident, "zh-cmn", a).1, text(Recipient::Resident, "zh-cmn", b).1);
    };
    differ(&opened, &scene(Cause::Repeated, call(), Some("fake_customer_service")));
    differ(&opened, &scene(Cause::Opened, call(), Some("fake_loan")));
    differ(&opened, &scene(Cause::Opened, transfer(), Some("fake_customer_service")));
    differ(&paid, &scene(Cause::Opened, transfer(), None));
    assert!(text(Recipient::Guardian, "zh-cmn", &opened).1.contains("未成年"));
    assert!(text(Recipient::TrustedContact, "zh-cmn", &opened).1.contains("暂未联系上"));
}

#[test]
fn a_language_without_a_text_falls_back_and_says_so() {
    let scene = Scene { cause: Cause::Opened, happened: Some(call()), fraud_type: None };
    for (wanted, recipient, expected) in [
        ("zh-yongkang", Recipient::Resident, "zh-yongkang"),
        ("zh-yongkang", Recipient::Guardian, "zh-cmn"),
        ("zh_Yongkang", Recipient::Resident, "zh-yongkang"),
        ("zh-cmn", Recipient::Resident, "zh-cmn"),
        ("zh-cmn-Hans-CN", Recipient::Resident, "zh-cmn"),
        ("zh", Recipient::Resident, "zh-cmn"),
        ("en", Recipient::Guardian, "en"),
        ("en-GB", Recipient::Guardian, "en"),
        ("ug", Recipient::Resident, "zh-cmn"),
        ("english", Recipient::Resident, "zh-cmn"),
        ("", Recipient::Resident, "zh-cmn"),
    ] {
        assert_eq!(text(recipient, wanted, &scene).0, expected, "{wanted}");
    }
    assert_eq!(TEMPLATES.write(Recipient::Resident, None, &scene).unwrap().language, "zh-cmn");
    let english = Templates::load(&message_files()[2..]).unwrap();
    assert_eq!(english.write(Recipient::Resident, Some("zh-yongkang"), &scene).unwrap().language, "en");
}

#[test]
fn every_fraud_type_of_the_shipped_rules_has_words_of_its_own() {
    let rules = RuleSet::load(include_str!("../../config/rules.toml"), "rules.toml").unwrap();
    let scene = |code| Scene { cause: Cause::Opened, happened: Some(call()), fraud_type: code };
    assert!(rules.fraud_types().all().len() >= 11);
    for language in ["zh-cmn", "en"] {
        let plain = text(Recipient::Resident, language, &scene(None)).1;
        for known in rules.fraud_types().all().iter().filter(|known| known.code != "other") {
            let own = text(Recipient::Resident, language, &scene(Some(&known.code))).1;
            assert_ne!(own, plain, "{} in {language}", known.code);
        }
    }
}

proptest! {
    #[test]
    fn no_scene_brings_anything_from_outside_into_a_text(
        fraud_type in proptest::option::of("\\PC{0,40}|[0-9]{5,16}|http://[a-z]{3}\\.cn"),
        language in proptest::option::of("\\PC{0,20}|en|zh-yongkang"),
        seconds in 0_i64..4_000_000_000,
        offset in -86_399_i32..86_399,
        minutes in proptest::option::of(any::<u16>()),
        (caller, live, is_call) in (0_usize..3, any::<bool>(), any::<bool>()),
        (cause, recipient) in (0_usize..7, 0_usize..3),
    ) {
        let began_at = DateTime::from_timestamp(seconds, 0).unwrap().with_timezone(&FixedOffset::east_opt(offset).unwrap());
        let caller = [Caller::Plain, Caller::Overseas, Caller::Withheld][caller];
        let kind = if is_call { EventKind::Call } else { EventKind::Transfer };
        let scene = Scene {
            cause: Cause::ALL[cause],
            happened: Some(Happened { kind, began_at, caller, live, minutes }),
            fraud_type: fraud_type.as_deref(),
        };
        let recipient = [Recipient::Resident, Recipient::Guardian, Recipient::TrustedContact][recipient];
        let message = TEMPLATES.write(recipient, language.as_deref(), &scene).unwrap();
        prop_assert_eq!(danger(&message.text), None);
        prop_assert!(parts(&message.text) <= MAX_PARTS);
        let known = TEMPLATES.languages().any(|language| language == message.language);
        prop_assert!(known);
    }
}
