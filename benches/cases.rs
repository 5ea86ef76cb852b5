//! What stage 2 costs beside the client: timers, decisions and commits, and reading the cases back.
//!
//! `cargo bench --bench cases`; `cargo bench --bench cases -- two-million [threads]` restores a million open cases and
//! a million closed ones from their wire form and prints time and memory.

#[path = "../tests/support/kept_cases.rs"]
mod kept_cases;

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group};
use golden_bell::core::case::Case;
use golden_bell::core::case_engine::{CaseBook, CaseKey, Moment, SubjectKey, Timer, TimerBook};
use golden_bell::core::matched::Match;
use kept_cases::{closed_case, context, match_json, open_case};
use serde_json::json;

fn opened() -> DateTime<Utc> {
    "2021-07-15T06:00:00Z".parse().unwrap()
}

fn timer(n: u64) -> Timer {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut id = [0; 34];
    id[..2].copy_from_slice(b"c-");
    for (m, digit) in id[2..].iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(mixed.rotate_left(m as u32 * 4) % 16) as usize];
    }
    Timer {
        due: opened() + TimeDelta::milliseconds((mixed % 2_678_400_000) as i64),
        case: CaseKey::of(std::str::from_utf8(&id).unwrap()),
        subject: SubjectKey::of(&n.to_string()),
    }
}

/// A book of timers stays as large as it is: what is taken away is set again.
fn timers(c: &mut Criterion) {
    let mut group = c.benchmark_group("timers");
    for count in [10_000_u64, 100_000, 1_000_000] {
        let all: Vec<Timer> = (0..count).map(timer).collect();
        let more: Vec<Timer> = (count..count + 4_096).map(timer).collect();
        let mut book: TimerBook = all.iter().copied().collect();
        let mut n = 0;
        group.bench_with_input(BenchmarkId::new("set and cancel one", count), &count, |b, _| {
            b.iter(|| {
                n = (n + 1) % more.len();
                book.set(more[n]);
                assert!(book.cancel(&more[n]));
            });
        });
        group.bench_with_input(BenchmarkId::new("fire one and set it later", count), &count, |b, _| {
            b.iter(|| {
                let mut next = *book.next().unwrap();
                book.cancel(&next);
                next.due += TimeDelta::days(1);
                book.set(next);
            });
        });
        assert_eq!(book.len() as u64, count);
    }
    group.finish();
}

fn restored(cases: usize) -> CaseBook {
    let mut book = CaseBook::new();
    for n in 0..cases / 2 {
        for case in [open_case(n, opened()), closed_case(n, opened())] {
            book.restore(&case.case_id, Some(&case.encode().unwrap())).unwrap();
        }
    }
    book.finish_restore();
    book
}

/// An event for an open case in a book of so many: decided, written and committed, one transaction each.
fn commits(c: &mut Criterion) {
    let mut group = c.benchmark_group("a match decided and committed");
    for cases in [10_000, 100_000] {
        let mut book = restored(cases);
        let clock = opened() + TimeDelta::seconds(1_200);
        let payloads: Vec<String> = (0..cases / 2)
            .map(|n| {
                let data = json!({"call_id": format!("B{n}"), "phase": "ended", "caller": "10086", "callee": "13100000000",
                    "suspicion": {"confidence": 0.5}});
                match_json(&format!("r-{n:07}"), "urn:operator:a", &format!("n-{n}"), clock, &data)
            })
            .collect();
        let mut n = 0;
        let mut bytes = 0;
        group.bench_with_input(BenchmarkId::new("cases", cases), &cases, |b, _| {
            b.iter(|| {
                n += 1;
                let matched: Match<'_> = serde_json::from_str(&payloads[n * 7 % payloads.len()]).unwrap();
                drop(book.apply_match(&matched, None, Moment { clock, wall: clock }, &context()));
                bytes += book.changes().unwrap().iter().filter_map(|c| c.value.as_ref()).map(Vec::len).sum::<usize>();
                book.commit().unwrap();
            });
        });
        assert!(bytes > 0);
    }
    group.finish();
}

fn codec(c: &mut Criterion) {
    let mut group = c.benchmark_group("a case");
    for (name, case) in [("open", open_case(1, opened())), ("closed", closed_case(1, opened()))] {
        let wire = case.encode().unwrap();
        group.throughput(Throughput::Bytes(wire.len() as u64));
        group.bench_function(format!("{name}/encode {} B", wire.len()), |b| b.iter(|| case.encode().unwrap()));
        group.bench_function(format!("{name}/decode"), |b| b.iter(|| Case::decode(&wire).unwrap()));
    }
    group.finish();
    let mut group = c.benchmark_group("restore");
    const CASES: usize = 20_000;
    let all: Vec<(String, Vec<u8>)> = (0..CASES / 2)
        .flat_map(|n| [open_case(n, opened()), closed_case(n, opened())])
        .map(|case| (case.case_id.clone(), case.encode().unwrap()))
        .collect();
    group.throughput(Throughput::Elements(CASES as u64));
    group.sample_size(10);
    group.bench_function(format!("{CASES} cases"), |b| {
        b.iter_batched(
            CaseBook::new,
            |mut book| {
                for (id, wire) in &all {
                    book.restore(id, Some(wire)).unwrap();
                }
                book.finish_restore();
                book
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// Resident memory of this process, bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|l| l.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
    kib.unwrap_or(0u64) * 1024
}

/// Restores a million open cases and a million closed ones, in `threads` books.
fn two_million(threads: usize) {
    const EACH: usize = 1_000_000;
    /// So many are made, outside of the time taken, before they are restored.
    const MADE: usize = 5_000;
    drop((open_case(0, opened()), closed_case(0, opened())));
    let before = resident();
    let share = EACH / threads;
    let fill = |thread: usize| {
        let mut book = CaseBook::new();
        let (mut spent, mut bytes) = (Duration::ZERO, 0);
        for from in (thread * share..(thread + 1) * share).step_by(MADE) {
            let until = (from + MADE).min((thread + 1) * share);
            let made: Vec<(String, Vec<u8>)> = (from..until)
                .flat_map(|n| [open_case(n, opened()), closed_case(n, opened())])
                .map(|case| (case.case_id.clone(), case.encode().unwrap()))
                .collect();
            bytes += made.iter().map(|(_, wire)| wire.len()).sum::<usize>();
            let began = Instant::now();
            for (id, wire) in &made {
                book.restore(id, Some(wire)).unwrap();
            }
            spent += began.elapsed();
        }
        let began = Instant::now();
        book.finish_restore();
        (book, spent + began.elapsed(), bytes)
    };
    let done: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || fill(thread))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let cases: usize = done.iter().map(|(book, ..)| book.len()).sum();
    let bytes: usize = done.iter().map(|(.., bytes)| bytes).sum();
    let longest = done.iter().map(|(_, spent, _)| *spent).max().unwrap();
    println!(
        "restore: {cases} cases of {} bytes on average in {threads} books: {:.1} s, resident {} bytes a case",
        bytes / cases,
        longest.as_secs_f64(),
        (resident() - before) / cases as u64,
    );
}

criterion_group!(benches, timers, codec, commits);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.split_first() {
        Some((part, rest)) if part == "two-million" => {
            two_million(rest.first().and_then(|threads| threads.parse().ok()).unwrap_or(2));
        }
        _ => {
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
