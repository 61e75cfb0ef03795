//! The ways in which a peer can break the protocol after the handshake.

use core::fmt;

use super::CloseCode;

/// How the peer breaks the protocol. The connection is closed with [`code`](Violation::code).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Violation {
    /// A reserved bit is set, but no extension was negotiated (RFC 6455, 5.2).
    ReservedBits,
    /// A reserved opcode (RFC 6455, 5.2).
    Opcode,
    /// A control frame is fragmented (RFC 6455, 5.5).
    FragmentedControl,
    /// A control frame has more than 125 bytes (RFC 6455, 5.5).
    LongControl,
    /// A length is not in the shortest form, or is 2^63 or above (RFC 6455, 5.2).
    Length,
    /// A client's frame without a mask (RFC 6455, 5.1).
    Unmasked,
    /// A server's frame with a mask (RFC 6455, 5.1).
    Masked,
    /// A continuation, but no message has begun (RFC 6455, 5.4).
    NothingToContinue,
    /// A new message before the end of a fragmented one (RFC 6455, 5.4).
    MessageInMessage,
    /// A Close whose payload is one byte (RFC 6455, 5.5.1).
    CloseLength,
    /// A Close with a code that must not be sent (RFC 6455, 7.4).
    CloseCode,
    /// Text, or the reason of a Close, is not UTF-8 (RFC 6455, 8.1).
    NotUtf8,
    /// A message is longer than our limit.
    TooLong,
}

impl Violation {
    /// The code with which the connection is closed (RFC 6455, 7.4.1).
    pub const fn code(self) -> CloseCode {
        match self {
            Self::NotUtf8 => CloseCode::INVALID_PAYLOAD,
            Self::TooLong => CloseCode::TOO_BIG,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "a reserved bit is set",
            Self::Opcode => "a reserved opcode",
            Self::FragmentedControl => "a fragmented control frame",
            Self::LongControl => "a control frame with more than 125 bytes",
            Self::Length => "a length that is not in the shortest form",
            Self::Unmasked => "a client's frame without a mask",
            Self::Masked => "a server's frame with a mask",
            Self::NothingToContinue => "a continuation without a beginning",
            Self::MessageInMessage => "a message within another",
            Self::CloseLength => "a close code of one byte",
            Self::CloseCode => "a close code that must not be sent",
            Self::NotUtf8 => "text that is not UTF-8",
            Self::TooLong => "the message is over the limit",
        })
    }
}

impl core::error::Error for Violation {}
