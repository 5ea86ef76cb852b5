//! Made-up spellings of phone numbers, the same ones in every run.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

const CARRIERS: [&str; 8] = ["17951", "17911", "17909", "17900", "17901", "12593", "11808", "10193"];
const SEPARATORS: [&str; 12] = [" ", "-", "(", ")", "（", "）", "　", ".", "/", "ー", "–", "[ "];
const NOISE: [&str; 20] = [
    "*", "#", ":", "~", "¥", " ext 12", "#12", ",,34", ";5", "x5", "号", "+", "++", "--", "\t", "~7", "ABC", "٣", "～",
    "～7",
];

/// A source of spellings.
pub struct Spellings {
    random: ChaCha8Rng,
    /// E.164 of an example for each country and type of number.
    examples: Vec<String>,
}

impl Spellings {
    /// The same spellings for the same seed.
    pub fn new(seed: u64) -> Self {
        let mut regions: Vec<Region> = PHONE_NUMBER_UTIL.get_supported_regions().collect();
        regions.sort();
        let mut examples = Vec::new();
        for region in regions {
            let types = PHONE_NUMBER_UTIL.get_supported_types_for_region(region);
            for kind in types.into_iter().flatten() {
                let example = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind);
                examples.extend(
                    example.ok().map(|number| PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned()),
                );
            }
        }
        // The order of the types is not fixed.
        examples.sort();
        Self { random: ChaCha8Rng::seed_from_u64(seed), examples }
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.random.random_range(0..10))).collect()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.choose(&mut self.random).copied().unwrap_or_default()
    }

    fn one_in(&mut self, count: u32) -> bool {
        self.random.random_ratio(1, count)
    }

    /// A Chinese mobile number of 11 digits, assigned or not.
    pub fn mobile(&mut self) -> String {
        if self.one_in(30) {
            let middle = self.pick(&["00", "0", "5", "9"]);
            return format!("179{}{middle}{}", self.digits(2), self.digits(6 - middle.len()));
        }
        let range = self.random.random_range(3..10);
        format!("1{range}{}", self.digits(9))
    }

    /// A Chinese number of another kind: landline, shared cost, toll-free, service, machine.
    fn other_chinese(&mut self) -> String {
        match self.random.random_range(0..10) {
            0..5 => {
                let area = self.pick(&["10", "20", "21", "28", "311", "411", "571", "579", "991"]);
                let length = self.random.random_range(7..9);
                format!("{area}{}", self.digits(length))
            }
            5 => format!("400{}", self.digits(7)),
            6 => format!("800{}", self.digits(7)),
            7 => format!("95{}", self.digits(3)),
            8 => format!("950{}", self.digits(8)),
            _ => format!("14{}", self.digits(11)),
        }
    }

    /// A Chinese number with what may be dialled before it.
    pub fn dialled(&mut self, national: &str) -> String {
        let carrier = self.pick(&CARRIERS);
        match self.random.random_range(0..16) {
            0..3 => national.to_owned(),
            3 => format!("+86{national}"),
            4 => format!("0086{national}"),
            5 => format!("86{national}"),
            6 => format!("0{national}"),
            7 => format!("{carrier}{national}"),
            8 => format!("{carrier}0{national}"),
            9 => format!("{carrier}0086{national}"),
            10 => format!("{carrier}86{national}"),
            11 => format!("+860{national}"),
            12 => format!("+86{carrier}0{national}"),
            13 => format!("86{carrier}{national}"),
            14 => format!("00860{national}"),
            _ => format!("{carrier}{carrier}{national}"),
        }
    }

    /// A number of any country, valid or nearly so.
    fn foreign(&mut self) -> String {
        let example = self.examples.choose(&mut self.random).cloned().unwrap_or_default();
        let changed = self.random.random_range(0..5);
        let kept = &example[..example.len() - changed];
        let number = format!("{kept}{}", self.digits(changed));
        match self.random.random_range(0..6) {
            0 => format!("00{}", &number[1..]),
            1 => format!("{}00{}", self.pick(&CARRIERS), &number[1..]),
            // A trunk 0 behind the country code, where it is not dialled.
            2 => format!("{}0{}", &number[..3], &number[3..]),
            _ => number,
        }
    }

    /// Digits without sense.
    fn garbage(&mut self) -> String {
        let length = self.random.random_range(0..24);
        let sign = self.pick(&["", "", "", "+", "00"]);
        format!("{sign}{}", self.digits(length))
    }

    fn separated(&mut self, plain: &str) -> String {
        let mut spelled = String::new();
        for c in plain.chars() {
            if self.one_in(4) {
                spelled += self.pick(&SEPARATORS);
            }
            spelled.push(c);
        }
        spelled
    }

    fn noisy(&mut self, plain: &str) -> String {
        let noise = self.pick(&NOISE);
        let places: Vec<usize> = plain.char_indices().map(|(at, _)| at).collect();
        let at = if self.one_in(2) { None } else { places.choose(&mut self.random).copied() };
        let (before, after) = plain.split_at(at.unwrap_or(plain.len()));
        format!("{before}{noise}{after}")
    }
}

/// The same text in the full-width characters of Chinese input.
pub fn full_width(plain: &str) -> String {
    let wide = |c: char| match c {
        '0'..='9' | '+' => char::from_u32(u32::from(c) - 0x20 + 0xFF00).unwrap_or(c),
        _ => c,
    };
    plain.chars().map(wide).collect()
}

impl Iterator for Spellings {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut spelled = match self.random.random_range(0..20) {
            0..7 => {
                let mobile = self.mobile();
                self.dialled(&mobile)
            }
            7..12 => {
                let other = self.other_chinese();
                self.dialled(&other)
            }
            12..17 => self.foreign(),
            17 => {
                let length = self.random.random_range(2..8);
                self.digits(length)
            }
            _ => self.garbage(),
        };
        if self.one_in(3) {
            spelled = self.separated(&spelled);
        }
        if self.one_in(8) {
            spelled = full_width(&spelled);
        }
        if self.one_in(12) {
            spelled = self.noisy(&spelled);
        }
        Some(spelled)
    }
}
