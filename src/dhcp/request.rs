//! A client's message as pure bytes (RFC 2131, section 4.4.1, and table 5).

use core::net::Ipv4Addr;

use super::encoding::code;
use super::message::{ETHERNET, HEADER_LEN, MAC_LEN, MAGIC_COOKIE};

/// Bytes in each of our messages. It holds all that we ever say, and the 64 bytes of options that
/// BOOTP relays expect at least; what is left is padding.
pub const REQUEST_LEN: usize = HEADER_LEN + 144;
/// The longest host name: one label (RFC 1035, section 2.3.4).
pub const HOST_NAME_LEN_MAX: usize = 63;
/// The longest client identifier.
pub const CLIENT_ID_LEN_MAX: usize = 32;

const BOOT_REQUEST: u8 = 1;

/// What we want to know. Routes come before routers, because a server may stop where its room ends
/// (RFC 3442).
const PARAMETERS: [u8; 10] = [
    code::SUBNET_MASK,
    code::CLASSLESS_ROUTES,
    code::ROUTERS,
    code::NAME_SERVERS,
    code::DOMAIN,
    code::MTU,
    code::TIME_SERVERS,
    code::RENEWAL_TIME,
    code::REBINDING_TIME,
    code::FQDN,
];

/// What a client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RequestKind {
    /// DHCPDISCOVER.
    Discover = 1,
    /// DHCPREQUEST.
    Request = 3,
    /// DHCPDECLINE.
    Decline = 4,
    /// DHCPRELEASE.
    Release = 7,
}

/// A message of a client.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request<'a> {
    /// What we say.
    pub kind: RequestKind,
    /// The number of the exchange.
    pub xid: u32,
    /// Seconds since we began to look for an address.
    pub secs: u16,
    /// Our hardware address.
    pub mac: [u8; 6],
    /// Our address, once we use it; unspecified before.
    pub address: Ipv4Addr,
    /// The address that we want (option 50).
    pub wanted: Option<Ipv4Addr>,
    /// The server that we speak to, or of (option 54).
    pub server: Option<Ipv4Addr>,
    /// Who we are (option 61), at most [`CLIENT_ID_LEN_MAX`] bytes.
    pub client_id: &'a [u8],
    /// Our name (option 12), at most [`HOST_NAME_LEN_MAX`] bytes; empty for none.
    pub host_name: &'a str,
    /// The longest IP packet that we can take (option 57), at least 576.
    pub packet_bytes_max: u16,
}

impl Request<'_> {
    /// The message on the wire, [`REQUEST_LEN`] bytes.
    pub fn bytes(&self) -> impl Iterator<Item = u8> {
        let [s0, s1] = self.secs.to_be_bytes();
        // Without the broadcast flag: we hear what is sent to an address that we do not have yet.
        let fixed = [BOOT_REQUEST, ETHERNET, MAC_LEN, 0].into_iter();
        let fixed = fixed.chain(self.xid.to_be_bytes()).chain([s0, s1, 0, 0]);
        let fixed = fixed.chain(self.address.octets()).chain([0; 12]);
        // The rest of `chaddr`, `sname` and `file` are empty.
        let fixed = fixed.chain(self.mac).chain([0; 10 + 64 + 128]);
        fixed
            .chain(MAGIC_COOKIE)
            .chain(self.options())
            .chain([code::END])
            .chain(core::iter::repeat(code::PAD))
            .take(REQUEST_LEN)
    }

    fn options(&self) -> impl Iterator<Item = u8> {
        // Only these two ask for settings, and for an answer that we must be able to take.
        let asks = matches!(self.kind, RequestKind::Discover | RequestKind::Request);
        let asked = |value| if asks { value } else { &[][..] };
        let size = self.packet_bytes_max.max(576).to_be_bytes();
        let size = asks.then_some(size).into_iter();
        let address =
            |address: Option<Ipv4Addr>| address.map(|address| address.octets()).into_iter();
        option(code::MESSAGE_TYPE, [self.kind as u8])
            .chain(text(code::CLIENT_ID, self.client_id, CLIENT_ID_LEN_MAX))
            .chain(address(self.wanted).flat_map(|value| option(code::REQUESTED_ADDRESS, value)))
            .chain(address(self.server).flat_map(|value| option(code::SERVER, value)))
            .chain(size.flat_map(|value| option(code::MESSAGE_SIZE, value)))
            .chain(text(
                code::HOST_NAME,
                asked(self.host_name.as_bytes()),
                HOST_NAME_LEN_MAX,
            ))
            .chain(text(code::PARAMETERS, asked(&PARAMETERS), PARAMETERS.len()))
    }
}

/// An option of a fixed length.
fn option<const N: usize>(code: u8, value: [u8; N]) -> impl Iterator<Item = u8> {
    const { assert!(N < 256) }
    [code, N as u8].into_iter().chain(value)
}

/// An option of at most `len_max` bytes; nothing when it would be empty.
fn text(code: u8, value: &[u8], len_max: usize) -> impl Iterator<Item = u8> {
    let value = value.get(..value.len().min(len_max)).unwrap_or_default();
    // At most 63.
    let header = (!value.is_empty()).then_some([code, value.len() as u8]);
    header.into_iter().flatten().chain(value.iter().copied())
}

/// All options of the longest message fit.
const _: () = {
    let fixed = 3 + 2 * 6 + 4 + 1;
    let texts = 3 * 2 + CLIENT_ID_LEN_MAX + HOST_NAME_LEN_MAX + PARAMETERS.len();
    assert!(HEADER_LEN + fixed + texts <= REQUEST_LEN);
};
