//! Times as the feed writes them, at the offset of the zone.

use chrono::{DateTime, Utc};

const OFFSET_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// A moment, milliseconds since 1970 UTC, written in RFC 3339 at +08:00. Formatting it is a matter of nanoseconds, which
/// a bench feed needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(i64);

impl Stamp {
    /// Milliseconds since 1970 UTC.
    pub const fn from_millis(millis: i64) -> Self {
        Stamp(millis)
    }

    /// Milliseconds since 1970 UTC.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The clock time.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// So many milliseconds later (earlier if below 0).
    pub const fn plus(self, millis: i64) -> Self {
        Stamp(self.0.saturating_add(millis))
    }

    /// Appends `2021-07-15T14:03:10+08:00`.
    pub fn write_seconds(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.clock());
        out.extend_from_slice(b"+08:00");
    }

    /// Appends `2021-07-15T14:03:10.123+08:00`.
    pub fn write_millis(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.clock());
        let [hundreds, tens, ones] = three(self.0.rem_euclid(1000) as u16);
        out.extend_from_slice(&[b'.', hundreds, tens, ones]);
        out.extend_from_slice(b"+08:00");
    }

    /// Date and time of day at the offset, to the second.
    fn clock(self) -> [u8; 19] {
        let local = self.0.saturating_add(OFFSET_MS);
        let (year, month, day) = civil(local.div_euclid(DAY_MS));
        let second = (local.rem_euclid(DAY_MS) / 1000) as u32;
        let ([a, b], [c, d]) = (two(year / 100), two(year % 100));
        let ([e, f], [g, h]) = (two(month), two(day));
        let ([i, j], [k, l], [m, n]) = (two(second / 3600), two(second / 60 % 60), two(second % 60));
        [a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n]
    }
}

impl From<DateTime<Utc>> for Stamp {
    fn from(time: DateTime<Utc>) -> Self {
        Stamp(time.timestamp_millis())
    }
}

/// Year, month and day of a count of days since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (u32, u32, u32) {
    let z = days.saturating_add(719_468);
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097) as u32;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = i64::from(year_of_era) + era.saturating_mul(400) + i64::from(month <= 2);
    (year as u32, month, day)
}

fn two(n: u32) -> [u8; 2] {
    [b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8]
}

fn three(n: u16) -> [u8; 3] {
    [b'0' + (n / 100 % 10) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_day_is_written_as_chrono_writes_it() {
        let offset = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
        for day in (-400..40_000).step_by(13) {
            let stamp = Stamp(day * DAY_MS + day.rem_euclid(86_399) * 1000 + 7);
            let mut out = Vec::new();
            stamp.write_millis(&mut out);
            let expected = stamp.utc().with_timezone(&offset).format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
