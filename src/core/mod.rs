//! The pure core: decisions over data. Nothing here awaits, reads a clock, logs or counts; every function takes what
//! it needs and returns a named outcome, and the shells do the rest.

pub mod case;
pub mod case_engine;
pub mod dead_letter;
pub mod directory;
pub mod envelope;
pub mod erasure;
pub mod event;
pub(crate) mod files;
pub mod identifier;
pub mod index;
pub mod lookback;
pub mod matched;
pub mod matching;
pub mod message;
pub mod notification;
pub mod registrant;
pub mod rules;
pub mod text;
pub mod time;
pub mod warning;
