//! The URL of a GET, checked when it is parsed.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr};

use super::{UrlError, UserInfo};

/// The port of `http` when the URL names none.
const PORT_DEFAULT: u16 = 80;
/// Longest DNS name in bytes, without a final dot (RFC 1035, 2.3.4).
pub(super) const NAME_TEXT_BYTES_MAX: usize = 253;
/// Longest label of a DNS name in bytes (RFC 1035, 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// A checked `http` URL: no byte of it can end the request line or the Host header early.
///
/// It borrows the caller's text. A fragment is dropped, because it is never sent (RFC 9110, 4.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Url<'a> {
    host: Host<'a>,
    authority: Authority<'a>,
    target: Target<'a>,
}

/// The host of a URL; see [`Url::host`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Host<'a> {
    /// An address in text form; IPv6 only with the feature `ipv6`.
    Address(IpAddr),
    /// A name in ASCII, as the URL has it.
    Name(&'a str),
}

/// Host and port in the form of the Host header; see [`Url::authority`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Authority<'a> {
    /// As the URL has it; an IPv6 address has its brackets.
    host: &'a str,
    port: u16,
}

/// Path and query in the form of the request line; see [`Url::target`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Target<'a> {
    /// Empty, or starts with `/` or `?`.
    path_and_query: &'a str,
}

impl<'a> Url<'a> {
    /// Parses and checks `text`.
    ///
    /// # Errors
    /// The first error from left to right. Spaces and control bytes come before all others.
    pub fn parse(text: &'a str) -> Result<Self, UrlError> {
        match Self::parse_with_user_info(text)? {
            (url, None) => Ok(url),
            (_, Some(_)) => Err(UrlError::UserInfo),
        }
    }

    /// Parses and checks `text`, which may have a user name and password before its host. They are no
    /// part of the URL, and are never sent in it.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), but for [`UrlError::UserInfo`].
    pub fn parse_with_user_info(text: &'a str) -> Result<(Self, Option<UserInfo<'a>>), UrlError> {
        Self::parse_scheme(text, ["http", "https"])
    }

    /// Parses a URL of the first of these schemes; the second is the same over TLS.
    pub(crate) fn parse_scheme(
        text: &'a str,
        schemes: [&str; 2],
    ) -> Result<(Self, Option<UserInfo<'a>>), UrlError> {
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
        let (scheme, rest) = split_once(text, b':').ok_or(UrlError::NoScheme)?;
        let rest = rest.strip_prefix("//").ok_or(UrlError::NoScheme)?;
        check_scheme(scheme, schemes)?;
        let ends_authority = |byte| matches!(byte, b'/' | b'?' | b'#');
        let end = rest.bytes().position(ends_authority);
        let end = end.unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        let tail = rest.get(end..).unwrap_or_default();
        let (user_info, authority) = match authority.bytes().rposition(|byte| byte == b'@') {
            Some(at) => (
                authority.get(..at),
                authority.get(at + 1..).unwrap_or_default(),
            ),
            None => (None, authority),
        };
        let (host, authority) = parse_authority(authority)?;
        let url = Self {
            host,
            authority,
            target: Target {
                path_and_query: split_once(tail, b'#').map_or(tail, |(before, _)| before),
            },
        };
        Ok((url, user_info.map(UserInfo::new)))
    }

    /// The host to connect to.
    pub const fn host(&self) -> Host<'a> {
        self.host
    }

    /// The port to connect to: 80 if the URL has none, never 0.
    pub const fn port(&self) -> u16 {
        self.authority.port
    }

    /// The value of the Host header: with the port unless it is 80, an IPv6 address in brackets
    /// (RFC 9110, 7.2).
    pub const fn authority(&self) -> Authority<'a> {
        self.authority
    }

    /// Whether two URLs have the same origin: host and port (RFC 9110, 4.3.1). There is one scheme.
    pub fn has_same_origin(&self, other: &Url<'_>) -> bool {
        let (one, other) = (&self.authority, &other.authority);
        one.port == other.port && one.host.eq_ignore_ascii_case(other.host)
    }

    /// Passes the whole URL to `write`, piece by piece: as it is sent, without a fragment.
    pub(super) fn write_pieces(&self, write: &mut dyn FnMut(&[u8])) {
        write(b"http://");
        self.authority.write_pieces(write);
        self.target.write_pieces(write);
    }

    /// The request target: path and query, never empty. Bytes outside ASCII are percent-encoded.
    pub const fn target(&self) -> Target<'a> {
        self.target
    }
}

/// Splits `text` at the first `byte`, which must be ASCII. (The searcher of `str::split_once` takes
/// 400 bytes of flash.)
pub(super) fn split_once(text: &str, byte: u8) -> Option<(&str, &str)> {
    let index = text.bytes().position(|other| other == byte)?;
    Some((text.get(..index)?, text.get(index + 1..)?))
}

fn check_scheme(scheme: &str, [plain, over_tls]: [&str; 2]) -> Result<(), UrlError> {
    // Schemes ignore case (RFC 3986, 3.1).
    if scheme.eq_ignore_ascii_case(plain) {
        return Ok(());
    }
    if scheme.eq_ignore_ascii_case(over_tls) {
        return Err(UrlError::Https);
    }
    let scheme = scheme.as_bytes();
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    Err(if is_scheme {
        UrlError::OtherScheme
    } else {
        UrlError::NoScheme
    })
}

fn parse_authority(authority: &str) -> Result<(Host<'_>, Authority<'_>), UrlError> {
    let (host, name, port) = if let Some(opened) = authority.strip_prefix('[') {
        let (inside, after) = split_once(opened, b']').ok_or(UrlError::UnclosedBracket)?;
        let host = Host::Address(parse_ipv6(inside)?);
        let port = after.strip_prefix(':');
        if port.is_none() && !after.is_empty() {
            return Err(UrlError::BadPort);
        }
        let name = authority.get(..inside.len() + 2).unwrap_or_default();
        (host, name, port)
    } else {
        let (name, port) = match split_once(authority, b':') {
            Some((name, port)) => (name, Some(port)),
            None => (authority, None),
        };
        (parse_host(name)?, name, port)
    };
    let port = parse_port(port.unwrap_or_default().as_bytes())?;
    Ok((host, Authority { host: name, port }))
}

/// Whether `text` is what a Host field may say: a host, and perhaps a port in digits.
#[cfg(feature = "server")]
pub(super) fn is_authority(text: &str) -> bool {
    // A port by its name is what people write, not programs.
    let port = text
        .bytes()
        .rev()
        .take_while(|&byte| byte != b':' && byte != b']');
    let has_port = text.bytes().any(|byte| byte == b':');
    let is_number = !has_port || port.clone().all(|byte| byte.is_ascii_digit());
    is_number && parse_authority(text).is_ok()
}

fn parse_ipv6(text: &str) -> Result<IpAddr, UrlError> {
    if text.bytes().any(|byte| byte == b'%') {
        return Err(UrlError::ZoneId);
    }
    #[cfg(feature = "ipv6")]
    return text.parse().map(IpAddr::V6).map_err(|_| UrlError::BadIpv6);
    #[cfg(not(feature = "ipv6"))]
    Err(UrlError::NoIpv6)
}

fn parse_host(host: &str) -> Result<Host<'_>, UrlError> {
    // A final dot stands for the root of the DNS. It counts towards no limit.
    let name = host.strip_suffix('.').unwrap_or(host).as_bytes();
    if name.is_empty() {
        return Err(UrlError::EmptyHost);
    }
    if !name.is_ascii() {
        return Err(UrlError::HostNotAscii);
    }
    if !name
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    {
        return Err(UrlError::HostByte);
    }
    if name.len() > NAME_TEXT_BYTES_MAX {
        return Err(UrlError::HostTooLong);
    }
    let mut last = name;
    for label in name.split(|&byte| byte == b'.') {
        if label.is_empty() {
            return Err(UrlError::EmptyLabel);
        }
        if label.len() > LABEL_BYTES_MAX {
            return Err(UrlError::LabelTooLong);
        }
        last = label;
    }
    if is_number(last) {
        // Some resolvers read `0177.1` as 127.0.0.1. No name ends in a number, so this is a mistake
        // or an attack.
        return host
            .parse::<Ipv4Addr>()
            .map(|address| Host::Address(IpAddr::V4(address)))
            .map_err(|_| UrlError::BadIpv4);
    }
    Ok(Host::Name(host))
}

/// Whether a resolver based on `inet_aton` reads this label as a number: decimal, octal or
/// hexadecimal.
fn is_number(label: &[u8]) -> bool {
    match label {
        [b'0', b'x' | b'X', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        _ => label.iter().all(u8::is_ascii_digit),
    }
}

fn parse_port(digits: &[u8]) -> Result<u16, UrlError> {
    // An empty port means the default port (RFC 3986, 6.2.3).
    if digits.is_empty() {
        return Ok(PORT_DEFAULT);
    }
    let mut port: u32 = 0;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return named_port(digits).ok_or(UrlError::BadPort);
        }
        // At most 655,369: it cannot overflow, and a number that is too large stays too large.
        port = port.min(0x1_0000) * 10 + u32::from(byte - b'0');
    }
    match u16::try_from(port) {
        Ok(0) => Err(UrlError::PortZero),
        Ok(port) => Ok(port),
        Err(_) => Err(UrlError::PortTooLarge),
    }
}

/// The port of a service by its name, which is no part of a URL (RFC 3986, 3.2.3) but what people
/// write where they may write a host's name.
fn named_port(name: &[u8]) -> Option<u16> {
    #[cfg(feature = "dns")]
    return str::from_utf8(name).ok().and_then(crate::dns::service_port);
    #[cfg(not(feature = "dns"))]
    {
        let _ = name;
        None
    }
}

impl<'a> Authority<'a> {
    /// The host as text, an IPv6 address without its brackets.
    #[cfg(feature = "dns")]
    pub(super) fn host_text(&self) -> &'a str {
        self.host.trim_matches(['[', ']'])
    }

    /// Passes its text to `write`, piece by piece.
    pub(super) fn write_pieces(&self, write: &mut dyn FnMut(&[u8])) {
        write(self.host.as_bytes());
        if self.port == PORT_DEFAULT {
            return;
        }
        write(b":");
        let mut unit = 10_000;
        while unit > 0 {
            if self.port >= unit {
                write(&[digit(self.port / unit % 10)]);
            }
            unit /= 10;
        }
    }
}

impl Target<'_> {
    /// Passes its text to `write`, piece by piece.
    pub(super) fn write_pieces(&self, write: &mut dyn FnMut(&[u8])) {
        // The origin form starts with a slash even if the URL has no path (RFC 9112, 3.2.1).
        if !self.path_and_query.starts_with('/') {
            write(b"/");
        }
        for &byte in self.path_and_query.as_bytes() {
            if byte.is_ascii() {
                write(&[byte]);
            } else {
                let (high, low) = (u16::from(byte >> 4), u16::from(byte & 0xF));
                write(&[b'%', digit(high), digit(low)]);
            }
        }
    }
}

/// A decimal or hexadecimal digit as ASCII.
pub(super) const fn digit(value: u16) -> u8 {
    // Callers pass at most 15.
    let value = value as u8;
    if value < 10 {
        b'0' + value
    } else {
        b'A' - 10 + value
    }
}

/// Writes pieces of text to a formatter. No piece may end inside a character. This avoids the
/// formatting machinery, which takes several kilobytes of flash.
pub(super) fn display(
    f: &mut fmt::Formatter<'_>,
    write_pieces: impl FnOnce(&mut dyn FnMut(&[u8])),
) -> fmt::Result {
    let mut result = Ok(());
    write_pieces(&mut |piece| {
        let text = str::from_utf8(piece).unwrap_or_default();
        result = result.and_then(|()| f.write_str(text));
    });
    result
}

/// As in a URL: an IPv6 address has brackets.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Url<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(f, |write| self.write_pieces(write))
    }
}

impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(f, |write| self.write_pieces(write))
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(f, |write| self.write_pieces(write))
    }
}
