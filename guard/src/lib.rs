//! A device wrapper that keeps the TCP connections of smoltcp from getting stuck.
//!
#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod address;
mod counters;
mod flow;
mod guarded;
mod inspector;
mod neighbours;
mod rules;
mod segment;
mod storage;
mod token;

pub use counters::Counters;
pub use guarded::Guarded;
pub use storage::Storage;
pub use token::{RxToken, TxToken};
