//! The file receiver and the file sender on a virtual Ethernet.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod common;

#[path = "common/flash.rs"]
#[allow(dead_code, reason = "shared with the tests of the flash store")]
mod flash_chip;

#[path = "file/book.rs"]
mod book;
#[path = "file/log.rs"]
mod log;
#[path = "file/shelf.rs"]
mod shelf;
#[path = "file/stores.rs"]
mod stores;
#[path = "file/world.rs"]
mod world;

#[path = "file/words.rs"]
mod words;

#[path = "file/any_bytes.rs"]
mod any_bytes;
#[path = "file/broken.rs"]
mod broken;
#[path = "file/flash.rs"]
mod flash;
#[path = "file/lossy.rs"]
mod lossy;
#[path = "file/offers.rs"]
mod offers;
#[path = "file/receiver.rs"]
mod receiver;
#[path = "file/replies.rs"]
mod replies;
#[path = "file/report.rs"]
mod report;
#[path = "file/sender.rs"]
mod sender;
#[path = "file/slow.rs"]
mod slow;
#[path = "file/transfers.rs"]
mod transfers;
