//! Numbers nobody else has, and the many ways to write them.

use rand::Rng;

use super::Chance;

/// Hands out phones in E.164 and accounts in their normal form, each once.
#[derive(Default)]
pub struct Numbers(u64);

const MOBILE: [&str; 9] = ["131", "138", "139", "150", "186", "199", "154", "174", "166"];

impl Numbers {
    /// The next number below a power of ten, scattered; the factor has no divisor in common with ten.
    fn next(&mut self, below: u64) -> u64 {
        self.0 += 1;
        (self.0 * 73_856_093 + 17) % below
    }

    /// Mostly a mobile of the home country, some of ranges not assigned; a landline or a foreign one at times.
    pub fn phone(&mut self, chance: &mut Chance) -> String {
        match chance.random_range(0..20) {
            0 => format!("+865798{:07}", self.next(10_000_000)),
            1 => format!("+8529{:07}", self.next(10_000_000)),
            2 => format!("+12122{:06}", self.next(1_000_000)),
            _ => {
                let prefix = MOBILE[chance.random_range(0..MOBILE.len())];
                format!("+86{prefix}{:08}", self.next(100_000_000))
            }
        }
    }

    /// A card, a longer card, or one with letters.
    pub fn account(&mut self, chance: &mut Chance) -> String {
        let number = self.next(100_000_000);
        match chance.random_range(0..6) {
            0 => format!("GB29NWBK{number:014}"),
            1 => format!("AC{number:08}"),
            2 => format!("6217{number:015}"),
            _ => format!("62{number:014}"),
        }
    }
}

/// Writes a phone in one of the spellings of the contract.
pub fn phone(chance: &mut Chance, e164: &str) -> String {
    let plain = match e164.strip_prefix("+86") {
        Some(national) if national.starts_with('1') => mobile(chance, national),
        Some(national) => landline(chance, national),
        None if e164.starts_with('+') => foreign(chance, e164.trim_start_matches('+')),
        None => e164.to_owned(),
    };
    if chance.random_bool(0.05) { wide(&plain) } else { plain }
}

fn mobile(chance: &mut Chance, n: &str) -> String {
    let (a, b, c) = (&n[..3], &n[3..7], &n[7..]);
    match chance.random_range(0..16) {
        0..=3 => n.to_owned(),
        4 => format!("+86{n}"),
        5 => format!("0086{n}"),
        6 => format!("86{n}"),
        7 => format!("0{n}"),
        8 => format!("17951{n}"),
        9 => format!("17951 {a} {b} {c}"),
        10 => format!("179510{n}"),
        11 => format!("{a} {b} {c}"),
        12 => format!("{a}-{b}-{c}"),
        13 => format!("(+86) {a}-{b} {c}"),
        14 => format!("+86 {a} {b} {c}"),
        _ => format!("0086-{a}-{b}-{c}"),
    }
}

fn landline(chance: &mut Chance, n: &str) -> String {
    let (area, a, b) = (&n[..3], &n[3..7], &n[7..]);
    match chance.random_range(0..7) {
        0 => format!("0{n}"),
        1 => format!("0{area}-{a} {b}"),
        2 => format!("(0{area}){a}{b}"),
        3 => format!("+86 {area} {a} {b}"),
        4 => format!("0086{n}"),
        5 => format!("17951 0{area} {a}{b}"),
        _ => format!("+86{n}"),
    }
}

fn foreign(chance: &mut Chance, n: &str) -> String {
    match chance.random_range(0..4) {
        0 => format!("00{n}"),
        1 => format!("+{} {}", &n[..3], &n[3..]),
        2 => format!("00 {}-{}", &n[..3], &n[3..]),
        _ => format!("+{n}"),
    }
}

fn wide(text: &str) -> String {
    let widen = |c: char| match c {
        '0'..='9' => char::from_u32(c as u32 - '0' as u32 + '０' as u32).unwrap_or(c),
        '+' => '＋',
        '(' => '（',
        ')' => '）',
        '-' => '－',
        other => other,
    };
    text.chars().map(widen).collect()
}

/// Writes an account in one of the spellings of the contract.
pub fn account(chance: &mut Chance, normal: &str) -> String {
    let grouped = |by: &str| {
        let chars: Vec<char> = normal.chars().collect();
        chars.chunks(4).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join(by)
    };
    match chance.random_range(0..6) {
        0 => grouped(" "),
        1 => grouped("-"),
        2 => normal.to_ascii_lowercase(),
        3 => format!(" {normal} "),
        _ => normal.to_owned(),
    }
}
