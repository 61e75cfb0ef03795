//! How a WebSocket can fail, and what it tells.

use core::fmt;

use super::{CloseCode, Violation};
use crate::Error;

/// Why a WebSocket did not end in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WebSocketError {
    /// The connection failed. With [`TimeoutKind::Peer`](crate::TimeoutKind::Peer) the peer did not
    /// answer a Ping, with [`TimeoutKind::Close`](crate::TimeoutKind::Close) it did not answer our
    /// Close, with [`TimeoutKind::Sink`](crate::TimeoutKind::Sink) our endpoint took nothing for too
    /// long.
    Connection(Error),
    /// The peer broke the protocol. We closed with the code that tells it so.
    Violation(Violation),
    /// Our endpoint closed with this code, which stands for a failure.
    Closed(CloseCode),
    /// The peer closed with this code, which stands for a failure.
    ClosedByPeer(CloseCode),
    /// The peer closed the connection without a Close.
    Truncated,
}

/// What a WebSocket tells beyond what every connection tells, in
/// [`Event::App`](crate::Event::App).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// The handshake is over.
    Open,
    /// The peer has closed, with this code where it gave one.
    Closed {
        /// The code.
        code: Option<CloseCode>,
    },
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Violation(how) => write!(f, "the peer broke the protocol: {how}"),
            Self::Closed(code) => write!(f, "closed with code {code}"),
            Self::ClosedByPeer(code) => write!(f, "the peer closed with code {code}"),
            Self::Truncated => f.write_str("the peer closed the connection without a Close"),
        }
    }
}

impl core::error::Error for WebSocketError {}

impl From<Error> for WebSocketError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl From<Violation> for WebSocketError {
    fn from(how: Violation) -> Self {
        Self::Violation(how)
    }
}
