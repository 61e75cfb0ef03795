//! How a transfer can fail, on each of its sides.

use core::fmt;

use super::Status;
use crate::store::StoreError;
use crate::{Error, SinkError, SourceError, TimeoutKind};

/// How an offer breaks the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OfferError {
    /// The first word is neither a length nor the magic.
    Magic,
    /// An unknown version or flags.
    Version,
    /// The name has not 1 to 255 bytes, or is not UTF-8.
    Name,
    /// The length is over [`LENGTH_MAX`](super::LENGTH_MAX).
    Length,
}

/// Why a file was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// The connection failed.
    Connection(Error),
    /// The name has not 1 to 255 bytes. Raised before the connection is made.
    Name,
    /// The file is longer than its form can say. Raised before the connection is made.
    TooLarge,
    /// The source failed; `code` is the storage's own number.
    Source {
        /// The storage's own number for the failure.
        code: i32,
    },
    /// The source is not what it was when it was hashed.
    SourceChanged,
    /// The receiver refused with this [`Status`].
    Refused(u8),
    /// The receiver said something that the protocol does not allow where it came.
    BadReply,
    /// The receiver closed before its receipt.
    Truncated,
}

/// Why a file was not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ReceiveError {
    /// The connection failed, or the store did not move in time ([`TimeoutKind::Sink`]).
    Connection(Error),
    /// The offer breaks the protocol; the value says how.
    Malformed(OfferError),
    /// The sender closed before the end that it announced.
    Truncated,
    /// The file is over the limit that the caller set, or larger than the store.
    TooLarge,
    /// Another receiver is receiving this file.
    Busy,
    /// The store failed; `code` is the medium's own number.
    Store {
        /// The medium's own number for the failure.
        code: i32,
    },
    /// What arrived has another digest than was announced; it was thrown away.
    DigestMismatch,
}

const TRUNCATED: &str = "the peer closed before the end";

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Magic => "the offer begins with the wrong word",
            Self::Version => "the offer has an unknown version or flags",
            Self::Name => "the offered name is empty, too long or not UTF-8",
            Self::Length => "the offered length is impossible",
        })
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Connection(Error::TimedOut(TimeoutKind::Reply)) => {
                f.write_str("timed out waiting for the receiver's reply")
            }
            Self::Connection(error) => error.fmt(f),
            Self::Name => ReceiveError::Malformed(OfferError::Name).fmt(f),
            Self::TooLarge => SinkError::Full.fmt(f),
            Self::Source { code } => SourceError::Failed { code: *code }.fmt(f),
            Self::SourceChanged => SourceError::Changed.fmt(f),
            Self::Refused(status) => write!(f, "the receiver refused (status {status})"),
            Self::BadReply => f.write_str("the receiver's answer is malformed"),
            Self::Truncated => f.write_str(TRUNCATED),
        }
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Connection(Error::TimedOut(TimeoutKind::Request)) => {
                f.write_str("timed out waiting for the length or the offer")
            }
            Self::Connection(error) => error.fmt(f),
            Self::Malformed(how) => write!(f, "malformed: {how}"),
            Self::Truncated => f.write_str(TRUNCATED),
            Self::TooLarge => SinkError::Full.fmt(f),
            Self::Busy => SendError::Refused(Status::BUSY.0).fmt(f),
            Self::Store { code } => SinkError::Failed { code: *code }.fmt(f),
            Self::DigestMismatch => f.write_str("the digest does not match"),
        }
    }
}

impl core::error::Error for OfferError {}

impl core::error::Error for SendError {}

impl core::error::Error for ReceiveError {}

impl From<Error> for SendError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl From<SourceError> for SendError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Changed => Self::SourceChanged,
            SourceError::Failed { code } => Self::Source { code },
        }
    }
}

impl From<Error> for ReceiveError {
    fn from(error: Error) -> Self {
        Self::Connection(error)
    }
}

impl From<OfferError> for ReceiveError {
    fn from(how: OfferError) -> Self {
        Self::Malformed(how)
    }
}

impl From<StoreError> for ReceiveError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooLarge => Self::TooLarge,
            StoreError::Busy => Self::Busy,
            StoreError::Failed { code } => Self::Store { code },
        }
    }
}
