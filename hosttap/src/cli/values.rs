//! Parsers for the values on the command line. The error of each says what is wrong.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use tickwire::Duration;
use tickwire::dns::{HostPort, service_port};
use tickwire::http::Url;

use crate::storage::hex;

/// The remote end of a connection: a host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address, without brackets, or its name.
    pub host: String,
    /// Its port, never 0.
    pub port: u16,
}

impl Peer {
    /// Whether the host has to be resolved.
    pub fn has_name(&self) -> bool {
        self.host.parse::<IpAddr>().is_err()
    }

    /// Whom an app dials.
    pub fn remote(&self) -> HostPort<String> {
        HostPort::new(self.host.clone(), self.port)
    }
}

/// As in a URL: an IPv6 address has brackets.
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (&self.host, self.port);
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// How the stack gets its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnAddress {
    /// This one.
    Static(IpCidr),
    /// A DHCP server lends it.
    Dhcp,
}

/// A header that the user adds, `name: value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderField {
    /// A token (RFC 9110, section 5.1).
    pub name: String,
    /// The value, without white space at its ends and without control bytes other than HTAB.
    pub value: String,
}

/// A SHA-256 digest in hexadecimal.
///
/// # Errors
/// A description of what is wrong.
pub fn sha256(text: &str) -> Result<[u8; 32], String> {
    hex::decode(&text.to_ascii_lowercase())
        .ok_or_else(|| "a SHA-256 digest has 64 hexadecimal digits".to_owned())
}

/// The longest interface name: IFNAMSIZ is 16 and includes a terminating zero byte.
pub const INTERFACE_NAME_MAX_BYTES: usize = 15;

/// An interface name. It is checked here because the kernel interface truncates silently.
///
/// # Errors
/// A description of what is wrong.
pub fn interface_name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("an interface needs a name".to_owned());
    }
    if text.len() > INTERFACE_NAME_MAX_BYTES {
        return Err(format!(
            "the name has {} bytes; Linux takes at most {INTERFACE_NAME_MAX_BYTES}",
            text.len()
        ));
    }
    // With a `%` the kernel chooses a number (`tap%d`), so the interface would get another name.
    if text == "." || text == ".." || text.contains(['/', ':', '%']) {
        return Err("an interface name has no '/', ':' or '%' and is not '.' or '..'".to_owned());
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("an interface name has no white space".to_owned());
    }
    Ok(text.to_owned())
}

/// An address that a host can have, without a prefix length.
///
/// # Errors
/// A description of what is wrong.
pub fn host_address(text: &str) -> Result<IpAddress, String> {
    let address: IpAddr = text
        .parse()
        .map_err(|_| "not an IP address, such as 192.168.69.1".to_owned())?;
    if !IpAddress::from(address).is_unicast() || address.is_loopback() {
        return Err(format!("{address} cannot be a host's address"));
    }
    Ok(address.into())
}

/// An address that a host can have, with its prefix length, or `dhcp`.
///
/// # Errors
/// A description of what is wrong.
pub fn own_address(text: &str) -> Result<OwnAddress, String> {
    match text {
        "dhcp" => Ok(OwnAddress::Dhcp),
        _ => host_cidr(text).map(OwnAddress::Static),
    }
}

/// An address that a host can have, with its prefix length.
///
/// # Errors
/// A description of what is wrong.
pub fn host_cidr(text: &str) -> Result<IpCidr, String> {
    let Some((host, prefix)) = text.split_once('/') else {
        return Err("the prefix length is missing, such as /24 in 192.168.69.1/24".to_owned());
    };
    let address = host_address(host)?;
    let bits_max = match address {
        IpAddress::Ipv4(_) => 32,
        IpAddress::Ipv6(_) => 128,
    };
    let prefix_bits = match decimal(prefix) {
        Some(bits) if (1..=bits_max).contains(&bits) => bits,
        _ => return Err(format!("the prefix has 1 to {bits_max} bits")),
    };
    if let IpAddress::Ipv4(v4) = address {
        refuse_network_and_broadcast(v4, prefix_bits)?;
    }
    // At most 128.
    Ok(IpCidr::new(address, prefix_bits as u8))
}

/// Refuses the first and last address of a network, which are the network itself and its broadcast
/// address (RFC 1122, section 3.2.1.3). Networks of one or two addresses have neither (RFC 3021).
fn refuse_network_and_broadcast(address: Ipv4Addr, prefix_bits: u64) -> Result<(), String> {
    if prefix_bits >= 31 {
        return Ok(());
    }
    let host_mask = u32::MAX >> prefix_bits;
    match address.to_bits() & host_mask {
        0 => Err(format!(
            "{address} names the network itself, not a host in it"
        )),
        host if host == host_mask => Err(format!("{address} is the network's broadcast address")),
        _ => Ok(()),
    }
}

/// An Ethernet address that a host can have.
///
/// # Errors
/// A description of what is wrong.
pub fn mac(text: &str) -> Result<EthernetAddress, String> {
    let mut bytes = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut bytes {
        *byte = parts
            .next()
            .filter(|part| part.len() == 2 && part.bytes().all(|c| c.is_ascii_hexdigit()))
            .and_then(|part| u8::from_str_radix(part, 16).ok())
            .ok_or("not an Ethernet address, such as 02:00:c0:a8:45:01")?;
    }
    if parts.next().is_some() {
        return Err("an Ethernet address has six bytes".to_owned());
    }
    let address = EthernetAddress(bytes);
    if !address.is_unicast() || bytes == [0; 6] {
        return Err(
            "a group address, or all zeros; the first byte of a host's address is even, such as 02"
                .to_owned(),
        );
    }
    Ok(address)
}

/// Seconds with up to three decimals.
///
/// # Errors
/// A description of what is wrong.
pub fn seconds(text: &str) -> Result<Duration, String> {
    // Nobody waits longer than a year, and a year is far from any overflow.
    const SECONDS_MAX: u64 = 366 * 24 * 3600;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let wrong = "not a number of seconds, such as 5 or 0.5";
    if whole.is_empty() && fraction.is_empty() {
        return Err(wrong.to_owned());
    }
    let seconds = if whole.is_empty() {
        Some(0)
    } else {
        decimal(whole)
    };
    // Further decimals are cut off: 0.0015 is 1 ms.
    let millis = fraction
        .bytes()
        .chain(*b"000")
        .take(3)
        .try_fold(0, |millis, digit| {
            digit
                .is_ascii_digit()
                .then(|| millis * 10 + u64::from(digit - b'0'))
        });
    let (Some(seconds), Some(millis)) = (seconds, millis) else {
        return Err(wrong.to_owned());
    };
    if !fraction.bytes().all(|c| c.is_ascii_digit()) {
        return Err(wrong.to_owned());
    }
    match seconds {
        0 if millis == 0 => Err("a time must be more than 0".to_owned()),
        0..=SECONDS_MAX => Ok(Duration::from_millis(seconds * 1_000 + millis)),
        _ => Err(format!("more than a year ({SECONDS_MAX} seconds)")),
    }
}

/// A number of bytes. `k`, `M` and `G` mean 2^10, 2^20 and 2^30, as in curl.
///
/// # Errors
/// A description of what is wrong.
pub fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (text.get(..text.len() - 1), 1 << 10),
        Some(b'm' | b'M') => (text.get(..text.len() - 1), 1 << 20),
        Some(b'g' | b'G') => (text.get(..text.len() - 1), 1 << 30),
        _ => (Some(text), 1),
    };
    digits
        .and_then(decimal)
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "not a number of bytes, such as 1500, 64k or 2G".to_owned())
}

/// The longest message of a room, in bytes.
///
/// # Errors
/// A description of what is wrong.
pub fn message_size(text: &str) -> Result<u16, String> {
    match u16::try_from(size(text)?) {
        Ok(bytes) if (64..=16_384).contains(&bytes) => Ok(bytes),
        _ => Err("the limit of a message is 64 to 16384 bytes".to_owned()),
    }
}

/// The origin of a page (RFC 6454): a scheme, a host and perhaps a port. `*` is every page. The port
/// of the scheme is left out, as browsers do.
///
/// # Errors
/// A description of what is wrong.
pub fn origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let schemes = [("http://", ":80"), ("https://", ":443")];
    schemes
        .iter()
        .find_map(|(scheme, port)| {
            let authority = text.strip_prefix(scheme)?;
            let short = authority.strip_suffix(port).unwrap_or(authority);
            is_as_browsers_write(authority).then(|| format!("{scheme}{short}"))
        })
        .ok_or_else(|| "not an origin, such as http://a.example:8080, or *".to_owned())
}

/// Whether this is a host, and perhaps a port, in the one form that browsers send, whatever the case.
fn is_as_browsers_write(authority: &str) -> bool {
    Url::parse(&format!("http://{authority}")).is_ok_and(|url| {
        let host = url.host().to_string();
        let with_port = format!("{host}:{}", url.port());
        authority.eq_ignore_ascii_case(&host) || authority.eq_ignore_ascii_case(&with_port)
    })
}

/// The name of a host, without a port. `*` is every name.
///
/// # Errors
/// A description of what is wrong.
pub fn host_name(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let url = format!("http://{name}");
    let is_host = Url::parse(&url).is_ok_and(|url| url.host().to_string() == name);
    if text == "*" || is_host {
        return Ok(name.to_owned());
    }
    Err("not a name of a host, such as lamp.example, or *".to_owned())
}

/// A port that a connection can have: a number, or the name of a service.
///
/// # Errors
/// A description of what is wrong.
pub fn port(text: &str) -> Result<u16, String> {
    if let Some(port) = service_port(text) {
        return Ok(port);
    }
    match decimal(text).map(u16::try_from) {
        Some(Ok(port)) if port != 0 => Ok(port),
        _ => Err("a port is a number from 1 to 65535, or a service such as http".to_owned()),
    }
}

/// `HOST`, `HOST:PORT`, `[IPv6]:PORT` or a bare IPv6 address.
///
/// # Errors
/// A description of what is wrong.
pub fn peer(text: &str, default_port: u16) -> Result<Peer, String> {
    if let Ok(IpAddr::V6(bare)) = text.parse::<IpAddr>() {
        return Ok(Peer {
            host: bare.to_string(),
            port: default_port,
        });
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, rest) = rest.split_once(']').ok_or("']' is missing")?;
        let IpAddr::V6(bracketed) = inside
            .parse()
            .map_err(|_| "not an IPv6 address in brackets")?
        else {
            return Err("only an IPv6 address may stand in brackets".to_owned());
        };
        let port = match rest.strip_prefix(':') {
            Some(digits) => port(digits)?,
            None if rest.is_empty() => default_port,
            None => return Err("after ']' only ':' and a port may follow".to_owned()),
        };
        return Ok(Peer {
            host: bracketed.to_string(),
            port,
        });
    }
    let (host, port) = match text.split_once(':') {
        Some((host, digits)) => (host, port(digits)?),
        None => (text, default_port),
    };
    let is_invalid = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.' | '_'));
    if host.is_empty() || host.contains(is_invalid) {
        return Err("not a host, such as 192.168.69.100 or 192.168.69.100:2001".to_owned());
    }
    Ok(Peer {
        host: host.to_owned(),
        port,
    })
}

/// A header that the user adds. Headers that would contradict our own are refused.
///
/// # Errors
/// A description of what is wrong.
pub fn header(text: &str) -> Result<HeaderField, String> {
    let (name, value) = text.split_once(':').ok_or("a header is 'Name: value'")?;
    let is_token = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err("a header name has only letters, digits and !#$%&'*+-.^_`|~".to_owned());
    }
    for reserved in ["Content-Length", "Transfer-Encoding", "Connection"] {
        if name.eq_ignore_ascii_case(reserved) {
            return Err(format!("{reserved} cannot be set"));
        }
    }
    let value = value.trim_matches([' ', '\t']);
    if value.bytes().any(|c| c != b'\t' && c.is_ascii_control()) {
        return Err("a header value has no control characters".to_owned());
    }
    Ok(HeaderField {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

/// A decimal number of digits only; Rust's parser would also accept a `+`.
fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
