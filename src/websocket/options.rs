//! How a WebSocket behaves.

use super::Delivery;
use crate::Duration;

/// How a WebSocket behaves, on either side; fixed for its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Options {
    /// How messages are handed over.
    pub delivery: Delivery,
    /// Longest message in bytes. In [`Delivery::Whole`] the buffer is a limit, too.
    pub message_bytes_max: u64,
    /// A client's: from the connection to the end of the answer to its handshake.
    pub handshake_timeout: Duration,
    /// Silence after which the peer is asked whether it is there.
    pub ping_interval: Duration,
    /// For its answer.
    pub pong_timeout: Duration,
    /// How long the endpoint may take no message
    /// ([`TimeoutKind::Sink`](crate::TimeoutKind::Sink)).
    pub stall_timeout: Duration,
    /// For the peer's Close, after ours. A client waits as long again for the server to close the
    /// connection.
    pub close_timeout: Duration,
}

impl Options {
    /// Whole messages of any length that the buffer holds; 10 s for the handshake, a Ping after 20 s of
    /// silence, 20 s for its answer, 60 s for an endpoint that takes nothing, 5 s to close.
    pub const DEFAULT: Self = Self {
        delivery: Delivery::Whole,
        message_bytes_max: u64::MAX,
        handshake_timeout: Duration::from_secs(10),
        ping_interval: Duration::from_secs(20),
        pong_timeout: Duration::from_secs(20),
        stall_timeout: Duration::from_secs(60),
        close_timeout: Duration::from_secs(5),
    };
}

impl Default for Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}
