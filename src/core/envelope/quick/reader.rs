//! Plain JSON, token by token.

/// `N` times the byte in a word.
const fn every(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

/// In the place of a member: the object ends.
pub(super) const END: usize = usize::MAX;

/// The members of an object, and which of them were read.
pub(super) struct Members {
    names: &'static [&'static str],
    seen: u32,
    /// The place behind the one read last.
    next: usize,
    /// Whether nothing of the object was read yet.
    none_yet: bool,
}

impl Members {
    /// Of these names, the required ones first.
    #[inline]
    pub(super) fn new(names: &'static [&'static str]) -> Self {
        Members { names, seen: 0, next: 0, none_yet: true }
    }

    /// The place of the member behind the one read last.
    #[inline]
    pub(super) fn next(&self) -> usize {
        self.next
    }

    /// Notes that a member is read; `None` the second time.
    #[inline]
    pub(super) fn read(&mut self, place: usize) -> Option<()> {
        let bit = 1 << place;
        let fresh = self.seen & bit == 0;
        self.seen |= bit;
        self.next = place + 1;
        self.none_yet = false;
        fresh.then_some(())
    }

    /// Whether the members from the first to this were all there.
    #[inline]
    pub(super) fn all_up_to(&self, place: u32) -> Option<()> {
        let required = (2 << place) - 1;
        (self.seen & required == required).then_some(())
    }
}

/// Reads JSON as nearly every message is written: no escapes, no number beyond what a field needs, no nesting but that
/// of the contract. Each method gives `None` for anything else, good JSON or not, and the whole reading is given up.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Reader { text, at: 0 }
    }

    /// Nothing but blanks is left.
    pub(super) fn end(&mut self) -> Option<()> {
        self.skip_blanks();
        (self.at == self.text.len()).then_some(())
    }

    /// The start of an object.
    #[inline]
    pub(super) fn open(&mut self) -> Option<()> {
        self.expect(b'{')
    }

    /// The place of the next known member of an object whose start was read, with its value next to be read; [`END`] at
    /// the end of the object. Unknown members are skipped.
    pub(super) fn member(&mut self, members: &mut Members) -> Option<usize> {
        loop {
            let Some(name) = self.name(&mut members.none_yet)? else {
                return Some(END);
            };
            match members.names.iter().position(|known| *known == name) {
                Some(place) => return Some(place),
                None => self.skip()?,
            }
        }
    }

    /// Whether what comes next is the member behind the last one in the order of the contract, without a blank; it is
    /// read then, up to its value. `member` is its name in quotes and the colon. Most senders keep that order, and one
    /// comparison is less than to find where a name ends and which it is.
    #[inline(always)]
    pub(super) fn foreseen(&mut self, members: &Members, member: &str) -> bool {
        let start = self.at + usize::from(!members.none_yet);
        let bytes = self.text.as_bytes();
        let found = bytes.get(start..).is_some_and(|rest| rest.starts_with(member.as_bytes()))
            && (members.none_yet || self.peek() == Some(b','));
        if found {
            self.at = start + member.len();
        }
        found
    }

    /// The next name in an object, and the colon behind it; an inner `None` at its end. `first` is true until it was
    /// called once.
    #[inline]
    fn name(&mut self, first: &mut bool) -> Option<Option<&'a str>> {
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Some(None);
        }
        if !std::mem::take(first) {
            self.expect(b',')?;
        }
        // A comma before the end of the object fails here, for want of a quote.
        let name = self.string()?;
        self.expect(b':')?;
        Some(Some(name))
    }

    /// A string without escapes.
    #[inline]
    pub(super) fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        let end = self.string_end()?;
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// A string without escapes, or null.
    #[inline]
    pub(super) fn string_or_null(&mut self) -> Option<Option<&'a str>> {
        if self.null() { Some(None) } else { self.string().map(Some) }
    }

    /// A whole number in plain digits, as far as 64 bits certainly hold it.
    #[inline]
    pub(super) fn whole(&mut self) -> Option<u64> {
        self.skip_blanks();
        let (number, digits) = self.digits();
        (digits > 0 && self.ends_number(number, digits)).then_some(number)
    }

    /// A number such as `0.93` or `1`, so short that the quotient of two exact numbers is its value.
    #[inline]
    pub(super) fn decimal(&mut self) -> Option<f64> {
        const POWERS: [f64; 13] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
        self.skip_blanks();
        let (whole, digits) = self.digits();
        if digits != 1 {
            return None;
        }
        if self.peek() != Some(b'.') {
            return self.ends_number(whole, digits).then_some(whole as f64);
        }
        self.at += 1;
        let (fraction, digits) = self.digits();
        let power = *POWERS.get(digits)?;
        let plain = digits > 0 && self.ends_value();
        plain.then(|| (whole as f64 * power + fraction as f64) / power)
    }

    /// True or false, or null.
    #[inline]
    pub(super) fn flag_or_null(&mut self) -> Option<Option<bool>> {
        if self.null() {
            return Some(None);
        }
        [("true", true), ("false", false)].into_iter().find_map(|(word, flag)| self.word(word).then_some(Some(flag)))
    }

    /// Whether null comes next; it is read then.
    #[inline]
    pub(super) fn null(&mut self) -> bool {
        self.skip_blanks();
        self.word("null")
    }

    /// A value nobody needs: a string without escapes, a plain number or a word.
    pub(super) fn skip(&mut self) -> Option<()> {
        self.skip_blanks();
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'0'..=b'9' => self.whole().map(drop),
            b'n' => self.null().then_some(()),
            _ => self.flag_or_null().map(drop),
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_blanks(&mut self) {
        // One comparison where there are none, as almost always.
        while let Some(byte) = self.peek()
            && byte <= b' '
            && matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
        {
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_blanks();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    #[inline]
    fn word(&mut self, word: &str) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        match rest.strip_prefix(word.as_bytes()) {
            Some([b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t', ..]) => {
                self.at += word.len();
                true
            }
            _ => false,
        }
    }

    /// Digits, if any, and how many; more than 18 count as none, for their number may not fit.
    #[inline]
    fn digits(&mut self) -> (u64, usize) {
        let (mut number, mut count) = (0_u64, 0);
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            count += 1;
            self.at += 1;
        }
        if count > 18 { (0, 0) } else { (number, count) }
    }

    /// Whether digits that were read are a whole number: no fraction, no exponent, no zero before them.
    #[inline]
    fn ends_number(&self, number: u64, digits: usize) -> bool {
        let leading_zero = digits > 1 && number < 10_u64.pow(digits as u32 - 1);
        !leading_zero && self.ends_value()
    }

    #[inline]
    fn ends_value(&self) -> bool {
        matches!(self.peek(), Some(b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t'))
    }

    /// Where the string ends that `at` is in; `None` where an escape or a control character comes first.
    #[inline]
    fn string_end(&self) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        // Eight bytes at a time: a byte that is zero after the difference borrows into its highest bit. The lowest
        // such bit is always a true one (Mycroft).
        while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*word);
            let quote = word ^ every(b'"');
            let escape = word ^ every(b'\\');
            let found = (quote.wrapping_sub(every(1)) & !quote)
                | (escape.wrapping_sub(every(1)) & !escape)
                | (word.wrapping_sub(every(0x20)) & !word);
            let found = found & every(0x80);
            if found != 0 {
                at += found.trailing_zeros() as usize / 8;
                return (bytes.get(at) == Some(&b'"')).then_some(at);
            }
            at += 8;
        }
        let rest = bytes.get(at..)?;
        let stop = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        (rest.get(stop) == Some(&b'"')).then_some(at + stop)
    }
}
