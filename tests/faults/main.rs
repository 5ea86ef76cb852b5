//! Faults on three real brokers, one after another, under a load of events, follow-ups and timers: whatever dies, hangs
//! or is cut off, nothing is lost, nothing doubled, nothing out of order.
//!
//! `cargo test --test faults` runs a short set, one fault of most kinds. The long one takes the better part of an hour,
//! prints its results as tables and writes them to `target/faults/table-all.md`:
//!
//! ```text
//! GOLDEN_BELL_FAULTS=long cargo test --test faults the_long -- --nocapture
//! ```
//!
//! `GOLDEN_BELL_FAULTS=long:40` has 40 kills instead of 200, and everything else in proportion; `long:200:kills,pauses`
//! has those campaigns only, its tables in `table-kills-pauses.md`. `GOLDEN_BELL_TEST_SEED` repeats the choices of a run.
//! It fails on any anomaly, on a kind of fault that never bit, and on recovery that is too slow, the last only where the
//! load average was at most 4 when it began.
//!
//! What must hold after every campaign (numbers as in the literature on such tests): U1 no transaction is left open, U2
//! what was expected is there and nothing else, U3 nothing is there twice, U4 everything about a person is in order,
//! U5 what a new instance restores is what the live ones had, U6 everything read is committed, U7 the fault did happen,
//! else the round is INVALID, U8 work goes on within the time stated. See `campaign`, `replay` and `support::audit`.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test ends at what does not hold")]

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/templates.rs"]
mod templates;

mod arena;
mod campaign;
mod compare;
mod late;
mod load;
mod mock;
mod nemesis;
mod outage;
mod probe;
mod proxy;
mod replay;
mod report;
mod restore;
mod sets;
mod shutdown;
mod spoils;
mod verdict;

/// How many kills the long set has; the rest goes by it.
const KILLS: usize = 200;

/// What was asked for.
struct Asked {
    kills: usize,
    /// The campaigns to run; all where there is none.
    only: Vec<String>,
}

/// The long set that is asked for; `None` for the short one.
fn long() -> Option<Asked> {
    let asked = std::env::var("GOLDEN_BELL_FAULTS").ok()?;
    let mut parts = asked.split(':');
    assert_eq!(parts.next(), Some("long"), "GOLDEN_BELL_FAULTS is long, long:COUNT or long:COUNT:CAMPAIGN,...");
    let kills = parts.next().map_or(KILLS, |count| count.parse().expect("the count of GOLDEN_BELL_FAULTS"));
    let only = parts.next().map_or(Vec::new(), |names| names.split(',').map(str::to_owned).collect());
    Some(Asked { kills, only })
}

/// The seed of this process.
fn seed() -> u64 {
    let given = std::env::var("GOLDEN_BELL_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("seed {seed} (GOLDEN_BELL_TEST_SEED={seed} repeats it)");
    seed
}
