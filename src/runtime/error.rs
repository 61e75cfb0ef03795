//! What can happen to a connection. What can go wrong in a protocol is the protocol's own error.

use core::fmt;

use super::TimeoutKind;
#[cfg(feature = "dns")]
use crate::dns::ResolveError;

/// What went wrong with a connection. Each variant says who raises it and what it means.
///
/// Timed out, refused, reset and unreachable stay distinct everywhere. Bugs of our own panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// [`Io::connect`](crate::Io::connect): the address can never be a peer (unspecified, broadcast,
    /// multicast, port 0, or one of our own). [`Io::listen`](crate::Io::listen): the port is 0.
    Unaddressable,
    /// [`Io::connect`](crate::Io::connect): the interface has no source address or no route for this
    /// peer.
    Unreachable,
    /// [`Io::connect`](crate::Io::connect): all local ports were used within the last 10 s.
    NoLocalPort,
    /// [`Io::connect`](crate::Io::connect) and [`Io::listen`](crate::Io::listen): the socket still
    /// carries a connection. A mistake of the app, or of a caller that gave one socket to two apps.
    SocketInUse,
    /// The peer answered our SYN with RST or, in a guarded stack, said by ICMP that the port is closed.
    Refused,
    /// The peer sent RST, or gave the connection up.
    Reset,
    /// The interface lost the address that the connection used.
    AddressLost,
    /// A deadline passed; the value says what was missing.
    TimedOut(TimeoutKind),
    /// The loop aborted a connection that kept it busy without moving payload.
    Spinning,
    /// A router or the peer's host said that our SYN cannot reach its destination (ICMP). Only a
    /// guarded stack learns it; see [`Stack`](crate::Stack).
    DestinationUnreachable,
    /// The name of the peer could not be resolved. The last variant: traces count them, and must not
    /// depend on a feature.
    #[cfg(feature = "dns")]
    Unresolved(ResolveError),
}

impl Error {
    /// Whether no attempt can ever succeed with this address or name.
    pub(crate) const fn is_hopeless(&self) -> bool {
        match self {
            Self::Unaddressable => true,
            #[cfg(feature = "dns")]
            Self::Unresolved(ResolveError::NotAName(_)) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Unaddressable => f.write_str("this address cannot be a peer"),
            Self::Unreachable => f.write_str("no source address or route to this peer"),
            Self::NoLocalPort => f.write_str("no local port is free"),
            Self::SocketInUse => f.write_str("the socket still carries a connection"),
            Self::DestinationUnreachable => f.write_str("the network cannot reach the peer"),
            Self::Refused => f.write_str("the connection was refused"),
            Self::Reset => f.write_str("the connection was reset"),
            Self::AddressLost => f.write_str("the interface lost the connection's address"),
            Self::TimedOut(TimeoutKind::Sink) => f.write_str("the data was not taken in time"),
            Self::TimedOut(missing) => write!(f, "timed out waiting for {missing}"),
            #[cfg(feature = "dns")]
            Self::Unresolved(error) => error.fmt(f),
            Self::Spinning => f.write_str("the connection kept the loop busy without moving data"),
        }
    }
}

impl core::error::Error for Error {}
