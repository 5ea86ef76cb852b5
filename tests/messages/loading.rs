//! What does not load, and that the error says where.

use golden_bell::core::message::{Recipient, Templates};

use super::shipped;

/// A whole set in one file, with a place for what a test is about.
fn set(opening: &str, extra: &str) -> Vec<(String, String)> {
    let mut text = format!("opening = \"{opening}\"\n\n{extra}\n");
    for recipient in Recipient::ALL {
        text.push_str(&format!("[[messages]]\nrecipient = \"{}\"\ntext = \"请勿转账。\"\n", recipient.as_str()));
    }
    vec![("m/zh-cmn.toml".to_owned(), text)]
}

fn with(text: &str) -> Vec<(String, String)> {
    set("【反诈预警】", &format!("[[messages]]\nrecipient = \"resident\"\nevent = \"call\"\ntext = \"{text}\""))
}

#[track_caller]
fn refused(files: &[(String, String)]) -> String {
    Templates::load(files).unwrap_err().to_string()
}

#[test]
fn a_template_with_a_link_a_contact_or_a_number_is_refused_with_its_line() {
    Templates::load(&with("如有疑问请拨打96110或110。")).unwrap();
    for (text, why) in [
        ("请看 https://a.cn", "a link"),
        ("请看abc.cn", "a link"),
        ("请看ｗｗｗ。ａｂｃ。ｃｎ", "a link"),
        ("请看abc点cn", "a link"),
        ("联系 police@a", "an @"),
        ("联系＠police", "an @"),
        ("加微信核实", "WeChat, QQ"),
        ("加微\u{3000}信核实", "WeChat, QQ"),
        ("加VX核实", "WeChat, QQ"),
        ("加Q Q核实", "WeChat, QQ"),
        ("拨打13123456789", "a run of 5 digits"),
        ("拨打１３１２３４５６７８９", "a run of 5 digits"),
        ("拨打131 2345 6789", "a run of 5 digits"),
        ("拨打131-2345-6789", "a run of 5 digits"),
        ("拨打一三一二三四五六七八九", "a run of 5 digits"),
        ("拨打12381", "a run of 5 digits"),
        ("拨打0057996110", "a run of 5 digits"),
        ("拨打0579-96110", "a run of 5 digits"),
        ("拨打961100", "a run of 5 digits"),
        ("已转账5000元", "an amount"),
        ("请\\u200B勿转账", "an invisible character"),
        ("请勿\\n转账", "a line break"),
    ] {
        let error = refused(&with(text));
        assert!(error.starts_with("m/zh-cmn.toml:6: ") && error.contains(why), "{text}: {error}");
        assert!(!error.contains("转账") && !error.contains("拨打"), "an error carries no text: {error}");
    }
}

#[test]
fn the_line_is_that_of_the_fault_in_a_text_of_several_lines() {
    let text = "[[messages]]\nrecipient = \"resident\"\nevent = \"call\"\ntext = \"\"\"\n\\\n  请立即挂断。\\\n  请看abc.cn\\\n\"\"\"";
    assert!(refused(&set("【反诈预警】", text)).starts_with("m/zh-cmn.toml:9: a link"));
    let text = text.replace("请看abc.cn", "{{ nobody }}");
    assert!(refused(&set("【反诈预警】", &text)).starts_with("m/zh-cmn.toml:9: the field `nobody` is unknown"));
}

#[test]
fn a_template_names_only_the_fields_of_its_recipient() {
    for (text, why) in [
        ("{{ amount }}", "the field `amount` is unknown here; there are: time, minutes, overseas"),
        ("{{ count }}", "the field `count` is unknown here"),
        ("{% if name %}a{% endif %}", "the field `name` is unknown here"),
        ("{{ 13123456789 }}", "what stands in this tag is unknown here"),
        ("{{ '131' ~ '23456789' }}", "what stands in this tag is unknown here"),
        ("{{ time|upper }}", "what stands in this tag is unknown here"),
        ("{% for a in time %}{{ a }}{% endfor %}", "only if, elif, else and endif are known"),
        ("{% set a = 1 %}", "only if, elif, else and endif are known"),
        ("{% if time == 1 %}a{% endif %}", "a condition is made of fields, not, and, or"),
        ("{% if %}a{% endif %}", "a condition is made of fields, not, and, or"),
        ("{# 13123456789 #}", "a tag that is not closed, or a comment"),
        ("{{ time", "a tag that is not closed, or a comment"),
        ("{% if live %}a", "an `if` without `endif`"),
        ("a{% endif %}", "an `if` without `endif`"),
        ("{{ live }}", "is a yes or no: it can be asked but not written"),
        ("{{ minutes }}", "writes a field that may be missing"),
        ("{{ fraud }}", "writes a field that may be missing"),
        ("", "a text has 1 to 2000 bytes"),
    ] {
        let error = refused(&with(text));
        assert!(error.starts_with("m/zh-cmn.toml:6: ") && error.contains(why), "{text}: {error}");
        assert!(!error.contains("13123456789"), "{error}");
    }
    Templates::load(&with(
        "{% if live and not overseas or minutes %}{{ time }}{% elif fraud %}{{ fraud }}{% else %}勿转账{% endif %}",
    ))
    .unwrap();
}

#[test]
fn what_fields_and_conditions_put_together_is_checked_too() {
    for text in [
        "{% if live %}131{% endif %}2345",
        "{% if minutes %}{{ minutes }}1{% endif %}",
        "{% if minutes %}{{ minutes }}-{{ time }}{% endif %}",
        "加微{% if not overseas %}信{% endif %}核实",
        "abc{% if withheld %}.cn{% endif %}",
        "{% if minutes %}{{ minutes }}元{% endif %}",
    ] {
        let error = refused(&with(text));
        assert!(error.contains("may not be in a message, and this can write it"), "{text}: {error}");
    }
    let words = |name: &str, advice: &str| {
        format!(
            "[fraud_types.a]\nname = \"{name}\"\nadvice = \"{advice}\"\n[[messages]]\nrecipient = \"resident\"\nevent = \"call\"\n\
             text = \"{{% if fraud %}}138{{{{ fraud }}}}{{% endif %}}\""
        )
    };
    assert!(refused(&set("【反诈预警】", &words("刷单", "见abc.cn"))).starts_with("m/zh-cmn.toml:5: a link"));
    assert!(refused(&set("【反诈预警】", &words("0013", "勿"))).starts_with("m/zh-cmn.toml:9: a run of 5 digits"));
    assert!(refused(&set("加QQ", "")).starts_with("m/zh-cmn.toml:1: WeChat, QQ"));
    assert!(refused(&set(" ", "")).starts_with("m/zh-cmn.toml:1: the opening is empty"));
}

#[test]
fn a_text_that_can_fill_three_messages_is_refused() {
    let fits = "请".repeat(134 - "【反诈预警】".chars().count());
    Templates::load(&with(&fits)).unwrap();
    assert!(
        refused(&with(&(fits + "{% if live %}请{% endif %}"))).contains("can fill 3 text messages; 2 are the most")
    );
}

#[test]
fn a_set_that_cannot_tell_everybody_is_refused() {
    let complete = set("【反诈预警】", "");
    let named = |name: &str| vec![(name.to_owned(), complete[0].1.clone())];
    Templates::load(&named("en.toml")).unwrap();
    assert!(refused(&named("zh-yongkang.toml")).contains("has a text for `resident` without conditions"));
    assert!(refused(&named("Messages.TOML")).contains("is not named after a language"));
    assert!(refused(&[]).contains("neither zh-cmn.toml nor en.toml has a text for `guardian`"));
    for recipient in Recipient::ALL {
        let name = format!("recipient = \"{}\"\n", recipient.as_str());
        let only_calls = complete[0].1.replace(&name, &format!("{name}cause = [\"opened\"]\n"));
        assert!(refused(&[(complete[0].0.clone(), only_calls)]).contains(recipient.as_str()), "{name}");
    }
}

#[test]
fn what_is_never_used_or_unknown_is_refused() {
    for (extra, why) in [
        ("[[messages]]\nrecipient = \"officer\"\ntext = \"a\"", ":4: unknown variant"),
        ("[[messages]]\nrecipient = \"resident\"\nto = \"a\"\ntext = \"a\"", ":5: unknown field `to`"),
        ("[[messages]]\nrecipient = \"resident\"\ncause = [\"never\"]\ntext = \"a\"", ":5: unknown variant"),
        (
            "[[messages]]\nrecipient = \"resident\"\nfraud_type = [\"spelt_rong\"]\ntext = \"a\"",
            ":6: names a fraud type",
        ),
        ("[[messages]]\nrecipient = \"resident\"\ntext = \"a\"", ":6: is never used: the one on line 5 comes first"),
        ("[[messages]]\nrecipient = \"summary\"\ntext = \"a\"", ":4: unknown variant"),
        ("words = 1", ":3: unknown field `words`"),
        ("[[messages]", ":3: "),
    ] {
        let error = refused(&set("【反诈预警】", extra));
        assert!(error.contains(&format!("m/zh-cmn.toml{why}")), "{extra}: {error}");
    }
}

#[test]
fn every_fault_is_named_at_once() {
    let mut files = with("请看abc.cn");
    files.push((
        "m/en.toml".to_owned(),
        "opening = \"[W] \"\n[[messages]]\nrecipient = \"resident\"\ntext = \"{{ x }}\"\n".to_owned(),
    ));
    let error = refused(&files);
    assert!(
        error.contains("m/zh-cmn.toml:6: a link") && error.contains("; ") && error.contains("m/en.toml:4: "),
        "{error}"
    );
}

#[test]
fn the_version_changes_with_any_file_and_only_then() {
    let files = shipped::message_files();
    let version = |files: &[(String, String)]| Templates::load(files).unwrap().version().to_owned();
    let mut turned = files.clone();
    turned.reverse();
    assert_eq!(version(&files), version(&turned));
    for file in 0..files.len() {
        let mut changed = files.clone();
        changed[file].1.push_str("\n# a comment\n");
        assert_ne!(version(&files), version(&changed));
    }
    assert_eq!(version(&files).len(), 16);
}
