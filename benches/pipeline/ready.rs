//! How long until the index is filled and all groups are joined, and what it costs in memory.

use std::time::{Duration, Instant};

use crate::Scale;
use crate::feed;
use crate::support::broker::Broker;
use crate::support::instance::READY;

/// Starts the program on 120,000 and on 1,000,000 registrants and prints time and memory.
pub fn run(broker: &Broker, scale: Scale) {
    for (registrants, seconds, megabytes) in [(120_000, 1.5, 200), (1_000_000 / scale.divisor, 6.0, 700)] {
        let setting = feed::set_up(broker, "ready", 2);
        let bytes = feed::write_registrants(&setting, &feed::zone(registrants));
        for start in 0..2 {
            let began = Instant::now();
            let instance = setting.start(&format!("ready-{start}"));
            let ready = loop {
                if matches!(instance.get("/-/ready"), Ok((200, _))) {
                    break began.elapsed();
                }
                assert!(began.elapsed() < READY, "not ready:\n{}", instance.log_text());
                std::thread::sleep(Duration::from_millis(5));
            };
            println!(
                "ready: {registrants} registrants of {} bytes, start {}: {:.2} s (wanted: {seconds} s), resident {:.0} MB \
                 (wanted: {megabytes} MB), index {:.0} MB by its own account",
                bytes / registrants,
                start + 1,
                ready.as_secs_f64(),
                instance.peak_resident_bytes() as f64 / 1e6,
                instance.metric("golden_bell_index_bytes", "") / 1e6,
            );
            assert_eq!(instance.metric("golden_bell_index_registrants", "") as u64, registrants);
            assert!(instance.terminate(Duration::from_secs(15)).success());
        }
    }
}
