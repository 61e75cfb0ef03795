//! The poll loop: one invariant, tested with apps that do one odd thing each.

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

mod bare;
mod busy;
mod edges;
mod egress;
mod guarded;
mod late;
mod listener;
mod losses;
mod order;
mod other_sockets;
mod rules;
