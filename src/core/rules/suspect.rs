//! What the number on the other side of a call says about it.

/// The variable `suspect`; all null for a transfer, and for a number that stands there as a token: a token says that
/// there is a number, and nothing about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SuspectFacts {
    /// Written with `+` or `00` and another country's code: the networks write calls from abroad so.
    pub overseas: Option<bool>,
    /// Of a range given to a virtual operator. A weak sign: numbers can be carried to another operator.
    pub virtual_range: Option<bool>,
    /// No number at all: empty, zeros, or a word such as `unknown` or `未知号码`.
    pub withheld: Option<bool>,
    /// A short or service number (`110`, `95588`, `400…`): an office's, or made to look like one.
    pub service_number: Option<bool>,
}

/// The calling code the tables below are about.
const CHINA: u16 = 86;

/// The beginnings of mobile numbers given to virtual operators, by base operator.
const VIRTUAL_RANGES: [&str; 14] = [
    "165", "1703", "1705", "1706", // China Mobile
    "167", "1704", "1707", "1708", "1709", "171", // China Unicom
    "162", "1700", "1701", "1702", // China Telecom
];

const TOKEN_PREFIX: &str = "hmac-sha256:";

impl SuspectFacts {
    /// What the number `as_received` says, seen from the country with this calling code.
    pub fn of(as_received: &str, calling_code: u16) -> Self {
        if as_received.trim_start().starts_with(TOKEN_PREFIX) {
            return SuspectFacts { withheld: Some(false), ..SuspectFacts::default() };
        }
        let number = dialled(as_received);
        let withheld = is_withheld(&number);
        let abroad = international(&number);
        let home = calling_code.to_string();
        let overseas = abroad.is_some_and(|digits| !digits.starts_with(&home));
        let (virtual_range, service_number) = if calling_code == CHINA && !overseas && !withheld {
            let national = national(&number);
            (is_virtual(national), is_service(national))
        } else {
            (false, false)
        };
        SuspectFacts {
            overseas: Some(overseas),
            virtual_range: Some(virtual_range),
            withheld: Some(withheld),
            service_number: Some(service_number),
        }
    }
}

/// The digits of a number and a `+` before them, in ASCII; whatever else is written between them falls out.
fn dialled(as_received: &str) -> String {
    let mut number = String::with_capacity(as_received.len());
    for c in as_received.chars() {
        match c {
            '0'..='9' => number.push(c),
            '０'..='９' => number.extend(char::from_u32(c as u32 - '０' as u32 + '0' as u32)),
            '+' | '＋' if number.is_empty() => number.push('+'),
            _ => {}
        }
    }
    number
}

/// Operators and exporters write a withheld number as nothing, as a word of their own (`unknown`, `未知号码`, `N/A`) or
/// as zeros: whatever it is, no digit of a number is left.
fn is_withheld(number: &str) -> bool {
    number.bytes().all(|b| matches!(b, b'0' | b'+'))
}

/// What follows `+` or `00`, the country's code first; `None` for a number written without.
fn international(number: &str) -> Option<&str> {
    let digits = number.strip_prefix('+').or_else(|| without_carrier(number).strip_prefix("00"))?;
    (!digits.trim_start_matches('0').is_empty()).then_some(digits)
}

/// The number without the prefix `179xx` that chooses a carrier.
fn without_carrier(number: &str) -> &str {
    match number.split_at_checked(5) {
        Some((carrier, rest)) if carrier.starts_with("179") && rest.len() > 6 => rest,
        _ => number,
    }
}

/// The number as dialled inside China, without country code, carrier prefix and, for a mobile, trunk zero.
fn national(number: &str) -> &str {
    let digits = match international(number) {
        Some(digits) => digits.strip_prefix("86").unwrap_or(digits),
        None => without_carrier(number),
    };
    let digits = match digits.strip_prefix("86") {
        Some(mobile) if mobile.len() == 11 && mobile.starts_with('1') => mobile,
        _ => digits,
    };
    match digits.strip_prefix('0') {
        Some(mobile) if mobile.len() == 11 && mobile.starts_with('1') => mobile,
        _ => digits,
    }
}

fn is_virtual(national: &str) -> bool {
    national.len() == 11 && VIRTUAL_RANGES.iter().any(|range| national.starts_with(range))
}

/// Short numbers, and the longer ones that offices and companies call from: 95… and 96… of any length, 400 and 800,
/// 106… of the text message platforms, and a short number behind an area code (`0579 96110`).
fn is_service(national: &str) -> bool {
    let length = national.len();
    if (3..=6).contains(&length) {
        return true;
    }
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| national.starts_with(prefix));
    if length >= 7 && begins(&["95", "96", "106", "1010"]) {
        return true;
    }
    if length == 10 && begins(&["400", "800"]) {
        return true;
    }
    let area_code = if begins(&["010", "02"]) { 3 } else { 4 };
    (8..=10).contains(&length)
        && national.starts_with('0')
        && national.get(area_code..).is_some_and(|rest| {
            (5..=6).contains(&rest.len())
                && ["95", "96", "10", "11", "12"].iter().any(|prefix| rest.starts_with(prefix))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(number: &str) -> (bool, bool, bool, bool) {
        let facts = SuspectFacts::of(number, CHINA);
        (facts.overseas.unwrap(), facts.virtual_range.unwrap(), facts.withheld.unwrap(), facts.service_number.unwrap())
    }

    const PLAIN: (bool, bool, bool, bool) = (false, false, false, false);
    const OVERSEAS: (bool, bool, bool, bool) = (true, false, false, false);
    const VIRTUAL: (bool, bool, bool, bool) = (false, true, false, false);
    const WITHHELD: (bool, bool, bool, bool) = (false, false, true, false);
    const SERVICE: (bool, bool, bool, bool) = (false, false, false, true);

    #[test]
    fn home_numbers_are_not_overseas_however_they_are_written() {
        for number in [
            "13805791234",
            "+8613805791234",
            "008613805791234",
            "8613805791234",
            "013805791234",
            "17951 138 0579 1234",
            "+86 138-0579-1234",
            "＋８６１３８０５７９１２３４",
            "0579-8712 3456",
            "(0579) 87123456",
        ] {
            assert_eq!(signs(number), PLAIN, "{number}");
        }
    }

    #[test]
    fn numbers_from_abroad() {
        for number in ["+96890000000", "0096890000000", "0014155552671", "+1 415 555 2671", "+852 2345 6789"] {
            assert_eq!(signs(number), OVERSEAS, "{number}");
        }
        assert_eq!(SuspectFacts::of("+8613805791234", 1).overseas, Some(true));
        assert_eq!(SuspectFacts::of("+14155552671", 1).overseas, Some(false));
    }

    #[test]
    fn virtual_operators() {
        for number in ["17012345678", "16212345678", "+86 165 1234 5678", "17112345678"] {
            assert_eq!(signs(number), VIRTUAL, "{number}");
        }
        assert_eq!(signs("16612345678"), PLAIN);
        assert_eq!(SuspectFacts::of("17012345678", 1).virtual_range, Some(false));
    }

    #[test]
    fn numbers_that_are_not_there() {
        for number in ["", "  ", "unknown", "Anonymous", "未知号码", "-", "+", "0000", "N/A"] {
            assert_eq!(signs(number), WITHHELD, "{number}");
        }
    }

    #[test]
    fn service_numbers() {
        for number in [
            "110",
            "96110",
            "12381",
            "95588",
            "950131234567",
            "4001234567",
            "800-820-1234",
            "106912345678",
            "057996110",
            "01095588",
        ] {
            assert_eq!(signs(number), SERVICE, "{number}");
        }
    }

    #[test]
    fn a_token_says_nothing_about_its_number() {
        let token = format!("hmac-sha256:{}", "0".repeat(64));
        let expected = SuspectFacts { withheld: Some(false), ..SuspectFacts::default() };
        assert_eq!(SuspectFacts::of(&token, CHINA), expected);
    }
}
