//! Identifiers: the spellings of a phone held against libphonenumber, accounts, tokens and keys
//! (contract 4).

#[path = "identifiers/oracle.rs"]
mod oracle;
#[path = "identifiers/spellings.rs"]
mod spellings;

use std::collections::BTreeMap;

use golden_bell::core::identifier::{Account, Phone, Region};
use oracle::{Answer, OF_VALID, REASONS, Reason, ask, judge, ours};
use proptest::prelude::*;
use spellings::{Spellings, full_width};

/// Judges spellings and counts the reasons; a difference without one fails.
fn judge_all(answers: impl Iterator<Item = (String, Answer)>) -> BTreeMap<Reason, usize> {
    let mut reasons = BTreeMap::new();
    let mut failures = Vec::new();
    for (spelling, theirs) in answers {
        match judge(&spelling, &theirs) {
            Ok(None) => {}
            Ok(Some(reason)) => *reasons.entry(reason).or_default() += 1,
            Err(failure) => failures.push(failure),
        }
    }
    let shown: Vec<_> = failures.iter().take(20).collect();
    assert!(failures.is_empty(), "{} unexplained, such as {shown:#?}", failures.len());
    println!("differences by reason: {reasons:?}");
    reasons
}

#[test]
fn every_spelling_is_read_as_by_libphonenumber_or_differs_for_a_named_reason() {
    let mut valid = 0;
    let answers = Spellings::new(20_210_715).take(200_000).map(|spelling| {
        let theirs = ask(&spelling);
        valid += usize::from(theirs.valid);
        (spelling, theirs)
    });
    let reasons = judge_all(answers);
    assert!(valid > 90_000, "only {valid} valid numbers were tried");
    for reason in REASONS {
        assert!(reasons.contains_key(&reason), "{reason:?} is listed but explains nothing");
    }
}

#[test]
fn every_run_of_up_to_five_digits_is_judged() {
    let runs = (1..=5)
        .flat_map(|length: usize| (0..10_u32.pow(length as u32)).map(move |number| format!("{number:0length$}")));
    let reasons = judge_all(runs.map(|run| {
        let theirs = ask(&run);
        (run, theirs)
    }));
    let listed: Vec<_> = reasons.into_keys().collect();
    assert_eq!(listed, [Reason::Short, Reason::TooFew]);
}

/// What Google's own libphonenumber answered, made by `fixtures/identifiers/Generate.java`.
fn answers_of_google() -> impl Iterator<Item = (String, Answer)> {
    let lines = include_str!("fixtures/identifiers/phones.tsv").lines();
    lines.filter_map(|line| {
        let fields: Vec<_> = line.split('\t').collect();
        let &[spelling, e164, valid] = fields.as_slice() else {
            return None;
        };
        let e164 = (!e164.is_empty()).then(|| e164.to_owned());
        Some((spelling.to_owned(), Answer { e164, valid: valid == "1" }))
    })
}

#[test]
fn every_spelling_of_the_fixture_is_read_as_by_google_or_differs_for_a_named_reason() {
    // All lines but the heading.
    assert_eq!(answers_of_google().count(), 8_000);
    judge_all(answers_of_google());
}

#[test]
fn the_library_in_use_answers_as_google_does() {
    for (spelling, theirs) in answers_of_google() {
        let port = ask(&spelling);
        if port != theirs {
            // The port lets an extension stand behind two digits, Google behind three and more.
            // Under three digits are no phone here either way.
            let two_digits = port.e164.is_some_and(|e164| e164.len() == "+8612".len());
            let refused = theirs.e164.is_none() && ours(&spelling).is_none();
            assert!(two_digits && refused, "{spelling:?}");
        }
    }
}

#[test]
fn valid_numbers_differ_only_where_the_contract_says_it_is_no_phone() {
    // What is valid for libphonenumber and no phone here, and why.
    for (spelling, reason) in [
        ("1-800-FLOWERS", Reason::Letters),
        ("+1 800 FLOWERS", Reason::Letters),
        ("13805791234 ext. 12", Reason::Letters),
        ("手机13805791234", Reason::Letters),
        ("+81 0037 1234 5678 9012 3", Reason::TooLong),
    ] {
        let theirs = ask(spelling);
        assert_eq!(judge(spelling, &theirs), Ok(Some(reason)), "{spelling:?} {theirs:?}");
        assert!(theirs.valid && OF_VALID.contains(&reason) && ours(spelling).is_none());
    }
}

#[test]
fn a_mobile_number_has_one_normal_form_in_every_spelling() {
    let mut source = Spellings::new(1);
    for _ in 0..5_000 {
        let mobile = source.mobile();
        let (range, block, line) = (&mobile[..3], &mobile[3..7], &mobile[7..]);
        let spellings = [
            mobile.clone(),
            format!("+86{mobile}"),
            format!("0086{mobile}"),
            format!("86{mobile}"),
            format!("0{mobile}"),
            format!("17951 {range} {block} {line}"),
            format!("179510{mobile}"),
            format!("17951 86 {mobile}"),
            format!("17951 0086 {mobile}"),
            format!("{range}-{block}-{line}"),
            format!("(+86) {range} {block} {line}"),
            format!("+86 (0) {mobile}"),
            format!(" {range}.{block}.{line} "),
            full_width(&mobile),
            full_width(&format!("+86{mobile}")),
            format!("86 {range}ー{block}－{line}"),
        ];
        for spelling in spellings {
            assert_eq!(ours(&spelling), Some(format!("+86{mobile}")), "{spelling:?}");
        }
    }
}

#[test]
fn named_spellings() {
    let cases: &[(&str, Option<&str>)] = &[
        // Landlines and other Chinese numbers.
        ("(0579) 8712-3456", Some("+8657987123456")),
        ("0579-87123456", Some("+8657987123456")),
        ("+86 579 8712 3456", Some("+8657987123456")),
        ("17951 0579 87123456", Some("+8657987123456")),
        ("010-62345678", Some("+861062345678")),
        ("400-123-4567", Some("+864001234567")),
        ("87123456", Some("+8687123456")),
        // Foreign numbers, valid or not.
        ("+1 415 555 2671", Some("+14155552671")),
        ("0014155552671", Some("+14155552671")),
        ("17951 001 415 555 2671", Some("+14155552671")),
        ("+96890000000", Some("+96890000000")),
        ("0013805791234", Some("+13805791234")),
        ("+44 (0)20 7946 0018", Some("+442079460018")),
        ("+39 06 698 12345", Some("+390669812345")),
        // Short numbers.
        ("110", Some("110")),
        ("９６１１０", Some("96110")),
        ("96-110", Some("96110")),
        ("(12381)", Some("12381")),
        ("955501", Some("955501")),
        ("000", Some("000")),
        ("0110", Some("0110")),
        ("17951", Some("17951")),
        ("17951 96110", Some("96110")),
        ("17951 0 96110", Some("+8617951096110")),
        // With a country code they are what libphonenumber makes of them.
        ("+96110", Some("+96110")),
        ("+8696110", Some("+8696110")),
        ("0086 96110", Some("+8696110")),
        ("057996110", Some("+8657996110")),
        // Noise, extensions, other digits.
        ("*13805791234", Some("+8613805791234")),
        ("13805791234#12", Some("+8613805791234")),
        ("13805791234,,12", Some("+8613805791234")),
        ("13805791234\n", Some("+8613805791234")),
        ("++86 13805791234", Some("+8613805791234")),
        ("١٣٨٠٥٧٩١٢٣٤", Some("+8613805791234")),
        ("110#5", Some("110")),
        ("(0579)～87123456～12", Some("+8657987123456")),
        // Read again, these would lose a second prefix, so they lose it at once.
        ("12593 0 13805791234", Some("+8613805791234")),
        ("+86 00 579 87123456", Some("+8657987123456")),
        // No phones.
        ("", None),
        (" ", None),
        ("+", None),
        ("1", None),
        ("12", None),
        ("+1", None),
        ("unknown", None),
        ("未知号码", None),
        ("1-800-FLOWERS", None),
        ("13805791234x", None),
        ("13805791234 转 12", None),
        ("138\t0579\t1234", None),
        ("138+05791234", None),
        ("+999 1234 5678", None),
        ("9234567890123456", None),
        ("1234567890123456", Some("+8667890123456")),
        ("+869234567890123456", None),
        ("hmac-sha256:00", None),
    ];
    for (spelling, expected) in cases {
        assert_eq!(ours(spelling).as_deref(), *expected, "{spelling:?}");
    }
}

#[test]
fn a_number_without_country_code_belongs_to_the_default_region() {
    let us: Region = "US".parse().expect("a known region");
    let read = |raw| Phone::parse(raw, us).map(|phone| phone.as_str().to_owned());
    assert_eq!(read("(415) 555-2671").as_deref(), Some("+14155552671"));
    assert_eq!(read("011 86 138 0579 1234").as_deref(), Some("+8613805791234"));
    assert_eq!(read("+8613805791234").as_deref(), Some("+8613805791234"));
    assert_eq!(read("13805791234").as_deref(), Some("+13805791234"));
    assert_eq!(read("911").as_deref(), Some("911"));
    // A carrier prefix means nothing outside China.
    assert_eq!(read("17951 555 2671").as_deref(), Some("+179515552671"));
    for unknown in ["ZZ", "001", "", "China"] {
        assert!(unknown.parse::<Region>().is_err(), "{unknown}");
    }
}

#[test]
fn an_overlong_spelling_is_no_phone() {
    let padded = |spaces: usize| format!("138{}05791234", " ".repeat(spaces));
    assert!(ours(&padded(200)).is_some());
    assert!(ours(&padded(300)).is_none());
    assert!(ours(&"1".repeat(1 << 20)).is_none());
    assert!(ours(&"*".repeat(1 << 20)).is_none());
}

#[test]
fn masks_hide_the_middle() {
    for (raw, masked) in [
        ("13123456789", "131****6789"),
        ("0579-87123456", "579****3456"),
        ("+96890000000", "+968****0000"),
        ("+14155552671", "+141****2671"),
        ("87123456", "87****56"),
        ("+8696110", "****10"),
        ("96110", "****10"),
        ("110", "****0"),
    ] {
        let phone = Phone::parse(raw, Region::CN).expect("a phone");
        assert_eq!(phone.masked(), masked, "{raw}");
        assert_eq!(format!("{phone:?}"), format!("Phone({masked})"));
    }
}

#[test]
fn accounts_have_one_normal_form() {
    let cases: &[(&str, Option<&str>)] = &[
        ("6200000000000005", Some("6200000000000005")),
        ("6200 0000-0000 0005", Some("6200000000000005")),
        (" 6200　0000－00000005 ", Some("6200000000000005")),
        ("gb29 nwbk 6016 1331 9268 19", Some("GB29NWBK60161331926819")),
        ("12345678", Some("12345678")),
        ("1234-567", None),
        ("1234567", None),
        ("A123456789012345678901234567890123", Some("A123456789012345678901234567890123")),
        ("A1234567890123456789012345678901234", None),
        ("", None),
        ("6200.0000.0000.0005", None),
        ("６２００００００００００００００", None),
        ("6200000000000005é", None),
        ("hmac-sha256:00000000", None),
    ];
    for (raw, expected) in cases {
        let account = Account::parse(raw);
        assert_eq!(account.as_ref().map(Account::as_str), *expected, "{raw:?}");
        if let Some(account) = account {
            assert_eq!(Account::parse(account.as_str()), Some(account));
        }
    }
    let account = Account::parse("6200000000000005").expect("an account");
    assert_eq!(format!("{account:?}"), "Account(****0005)");
}

/// A normal form must be E.164 or short, and read as itself.
fn check_normal_form(spelling: &str, region: Region) {
    let Some(phone) = Phone::parse(spelling, region) else {
        return;
    };
    let normal = phone.as_str();
    let digits = normal.strip_prefix('+').unwrap_or(normal);
    let fits = if phone.is_short() { 3..=6 } else { 3..=15 };
    assert!(fits.contains(&digits.len()), "{spelling:?} gave {normal:?}");
    assert!(digits.bytes().all(|b| b.is_ascii_digit()), "{spelling:?} gave {normal:?}");
    for read_in in [region, Region::CN] {
        assert_eq!(Phone::parse(normal, read_in), Some(phone), "{spelling:?} gave {normal:?}");
    }
}

#[test]
fn a_normal_form_is_read_as_itself() {
    let regions = ["CN", "US", "DE", "AR", "BR", "IT", "JP", "HK"];
    let regions = regions.map(|code| code.parse().expect("a known region"));
    for (at, spelling) in Spellings::new(2).take(100_000).enumerate() {
        check_normal_form(&spelling, regions[at % regions.len()]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_can_be_read(text in any::<String>()) {
        check_normal_form(&text, Region::CN);
        let account = Account::parse(&text);
        prop_assert_eq!(account.and_then(|found| Account::parse(found.as_str())), account);
    }

    #[test]
    fn any_telephone_text_is_read_as_by_libphonenumber_or_differs_for_a_named_reason(
        text in r"[+＋0-9０-９ \-().,;*#~～/x٣ー\u{200B}]{0,30}",
    ) {
        check_normal_form(&text, Region::CN);
        prop_assert!(judge(&text, &ask(&text)).is_ok(), "{:?}", judge(&text, &ask(&text)));
    }

    #[test]
    fn any_rfc_3966_text_can_be_read(
        text in "(tel:)?[0-9+;=]{0,12}(;phone-context=|;isub=|;ext=)?[0-9+a-z.]{0,12}(tel:)?",
    ) {
        prop_assert!(ours(&text).is_none() || !text.contains(char::is_alphabetic));
    }
}
