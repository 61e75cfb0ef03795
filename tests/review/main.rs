//! What a hostile review of the core found: each test is one finding.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "../common/mod.rs"]
mod common;

mod absence;
mod deadlines;
mod floods;
mod losses;
mod servers;
