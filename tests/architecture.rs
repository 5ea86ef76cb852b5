//! The invariants of `src/architecture.md` that no lint of the compiler knows.

use std::path::{Path, PathBuf};

/// Every source file with its path below `src/`.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.sort();
    assert!(found.len() > 50);
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The lines of production code that contain one of `words`, comments left out.
#[track_caller]
fn nowhere(inside: impl Fn(&str) -> bool, words: &[&str]) {
    let mut hits = Vec::new();
    for (name, text) in sources().into_iter().filter(|(name, _)| inside(name) && !name.ends_with("tests.rs")) {
        for (number, line) in text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if let Some(word) = words.iter().find(|word| code.contains(**word)) {
                hits.push(format!("{name}:{}: {word}", number + 1));
            }
        }
    }
    assert!(hits.is_empty(), "{}", hits.join("\n"));
}

#[test]
fn the_core_reads_no_clock_does_no_io_logs_nothing_and_counts_nothing() {
    let words = [
        "Instant::now",
        "SystemTime::now",
        "Utc::now",
        "Local::now",
        "tracing::",
        "println!",
        "eprintln!",
        "prometheus::",
        "async fn",
        ".await",
        "tokio::",
        "std::fs",
        "std::net",
        "std::env",
        "rdkafka",
        "crate::kafka",
        "crate::metrics",
        "crate::workers",
        "crate::config",
        "thread::",
    ];
    nowhere(|name| name.starts_with("core/"), &words);
}

#[test]
fn only_the_kafka_room_names_rdkafka() {
    nowhere(|name| !name.starts_with("kafka/"), &["rdkafka"]);
}

#[test]
fn only_the_operations_listener_names_axum() {
    nowhere(|name| name != "operations.rs" && !name.starts_with("desk/"), &["axum"]);
}

#[test]
fn only_the_metrics_name_prometheus() {
    nowhere(|name| !name.starts_with("metrics/"), &["prometheus::"]);
}

#[test]
fn no_file_is_much_above_400_lines() {
    let long: Vec<String> = (sources().iter())
        .filter(|(_, text)| text.lines().count() > 430)
        .map(|(name, text)| format!("{name}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
