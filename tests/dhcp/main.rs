//! The DHCP client against a server that the test plays, one transition a test.
#![cfg(feature = "dhcp")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that panics fails its test, as it should"
)]

#[path = "../../guard/tests/rules/cable.rs"]
#[allow(dead_code, reason = "the guard's tests use the rest")]
mod cable;
#[path = "../common/mod.rs"]
mod common;
#[path = "../../guard/tests/rules/frames.rs"]
#[allow(dead_code, reason = "the guard's tests use the rest")]
mod frames;

mod acquire;
mod guarded;
mod hostile;
mod link;
mod messages;
mod names;
mod neighbours;
mod network;
mod probing;
mod renewal;
mod settings;
mod times;
