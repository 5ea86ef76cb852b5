//! A record in librdkafka's own memory.

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use rdkafka::bindings as rdsys;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage};

/// What a record says, for as long as somebody keeps it.
#[derive(Clone, Copy)]
pub(in crate::kafka) struct View<'m>(&'m rdsys::rd_kafka_message_t);

impl<'m> View<'m> {
    /// Of a record that the wrapper keeps.
    pub(in crate::kafka) fn of(message: &'m BorrowedMessage<'_>) -> Self {
        // SAFETY: the wrapper's pointer is valid as long as the message is borrowed.
        View(unsafe { &*message.ptr() })
    }

    /// The full name of its topic. Topic names are ASCII; should one not be, it is empty and belongs to nobody.
    pub(in crate::kafka) fn topic(self) -> &'m str {
        std::str::from_utf8(self.topic_bytes()).unwrap_or_default()
    }

    pub(in crate::kafka) fn topic_bytes(self) -> &'m [u8] {
        if self.0.rkt.is_null() {
            return &[];
        }
        // SAFETY: a record holds on to its topic, whose name ends with a zero byte.
        unsafe { CStr::from_ptr(rdsys::rd_kafka_topic_name(self.0.rkt)) }.to_bytes()
    }

    pub(in crate::kafka) fn partition(self) -> i32 {
        self.0.partition
    }

    pub(in crate::kafka) fn offset(self) -> i64 {
        self.0.offset
    }

    /// Milliseconds since 1970.
    pub(in crate::kafka) fn timestamp(self) -> Option<i64> {
        let mut kind = rdsys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: reads a field of the record.
        let millis = unsafe { rdsys::rd_kafka_message_timestamp(self.0, &mut kind) };
        let known = kind != rdsys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        (known && millis != -1).then_some(millis)
    }

    pub(in crate::kafka) fn key(self) -> Option<&'m [u8]> {
        // SAFETY: librdkafka keeps `key_len` readable bytes at `key` as long as the record.
        unsafe { bytes(self.0.key.cast(), self.0.key_len) }
    }

    pub(in crate::kafka) fn value(self) -> Option<&'m [u8]> {
        // SAFETY: librdkafka keeps `len` readable bytes at `payload` as long as the record.
        unsafe { bytes(self.0.payload.cast(), self.0.len) }
    }

    /// Its headers, if it has any. They are read from the wire the first time this is asked.
    pub(in crate::kafka) fn headers(self) -> Option<HeaderList<'m>> {
        let mut headers = ptr::null_mut();
        // SAFETY: what is read from the wire is kept with the record, by the one thread that has it.
        let error = unsafe { rdsys::rd_kafka_message_headers(self.0, &mut headers) };
        let found = error == rdsys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        NonNull::new(headers).filter(|_| found).map(|headers| HeaderList(headers, PhantomData))
    }
}

/// A null pointer is nothing, an empty value is not.
unsafe fn bytes<'m>(start: *const u8, length: usize) -> Option<&'m [u8]> {
    if start.is_null() {
        None
    } else if length == 0 {
        Some(&[])
    } else {
        // SAFETY: the caller vouches for pointer and length.
        Some(unsafe { std::slice::from_raw_parts(start, length) })
    }
}

/// The headers of a record. The wrapper panics on a name that is no UTF-8.
#[derive(Clone, Copy)]
pub(in crate::kafka) struct HeaderList<'m>(NonNull<rdsys::rd_kafka_headers_t>, PhantomData<&'m ()>);

impl<'m> HeaderList<'m> {
    /// Name and value of the header at `index`; the value is `None` where Kafka has a null one.
    pub(in crate::kafka) fn get(self, index: usize) -> Option<(&'m [u8], Option<&'m [u8]>)> {
        let mut name = ptr::null();
        let mut value = ptr::null();
        let mut size = 0;
        // SAFETY: the headers live as long as their record; the out-parameters are plain locals.
        let error = unsafe { rdsys::rd_kafka_header_get_all(self.0.as_ptr(), index, &mut name, &mut value, &mut size) };
        if error != rdsys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            return None;
        }
        // SAFETY: librdkafka ends every header name with a zero byte and keeps name and value as long as the headers.
        let name = unsafe { CStr::from_ptr(name) }.to_bytes();
        // SAFETY: as above; `size` bytes are readable at `value`.
        Some((name, unsafe { bytes(value.cast(), size) }))
    }

    /// As the wrapper has them.
    pub(in crate::kafka) fn borrowed(&self) -> &BorrowedHeaders {
        // SAFETY: a `BorrowedHeaders` reference is the native pointer itself (the wrapper makes it by this very cast).
        unsafe { &*(self.0.as_ptr() as *const BorrowedHeaders) }
    }
}

/// A record that is given back when it is dropped. It lives no longer than what it was read from.
pub(in crate::kafka) struct Message<'q>(NonNull<rdsys::rd_kafka_message_t>, PhantomData<&'q ()>);

impl Message<'_> {
    /// Takes over what librdkafka handed out.
    pub(super) fn own(message: NonNull<rdsys::rd_kafka_message_t>) -> Self {
        Message(message, PhantomData)
    }

    pub(in crate::kafka) fn view(&self) -> View<'_> {
        // SAFETY: the record was handed out by librdkafka and has not been given back.
        View(unsafe { self.0.as_ref() })
    }

    /// The error in its place, if it is none but tells of one.
    pub(in crate::kafka) fn error(&self) -> Option<KafkaError> {
        match self.view().0.err {
            rdsys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => None,
            rdsys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                Some(KafkaError::PartitionEOF(self.view().partition()))
            }
            error => Some(KafkaError::MessageConsumption(RDKafkaErrorCode::from(error))),
        }
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        // SAFETY: it was handed out once and is given back once.
        unsafe { rdsys::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}
