//! Message templates: what loads, what is refused, and what can come out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first thing that does not hold")]

#[path = "messages/loading.rs"]
mod loading;
#[path = "messages/shipped.rs"]
mod shipped;
