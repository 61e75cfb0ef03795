//! The parts of `hosttap`: tickwire's apps over a Linux TAP interface.
//!
//! The program is a thin `main` over these modules, and the tests use them too. Nothing here is a
//! stable interface. Imports point one way: `commands` -> `serve` -> `storage` -> `terminal`, `link` ->
//! `cli`, `system` -> `exit`.
#![deny(unsafe_code)]

pub mod app_error;
pub mod cli;
pub mod commands;
pub mod exit;
pub mod link;
pub mod serve;
pub mod storage;
pub mod system;
pub mod terminal;
