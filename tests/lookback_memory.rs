//! What a million held events take, by the allocator's word. A binary of its own, because it counts every byte of the
//! process.

#[path = "support/allocator.rs"]
mod allocator;

use std::time::Instant;

use allocator::{Counting, exactly};
use golden_bell::core::event::EventKind;
use golden_bell::core::identifier::IndexKey;
use golden_bell::core::lookback::{Events, Held, Place, Wanted, tag};
use golden_bell::core::matching::VictimKeys;

#[global_allocator]
static COUNTING: Counting = Counting::new(exactly);

const MILLION: usize = 1_000_000;
/// Two feeds of six partitions, as shipped.
const PARTITIONS: usize = 12;

fn key(n: usize) -> IndexKey {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    IndexKey::from_bytes(bytes)
}

#[test]
fn a_million_held_events_take_less_than_thirty_bytes_each() {
    let before = COUNTING.live();
    let mut events = Events::new(30 * 60 * 1_000, MILLION);
    let place = |n: usize| {
        let kind = if n.is_multiple_of(2) { EventKind::Call } else { EventKind::Transfer };
        Place { kind, partition: (n % PARTITIONS / 2) as i32 }
    };
    let openings: Vec<u64> = (0..PARTITIONS).map(|n| events.open(place(n), 0)).collect();
    let mut dropped = 0;
    let began = Instant::now();
    // Four times as many as are held: it is the steady state that counts.
    for n in 0..4 * MILLION {
        let keys = VictimKeys { phone: Some(key(n)), account: (n % 4 == 1).then(|| key(n + 1)) };
        let held = Held::new(place(n), (n / PARTITIONS) as i64, n as i64 / 100, &keys);
        events.hold(openings[n % PARTITIONS], &held);
        if n.is_multiple_of(1_000) {
            dropped += events.trim(n as i64 / 100);
        }
    }
    dropped += events.trim(4 * MILLION as i64 / 100);
    let spent = began.elapsed();
    assert_eq!((events.held(), dropped), (MILLION, 3 * MILLION));

    let taken = COUNTING.live() - before;
    let peak = COUNTING.peak() - before;
    let told = events.bytes();
    let began = Instant::now();
    let wanted = Wanted::from_iter([(tag(&key(4 * MILLION - 5)), 0)]);
    let hits: Vec<_> = events.places().into_iter().flat_map(|place| events.find(place, &wanted)).collect();
    println!(
        "a million events: {taken} bytes, {peak} at most, {told} told; {:.0} ns an event; found in {:?}",
        spent.as_nanos() as f64 / (4 * MILLION) as f64,
        began.elapsed()
    );
    assert_eq!(hits.len(), 1);
    assert!(peak < 30 * MILLION, "{peak}");
    assert!(told.abs_diff(taken) * 10 <= taken, "told {told}, taken {taken}");
}
