//! The time of day from a server (SNTP, RFC 4330): packets as pure bytes, a wall clock beside the
//! tick, and the client as an app.
//!
//! Nothing in SNTP is authenticated: whoever is on the way to the server can tell any time.

mod client;
mod clock;
mod packet;

#[cfg(test)]
mod tests;

pub use client::{NTP_PORT, SERVERS_MAX, Sntp, SntpError, SntpEvent, SntpOptions};
pub use clock::WallClock;
pub use packet::{PACKET_LEN, Reply, UnixTime, Unusable, request};
