//! Delivery of notifications (contract 10): what is sent on each channel, what becomes of each answer, and the role
//! `notify` as a process between a real broker and receivers that misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test ends at the first thing that does not hold"
)]

mod support;

#[path = "notify/alertmanager.rs"]
mod alertmanager;
#[path = "notify/attempts.rs"]
mod attempts;
#[path = "notify/board.rs"]
mod board;
#[path = "notify/config.rs"]
mod config;
#[path = "notify/delivery.rs"]
mod delivery;
#[path = "notify/faults.rs"]
mod faults;
#[path = "notify/gone.rs"]
mod gone;
#[path = "notify/kept.rs"]
mod kept;
#[path = "notify/receiver.rs"]
mod receiver;
#[path = "notify/requests.rs"]
mod requests;
#[path = "notify/sample.rs"]
mod sample;
#[path = "notify/stage.rs"]
mod stage;
#[path = "notify/stubborn.rs"]
mod stubborn;
#[path = "notify/templates.rs"]
mod templates;
#[path = "notify/tls.rs"]
mod tls;
#[path = "notify/whole_way.rs"]
mod whole_way;
#[path = "notify/wire.rs"]
mod wire;
