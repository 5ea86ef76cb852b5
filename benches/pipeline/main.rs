//! The whole program on a real broker, measured as ratios to bare loops in the same run.
//!
//! `cargo bench --bench pipeline` runs everything; `cargo bench --bench pipeline -- throughput ready latency notify
//! restore` picks parts, `-- --quick` runs a tenth of each. Needs Java 17 and Maven, as the tests with a broker do.
//! Nothing here decides a test: the figures are for reading, and the counts are checked.

#[path = "../../tests/support/kept_cases.rs"]
mod kept_cases;
#[path = "../../tests/support/mod.rs"]
mod support;

mod feed;
mod latency;
mod notify;
mod ready;
#[path = "../../tests/notify/receiver.rs"]
mod receiver;
mod restore;
#[path = "../../tests/notify/sample.rs"]
mod sample;
mod throughput;

use support::broker::{Broker, available};

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Scale {
    /// Divides every count.
    pub divisor: u64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let scale = Scale { divisor: if arguments.iter().any(|a| a == "--quick") { 10 } else { 1 } };
    let parts: Vec<&str> = arguments.iter().map(String::as_str).filter(|a| !a.starts_with("--")).collect();
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    if let Err(missing) = available() {
        println!("left out: the pipeline benchmark needs Java 17 and Maven ({missing})");
        return;
    }
    let broker = Broker::start();
    if wanted("throughput") {
        throughput::run(&broker, scale);
    }
    if wanted("ready") {
        ready::run(&broker, scale);
    }
    if wanted("latency") {
        latency::run(&broker, scale);
    }
    if wanted("notify") {
        notify::run(&broker, scale);
    }
    if wanted("restore") {
        restore::run(&broker, scale);
    }
}

/// The value at `share` of the way through sorted values.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let index = ((sorted.len() as f64 - 1.0) * share).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}
