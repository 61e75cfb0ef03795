//! The application layer that bare-metal TCP lacks.
#![no_std]
#![forbid(unsafe_code)]

pub mod chat;
mod error;
pub mod file;
#[cfg(feature = "guard")]
pub mod guard;
pub mod http;
pub mod store;
mod tick;
pub mod wire;

pub use error::{Awaited, Error, Malformed};
pub use tick::{TICKS_PER_SECOND, Tick, TickCounter};
