//! One `Copy` error for the world; bugs of our own panic instead.

use core::fmt;

/// What an operation was waiting for when its time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Awaited {
    /// The connection to be established (ARP, SYN or nothing was answered).
    Connect,
    /// The last step of a caller's handshake, after its SYN.
    Handshake,
    /// Room in the send buffer for a request or a header.
    Send,
    /// The head of an HTTP response, whole.
    Head,
    /// More of a body or of a file.
    Body,
    /// The whole operation, whatever it was doing.
    Total,
    /// The first word of a file transfer.
    Offer,
    /// The receiver's answer to an offer.
    Answer,
    /// The receiver's receipt.
    Receipt,
    /// The peer to acknowledge what was sent.
    Flush,
    /// Any sign of life from the peer.
    Peer,
    /// The peer's FIN, after ours.
    Close,
}

/// What went wrong in the world. Each variant says who raises it and what it means.
///
/// Timed out, refused, reset, truncated and malformed stay distinct everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// [`Io::connect`](crate::Io::connect): the address can never be a peer (unspecified, broadcast, multicast,
    /// port 0, or one of our own).
    Unaddressable,
    /// [`Io::connect`](crate::Io::connect): the interface has no source address or no route for this peer.
    Unreachable,
    /// [`Io::connect`](crate::Io::connect): all local ports were used within the last 10 s.
    NoLocalPort,
    /// [`Io::connect`](crate::Io::connect) and [`Io::listen`](crate::Io::listen): the socket still carries a
    /// connection. A mistake of the app, or of a caller that gave one socket to two apps.
    SocketInUse,
    /// Any app that dials: the peer answered the SYN with RST.
    Refused,
    /// Any app: the peer sent RST, or gave the connection up, before its end.
    Reset,
    /// Any app: the interface lost the address that the connection used.
    AddressLost,
    /// Any app: a deadline passed; the value says what was awaited.
    TimedOut(Awaited),
    /// The peer closed before the end it announced, or before it said anything.
    Truncated,
    /// The peer's bytes break the protocol; the value says how.
    Malformed(Malformed),
    /// [`Get`](crate::http::Get): the status is 3xx or 400 and above; nothing was saved.
    Status(u16),
    /// A body or file is over the limit that the caller set.
    TooLarge,
    /// A [`Sink`](crate::Sink) or [`Store`](crate::store::Store) cannot take the data; `code` is the storage's own
    /// (an errno under Linux, 0 when there is none).
    Sink {
        /// The storage's own number for the failure.
        code: i32,
    },
    /// A [`Sink`](crate::Sink) or [`Store`](crate::store::Store) took nothing, or a store had not finished, at its deadline.
    StalledSink,
    /// A [`Source`](crate::Source) cannot be read; `code` as in [`Error::Sink`].
    Source {
        /// The storage's own number for the failure.
        code: i32,
    },
    /// The file changed while it was sent.
    SourceChanged,
    /// The file receiver answered with this status instead of taking the file. A receiver raises it itself with status
    /// 3, when another one holds the partial.
    ReceiverRefused(u8),
    /// The file receiver sent something that is no answer or receipt, or one that cannot be there: an offset past the
    /// file's end, a receipt before all bytes were acknowledged, or for another count of bytes.
    BadReceipt,
    /// The digest of what arrived is not the digest that was announced.
    DigestMismatch,
    /// The loop aborted a connection that kept it busy without moving payload.
    Spinning,
}

/// How a peer's bytes break the protocol.
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
    /// A file offer with a wrong magic word.
    OfferMagic,
    /// A file offer of an unknown version or with unknown flags.
    OfferVersion,
    /// A file offer whose name is empty, too long or not UTF-8.
    OfferName,
    /// A file offer whose length no file can have.
    OfferLength,
}

impl fmt::Display for Awaited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "the connection",
            Self::Handshake => "the end of the handshake",
            Self::Send => "room to send",
            Self::Head => "the response head",
            Self::Body => "more data",
            Self::Total => "the whole transfer",
            Self::Offer => "the length or the offer",
            Self::Answer => "the receiver's answer",
            Self::Receipt => "the receiver's receipt",
            Self::Flush => "the acknowledgement of what was sent",
            Self::Peer => "a sign of life",
            Self::Close => "the peer's close",
        })
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
            Self::OfferMagic => "the offer begins with the wrong word",
            Self::OfferVersion => "the offer has an unknown version or flags",
            Self::OfferName => "the offered name is empty, too long or not UTF-8",
            Self::OfferLength => "the offered length is impossible",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unaddressable => f.write_str("this address cannot be a peer"),
            Self::Unreachable => f.write_str("no source address or route to this peer"),
            Self::NoLocalPort => f.write_str("no local port is free"),
            Self::SocketInUse => f.write_str("the socket still carries a connection"),
            Self::Refused => f.write_str("the connection was refused"),
            Self::Reset => f.write_str("the connection was reset"),
            Self::AddressLost => f.write_str("the interface lost the connection's address"),
            Self::TimedOut(awaited) => write!(f, "timed out waiting for {awaited}"),
            Self::Truncated => f.write_str("the peer closed before the end"),
            Self::Malformed(how) => write!(f, "malformed: {how}"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::TooLarge => f.write_str("larger than the limit"),
            Self::Sink { code } => write!(f, "the data cannot be written (code {code})"),
            Self::StalledSink => f.write_str("the data was not taken in time"),
            Self::Source { code } => write!(f, "the file cannot be read (code {code})"),
            Self::SourceChanged => f.write_str("the file changed while it was sent"),
            Self::ReceiverRefused(status) => write!(f, "the receiver refused (status {status})"),
            Self::BadReceipt => f.write_str("the receiver's answer is malformed"),
            Self::DigestMismatch => f.write_str("the digest does not match"),
            Self::Spinning => f.write_str("the connection kept the loop busy without moving data"),
        }
    }
}

impl core::error::Error for Error {}

impl core::error::Error for Malformed {}

impl From<Malformed> for Error {
    fn from(how: Malformed) -> Self {
        Self::Malformed(how)
    }
}
