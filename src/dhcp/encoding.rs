//! Options of a DHCP message as pure bytes (RFC 2132), split ones joined (RFC 3396).

use core::net::Ipv4Addr;

use super::Malformed;

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

/// The options of one field of a message, in order: code and value.
///
/// It ends at the end option, at the end of the field, or after the first option that is cut off,
/// which is [`Malformed::Option`].
#[derive(Debug, Clone)]
pub(super) struct Field<'b> {
    rest: &'b [u8],
}

impl<'b> Field<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'b> Iterator for Field<'b> {
    type Item = Result<(u8, &'b [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = core::mem::take(&mut self.rest);
        loop {
            bytes = match bytes {
                [] | [code::END, ..] => return None,
                [code::PAD, after @ ..] => after,
                [code, len, after @ ..] => {
                    let Some((value, after)) = after.split_at_checked(usize::from(*len)) else {
                        return Some(Err(Malformed::Option));
                    };
                    self.rest = after;
                    return Some(Ok((*code, value)));
                }
                [_] => return Some(Err(Malformed::Option)),
            };
        }
    }
}

/// Exactly `N` bytes; `None` when there are more or fewer.
pub(super) fn exactly<const N: usize>(mut bytes: impl Iterator<Item = u8>) -> Option<[u8; N]> {
    let mut array = [0; N];
    for to in &mut array {
        *to = bytes.next()?;
    }
    bytes.next().is_none().then_some(array)
}

/// IPv4 addresses one after another. An option of them whose length is no multiple of 4 has none.
pub(super) fn addresses(bytes: impl Iterator<Item = u8> + Clone) -> impl Iterator<Item = Ipv4Addr> {
    let is_whole = bytes.clone().count().is_multiple_of(4);
    let mut bytes = is_whole.then_some(bytes).into_iter().flatten();
    core::iter::from_fn(move || {
        let octets = [bytes.next()?, bytes.next()?, bytes.next()?, bytes.next()?];
        Some(Ipv4Addr::from(octets))
    })
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
pub(super) fn routes(mut bytes: impl Iterator<Item = u8>) -> impl Iterator<Item = Route> {
    core::iter::from_fn(move || {
        let prefix_len = bytes.next().filter(|&bits| bits <= 32)?;
        // Only the octets that the prefix reaches into are sent.
        let mut destination = [0; 4];
        for octet in destination
            .iter_mut()
            .take(usize::from(prefix_len.div_ceil(8)))
        {
            *octet = bytes.next()?;
        }
        let router = [bytes.next()?, bytes.next()?, bytes.next()?, bytes.next()?];
        let mask = u32::MAX
            .checked_shl(32 - u32::from(prefix_len))
            .unwrap_or(0);
        Some(Route {
            // Bits after the prefix are to be ignored.
            destination: Ipv4Addr::from_bits(u32::from_be_bytes(destination) & mask),
            prefix_len,
            router: Ipv4Addr::from(router),
        })
    })
}

/// The labels of a name in DNS wire format as text, dots between them. It ends at the root, at a
/// compression pointer, which this option must not have, or where the bytes end (RFC 4702, 2.3.1).
pub(super) fn labels(mut bytes: impl Iterator<Item = u8>) -> impl Iterator<Item = u8> {
    let (mut left, mut is_first) = (0_u8, true);
    core::iter::from_fn(move || {
        if left > 0 {
            left -= 1;
            return bytes.next();
        }
        left = bytes.next().filter(|&len| (1..64).contains(&len))?;
        if core::mem::take(&mut is_first) {
            left -= 1;
            return bytes.next();
        }
        Some(b'.')
    })
}
