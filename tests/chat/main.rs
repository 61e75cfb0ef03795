//! The chat on a virtual Ethernet, and how its bytes become messages.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "../common/mod.rs"]
mod common;

mod world;

mod conversations;
mod ends;
mod faults;
mod lines;
