//! Records as they come and go: borrowed from the client's buffers, foreign bytes and all.

use rdkafka::message::{BorrowedMessage, Header, OwnedHeaders};

use super::native::{Message, View};

/// A record read from a topic.
pub struct Record<'a>(Held<'a>);

/// Who keeps its bytes.
enum Held<'a> {
    Polled(BorrowedMessage<'a>),
    Batched(Message<'a>),
}

impl<'a> From<BorrowedMessage<'a>> for Record<'a> {
    fn from(message: BorrowedMessage<'a>) -> Self {
        Record(Held::Polled(message))
    }
}

impl<'a> From<Message<'a>> for Record<'a> {
    fn from(message: Message<'a>) -> Self {
        Record(Held::Batched(message))
    }
}

impl Record<'_> {
    fn view(&self) -> View<'_> {
        match &self.0 {
            Held::Polled(message) => View::of(message),
            Held::Batched(message) => message.view(),
        }
    }

    /// The full name of its topic.
    pub fn topic(&self) -> &str {
        self.view().topic()
    }

    /// Whether it is of the topic of this full name.
    pub fn is_of(&self, topic: &str) -> bool {
        self.view().topic_bytes() == topic.as_bytes()
    }

    /// Its partition.
    pub fn partition(&self) -> i32 {
        self.view().partition()
    }

    /// Its offset.
    pub fn offset(&self) -> i64 {
        self.view().offset()
    }

    /// Its record time, milliseconds since 1970.
    pub fn timestamp(&self) -> Option<i64> {
        self.view().timestamp()
    }

    /// Its key, if it has one.
    pub fn key(&self) -> Option<&[u8]> {
        self.view().key()
    }

    /// Its value; `None` for a tombstone.
    pub fn value(&self) -> Option<&[u8]> {
        self.view().value()
    }

    /// Its headers whose name is UTF-8, a null value as an empty one.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        let headers = self.view().headers();
        (0..)
            .map_while(move |index| headers?.get(index))
            .filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value.unwrap_or_default())))
    }

    /// Bytes of key, value and headers together.
    pub fn size(&self) -> usize {
        let headers = self.view().headers();
        let headers: usize = (0..)
            .map_while(|index| headers?.get(index))
            .map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len))
            .sum();
        headers + self.key().map_or(0, <[u8]>::len) + self.value().map_or(0, <[u8]>::len)
    }

    /// The first value of the header `name`.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// All headers as they stand, to be sent on.
    pub(crate) fn copied_headers(&self) -> OwnedHeaders {
        self.view().headers().map_or_else(OwnedHeaders::new, |headers| headers.borrowed().detach())
    }
}

/// The headers of a record to be written.
#[derive(Debug)]
pub struct Headers(pub(super) OwnedHeaders);

impl Headers {
    /// No headers yet.
    pub fn new() -> Self {
        Headers(OwnedHeaders::new())
    }

    /// Those of a record as they stand, whatever bytes their names are made of.
    pub fn of(record: &Record<'_>) -> Self {
        Headers(record.copied_headers())
    }

    /// One header more. A name with a zero byte in it, which no caller of ours has, is left out.
    #[must_use]
    pub fn with(self, name: &str, value: &[u8]) -> Self {
        if name.contains('\0') {
            return self;
        }
        Headers(self.0.insert(Header { key: name, value: Some(value) }))
    }
}

impl Default for Headers {
    fn default() -> Self {
        Headers::new()
    }
}

/// A record to be written.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// The full name of its topic.
    pub topic: &'a str,
    /// Its partition, or `None` to let the key decide.
    pub partition: Option<i32>,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: Headers,
}
