//! Why a WebSocket is closed (RFC 6455, 7.4).

use core::fmt;

/// The code of a Close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// All was said.
    pub const NORMAL: Self = Self(1000);
    /// A server shuts down, or a browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// A kind of message that is not accepted, such as bytes where only text is.
    pub const UNSUPPORTED: Self = Self(1003);
    /// Text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// A policy of ours, such as a peer that reads too slowly.
    pub const POLICY: Self = Self(1008);
    /// A message over the limit.
    pub const TOO_BIG: Self = Self(1009);
    /// An unforeseen condition.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// Overloaded: try again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// Whether the code may be in a Close: those of the RFC and of the IANA registry, 3000 to 3999
    /// for libraries, 4000 to 4999 for applications.
    pub const fn is_sendable(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// Whether this is an ordinary end.
    pub const fn is_orderly(self) -> bool {
        matches!(self, Self::NORMAL | Self::GOING_AWAY)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(f)
    }
}
