//! What is refused, and what is not.

use super::*;

#[test]
fn what_could_lead_a_reader_elsewhere_is_found_however_it_is_written() {
    for (text, expected) in [
        ("见 http://a", Danger::Link),
        ("ｈｔｔｐｓ：／／ａ", Danger::Link),
        ("h t t p", Danger::Link),
        ("ｗｗｗ", Danger::Link),
        ("w.w.w", Danger::Link),
        ("登录abc.cn核实", Danger::Link),
        ("登录abc。cn核实", Danger::Link),
        ("登录abc点cn核实", Danger::Link),
        ("登录abc . cn核实", Danger::Link),
        ("登录abc[.]cn核实", Danger::Link),
        ("see abc dot cn", Danger::Link),
        ("登录诈骗.com", Danger::Link),
        ("登录反诈.中国", Danger::Link),
        ("ⓐⓑⓒ.ⓒⓝ", Danger::Link),
        ("1.2.3.4", Danger::Link),
        ("a@b", Danger::At),
        ("＠警官", Danger::At),
        ("加微信", Danger::Contact),
        ("微 信", Danger::Contact),
        ("加ＶＸ", Danger::Contact),
        ("加v-x", Danger::Contact),
        ("Ｑ Ｑ群", Danger::Contact),
        ("QQ", Danger::Contact),
        ("WeChat", Danger::Contact),
        ("𝐖𝐞𝐂𝐡𝐚𝐭", Danger::Contact),
        ("wéixin", Danger::Contact),
        ("转账5000元", Danger::Amount),
        ("转账 500 yuan", Danger::Amount),
        ("五万元", Danger::Amount),
        ("￥5", Danger::Amount),
        ("12345", Danger::Digits),
        ("13800138000", Danger::Digits),
        ("１３８００１３８０００", Danger::Digits),
        ("138 0013 8000", Danger::Digits),
        ("138-0013-8000", Danger::Digits),
        ("(0579) 12", Danger::Digits),
        ("1 3 8 0 0", Danger::Digits),
        ("138、0013、8000", Danger::Digits),
        ("一三八零零", Danger::Digits),
        ("一 三 八 零 零", Danger::Digits),
        ("1三8零0", Danger::Digits),
        ("①③⑧⓪⓪", Danger::Digits),
        ("१३८००", Danger::Digits),
        ("one three eight zero zero", Danger::Digits),
        ("00 96110", Danger::Digits),
        ("0579-96110", Danger::Digits),
        ("+96110", Danger::Digits),
        ("961101", Danger::Digits),
        ("96110 8", Danger::Digits),
        ("wеchat", Danger::MixedAlphabets),
        ("请\u{200b}勿", Danger::Invisible),
        ("1\u{fe0f}\u{20e3}", Danger::Invisible),
        ("请\n勿", Danger::Invisible),
    ] {
        assert_eq!(danger(text), Some(expected), "{text}");
    }
}

#[test]
fn plain_advice_is_left_alone() {
    for text in [
        "如有疑问请自行拨打96110或到就近派出所核实。",
        "拨打96110、110。",
        "拨打９６１１０一问便知",
        "立即拨打96110/110",
        "您14:03接到的来电,已持续18分钟",
        "不要点击任何链接,不要下载陌生APP。",
        "At 14:03. Hang up now. Dial 96110 (free).",
        "Show no one the new code.",
        "一对一、千万不要、一块儿核实、3点前",
        "Никому не говорите код.",
    ] {
        assert_eq!(danger(text), None, "{text}");
    }
}
