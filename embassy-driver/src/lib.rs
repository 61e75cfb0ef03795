//! Every driver of [embassy-net](https://docs.rs/embassy-net) as a device of smoltcp.
//!
#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]

mod device;
mod token;

pub use device::{EmbassyDevice, LinkState};
pub use token::{RxToken, TxToken};
