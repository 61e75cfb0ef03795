//! What a scripted peer can do, and how it can fail.

use core::fmt;

use smoltcp::wire::IpEndpoint;
use tickwire::{Duration, Error};

/// One thing that a scripted peer does. All acts but [`Act::Stall`] read what arrives meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act<'a> {
    /// Reads until these bytes (at most 256) have arrived.
    Expect(&'a [u8]),
    /// Reads until this number of bytes has arrived since the connection was made.
    Read(u64),
    /// Sends these bytes.
    Send(&'a [u8]),
    /// Sends these bytes one at a time, with this time between them.
    Drip(&'a [u8], Duration),
    /// Sends this number of bytes of a pattern: byte `n` of all that this script fills is [`fill_byte`] of `n`.
    Fill(u64),
    /// Goes on reading for this time.
    Wait(Duration),
    /// Reads nothing for this time: the window closes.
    Stall(Duration),
    /// Reads until the peer has acknowledged all that was sent.
    Flush,
    /// Sends FIN after what was sent.
    Close,
    /// Waits for the peer's FIN.
    ExpectEnd,
    /// Sends RST.
    Reset,
}

/// The byte at `offset` of what [`Act::Fill`] sends: `offset * 7 + offset / 251`, cut to 8 bits.
pub const fn fill_byte(offset: u64) -> u8 {
    (offset.wrapping_mul(7).wrapping_add(offset / 251) & 0xff) as u8
}

/// Whether the peer accepts its connection or makes it.
#[derive(Debug, Clone, Copy)]
pub enum Opening {
    /// It listens on this port.
    Listen(u16),
    /// It dials this endpoint.
    Dial(IpEndpoint),
}

/// Why a script did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptError {
    /// The connection failed.
    Connection(Error),
    /// The peer closed before what was expected.
    Truncated,
}

impl From<Error> for ScriptError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Truncated => f.write_str("the peer closed before what was expected"),
        }
    }
}

impl core::error::Error for ScriptError {}
