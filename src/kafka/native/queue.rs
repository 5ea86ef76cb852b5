//! A queue that partitions flow into, read by the batch.
//!
//! The wrapper reads a consumer event by event, which costs as much as judging one. librdkafka's batch read is cheaper
//! by half, but of a consumer's own queue it would also take the rebalances, and answer them by giving everything up.
//! So the partitions flow into a queue beside it, in which there is nothing but records and errors in their place.

use std::ffi::CString;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::time::Duration;
use std::vec;

use rdkafka::bindings as rdsys;
use rdkafka::types::RDKafka;

use super::message::Message;

/// The queue. It must be gone before its client is.
pub(in crate::kafka) struct Queue(NonNull<rdsys::rd_kafka_queue_t>);

// SAFETY: librdkafka's queues have a lock of their own.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    /// A queue of this client.
    pub(in crate::kafka) fn new(client: *mut RDKafka) -> Option<Self> {
        // SAFETY: the handle is that of a live client.
        NonNull::new(unsafe { rdsys::rd_kafka_queue_new(client) }).map(Queue)
    }

    /// Lets a partition flow into it, what was fetched of it already included.
    pub(in crate::kafka) fn take_in(&self, client: *mut RDKafka, topic: &str, partition: i32) {
        let Ok(topic) = CString::new(topic) else { return };
        // SAFETY: the handle is that of a live client. The partition's own queue is a counted reference, given back
        // here; the forwarding holds on to what it needs.
        unsafe {
            let own = rdsys::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition);
            if !own.is_null() {
                rdsys::rd_kafka_queue_forward(own, self.0.as_ptr());
                rdsys::rd_kafka_queue_destroy(own);
            }
        }
    }

    /// Up to `most` records: waits for the first, and takes what else is there.
    pub(in crate::kafka) fn read(&self, wait: Duration, most: usize) -> Batch<'_> {
        let mut messages = vec![ptr::null_mut(); most.max(1)];
        let first = self.fill(wait, messages.get_mut(..1).unwrap_or_default());
        // With a time to wait librdkafka would wait for all of them.
        let more = if first == 0 { 0 } else { self.fill(Duration::ZERO, messages.get_mut(1..).unwrap_or_default()) };
        messages.truncate(first + more);
        Batch { messages: messages.into_iter(), queue: PhantomData }
    }

    fn fill(&self, wait: Duration, places: &mut [*mut rdsys::rd_kafka_message_t]) -> usize {
        if places.is_empty() {
            return 0;
        }
        // Rounded up: less than a millisecond would be no wait at all, and asked again until the time is over.
        let wait = i32::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(i32::MAX);
        // SAFETY: the queue is live, and as many pointers may be written as there are places.
        let count =
            unsafe { rdsys::rd_kafka_consume_batch_queue(self.0.as_ptr(), wait, places.as_mut_ptr(), places.len()) };
        // -1 says that something went wrong; nothing was written then.
        usize::try_from(count).unwrap_or(0)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: made once, given back once.
        unsafe { rdsys::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// Records read together, in order within each partition.
pub(in crate::kafka) struct Batch<'q> {
    messages: vec::IntoIter<*mut rdsys::rd_kafka_message_t>,
    queue: PhantomData<&'q Queue>,
}

impl Batch<'_> {
    pub(in crate::kafka) fn left(&self) -> usize {
        self.messages.len()
    }
}

impl<'q> Iterator for Batch<'q> {
    type Item = Message<'q>;

    fn next(&mut self) -> Option<Message<'q>> {
        self.messages.by_ref().find_map(NonNull::new).map(Message::own)
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}
