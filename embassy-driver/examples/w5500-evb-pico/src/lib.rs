//! What the three programs have in common: the board with its driver, and a server over it.
#![no_std]

mod board;
mod clock;
mod server;

pub use board::{Driver, Runner, start};
pub use server::Server;
