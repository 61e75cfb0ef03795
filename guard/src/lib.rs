//! A device wrapper that keeps the TCP connections of smoltcp from getting stuck.
//!
#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(any(feature = "smoltcp", feature = "embassy")),
    allow(
        dead_code,
        unused_imports,
        reason = "without an adapter nothing uses the guard"
    )
)]

mod adapter;
mod address;
mod arp;
mod backlog;
mod build;
mod bytes;
mod challenge;
mod checksum;
mod counters;
mod cut;
mod duties;
#[cfg(feature = "embassy")]
mod embassy;
mod flow;
mod flow_table;
mod icmp;
mod inspector;
mod link;
#[cfg(feature = "ipv6")]
mod listener;
#[cfg(feature = "ipv6")]
mod mld;
#[cfg(feature = "ipv6")]
mod ndisc;
mod neighbours;
mod notice;
mod options;
mod path_mtu;
#[cfg(feature = "smoltcp")]
mod phy;
mod presence;
#[cfg(feature = "recovery")]
mod recovery;
mod rules;
mod segment;
mod storage;
mod time;

pub use adapter::{RxToken, TxToken};
pub use counters::Counters;
pub use duties::Duties;
#[cfg(feature = "embassy")]
pub use embassy::{Control, GuardedDriver};
pub use notice::{Notice, Unreachable};
#[cfg(feature = "smoltcp")]
pub use phy::Guarded;
pub use storage::Storage;
