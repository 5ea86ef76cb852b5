//! How many text messages a text fills (GSM 03.38 and 3GPP TS 23.038/23.040).

/// The most a message to a person may fill: more is not read (domain rule: short).
pub const MAX_PARTS: usize = 2;

/// The basic character set, one septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension, two septets each.
const EXTENSION: &str = "^{}\\[~]|€";

/// The parts of a text: of 160 septets (153 where there are several) if the basic set is enough, else of 70 (67)
/// UTF-16 units.
pub fn parts(text: &str) -> usize {
    let septets = text
        .chars()
        .try_fold(0, |sum, c| if BASIC.contains(c) { Some(sum + 1) } else { EXTENSION.contains(c).then_some(sum + 2) });
    let (length, single, each) = match septets {
        Some(septets) => (septets, 160, 153),
        None => (text.encode_utf16().count(), 70, 67),
    };
    if length <= single { 1 } else { length.div_ceil(each) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_counted_in_the_smaller_alphabet_it_fits() {
        for (text, expected) in [
            (String::new(), 1),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("[".repeat(80), 1),
            ("[".repeat(81), 2),
            ("诈".repeat(70), 1),
            ("诈".repeat(71), 2),
            ("诈".repeat(134), 2),
            ("诈".repeat(135), 3),
            ("a".repeat(69) + "诈", 1),
            ("\u{1f514}".repeat(35), 1),
            ("\u{1f514}".repeat(36), 2),
        ] {
            assert_eq!(parts(&text), expected, "{} characters of {:?}", text.chars().count(), text.chars().next());
        }
    }
}
