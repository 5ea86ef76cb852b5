//! How far the topic `registrants` had been taken in, and whether a record lies before that.

/// What the text of positions begins with; another format gets another word.
const PREFIX: &str = "registrants:";

/// The longest text, bytes. It is stored beside a committed offset, for which brokers allow 4,096 by default.
const MAX_TEXT_BYTES: usize = 4_000;

/// By partition of `registrants`, the offset before which every record was taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(Vec<i64>);

impl Positions {
    /// Everything of `partition` before `next` was taken in. Never goes back.
    pub fn advance(&mut self, partition: i32, next: i64) {
        let Ok(index) = usize::try_from(partition) else { return };
        if self.0.len() <= index {
            self.0.resize(index + 1, 0);
        }
        if let Some(position) = self.0.get_mut(index) {
            *position = next.max(*position);
        }
    }

    /// Whether the record at this place was taken in.
    pub fn cover(&self, partition: i32, offset: i64) -> bool {
        usize::try_from(partition).ok().and_then(|index| self.0.get(index)).is_some_and(|next| offset < *next)
    }

    /// The partitions of which a position is known, without gaps from 0.
    pub fn partitions(&self) -> i32 {
        self.0.len() as i32
    }

    /// The positions as text, to be stored beside a committed offset; empty where nothing was taken in, or where there
    /// are too many partitions for a broker to keep.
    pub fn to_text(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let numbers: Vec<String> = self.0.iter().map(i64::to_string).collect();
        let text = format!("{PREFIX}{}", numbers.join(","));
        if text.len() > MAX_TEXT_BYTES { String::new() } else { text }
    }

    /// Reads the text again; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.strip_prefix(PREFIX)?;
        let positions: Result<Vec<i64>, _> = numbers.split(',').map(str::parse).collect();
        positions.ok().map(Positions)
    }
}
