//! Deadlines, and what is missing when one passes.

use core::fmt;

use super::Tick;

/// What an operation was waiting for when its time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TimeoutKind {
    /// The connection to be established (ARP, SYN or nothing was answered).
    Connect,
    /// The last step of a caller's handshake, after its SYN.
    Handshake,
    /// Room in the send buffer.
    Send,
    /// A whole request of the peer.
    Request,
    /// A whole reply of the peer to our request.
    Reply,
    /// More data.
    Receive,
    /// The peer to acknowledge what was sent.
    Flush,
    /// Any sign of life from the peer.
    Peer,
    /// The peer's FIN, after ours.
    Close,
    /// Our own storage: a sink, a source or a store.
    Sink,
    /// The whole operation, whatever it was doing.
    Total,
}

impl fmt::Display for TimeoutKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "the connection",
            Self::Handshake => "the end of the handshake",
            Self::Send => "room to send",
            Self::Request => "the request",
            Self::Reply => "the reply",
            Self::Receive => "more data",
            Self::Flush => "the acknowledgement of what was sent",
            Self::Peer => "a sign of life",
            Self::Close => "the peer's close",
            Self::Sink => "the storage",
            Self::Total => "the whole transfer",
        })
    }
}

/// A point in time, and what will be missing when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Deadline {
    /// When it passes.
    pub at: Tick,
    /// What is waited for until then.
    pub awaits: TimeoutKind,
}

impl Deadline {
    /// A deadline at `at`.
    pub const fn new(at: Tick, awaits: TimeoutKind) -> Self {
        Self { at, awaits }
    }

    /// The earlier of two deadlines, either of which may be missing.
    pub fn earlier(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(first), Some(second)) if first.at <= second.at => one,
            (_, Some(_)) => other,
            (_, None) => one,
        }
    }
}
