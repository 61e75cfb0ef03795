//! The program and its devices against the kernel and real programs, each test in a network namespace of its own.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

mod chat;
mod common;
mod device;
mod doctor;
mod echo;
mod failures;
mod frugal;
mod get;
mod kills;
mod peers;
mod readme;
mod recv;
mod send;
mod signals;
