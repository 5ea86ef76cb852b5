//! The few calls the safe wrapper lacks or makes unsafe to use: header names that are no UTF-8 (the wrapper panics on
//! them), reading by the batch, cached watermarks, the place in a group, and the embedded broker's join delay.
#![allow(unsafe_code)]

mod message;
mod queue;

use std::ffi::{CStr, CString};
use std::time::Duration;

use rdkafka::bindings as rdsys;
use rdkafka::types::RDKafka;

pub(super) use message::{Message, View};
pub(super) use queue::{Batch, Queue};

/// The end offset of a partition as the last fetch told it, without asking the broker; `None` before the first fetch.
pub(super) fn cached_end(client: *mut RDKafka, topic: &str, partition: i32) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (0, 0);
    // SAFETY: the client handle outlives the call, which only reads a cache under its own lock.
    let error =
        unsafe { rdsys::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &mut low, &mut high) };
    (error == rdsys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// Has a producer send what it holds back for its linger time, and sleeps until nothing is under way, for at most `wait`
/// (in whole milliseconds); whether it came to that. What failed is under way until its event is taken. The wrapper's own
/// wait does not sleep in the last millisecond of its time.
pub(super) fn send_now(client: *mut RDKafka, wait: Duration) -> bool {
    let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the handle is that of a live producer; in event mode the call only waits for its message count to fall.
    let error = unsafe { rdsys::rd_kafka_flush(client, wait) };
    error == rdsys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
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
