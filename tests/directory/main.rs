//! The directory (contract 9): areas, people, on-call rosters, holidays, who is told of a case, and how a new version
//! takes effect.

#[path = "../support/instance.rs"]
#[allow(dead_code, reason = "not every test needs all of it")]
mod instance;

#[path = "../case_engine/support.rs"]
#[allow(dead_code, reason = "not every test needs all of it")]
mod bench;

mod bad_files;
mod exceptions;
mod holidays;
mod icalendar;
mod people;
mod properties;
mod reload;
mod rosters;
mod routes_command;
mod routing;
mod shipped;
mod versions;
mod zone;
