//! One fault at a time, at every place where it can strike: no chance, so that nothing is missed by
//! luck.
//!
//! | fault | where |
//! |---|---|
//! | a frame is lost, late, doubled or damaged: every frame, in both directions | `frames` |
//! | the peer's stream ends by FIN or RST: after every byte | `ends`; `tests/file/replies.rs` for the sender |
//! | a host stops and starts again: before every tick | `crashes`, `flash`; `tests/file/flash.rs` at every write and erase |
//! | a store, a source or a sink fails: every call | `storage`; `tests/file/broken.rs`, `tests/store_flash` inside a store |
//!
//! After each fault the server goes on, and has to serve the next caller, unless it was for one
//! caller: then it has to come to its end.
//!
//! Each failure names the app, the fault, the frame and its sender, and shows what the hosts told.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "../common/mod.rs"]
mod common;

mod context;
mod log;
mod scenarios;

mod crashes;
mod ends;
mod flash;
mod frames;
mod storage;
