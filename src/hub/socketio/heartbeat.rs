//! Pings of Engine.IO: the server asks, the client answers.

use crate::{Duration, Tick};

/// Time from an answer to the next ping.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(25);
/// For the answer.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// ```text
/// Quiet -> Due -> Asked -> Quiet
///           '-------'----> Over
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Heartbeat {
    /// The next ping is due at this time.
    Quiet(Tick),
    /// A ping is to be sent, which has until this time.
    Due(Tick),
    /// It was sent, and the answer has until this time.
    Asked(Tick),
    /// There was no answer.
    Over,
}

impl Heartbeat {
    /// A session begins.
    pub(super) fn begin(now: Tick) -> Self {
        Self::Quiet(now + PING_INTERVAL)
    }

    /// When it moves by itself.
    pub(super) const fn deadline(self) -> Option<Tick> {
        match self {
            Self::Quiet(at) | Self::Due(at) | Self::Asked(at) => Some(at),
            Self::Over => None,
        }
    }

    /// The deadline has passed.
    pub(super) fn expire(&mut self, now: Tick) {
        *self = match self {
            Self::Quiet(_) => Self::Due(now + PING_TIMEOUT),
            Self::Due(_) | Self::Asked(_) | Self::Over => Self::Over,
        };
    }

    /// A ping was sent.
    pub(super) fn sent(&mut self, now: Tick) {
        *self = Self::Asked(now + PING_TIMEOUT);
    }

    /// A packet has come, or still waits to be taken. Whatever it says, the client is there: an answer may be behind much that we
    /// do not read, because the client has said too much.
    pub(super) fn heard(&mut self, now: Tick) {
        if let Self::Asked(_) = self {
            *self = Self::begin(now);
        }
    }
}
