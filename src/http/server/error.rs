//! Why a conversation of a server can fail.

use core::fmt;

use super::RequestError;
use crate::{Error, SourceError};

/// Why the conversation with one caller failed; the server goes on. `U` is the error of its upgrade
/// session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ServeError<U = Error> {
    /// The connection failed, or the caller was too slow.
    Connection(Error),
    /// The caller broke the protocol, and was told so.
    Request(RequestError),
    /// A body that had begun could not be completed.
    Source(SourceError),
    /// A body that had begun ended before its announced length.
    Short,
    /// The protocol to which the connection had changed failed.
    Upgrade(U),
}

impl<U> From<Error> for ServeError<U> {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl<U> From<RequestError> for ServeError<U> {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl<U: fmt::Display> fmt::Display for ServeError<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
            Self::Source(error) => error.fmt(f),
            Self::Short => f.write_str("the body ended before its announced length"),
            Self::Upgrade(error) => error.fmt(f),
        }
    }
}

impl<U: fmt::Debug + fmt::Display> core::error::Error for ServeError<U> {}
