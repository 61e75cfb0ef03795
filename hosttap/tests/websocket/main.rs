//! `hosttap` as server and client of WebSockets, over a TAP.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

mod autobahn;
mod chat;
#[path = "../common/mod.rs"]
mod common;
mod stock_peers;

use common::{KERNEL_ADDRESS, Process, hosttap, in_namespace, start_python};

/// A peer that can break every rule.
const PEER_PY: &str = include_str!("peer.py");
