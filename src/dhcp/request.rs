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
    /// Writes the message, padding and all.
    pub fn write(&self, message: &mut [u8; REQUEST_LEN]) {
        message.fill(code::PAD);
        let mut writer = Writer { room: message };
        writer.put(&[BOOT_REQUEST, ETHERNET, MAC_LEN, 0]);
        writer.put(&self.xid.to_be_bytes());
        writer.put(&self.secs.to_be_bytes());
        // Without the broadcast flag: we hear what is sent to an address that we do not have yet.
        writer.skip(2);
        writer.put(&self.address.octets());
        // `yiaddr`, `siaddr` and `giaddr` are the server's.
        writer.skip(12);
        writer.put(&self.mac);
        // The rest of `chaddr`, `sname` and `file` are empty.
        writer.skip(10 + 64 + 128);
        writer.put(&MAGIC_COOKIE);
        self.write_options(&mut writer);
        writer.put(&[code::END]);
    }

    fn write_options(&self, writer: &mut Writer) {
        writer.option(code::MESSAGE_TYPE, &[self.kind as u8]);
        let id_len = self.client_id.len().min(CLIENT_ID_LEN_MAX);
        writer.option(
            code::CLIENT_ID,
            self.client_id.get(..id_len).unwrap_or_default(),
        );
        if let Some(address) = self.wanted {
            writer.option(code::REQUESTED_ADDRESS, &address.octets());
        }
        if let Some(server) = self.server {
            writer.option(code::SERVER, &server.octets());
        }
        // Only these two ask for settings, and for an answer that we must be able to take.
        if !matches!(self.kind, RequestKind::Discover | RequestKind::Request) {
            return;
        }
        let size = self.packet_bytes_max.max(576).to_be_bytes();
        writer.option(code::MESSAGE_SIZE, &size);
        let name = self.host_name.as_bytes();
        let name_len = name.len().min(HOST_NAME_LEN_MAX);
        writer.option(code::HOST_NAME, name.get(..name_len).unwrap_or_default());
        writer.option(code::PARAMETERS, &PARAMETERS);
    }
}

/// Writes into a message from its front on. What has no room is left out.
struct Writer<'m> {
    room: &'m mut [u8],
}

impl Writer<'_> {
    #[inline(never)] // It is called from many places.
    fn put(&mut self, bytes: &[u8]) {
        for (to, byte) in self.room.iter_mut().zip(bytes) {
            *to = *byte;
        }
        self.skip(bytes.len());
    }

    fn skip(&mut self, count: usize) {
        self.room = core::mem::take(&mut self.room)
            .get_mut(count..)
            .unwrap_or_default();
    }

    /// An option of at most 255 bytes; nothing when it would be empty.
    #[inline(never)]
    fn option(&mut self, code: u8, value: &[u8]) {
        if let Ok(len @ 1..) = u8::try_from(value.len()) {
            self.put(&[code, len]);
            self.put(value);
        }
    }
}

/// All options of the longest message fit.
const _: () = {
    let fixed = 3 + 2 * 6 + 4 + 1;
    let texts = 3 * 2 + CLIENT_ID_LEN_MAX + HOST_NAME_LEN_MAX + PARAMETERS.len();
    assert!(HEADER_LEN + fixed + texts <= REQUEST_LEN);
};
