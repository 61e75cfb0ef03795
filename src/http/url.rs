//! The URL of a GET: checked once, borrowed for ever.

use core::fmt::{self, Write};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The port of `http` when the URL names none.
const PORT_DEFAULT: u16 = 80;
/// Longest name in the DNS, without the dot at its end (RFC 1035, 2.3.4).
const NAME_BYTES_MAX: usize = 253;
/// Longest label of such a name (RFC 1035, 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// An `http` URL that was checked: nothing in it can break out of the request line or of the Host header.
///
/// The text stays the caller's. A fragment is dropped, for it is never sent (RFC 9110, 4.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Url<'a> {
    host: Host<'a>,
    port: u16,
    target: Target<'a>,
}

/// Whom a URL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host<'a> {
    /// An address, written as one. IPv6 is accepted here whatever this build can dial.
    Address(IpAddr),
    /// A name, in ASCII, as it was written.
    Name(&'a str),
}

/// Host and port as the Host header has them; see [`Url::authority`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority<'a> {
    host: Host<'a>,
    port: u16,
}

/// Path and query as the request line has them; see [`Url::target`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Empty, or begins with `/` or `?`.
    path_and_query: &'a str,
}

/// What is wrong with a URL. Raised by [`Url::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UrlError {
    /// There is no text.
    Empty,
    /// A space, anywhere.
    Space,
    /// A control byte (NUL, HTAB, CR, LF, DEL and the like), anywhere.
    ControlByte,
    /// It does not begin with a scheme and `://`.
    NoScheme,
    /// The scheme is `https`, which needs TLS.
    Https,
    /// The scheme is neither `http` nor `https`.
    OtherScheme,
    /// A user name or password before the host (RFC 9110, 4.2.4).
    UserInfo,
    /// There is no host.
    EmptyHost,
    /// The host name is longer than 253 bytes.
    HostTooLong,
    /// A label of the host name is longer than 63 bytes.
    LabelTooLong,
    /// Two dots in a row, or a dot at the front of the host name.
    EmptyLabel,
    /// The host name is not ASCII.
    HostNotAscii,
    /// The host name has a byte other than a letter, a digit, `-`, `_` or `.`.
    HostByte,
    /// The host ends in a number but is not four decimal numbers up to 255 without leading zeros.
    BadIpv4,
    /// `[` without `]`.
    UnclosedBracket,
    /// What stands in the brackets is no IPv6 address.
    BadIpv6,
    /// An IPv6 address with a zone.
    ZoneId,
    /// The port is not made of digits.
    BadPort,
    /// Port 0.
    PortZero,
    /// The port is above 65535.
    PortTooLarge,
}

impl<'a> Url<'a> {
    /// Checks `text` and takes it apart.
    ///
    /// # Errors
    /// The first thing that is wrong, from left to right; spaces and control bytes before all else.
    pub fn parse(text: &'a str) -> Result<Self, UrlError> {
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        for byte in text.bytes() {
            if byte == b' ' {
                return Err(UrlError::Space);
            }
            if byte.is_ascii_control() {
                return Err(UrlError::ControlByte);
            }
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::NoScheme)?;
        check_scheme(scheme)?;
        let authority_bytes = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(authority_bytes);
        let (host, port) = parse_authority(authority)?;
        Ok(Self {
            host,
            port,
            target: Target {
                path_and_query: tail.split_once('#').map_or(tail, |(before, _)| before),
            },
        })
    }

    /// Whom to dial.
    pub const fn host(&self) -> Host<'a> {
        self.host
    }

    /// The port to dial: 80 when the URL names none, never 0.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The value of the Host header: the port only when it is not 80, an IPv6 address in brackets (RFC 9110, 7.2).
    pub const fn authority(&self) -> Authority<'a> {
        Authority {
            host: self.host,
            port: self.port,
        }
    }

    /// What the request line asks for: path and query, never empty, bytes outside ASCII percent-encoded.
    pub const fn target(&self) -> Target<'a> {
        self.target
    }
}

fn check_scheme(scheme: &str) -> Result<(), UrlError> {
    // Schemes ignore case (RFC 3986, 3.1).
    if scheme.eq_ignore_ascii_case("http") {
        return Ok(());
    }
    if scheme.eq_ignore_ascii_case("https") {
        return Err(UrlError::Https);
    }
    // `host/?next=http://other` has its `://` far from the front.
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    Err(if is_scheme {
        UrlError::OtherScheme
    } else {
        UrlError::NoScheme
    })
}

fn parse_authority(authority: &str) -> Result<(Host<'_>, u16), UrlError> {
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    if let Some(opened) = authority.strip_prefix('[') {
        let (inside, after) = opened.split_once(']').ok_or(UrlError::UnclosedBracket)?;
        let host = Host::Address(IpAddr::V6(parse_ipv6(inside)?));
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, parse_port(port)?)),
            None if after.is_empty() => Ok((host, PORT_DEFAULT)),
            None => Err(UrlError::BadPort),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Ok((parse_host(host)?, parse_port(port)?)),
        None => Ok((parse_host(authority)?, PORT_DEFAULT)),
    }
}

fn parse_ipv6(text: &str) -> Result<Ipv6Addr, UrlError> {
    if text.contains('%') {
        return Err(UrlError::ZoneId);
    }
    text.parse().map_err(|_| UrlError::BadIpv6)
}

fn parse_host(host: &str) -> Result<Host<'_>, UrlError> {
    // One dot at the end marks the root of the DNS; it counts towards no limit.
    let name = host.strip_suffix('.').unwrap_or(host);
    if name.is_empty() {
        return Err(UrlError::EmptyHost);
    }
    if !name.is_ascii() {
        return Err(UrlError::HostNotAscii);
    }
    if !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    {
        return Err(UrlError::HostByte);
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(UrlError::HostTooLong);
    }
    for label in name.split('.') {
        if label.is_empty() {
            return Err(UrlError::EmptyLabel);
        }
        if label.len() > LABEL_BYTES_MAX {
            return Err(UrlError::LabelTooLong);
        }
    }
    if name.rsplit('.').next().is_some_and(is_number) {
        // Resolvers read `0177.1` as 127.0.0.1. No name ends in a number, so this can only be a mistake or a trick.
        return host
            .parse::<Ipv4Addr>()
            .map(|address| Host::Address(IpAddr::V4(address)))
            .map_err(|_| UrlError::BadIpv4);
    }
    Ok(Host::Name(host))
}

/// Whether a resolver of the old school would read this label as a number, decimal, octal or hexadecimal.
fn is_number(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit())
        || label
            .strip_prefix("0x")
            .or_else(|| label.strip_prefix("0X"))
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn parse_port(text: &str) -> Result<u16, UrlError> {
    // An empty port is the default one (RFC 3986, 6.2.3).
    if text.is_empty() {
        return Ok(PORT_DEFAULT);
    }
    // `parse` alone would let `+80` pass.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UrlError::BadPort);
    }
    match text.parse() {
        Ok(0) => Err(UrlError::PortZero),
        Ok(port) => Ok(port),
        Err(_) => Err(UrlError::PortTooLarge),
    }
}

/// As in a URL: an IPv6 address stands in brackets.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        if self.port == PORT_DEFAULT {
            return Ok(());
        }
        write!(f, ":{}", self.port)
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The origin form begins with a slash even when the URL has no path (RFC 9112, 3.2.1).
        if !self.path_and_query.starts_with('/') {
            f.write_char('/')?;
        }
        for character in self.path_and_query.chars() {
            if character.is_ascii() {
                f.write_char(character)?;
                continue;
            }
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the URL is empty",
            Self::Space => "the URL has a space",
            Self::ControlByte => "the URL has a control byte",
            Self::NoScheme => "the URL does not begin with http://",
            Self::Https => "https needs TLS, which is not there; only http is",
            Self::OtherScheme => "the scheme is not http",
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
            Self::ZoneId => "the IPv6 address has a zone",
            Self::BadPort => "the port is not a number",
            Self::PortZero => "the port is 0",
            Self::PortTooLarge => "the port is above 65535",
        })
    }
}

impl core::error::Error for UrlError {}
