#![doc = include_str!("architecture.md")]
#![deny(missing_docs, unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::todo)]
#![deny(clippy::unimplemented, clippy::dbg_macro, clippy::print_stdout)]

pub mod cli;
pub mod config;
pub mod core;
pub mod demo;
pub mod generate;
pub mod kafka;
pub mod lifecycle;
pub mod metrics;
pub mod notify;
pub mod operations;
pub mod runtime;
pub mod telemetry;
pub mod workers;
