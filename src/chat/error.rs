//! How a chat can fail, and what it tells.

use core::fmt;

use crate::{Error, SinkError};

/// Why a chat, or one of its conversations, did not end in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ChatError {
    /// The connection failed, or could not be made. With
    /// [`TimeoutKind::Sink`](crate::TimeoutKind::Sink) our own sink took nothing for
    /// [`Options::stall_timeout`](super::Options::stall_timeout).
    Connection(Error),
    /// The sink has no room left and will never have. Ends the app.
    SinkFull,
    /// The sink failed. Ends the app.
    Sink {
        /// The storage's own number for the failure.
        code: i32,
    },
}

/// What a chat tells beyond what every connection tells, in [`Event::App`](crate::Event::App).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// The message that was just delivered is not a whole line: a piece of a long one, or the last
    /// one, cut by the peer's close.
    Partial,
    /// Bytes of ours that the peer has not acknowledged, or that were still queued, were dropped as
    /// their conversation ended.
    Unsent {
        /// Number of bytes.
        bytes: u64,
    },
}

impl fmt::Display for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::SinkFull => SinkError::Full.fmt(f),
            Self::Sink { code } => SinkError::Failed { code: *code }.fmt(f),
        }
    }
}

impl core::error::Error for ChatError {}

impl From<Error> for ChatError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl From<SinkError> for ChatError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Full => Self::SinkFull,
            SinkError::Failed { code } => Self::Sink { code },
        }
    }
}
