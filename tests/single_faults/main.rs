//! Single faults, without chance: every frame, every byte, every call and every step once.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod crashes;
mod ends;
mod frames;
mod stage;
mod stores;
