//! What the integration tests share.
// Each test binary uses a part of it.
#![allow(dead_code, unused_imports, unused_macros)]

pub mod audit;
pub mod broker;
pub mod instance;
pub mod model;
pub mod scenario_feed;
pub mod stand;
pub mod topic_io;
pub mod trial;
