//! One fault at a time, at every place where it can strike: no chance, so that nothing is missed by luck.
//!
//! | fault | where |
//! |---|---|
//! | a frame is lost, late, doubled or damaged: every frame, in both directions | `frames` |
//! | the peer's stream ends by FIN or RST: behind every byte | `ends`; `tests/file/replies.rs` for the sender |
//! | a host stops and starts again: before every tick | `crashes`, `flash`; `tests/file/flash.rs` at every write and erase |
//! | a store, a source or a sink fails: every call | `storage`; `tests/file/broken.rs`, `tests/store_flash` inside a store |
//!
//! Behind each fault the listener goes on, and has to serve the next caller, unless it was for one caller: then it has to
//! come to its end.
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
#[path = "common/flash.rs"]
#[allow(dead_code, reason = "shared with the tests of the flash store")]
mod flash_chip;
#[path = "file/shelf.rs"]
#[allow(dead_code, reason = "shared with the tests of the file machines")]
mod shelf;

#[path = "each_fault/log.rs"]
mod log;
#[path = "each_fault/play.rs"]
mod play;
#[path = "each_fault/stage.rs"]
mod stage;

#[path = "each_fault/ends.rs"]
mod ends;
#[path = "each_fault/frames.rs"]
mod frames;

#[path = "each_fault/crashes.rs"]
mod crashes;
#[path = "each_fault/flash.rs"]
mod flash;
#[path = "each_fault/storage.rs"]
mod storage;
