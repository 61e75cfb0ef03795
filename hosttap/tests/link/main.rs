//! The TAP device, the kernel's side of it, and captures, against the kernel.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod device;
mod errors;
