//! What a board must give the loop: a clock, sleep without lost wake-ups, Ethernet, and a way to report.
//!
//! ```text
//! start() -> Clock, Controller      once, after reset
//! loop {
//!     deadline = turn(clock.now(), ..., nic)
//!     clock.sleep(deadline, nic)    until the deadline or a frame
//! }
//! ```
//!
//! No interrupt handler runs. Interrupts only end a sleep: they are enabled at their source inside
//! [`Clock::sleep`], with PRIMASK set, and silenced again before PRIMASK is cleared. So nothing is shared with
//! a handler, and an application that brings handlers of its own still gets them.
#![no_std]
#![deny(unsafe_code)]

mod clock;
mod fault;
pub mod host;
#[cfg(feature = "mps2-an385")]
mod lan9118;
mod nic;
#[allow(unsafe_code)]
mod raw;
pub mod stack;
mod start;
#[cfg(feature = "lm3s6965evb")]
mod stellaris;

pub use clock::{Clock, Spent, Wake};
pub use nic::{Controller, Counters, FRAME_BYTES_MAX, Nic, Refusal};
pub use start::{Absent, Ethernet, NAME, start};
