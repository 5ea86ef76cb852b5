//! Words of the demo in both languages, and text that keeps its columns.

use std::borrow::Cow;
use std::env;
use std::time::Duration;

use clap::ValueEnum;
use ratatui::text::Span;

use crate::core::rules::{Bilingual, Level};
use crate::core::warning::Cause;
use crate::generate::Story;

/// The language a face speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// That of the environment, as the locale has it: Chinese where it says so, English everywhere else.
    pub fn of_environment() -> Self {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set).unwrap_or_default();
        if locale.starts_with("zh") { Lang::Zh } else { Lang::En }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Lang::Zh => Lang::En,
            Lang::En => Lang::Zh,
        }
    }

    /// One of two texts.
    pub const fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// A text that is there in both languages.
    pub fn of(self, text: &Bilingual) -> &str {
        self.pick(&text.zh, &text.en)
    }

    /// A level.
    pub const fn level(self, level: Level) -> &'static str {
        self.pick(level.zh(), level.as_str())
    }

    /// Why a warning went out.
    pub const fn cause(self, cause: Cause) -> &'static str {
        match cause {
            Cause::Opened => self.pick("新案", "opened"),
            Cause::Reopened => self.pick("重启", "reopened"),
            Cause::Raised => self.pick("升级", "raised"),
            Cause::Transfer => self.pick("转账", "transfer"),
            Cause::Repeated => self.pick("再发", "repeated"),
            Cause::Escalated => self.pick("督办", "escalated"),
            Cause::Reassigned => self.pick("移交", "reassigned"),
        }
    }

    /// What happens in a story.
    pub const fn story(self, story: Story) -> &'static str {
        match self {
            Lang::Zh => story.title_zh(),
            Lang::En => story.title_en(),
        }
    }
}

/// Columns that a text takes: a Chinese character takes two.
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// A text cut to so many columns, with a mark where something is missing.
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut taken = 0;
    for c in text.chars() {
        let wide = width(c.encode_utf8(&mut [0; 4]));
        if taken + wide + 1 > columns {
            break;
        }
        taken += wide;
        out.push(c);
    }
    if columns > 0 {
        out.push('…');
    }
    Cow::Owned(out)
}

/// A text cut and filled to exactly so many columns.
pub fn fit(text: &str, columns: usize) -> String {
    let mut out = cut(text, columns).into_owned();
    let missing = columns.saturating_sub(width(&out));
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// A text broken into lines of at most so many columns, between words where there are any.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    // A word ends with its space; a Chinese character is a word of its own.
    for word in text.split_inclusive(|c: char| c == ' ' || !c.is_ascii()) {
        let fits = lines.last().is_some_and(|line| width(line) + width(word.trim_end()) <= columns);
        match lines.last_mut() {
            Some(line) if fits || line.is_empty() => line.push_str(word),
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

/// `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `00:01:23`.
pub fn clock(span: Duration) -> String {
    let seconds = span.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `9.1 MiB`.
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}

/// `31 ms`, or `1.2 s` from a second on.
pub fn latency(span: Duration) -> String {
    match span.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", span.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_kept_whatever_the_script() {
        for text in ["", "abc", "黄城里村", "黄城里 Huangchengli", "张*·145****6789"] {
            for columns in 0..24 {
                assert_eq!(width(&fit(text, columns)), columns, "{text} in {columns}");
                assert!(width(&cut(text, columns)) <= columns, "{text} in {columns}");
            }
        }
        assert_eq!(cut("黄城里村", 8), "黄城里村");
        assert_eq!(cut("黄城里村", 7), "黄城里…");
        assert_eq!(cut("黄城里村", 6), "黄城…");
    }

    #[test]
    fn lines_break_between_words_and_between_chinese_characters() {
        assert_eq!(wrapped("two payments of eight yuan", 12), ["two payments", "of eight", "yuan"]);
        assert_eq!(wrapped("两笔八元试探后转出", 8), ["两笔八元", "试探后转", "出"]);
        assert_eq!(wrapped("", 8), [""]);
        assert_eq!(wrapped("unbreakable", 4), ["unbreakable"]);
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(12_345_678), "12,345,678");
        assert_eq!(clock(Duration::from_secs(3 * 3600 + 62)), "03:01:02");
        assert_eq!(mebibytes(9_542_041), "9.1 MiB");
        assert_eq!(latency(Duration::from_micros(31_400)), "31 ms");
        assert_eq!(latency(Duration::from_millis(1_240)), "1.2 s");
    }
}
