//! How a download can fail.

use core::fmt;

use super::{GetError, HeaderError, RedirectError, UrlError};
#[cfg(feature = "dns")]
use crate::dns::ResolveError;
use crate::{Error, TimeoutKind};

/// Why a download did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DownloadError {
    /// The last attempt failed.
    Get(GetError),
    /// A redirect cannot be followed.
    Redirect(RedirectError),
    /// What the sink took is of a file that the server no longer gives, and cannot be taken back.
    CannotRestart,
}

/// What is wrong with what a download was asked for. Returned by [`Download::new`](super::Download::new).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SetupError {
    /// The URL.
    Url(UrlError),
    /// A header of the caller.
    Header(HeaderError),
    /// The buffers are too small for the URL.
    UrlTooLong,
    /// The URL has a name, and this build lacks `dns`.
    NoAddress,
}

/// Whether another attempt can end better.
pub(super) const fn is_retryable(error: &GetError) -> bool {
    match error {
        GetError::Connection(Error::TimedOut(kind)) => {
            !matches!(kind, TimeoutKind::Total | TimeoutKind::Sink)
        }
        GetError::Connection(
            Error::Refused | Error::Reset | Error::AddressLost | Error::DestinationUnreachable,
        )
        | GetError::Truncated => true,
        #[cfg(feature = "dns")]
        GetError::Connection(Error::Unresolved(error)) => {
            matches!(error, ResolveError::NoAnswer | ResolveError::ServerFailed)
        }
        GetError::Status(status) => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
        _ => false,
    }
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Get(error) => error.fmt(f),
            Self::Redirect(error) => error.fmt(f),
            Self::CannotRestart => {
                f.write_str("the file has changed, and what was taken of it cannot be taken back")
            }
        }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::UrlTooLong => RedirectError::TooLong.fmt(f),
            Self::NoAddress => RedirectError::NoAddress.fmt(f),
        }
    }
}

impl core::error::Error for DownloadError {}

impl core::error::Error for SetupError {}

impl From<Error> for DownloadError {
    fn from(error: Error) -> Self {
        Self::Get(error.into())
    }
}
