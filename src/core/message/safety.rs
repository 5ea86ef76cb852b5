//! What must not stand in a text (contract 10; domain rules: no link, no contact, no number but 96110 and 110).
//!
//! A text is looked at as a reader sees it, not as it is spelled: in compatibility form (`１３８` is `138`, `ｗｗｗ` is
//! `www`), without accents, in lower case, digits also where they are written in Chinese or English or kept apart by
//! spaces and signs. It errs on the side of refusing: who writes a template can put it otherwise.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Why a text must not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Danger {
    /// A character that is not seen, or a line break.
    Invisible,
    /// Letters of two alphabets in one word.
    MixedAlphabets,
    /// Five digits or more, other than 96110.
    Digits,
    /// A link, a domain or an address.
    Link,
    /// An `@`.
    At,
    /// WeChat, QQ or another way to be written to.
    Contact,
    /// An amount of money.
    Amount,
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Danger::Invisible => "an invisible character or a line break",
            Danger::MixedAlphabets => "letters of two alphabets in one word",
            Danger::Digits => "a run of 5 digits or more other than 96110",
            Danger::Link => "a link or a domain",
            Danger::At => "an @",
            Danger::Contact => "WeChat, QQ or the like",
            Danger::Amount => "an amount of money",
        })
    }
}

/// Whether a danger is in a text, taken as its reader sees it.
type Check = fn(&[char]) -> bool;

/// The first reason why this text must not go out, if there is one.
pub fn danger(text: &str) -> Option<Danger> {
    if text.chars().any(is_invisible) {
        return Some(Danger::Invisible);
    }
    let seen: Vec<char> = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    let checks: [(Check, Danger); 6] = [
        (has_link, Danger::Link),
        (|text| text.contains(&'@'), Danger::At),
        (has_contact, Danger::Contact),
        (has_amount, Danger::Amount),
        (has_number, Danger::Digits),
        (mixes_alphabets, Danger::MixedAlphabets),
    ];
    checks.into_iter().find_map(|(found, danger)| found(&seen).then_some(danger))
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The value of a digit, written in ASCII or in Chinese; digits of any other script as well, with no value of their
/// own.
fn digit(c: char) -> Option<char> {
    Some(match c {
        '0'..='9' => c,
        '零' | '〇' | '○' => '0',
        '一' | '壹' | '幺' => '1',
        '二' | '贰' | '貳' | '两' | '兩' => '2',
        '三' | '叁' | '參' => '3',
        '四' | '肆' => '4',
        '五' | '伍' => '5',
        '六' | '陆' | '陸' => '6',
        '七' | '柒' => '7',
        '八' | '捌' => '8',
        '九' | '玖' => '9',
        _ if c.is_numeric() => '?',
        _ => return None,
    })
}

/// Digits by their English names.
const SPELLED: [(&str, char); 10] = [
    ("zero", '0'),
    ("one", '1'),
    ("two", '2'),
    ("three", '3'),
    ("four", '4'),
    ("five", '5'),
    ("six", '6'),
    ("seven", '7'),
    ("eight", '8'),
    ("nine", '9'),
];

/// A digit and where it ends.
fn digit_at(text: &[char], at: usize) -> Option<(char, usize)> {
    let c = *text.get(at)?;
    if let Some(value) = digit(c) {
        return Some((value, at + 1));
    }
    let begins = at == 0 || text.get(at - 1).is_some_and(|before| !before.is_ascii_alphabetic());
    if !c.is_ascii_alphabetic() || !begins {
        return None;
    }
    let word: String = text.iter().skip(at).take_while(|c| c.is_ascii_alphabetic()).take(6).collect();
    let (name, value) = SPELLED.iter().find(|(name, _)| *name == word)?;
    Some((*value, at + name.len()))
}

/// How two groups of digits stand to each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    /// As parts of one number: `138-0013`.
    Joined,
    /// As items of a list, or one is in ASCII and the other not: `96110、110`.
    Listed,
    /// As two numbers.
    Apart,
}

fn gap(between: &[char]) -> Gap {
    let joins = |c: &char| {
        c.is_whitespace()
            || matches!(
                c,
                '-' | '\u{2010}'
                    ..='\u{2015}'
                        | '−'
                        | '.'
                        | '·'
                        | '・'
                        | '_'
                        | '('
                        | ')'
                        | '['
                        | ']'
                        | '*'
                        | '#'
                        | '+'
                        | '~'
                        | '|'
                        | '\''
                        | '`'
                        | '\\'
            )
    };
    let lists = |c: &char| matches!(c, ',' | '、' | ';' | '/' | '。');
    if between.is_empty() {
        Gap::Listed
    } else if between.len() > 4 || !between.iter().all(|c| joins(c) || lists(c)) {
        Gap::Apart
    } else if between.iter().any(lists) {
        Gap::Listed
    } else {
        Gap::Joined
    }
}

/// The numbers a reader may dial, which stand whole and for themselves.
const ALLOWED: [&str; 2] = ["96110", "110"];

/// Whether there is a run of five digits or more that is not 96110.
fn has_number(text: &[char]) -> bool {
    let groups = digit_groups(text);
    let gap_after = |n: usize| match (groups.get(n), groups.get(n + 1)) {
        (Some(this), Some(next)) => text.get(this.end..next.start).map_or(Gap::Apart, gap),
        _ => Gap::Apart,
    };
    let mut run = 0;
    for (n, group) in groups.iter().enumerate() {
        let before = n.checked_sub(1).map_or(Gap::Apart, &gap_after);
        if before == Gap::Apart {
            run = 0;
        }
        let prefixed = group.start.checked_sub(1).is_some_and(|at| text.get(at) == Some(&'+'));
        let whole = before != Gap::Joined && gap_after(n) != Gap::Joined && !prefixed;
        if whole && ALLOWED.contains(&group.digits.as_str()) {
            continue;
        }
        run += group.digits.len();
        if run >= 5 {
            return true;
        }
    }
    false
}

/// Digits that stand next to each other, all in one way of writing.
struct Group {
    start: usize,
    end: usize,
    ascii: bool,
    digits: String,
}

fn digit_groups(text: &[char]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let Some((value, end)) = digit_at(text, at) else {
            at += 1;
            continue;
        };
        let ascii = text.get(at).is_some_and(char::is_ascii_digit);
        match groups.last_mut() {
            Some(last) if last.end == at && last.ascii == ascii => {
                last.digits.push(value);
                last.end = end;
            }
            _ => groups.push(Group { start: at, end, ascii, digits: value.to_string() }),
        }
        at = end;
    }
    groups
}

/// Whether `word` begins at `at`, its letters perhaps kept apart; the place after it.
fn spelled_at(text: &[char], at: usize, word: &str) -> Option<usize> {
    let apart = |c: &char| {
        c.is_whitespace() || matches!(c, '-' | '.' | '·' | '_' | '*' | '+' | '~' | '\'' | '|' | '/' | '(' | ')')
    };
    let mut place = at;
    for (n, letter) in word.chars().enumerate() {
        if n > 0 {
            place += text.iter().skip(place).take(3).take_while(|c| apart(c)).count();
        }
        if text.get(place) != Some(&letter) {
            return None;
        }
        place += 1;
    }
    Some(place)
}

fn has_spelled(text: &[char], word: &str, whole: bool) -> bool {
    let is_letter = |at: usize| text.get(at).is_some_and(char::is_ascii_alphabetic);
    (0..text.len()).any(|at| {
        let free = |end: usize| !whole || !(is_letter(end) || at > 0 && is_letter(at - 1));
        spelled_at(text, at, word).is_some_and(free)
    })
}

fn has_contact(text: &[char]) -> bool {
    const ANYWHERE: [&str; 16] = [
        "微信",
        "薇信",
        "徽信",
        "v信",
        "微x",
        "扣扣",
        "抠抠",
        "企鹅号",
        "q群",
        "加q",
        "加v",
        "qq",
        "wechat",
        "weixin",
        "whatsapp",
        "telegram",
    ];
    // Too short to be looked for inside of words.
    const WHOLE: [&str; 3] = ["vx", "wx", "weix"];
    ANYWHERE.iter().any(|word| has_spelled(text, word, false)) || WHOLE.iter().any(|word| has_spelled(text, word, true))
}

fn has_link(text: &[char]) -> bool {
    let plain: String = text.iter().collect();
    let mut joined = plain;
    for dot in ["[.]", "(.)", "[dot]", "(dot)", " dot ", "[点]", "(点)"] {
        joined = joined.replace(dot, ".");
    }
    joined.contains("://")
        || ["http", "www"].iter().any(|word| has_spelled(text, word, false))
        || has_domain(&joined.chars().collect::<Vec<_>>())
}

/// Whether there is a dot with something before it and what could be the end of a domain after it, or four numbers
/// with dots between.
fn has_domain(text: &[char]) -> bool {
    const HAN: [&str; 8] = ["中国", "公司", "网络", "网址", "网站", "在线", "中文网", "商城"];
    let char_at = |at: Option<usize>| at.and_then(|at| text.get(at)).copied();
    let is_dot = |c: &char| matches!(c, '.' | '。' | '点');
    (0..text.len()).filter(|at| text.get(*at).is_some_and(is_dot)).any(|at| {
        let dot = char_at(Some(at)).unwrap_or_default();
        let spaced = char_at(at.checked_sub(1)) == Some(' ');
        let before = char_at(at.checked_sub(if spaced { 2 } else { 1 }));
        let known = if dot == '.' {
            before.is_some_and(char::is_alphanumeric)
        } else {
            before.is_some_and(|c| c.is_ascii_alphanumeric())
        };
        let skipped = usize::from(spaced && char_at(Some(at + 1)) == Some(' '));
        let after: String = text.iter().skip(at + 1 + skipped).take(8).collect();
        let letters = after.chars().take_while(char::is_ascii_alphabetic).count();
        let ends = letters >= 2 || dot == '.' && HAN.iter().any(|word| after.starts_with(word));
        known && ends || dot == '.' && begins_address(text, at)
    })
}

/// Whether this dot is the first of an address such as `10.0.0.1`.
fn begins_address(text: &[char], dot: usize) -> bool {
    let is_digit = |at: usize| text.get(at).is_some_and(char::is_ascii_digit);
    let mut at = dot;
    for _ in 0..3 {
        if text.get(at) != Some(&'.') || at == 0 || !is_digit(at - 1) || !is_digit(at + 1) {
            return false;
        }
        at += 1;
        while is_digit(at) {
            at += 1;
        }
    }
    true
}

fn has_amount(text: &[char]) -> bool {
    const UNITS: [&str; 10] = ["元", "美元", "万", "yuan", "rmb", "cny", "usd", "dollar", "人民币", "块"];
    let is_sign = |c: &char| matches!(c, '¥' | '$' | '€' | '£');
    let numeral = |c: &char| digit(*c).is_some() || matches!(c, '十' | '百' | '千' | '万' | '亿');
    text.iter().any(is_sign)
        || (0..text.len()).any(|at| {
            let Some(last) = text.get(at).filter(|c| numeral(c)) else {
                return false;
            };
            let rest = text.get(at + 1..).unwrap_or_default();
            let spaces = rest.iter().take(2).take_while(|c| c.is_whitespace()).count();
            let rest: String = rest.iter().skip(spaces).take(8).collect();
            // In Chinese digits these two are everyday words: 一块儿, 千万.
            let units = UNITS.iter().filter(|unit| last.is_ascii_digit() || !matches!(**unit, "万" | "块"));
            units.into_iter().any(|unit| rest.starts_with(unit))
        })
}

/// Whether a word has letters of Latin and of another alphabet that looks like it.
fn mixes_alphabets(text: &[char]) -> bool {
    let latin = |c: char| c.is_ascii_alphabetic();
    let alike = |c: char| matches!(c, '\u{370}'..='\u{52f}' | '\u{531}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1c80}'..='\u{1c8f}' | '\u{2c80}'..='\u{2cff}' | '\u{a4d0}'..='\u{a4ff}' | '\u{a640}'..='\u{a69f}' | '\u{ab70}'..='\u{abbf}');
    text.windows(2).any(|pair| match pair {
        [a, b] => latin(*a) && alike(*b) || alike(*a) && latin(*b),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
