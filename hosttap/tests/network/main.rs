//! What the network and a peer that has crashed say about a connection, beside its own segments.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod bulk;
mod crashed_peer;
mod neighbours;
mod path_mtu;
mod snooping;
mod unreachable;
mod waiting_caller;
