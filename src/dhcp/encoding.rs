//! Options of a DHCP message as pure bytes (RFC 2132), split ones joined (RFC 3396).

use core::net::Ipv4Addr;

use heapless::{String, Vec};

use super::Malformed;

/// Addresses kept of each list; a server names the best ones first.
pub const ADDRESSES_MAX: usize = 4;
/// Routes kept.
pub const ROUTES_MAX: usize = 4;
/// Bytes of the longest name kept; a longer one is left out.
pub const NAME_LEN_MAX: usize = 64;

/// Addresses of one kind, the preferred one first. What cannot be a host is not among them.
pub type Addresses = Vec<Ipv4Addr, ADDRESSES_MAX>;
/// Routes in the order of the server.
pub type Routes = Vec<Route, ROUTES_MAX>;
/// A name in printable ASCII; empty when there is none.
pub type Name = String<NAME_LEN_MAX>;

/// Option codes that we send or read.
pub(super) mod code {
    pub(crate) const PAD: u8 = 0;
    pub(crate) const SUBNET_MASK: u8 = 1;
    pub(crate) const ROUTERS: u8 = 3;
    pub(crate) const NAME_SERVERS: u8 = 6;
    pub(crate) const HOST_NAME: u8 = 12;
    pub(crate) const DOMAIN: u8 = 15;
    pub(crate) const MTU: u8 = 26;
    pub(crate) const TIME_SERVERS: u8 = 42;
    pub(crate) const REQUESTED_ADDRESS: u8 = 50;
    pub(crate) const LEASE_TIME: u8 = 51;
    pub(crate) const OVERLOAD: u8 = 52;
    pub(crate) const MESSAGE_TYPE: u8 = 53;
    pub(crate) const SERVER: u8 = 54;
    pub(crate) const PARAMETERS: u8 = 55;
    pub(crate) const MESSAGE_SIZE: u8 = 57;
    pub(crate) const RENEWAL_TIME: u8 = 58;
    pub(crate) const REBINDING_TIME: u8 = 59;
    pub(crate) const CLIENT_ID: u8 = 61;
    pub(crate) const FQDN: u8 = 81;
    pub(crate) const CLASSLESS_ROUTES: u8 = 121;
    pub(crate) const END: u8 = 255;
}

/// Takes the next option off the front of a field: its code and its value. `None` at the end option
/// and at the end of the field.
///
/// # Errors
/// [`Malformed::Option`]: it is cut off.
#[inline(never)] // As all that reads options: it is called from many places.
pub(super) fn next_option<'b>(rest: &mut &'b [u8]) -> Result<Option<(u8, &'b [u8])>, Malformed> {
    loop {
        *rest = match *rest {
            [] | [code::END, ..] => return Ok(None),
            [code::PAD, after @ ..] => after,
            [code, len, after @ ..] => {
                let option = after.split_at_checked(usize::from(*len));
                let (value, after) = option.ok_or(Malformed::Option)?;
                *rest = after;
                return Ok(Some((*code, value)));
            }
            [_] => return Err(Malformed::Option),
        };
    }
}

/// Whether a host can have this address.
pub(super) const fn is_host(address: &Ipv4Addr) -> bool {
    let is_special = address.is_unspecified() || address.is_broadcast() || address.is_loopback();
    !is_special && !address.is_multicast()
}

/// The addresses of hosts among IPv4 addresses one after another.
pub(super) fn addresses(bytes: &[u8]) -> Addresses {
    let (chunks, _) = bytes.as_chunks::<4>();
    let addresses = chunks.iter().map(|&octets| Ipv4Addr::from(octets));
    addresses.filter(is_host).take(ADDRESSES_MAX).collect()
}

/// A destination and the router that leads there (RFC 3442).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Route {
    /// The first address of the destination.
    pub destination: Ipv4Addr,
    /// How many leading bits of an address must be equal, at most 32.
    pub prefix_len: u8,
    /// The next router; unspecified when the destination is on the link itself.
    pub router: Ipv4Addr,
}

/// The routes of option 121 up to the first that is malformed.
pub(super) fn routes(bytes: &[u8]) -> Routes {
    let mut rest = bytes;
    core::iter::from_fn(|| next_route(&mut rest))
        .take(ROUTES_MAX)
        .collect()
}

fn next_route(rest: &mut &[u8]) -> Option<Route> {
    let (&prefix_len, after) = rest.split_first()?;
    let host_bits = 32_u32.checked_sub(prefix_len.into())?;
    // Only the octets that the prefix reaches into are sent.
    let sent = after.split_at_checked(usize::from(prefix_len).div_ceil(8));
    let (octets, after) = sent?;
    let mut destination = [0; 4];
    for (to, octet) in destination.iter_mut().zip(octets) {
        *to = *octet;
    }
    let (&router, after) = after.split_first_chunk::<4>()?;
    *rest = after;
    // Bits after the prefix are to be ignored.
    let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
    Some(Route {
        destination: Ipv4Addr::from_bits(u32::from_be_bytes(destination) & mask),
        prefix_len,
        router: Ipv4Addr::from(router),
    })
}

/// A name in ASCII; empty when it is too long, or not printable. Some servers end it with NUL as C
/// does (RFC 2132, section 2).
pub(super) fn name(bytes: &[u8]) -> Name {
    let mut name = Name::new();
    for &byte in bytes.iter().take_while(|&&byte| byte != 0) {
        if !byte.is_ascii_graphic() || name.push(char::from(byte)).is_err() {
            return Name::new();
        }
    }
    name
}

/// A name in the wire format of DNS, its labels with dots between them. It ends at the root, at a
/// compression pointer, which this option must not have, or where the bytes end (RFC 4702, 2.3.1).
pub(super) fn labels(bytes: &[u8]) -> Name {
    let mut rest = bytes;
    let mut labels = Name::new();
    while let Some((&len @ 1..64, after)) = rest.split_first() {
        let (label, after) = after.split_at_checked(len.into()).unwrap_or((after, &[]));
        rest = after;
        let dot = if labels.is_empty() { "" } else { "." };
        let pushed = labels
            .push_str(dot)
            .and_then(|()| labels.push_str(&name(label)));
        if pushed.is_err() {
            return Name::new();
        }
    }
    labels
}
