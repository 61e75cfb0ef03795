//! One fault at a time, at every place where it can strike: no chance, so that nothing is missed by luck.
//!
//! | fault | where |
//! |---|---|
//! | a frame is lost, late, doubled or damaged: every frame, in both directions | `frames` |
//! | the peer's stream ends by FIN or RST: behind every byte | `ends`; `tests/file/replies.rs` for the sender |
//! | a host stops and starts again: before every tick | `crashes`; `tests/file/flash.rs` at every write and erase |
//! | a store, a source or a sink fails: every call | `storage`; `tests/file/broken.rs`, `tests/store_flash` inside a store |
//!
//! Each failure names the app, the fault, the frame and its sender, and shows what the hosts told.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "file/book.rs"]
#[allow(dead_code, reason = "shared with the tests of the file machines")]
mod book;
#[path = "file/shelf.rs"]
#[allow(dead_code, reason = "shared with the tests of the file machines")]
mod shelf;

#[path = "single_faults/log.rs"]
mod log;
#[path = "single_faults/play.rs"]
mod play;
#[path = "single_faults/stage.rs"]
mod stage;

#[path = "single_faults/ends.rs"]
mod ends;
#[path = "single_faults/frames.rs"]
mod frames;

#[path = "single_faults/crashes.rs"]
mod crashes;
#[path = "single_faults/storage.rs"]
mod storage;
