//! The file receiver and the file sender on a virtual Ethernet, and the bytes that they exchange.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "../common/mod.rs"]
mod common;

mod log;
mod messages;
mod stores;
mod world;

mod any_bytes;
mod broken;
mod first_words;
mod flash;
mod lossy;
mod names;
mod offers;
mod receiver;
mod replies;
mod report;
mod sender;
mod slow;
mod transfers;
