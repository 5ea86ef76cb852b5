//! A writer of JSON that cannot fail and allocates nothing, for the millions of records of a bench.

use super::stamp::Stamp;

/// An object being written; [`end`](Self::end) closes it.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Opens an object.
    pub fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Object { out, empty: true }
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push(b'}');
    }

    /// The place of a member's value.
    pub fn value(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// A member that is a string.
    pub fn text(&mut self, name: &str, text: &str) {
        string(self.value(name), text);
    }

    /// A member that is a string, where there is one.
    pub fn text_if(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A member that is a list of strings.
    pub fn texts<T: AsRef<str>>(&mut self, name: &str, texts: &[T]) {
        let out = self.value(name);
        out.push(b'[');
        for (at, text) in texts.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            string(out, text.as_ref());
        }
        out.push(b']');
    }

    /// A member that is written as it is: a number, `true`, `null`.
    pub fn raw(&mut self, name: &str, literal: &str) {
        self.value(name).extend_from_slice(literal.as_bytes());
    }

    /// A member that is a whole number.
    pub fn number(&mut self, name: &str, n: u64) {
        number(self.value(name), n);
    }

    /// A member that is a time in whole seconds.
    pub fn time(&mut self, name: &str, time: Stamp) {
        let out = self.value(name);
        out.push(b'"');
        time.write_seconds(out);
        out.push(b'"');
    }

    /// A member that is an object.
    pub fn object(&mut self, name: &str) -> Object<'_> {
        Object::open(self.value(name))
    }
}

/// Appends a string with its quotes.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    // Without an early exit the compiler looks at many bytes at a time.
    if text.bytes().fold(false, |found, b| found | (b < 0x20) | (b == b'"') | (b == b'\\')) {
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
                0..0x20 => {
                    out.extend_from_slice(b"\\u00");
                    out.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
                }
                _ => out.push(byte),
            }
        }
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

/// Appends a whole number.
pub(super) fn number(out: &mut Vec<u8>, mut n: u64) {
    let at = out.len();
    loop {
        out.push(b'0' + (n % 10) as u8);
        n /= 10;
        if n == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(at..) {
        digits.reverse();
    }
}

/// Appends all 16 hexadecimal digits of `n`.
pub(super) fn hex16(out: &mut Vec<u8>, n: u64) {
    let mut digits = [0; 16];
    for (digit, shift) in digits.iter_mut().zip((0..64).step_by(4).rev()) {
        *digit = hex_digit((n >> shift & 15) as u8);
    }
    out.extend_from_slice(&digits);
}

const fn hex_digit(n: u8) -> u8 {
    if n < 10 { b'0' + n } else { b'a' + n - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        object.text("a", "张\"\\\n三");
        object.number("b", 0);
        object.number("c", u64::MAX);
        object.texts("d", &["x", "y"]);
        object.object("e").end();
        object.end();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["a"], "张\"\\\n三");
        assert_eq!(value["b"], 0);
        assert_eq!(value["c"], u64::MAX);
        assert_eq!(value["d"][1], "y");
        assert!(value["e"].is_object());
    }
}
