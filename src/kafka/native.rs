//! The few calls the safe wrapper lacks or makes unsafe to use: header names that are no UTF-8 (the wrapper panics on
//! them), cached watermarks, the place in a group, and the embedded broker's join delay.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::ptr;

use rdkafka::bindings as rdsys;
use rdkafka::message::BorrowedHeaders;
use rdkafka::types::RDKafka;

/// Name and value of the header at `index`; the value is `None` where Kafka has a null one.
pub(super) fn header(headers: &BorrowedHeaders, index: usize) -> Option<(&[u8], Option<&[u8]>)> {
    let native = headers as *const BorrowedHeaders as *const rdsys::rd_kafka_headers_t;
    let mut name = ptr::null();
    let mut value = ptr::null();
    let mut size = 0;
    // SAFETY: a `BorrowedHeaders` reference is the native pointer itself (the wrapper makes it by this very cast),
    // alive as long as its message; the out-parameters are plain locals.
    let error = unsafe { rdsys::rd_kafka_header_get_all(native, index, &mut name, &mut value, &mut size) };
    if error != rdsys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
        return None;
    }
    // SAFETY: librdkafka ends every header name with a zero byte and keeps name and value as long as the headers.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    let value = if value.is_null() {
        None
    } else if size == 0 {
        Some(&[][..])
    } else {
        // SAFETY: as above; `size` bytes are readable at `value`.
        Some(unsafe { std::slice::from_raw_parts(value.cast::<u8>(), size) })
    };
    Some((name, value))
}

/// The end offset of a partition as the last fetch told it, without asking the broker; `None` before the first fetch.
pub(super) fn cached_end(client: *mut RDKafka, topic: &str, partition: i32) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (0, 0);
    // SAFETY: the client handle outlives the call, which only reads a cache under its own lock.
    let error =
        unsafe { rdsys::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &mut low, &mut high) };
    (error == rdsys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// Has a producer send what it holds back for its linger time, and waits for a millisecond at most.
pub(super) fn send_now(client: *mut RDKafka) {
    // SAFETY: the handle is that of a live producer; in event mode the call only waits for its message count to fall.
    unsafe {
        let _ = rdsys::rd_kafka_flush(client, 1);
    }
}

/// Whether a group member has a generation and a member id just now. One that was put out of its group has neither, and
/// a transaction with such metadata is not fenced by a broker (KIP-447, classic groups).
pub(super) fn has_place(client: *mut RDKafka) -> bool {
    // SAFETY: the handle is that of a live consumer; the metadata is a copy that is ours to destroy.
    let metadata = unsafe { rdsys::rd_kafka_consumer_group_metadata(client) };
    if metadata.is_null() {
        return false;
    }
    // SAFETY: `metadata` is not null and lives until it is destroyed here; the member id is a C string inside it.
    unsafe {
        let member = rdsys::rd_kafka_consumer_group_metadata_member_id(metadata);
        let named = !member.is_null() && !CStr::from_ptr(member).is_empty();
        let place = named && rdsys::rd_kafka_consumer_group_metadata_generation_id(metadata) >= 0;
        rdsys::rd_kafka_consumer_group_metadata_destroy(metadata);
        place
    }
}

/// Lets groups of the embedded broker that lives in this client form at once instead of after three seconds.
pub(super) fn no_join_delay(client: *mut RDKafka) {
    // SAFETY: the handle is that of a live client; the mock cluster it returns (null if it has none) belongs to it.
    unsafe {
        let cluster = rdsys::rd_kafka_handle_mock_cluster(client);
        if !cluster.is_null() {
            rdsys::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
        }
    }
}
