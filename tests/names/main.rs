//! Names: messages as bytes, and the resolver against servers that a test plays by hand.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper that panics fails its test, as it should"
)]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod apps;
mod away;
mod dialling;
mod dnslib;
mod lies;
mod local;
mod messages;
mod reply;
mod rig;
mod servers;
mod tcp;
