//! The ways in which a response can break the protocol.

use core::fmt;

/// How a response breaks the protocol. Returned by [`HeadParser::feed`](super::HeadParser::feed)
/// and [`BodyDecoder::next`](super::BodyDecoder::next).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Malformed {
    /// The first line is not `HTTP/1.x NNN`.
    StatusLine,
    /// 101: the request asked for no other protocol.
    SwitchingProtocols,
    /// 206 or 304: the request had neither a range nor a condition.
    UnexpectedStatus,
    /// More than eight interim (1xx) heads.
    TooManyInterim,
    /// A header line without a colon.
    NoColon,
    /// A header line without a name.
    EmptyName,
    /// A field name contains a byte that is not a token character (RFC 9110, 5.1).
    FieldName,
    /// White space before the colon (RFC 9112, 5.1).
    SpaceBeforeColon,
    /// White space before the first field (RFC 9112, 2.2).
    SpaceBeforeFirstField,
    /// A control byte other than HTAB (RFC 9110, 5.5).
    ControlByte,
    /// A CR without an LF after it (RFC 9112, 2.2).
    BareCr,
    /// Content-Length or Transfer-Encoding is folded over several lines (RFC 9112, 5.2).
    FoldedLength,
    /// Content-Length is not a number, or is above 2^64 - 1 (RFC 9110, 8.6).
    Length,
    /// Two different values of Content-Length (RFC 9112, 6.3).
    DifferingLengths,
    /// Content-Length together with Transfer-Encoding (RFC 9112, 6.3).
    LengthAndCoding,
    /// The transfer codings are not `chunked` alone, exactly once (RFC 9112, 6.1).
    Coding,
    /// A transfer coding in an HTTP/1.0 response (RFC 9112, 6.1).
    CodingInHttp10,
    /// The head is longer than the limit.
    HeadTooLong,
    /// A chunk size does not have 1 to 16 hexadecimal digits (RFC 9112, 7.1).
    ChunkSize,
    /// A CRLF is missing in the framing of chunks (RFC 9112, 7.1).
    ChunkEnd,
    /// Chunk extensions and trailers together are longer than the limit.
    TrailerTooLong,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StatusLine => "the status line is not HTTP/1.x and three digits",
            Self::SwitchingProtocols => "101 switches to a protocol that was not asked for",
            Self::UnexpectedStatus => "206 or 304 answers a question that was not asked",
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
            Self::CodingInHttp10 => "a transfer coding in an HTTP/1.0 response",
            Self::HeadTooLong => "the head is over the limit",
            Self::ChunkSize => "a chunk size is not hexadecimal",
            Self::ChunkEnd => "a chunk does not end in CRLF",
            Self::TrailerTooLong => "chunk extensions and trailers are over the limit",
        })
    }
}

impl core::error::Error for Malformed {}
