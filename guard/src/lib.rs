//! A device wrapper that keeps the TCP connections of smoltcp from getting stuck.
//!
#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(feature = "smoltcp"),
    allow(dead_code, reason = "without an adapter nothing uses the guard")
)]

mod address;
mod build;
mod bytes;
mod checksum;
mod counters;
mod flow;
mod inspector;
mod link;
mod neighbours;
mod notice;
#[cfg(feature = "smoltcp")]
mod phy;
mod queue;
mod rules;
mod segment;
mod storage;
mod time;

pub use counters::Counters;
pub use notice::Notice;
#[cfg(feature = "smoltcp")]
pub use phy::{Guarded, RxToken, TxToken};
pub use storage::Storage;
