//! The event loop of the commands: it allocates nothing, sleeps while idle, and ends on a signal.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod allocations;
mod idle;
mod signals;
mod stopped;
