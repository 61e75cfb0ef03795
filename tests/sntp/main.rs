//! The SNTP client against servers that a test plays.
#![cfg(feature = "sntp")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that panics fails its test, as it should"
)]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod network;
mod refusals;
