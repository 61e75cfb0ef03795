//! The ways in which a request can break the protocol.

use core::fmt;

use crate::http::Malformed;

/// Why a request was refused before any handler saw it. Returned by
/// [`RequestParser::feed`](super::RequestParser::feed) and [`Request::parse`](super::Request::parse).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// The first line is not a method, a target and a version with one space between (RFC 9112, 3).
    RequestLine,
    /// The target has none of the four forms, or not the one that its method needs (RFC 9112, 3.2).
    Target,
    /// A method that the server does not know; CONNECT and TRACE are among them.
    Method,
    /// A version other than HTTP/1.x.
    Version,
    /// The request line is longer than the memory for the head.
    LineTooLong,
    /// The fields are longer than the memory for the head.
    FieldsTooLong,
    /// A line ends in LF alone, or a CR has no LF after it (RFC 9112, 2.2).
    LineEnd,
    /// A field is malformed: the value says how. A folded field is
    /// [`SpaceBeforeFirstField`](Malformed::SpaceBeforeFirstField) or
    /// [`FoldedLength`](Malformed::FoldedLength), whatever its name.
    Field(Malformed),
    /// HTTP/1.1 without Host, more than one Host, or one that is no host and port (RFC 9112, 3.2).
    Host,
    /// The host is none of the names of this server: somebody may have led a name of his own to it
    /// (DNS rebinding).
    Misdirected,
    /// Content-Length is no plain number, or there are two of them, even if they are equal.
    Length,
    /// Content-Length together with Transfer-Encoding, or a coding in HTTP/1.0 (RFC 9112, 6.1).
    Framing,
    /// The last transfer coding is not `chunked`, so nothing says where the body ends (RFC 9112, 6.3).
    Unframed,
    /// A transfer coding other than `chunked` before it.
    Coding,
    /// An expectation other than `100-continue` (RFC 9110, 10.1.1).
    Expectation,
    /// The framing of a chunked body; the value says how.
    Body(Malformed),
    /// The body is longer than the handler takes.
    BodyTooLong,
    /// The caller closed before the end of its request.
    Truncated,
}

impl RequestError {
    /// The status that answers it.
    pub const fn status(self) -> u16 {
        match self {
            Self::RequestLine
            | Self::Target
            | Self::LineEnd
            | Self::Field(_)
            | Self::Host
            | Self::Length
            | Self::Framing
            | Self::Unframed
            | Self::Body(_)
            | Self::Truncated => 400,
            Self::BodyTooLong => 413,
            Self::LineTooLong => 414,
            Self::Expectation => 417,
            Self::Misdirected => 421,
            Self::FieldsTooLong => 431,
            Self::Method | Self::Coding => 501,
            Self::Version => 505,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequestLine => "the request line is not method, target and version",
            Self::Target => "the request target is malformed",
            Self::Method => "the method is not known",
            Self::Version => "the version is not HTTP/1.x",
            Self::LineTooLong => "the request line is over the limit",
            Self::FieldsTooLong => "the header is over the limit",
            Self::LineEnd => "a line does not end in CRLF",
            Self::Field(how) | Self::Body(how) => return how.fmt(f),
            Self::Host => "there is not exactly one Host",
            Self::Misdirected => "the host is none of this server's names",
            Self::Length => "Content-Length is not one number",
            Self::Framing => "a length and a coding, or a coding in HTTP/1.0",
            Self::Unframed => "chunked is not the last transfer coding",
            Self::Coding => "a transfer coding is not known",
            Self::Expectation => "an expectation is not known",
            Self::BodyTooLong => "the body is over the limit",
            Self::Truncated => "the caller closed before the end of its request",
        })
    }
}

impl core::error::Error for RequestError {}
