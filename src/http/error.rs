//! How a GET can fail, and what it tells.

use core::fmt;

use super::copy::CopyError;
use super::{BodyError, Malformed};
use crate::{Error, SinkError, TimeoutKind};

/// Why a GET did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GetError {
    /// The connection failed.
    Connection(Error),
    /// The server closed before the end that it announced, or the end cannot be proved where
    /// [`GetOptions::require_length`](super::GetOptions::require_length) wants that.
    Truncated,
    /// The response breaks the protocol; the value says how.
    Malformed(Malformed),
    /// The status is 3xx or 400 and above; nothing was saved.
    Status(u16),
    /// The body is over the limit that the caller set, or larger than the sink.
    TooLarge,
    /// The sink failed; `code` is the storage's own number.
    Sink {
        /// The storage's own number for the failure.
        code: i32,
    },
}

/// What a GET tells beyond what every connection tells, in [`Event::App`](crate::Event::App).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// The head of a response has been read.
    Head {
        /// The status code.
        status: u16,
        /// Number of bytes in the body, where the head says so.
        length: Option<u64>,
    },
    /// A download follows a redirect.
    Redirect {
        /// The status code.
        status: u16,
        /// Number of redirects in this attempt, this one included.
        number: u8,
    },
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Connection(Error::TimedOut(TimeoutKind::Reply)) => {
                f.write_str("timed out waiting for the response head")
            }
            Self::Connection(error) => error.fmt(f),
            Self::Truncated => BodyError::Truncated.fmt(f),
            Self::Malformed(how) => write!(f, "malformed: {how}"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::TooLarge => SinkError::Full.fmt(f),
            Self::Sink { code } => SinkError::Failed { code: *code }.fmt(f),
        }
    }
}

impl core::error::Error for GetError {}

impl From<Error> for GetError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl From<Malformed> for GetError {
    fn from(how: Malformed) -> Self {
        Self::Malformed(how)
    }
}

impl From<BodyError> for GetError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Truncated => Self::Truncated,
            BodyError::Malformed(how) => Self::Malformed(how),
        }
    }
}

impl From<SinkError> for GetError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Full => Self::TooLarge,
            SinkError::Failed { code } => Self::Sink { code },
        }
    }
}

impl From<CopyError> for GetError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Malformed(how) => Self::Malformed(how),
            CopyError::TooLarge => Self::TooLarge,
            CopyError::Sink(error) => error.into(),
        }
    }
}
