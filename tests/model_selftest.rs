//! The oracle of the end-to-end tests, held against the contract by hand, and against outputs that are wrong on purpose:
//! a check that cannot fail shows nothing.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that lacks its material fails")]

mod support {
    pub mod audit;
    pub mod model;
    pub mod scenario_feed;
    pub mod stand_in;
}

mod oracle {
    mod coverage;
    mod notified;
    mod readings;
    mod spoilt;
    mod telling;
}
