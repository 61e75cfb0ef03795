//! How a GET can fail, and what it tells.

use core::fmt;

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

/// How a response breaks the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Malformed {
    /// The first line is not `HTTP/1.x NNN`.
    StatusLine,
    /// 101: we asked for no other protocol.
    SwitchingProtocols,
    /// 206 or 304: answers to a question that we did not ask.
    UnaskedStatus,
    /// More than eight interim (1xx) heads.
    TooManyInterim,
    /// A header line without a colon.
    NoColon,
    /// A header line without a name.
    EmptyName,
    /// A byte in a field name that is no token character (RFC 9110, 5.1).
    FieldName,
    /// White space before the colon (RFC 9112, 5.1).
    SpaceBeforeColon,
    /// White space before the first field (RFC 9112, 2.2).
    SpaceBeforeFirstField,
    /// A control byte other than HTAB.
    ControlByte,
    /// A CR that no LF follows (RFC 9112, 2.2).
    BareCr,
    /// Content-Length or Transfer-Encoding folded over lines (RFC 9112, 5.2).
    FoldedLength,
    /// Content-Length is not a number, or over 2^64 - 1.
    Length,
    /// Two Content-Lengths that differ (RFC 9112, 6.3).
    DifferingLengths,
    /// Content-Length together with Transfer-Encoding (RFC 9112, 6.3).
    LengthAndCoding,
    /// A transfer coding other than `chunked`, alone and once.
    Coding,
    /// A transfer coding in an HTTP/1.0 response (RFC 9112, 6.1).
    CodingInOld,
    /// The head is longer than the limit.
    HeadTooLong,
    /// A chunk size that is not 1 to 16 hexadecimal digits.
    ChunkSize,
    /// Chunk framing without its CRLF.
    ChunkEnd,
    /// Chunk extensions and trailers are longer than the limit on a head.
    TrailerTooLong,
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
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::StatusLine => "the status line is not HTTP/1.x and three digits",
            Self::SwitchingProtocols => "101 switches to a protocol that was not asked for",
            Self::UnaskedStatus => "206 or 304 answers a question that was not asked",
            Self::TooManyInterim => "more than eight interim responses",
            Self::NoColon => "a header line has no colon",
            Self::EmptyName => "a header line has no name",
            Self::FieldName => "a header name has a byte that is no token character",
            Self::SpaceBeforeColon => "white space before a colon",
            Self::SpaceBeforeFirstField => "white space before the first header",
            Self::ControlByte => "a control byte in the head",
            Self::BareCr => "a CR without LF",
            Self::FoldedLength => "a folded length or coding",
            Self::Length => "Content-Length is not a number",
            Self::DifferingLengths => "Content-Lengths differ",
            Self::LengthAndCoding => "Content-Length together with Transfer-Encoding",
            Self::Coding => "a transfer coding other than chunked",
            Self::CodingInOld => "a transfer coding in an HTTP/1.0 response",
            Self::HeadTooLong => "the head is over the limit",
            Self::ChunkSize => "a chunk size is not hexadecimal",
            Self::ChunkEnd => "a chunk does not end in CRLF",
            Self::TrailerTooLong => "chunk extensions and trailers are over the limit",
        })
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Connection(Error::TimedOut(TimeoutKind::Reply)) => {
                f.write_str("timed out waiting for the response head")
            }
            Self::Connection(error) => error.fmt(f),
            Self::Truncated => f.write_str("the peer closed before the end"),
            Self::Malformed(how) => write!(f, "malformed: {how}"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::TooLarge => SinkError::Full.fmt(f),
            Self::Sink { code } => SinkError::Failed { code: *code }.fmt(f),
        }
    }
}

impl core::error::Error for Malformed {}

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

impl From<SinkError> for GetError {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Full => Self::TooLarge,
            SinkError::Failed { code } => Self::Sink { code },
        }
    }
}
