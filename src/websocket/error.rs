//! How a WebSocket can fail, and what it tells.

use core::fmt;

use super::{CloseCode, HandshakeError, Violation};
use crate::http::Malformed;
use crate::{Error, TimeoutKind};

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
    /// A client's: the answer to the handshake breaks HTTP.
    Malformed(Malformed),
    /// A client's: the server refused the handshake with this status. A redirect, 3xx, is not
    /// followed; [`ClientSession::location`](super::ClientSession::location) has its target.
    Status(u16),
    /// A client's: the answer is no WebSocket's.
    Handshake(HandshakeError),
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
            Self::Connection(Error::TimedOut(TimeoutKind::Reply)) => {
                f.write_str("timed out waiting for the answer to the handshake")
            }
            Self::Connection(error) => error.fmt(f),
            Self::Malformed(how) => write!(f, "malformed: {how}"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Handshake(error) => error.fmt(f),
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

impl From<Malformed> for WebSocketError {
    fn from(how: Malformed) -> Self {
        Self::Malformed(how)
    }
}

impl From<HandshakeError> for WebSocketError {
    fn from(error: HandshakeError) -> Self {
        Self::Handshake(error)
    }
}

impl From<Violation> for WebSocketError {
    fn from(how: Violation) -> Self {
        Self::Violation(how)
    }
}
