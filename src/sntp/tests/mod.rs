//! Packets and the clock.

extern crate std;

mod clock;
mod packet;
