//! The chat peer on a virtual Ethernet.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that panics fails its test, as it should"
)]

mod common;
#[path = "chat/world.rs"]
mod world;

#[path = "chat/conversations.rs"]
mod conversations;

#[path = "chat/ends.rs"]
mod ends;
#[path = "chat/faults.rs"]
mod faults;
