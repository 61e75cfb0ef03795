//! What can be wrong with a URL.

use core::fmt;

/// What is wrong with a URL. Returned by [`Url::parse`](super::Url::parse).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UrlError {
    /// The text is empty.
    Empty,
    /// A space, anywhere.
    Space,
    /// A control byte (NUL, HTAB, CR, LF, DEL and the like), anywhere.
    ControlByte,
    /// It does not start with a scheme and `://`.
    NoScheme,
    /// The scheme is `https`, or that of a WebSocket `wss`: both need TLS.
    Https,
    /// The scheme is another one.
    OtherScheme,
    /// A user name or password before the host (RFC 9110, 4.2.4).
    UserInfo,
    /// There is no host.
    EmptyHost,
    /// The host name is longer than 253 bytes.
    HostTooLong,
    /// A label of the host name is longer than 63 bytes.
    LabelTooLong,
    /// The host name has two dots in a row, or starts with a dot.
    EmptyLabel,
    /// The host name is not ASCII.
    HostNotAscii,
    /// The host name has a byte other than a letter, a digit, `-`, `_` or `.`.
    HostByte,
    /// The last label of the host is a number, but the host is not four decimal numbers up to 255
    /// without leading zeros.
    BadIpv4,
    /// `[` without `]`.
    UnclosedBracket,
    /// The text in brackets is not an IPv6 address.
    BadIpv6,
    /// The host is in brackets, as an IPv6 address is, but this build lacks the feature `ipv6`.
    NoIpv6,
    /// The IPv6 address has a zone (RFC 6874).
    ZoneId,
    /// The port has a byte that is not a digit.
    BadPort,
    /// Port 0.
    PortZero,
    /// The port is above 65535.
    PortTooLarge,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the URL is empty",
            Self::Space => "the URL has a space",
            Self::ControlByte => "the URL has a control byte",
            Self::NoScheme => "the URL does not begin with http://",
            Self::Https => "https and wss need TLS, which is not there",
            Self::OtherScheme => "the scheme is not supported",
            Self::UserInfo => "the URL has a user name or password",
            Self::EmptyHost => "the URL has no host",
            Self::HostTooLong => "the host name is over 253 bytes",
            Self::LabelTooLong => "a label of the host name is over 63 bytes",
            Self::EmptyLabel => "a label of the host name is empty",
            Self::HostNotAscii => "the host name is not ASCII",
            Self::HostByte => "the host name has a forbidden byte",
            Self::BadIpv4 => "the host ends in a number but is no IPv4 address",
            Self::UnclosedBracket => "the bracket of the host is not closed",
            Self::BadIpv6 => "the host in brackets is no IPv6 address",
            Self::NoIpv6 => "this build has no IPv6",
            Self::ZoneId => "the IPv6 address has a zone",
            Self::BadPort => "the port is not a number",
            Self::PortZero => "the port is 0",
            Self::PortTooLarge => "the port is above 65535",
        })
    }
}

impl core::error::Error for UrlError {}
