//! A server's message as pure bytes (RFC 2131, section 2).

use core::fmt;
use core::net::Ipv4Addr;

use super::encoding::{self, Addresses, Name, Routes, code};

/// `op` to `file`, and the magic cookie: everything before the options.
pub(super) const HEADER_LEN: usize = 240;
pub(super) const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
pub(super) const BOOT_REPLY: u8 = 2;
pub(super) const ETHERNET: u8 = 1;
pub(super) const MAC_LEN: u8 = 6;
/// Bytes of an option that are looked at: 18 addresses, 8 routes, or a name of 64 bytes in any form.
const OPTION_LEN_MAX: usize = 72;

/// Why bytes are no message of a DHCP server on Ethernet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Malformed {
    /// Shorter than the fixed part.
    Short,
    /// Not a reply to a client on Ethernet, or BOOTP without DHCP's magic cookie.
    Header,
    /// An option runs past the end of its field.
    Option,
    /// No message type, or one that no server sends.
    Type,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the message is too short",
            Self::Header => "no reply of a DHCP server on Ethernet",
            Self::Option => "an option runs past the end of its field",
            Self::Type => "no message type that a server sends",
        })
    }
}

impl core::error::Error for Malformed {}

/// What a server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ReplyKind {
    /// DHCPOFFER.
    Offer,
    /// DHCPACK.
    Ack,
    /// DHCPNAK.
    Nak,
}

/// A message of a server, read in place.
///
/// Options that the server has split, over several options of one code or into the fields `file` and
/// `sname`, are joined (RFC 3396).
#[derive(Debug, Clone)]
pub struct Message<'b> {
    kind: ReplyKind,
    xid: u32,
    address: Ipv4Addr,
    mac: [u8; 6],
    /// The fields that hold options, in the order in which they are joined.
    fields: [&'b [u8]; 3],
}

#[cfg(feature = "defmt")]
impl defmt::Format for Message<'_> {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(
            f,
            "Message {{ kind: {}, xid: {=u32:x} }}",
            self.kind,
            self.xid
        );
    }
}

/// The part before the options.
struct Header<'b> {
    is_reply_on_ethernet: bool,
    xid: [u8; 4],
    address: [u8; 4],
    mac: [u8; 6],
    server_name: &'b [u8; 64],
    file: &'b [u8; 128],
    cookie: [u8; 4],
}

/// Takes `N` bytes off the front.
fn take<'b, const N: usize>(bytes: &mut &'b [u8]) -> Option<&'b [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(taken)
}

impl<'b> Header<'b> {
    fn take(rest: &mut &'b [u8]) -> Option<Self> {
        let [op, hardware, mac_len, _hops] = *take(rest)?;
        let xid = *take(rest)?;
        let _secs_flags_ciaddr: &[u8; 8] = take(rest)?;
        let address = *take(rest)?;
        let _siaddr_giaddr: &[u8; 8] = take(rest)?;
        let mac = *take(rest)?;
        let _mac_padding: &[u8; 10] = take(rest)?;
        Some(Self {
            is_reply_on_ethernet: (op, hardware, mac_len) == (BOOT_REPLY, ETHERNET, MAC_LEN),
            xid,
            address,
            mac,
            server_name: take(rest)?,
            file: take(rest)?,
            cookie: *take(rest)?,
        })
    }
}

impl<'b> Message<'b> {
    /// Reads the payload of a UDP datagram.
    ///
    /// Every option is looked at, so that a message which is cut anywhere is refused as a whole. A
    /// missing end option is no fault.
    ///
    /// # Errors
    /// Any [`Malformed`].
    pub fn parse(payload: &'b [u8]) -> Result<Self, Malformed> {
        let mut options = payload;
        let header = Header::take(&mut options).ok_or(Malformed::Short)?;
        if !header.is_reply_on_ethernet || header.cookie != MAGIC_COOKIE {
            return Err(Malformed::Header);
        }
        let mut message = Self {
            kind: ReplyKind::Nak,
            xid: u32::from_be_bytes(header.xid),
            address: Ipv4Addr::from(header.address),
            mac: header.mac,
            fields: [options, &[], &[]],
        };
        message.check_options()?;
        // Read before the other fields have options, for it does not count there.
        let overload = message.byte(code::OVERLOAD).unwrap_or(0);
        let [_, file, server_name] = &mut message.fields;
        if overload & 1 != 0 {
            *file = header.file;
        }
        if overload & 2 != 0 {
            *server_name = header.server_name;
        }
        message.check_options()?;
        message.kind = match message.byte(code::MESSAGE_TYPE) {
            Some(2) => ReplyKind::Offer,
            Some(5) => ReplyKind::Ack,
            Some(6) => ReplyKind::Nak,
            _ => return Err(Malformed::Type),
        };
        Ok(message)
    }

    /// What the server says.
    pub const fn kind(&self) -> ReplyKind {
        self.kind
    }

    /// The number of the exchange.
    pub const fn xid(&self) -> u32 {
        self.xid
    }

    /// The address for the client; unspecified in a NAK.
    pub const fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The hardware address of the client.
    pub const fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// Joins the bytes of an option in `buffer`, as many as fit; how many there are in all. `None`
    /// when there is no option of this code.
    #[inline(never)]
    pub fn option(&self, wanted: u8, buffer: &mut [u8]) -> Option<usize> {
        let mut len = None;
        for mut field in self.fields {
            // All are well-formed: `check_options` has seen them.
            while let Ok(Some((code, value))) = encoding::next_option(&mut field) {
                if code == wanted {
                    let start = len.unwrap_or(0);
                    let room = buffer.get_mut(start..).unwrap_or_default();
                    for (to, byte) in room.iter_mut().zip(value) {
                        *to = *byte;
                    }
                    len = Some(start + value.len());
                }
            }
        }
        len
    }

    /// The address of the server (option 54).
    pub fn server(&self) -> Option<Ipv4Addr> {
        self.array(code::SERVER).map(Ipv4Addr::from)
    }

    /// The subnet mask (option 1) as the length of a prefix; `None` when it has holes.
    pub fn prefix_len(&self) -> Option<u8> {
        let mask = self.number(code::SUBNET_MASK)?;
        let prefix_len = mask.leading_ones();
        // At most 32.
        (mask.count_ones() == prefix_len).then_some(prefix_len as u8)
    }

    /// The routers (option 3), the preferred one first.
    pub fn routers(&self) -> Addresses {
        self.addresses(code::ROUTERS)
    }

    /// The name servers (option 6).
    pub fn name_servers(&self) -> Addresses {
        self.addresses(code::NAME_SERVERS)
    }

    /// The time servers (option 42).
    pub fn time_servers(&self) -> Addresses {
        self.addresses(code::TIME_SERVERS)
    }

    /// The domain for names without a dot (option 15); empty when there is none.
    pub fn domain(&self) -> Name {
        let mut buffer = [0; OPTION_LEN_MAX];
        encoding::name(self.bytes(code::DOMAIN, &mut buffer))
    }

    /// The whole name under which the server knows us (option 81, RFC 4702); empty when it does not
    /// say.
    pub fn fqdn(&self) -> Name {
        let mut buffer = [0; OPTION_LEN_MAX];
        match self.bytes(code::FQDN, &mut buffer) {
            // After flags and two codes. Flag E: in the format of DNS, not in ASCII.
            [flags, _, _, name @ ..] if flags & 4 != 0 => encoding::labels(name),
            [_, _, _, name @ ..] => encoding::name(name),
            _ => Name::new(),
        }
    }

    /// The MTU of the network (option 26), at least 68 bytes.
    pub fn mtu(&self) -> Option<u16> {
        let mtu = u16::from_be_bytes(self.array(code::MTU)?);
        (mtu >= 68).then_some(mtu)
    }

    /// The lease time (option 51) in seconds; `u32::MAX` is for ever.
    pub fn lease_secs(&self) -> Option<u32> {
        self.number(code::LEASE_TIME)
    }

    /// T1 (option 58) in seconds.
    pub fn renewal_secs(&self) -> Option<u32> {
        self.number(code::RENEWAL_TIME)
    }

    /// T2 (option 59) in seconds.
    pub fn rebinding_secs(&self) -> Option<u32> {
        self.number(code::REBINDING_TIME)
    }

    /// The routes (option 121, RFC 3442); `None` when there is no such option. Where there is, the
    /// routers of option 3 must not be used.
    pub fn routes(&self) -> Option<Routes> {
        let mut buffer = [0; OPTION_LEN_MAX];
        let len = self.option(code::CLASSLESS_ROUTES, &mut buffer)?;
        let bytes = buffer.get(..len).unwrap_or(&buffer);
        Some(encoding::routes(bytes))
    }

    /// Whether the message is for the client with this identifier: a server that sends one back must
    /// send ours (option 61, RFC 6842).
    pub fn is_for(&self, client_id: &[u8]) -> bool {
        let mut buffer = [0; OPTION_LEN_MAX];
        let len = self.option(code::CLIENT_ID, &mut buffer);
        len.is_none_or(|len| buffer.get(..len) == Some(client_id))
    }

    fn check_options(&self) -> Result<(), Malformed> {
        for mut field in self.fields {
            while encoding::next_option(&mut field)?.is_some() {}
        }
        Ok(())
    }

    /// The bytes of an option that fits in `buffer`; of any other, none.
    fn bytes<'o>(&self, code: u8, buffer: &'o mut [u8; OPTION_LEN_MAX]) -> &'o [u8] {
        let len = self.option(code, buffer).unwrap_or(0);
        buffer.get(..len).unwrap_or_default()
    }

    fn array<const N: usize>(&self, code: u8) -> Option<[u8; N]> {
        let mut array = [0; N];
        let len = self.option(code, &mut array)?;
        (len == N).then_some(array)
    }

    fn number(&self, code: u8) -> Option<u32> {
        self.array(code).map(u32::from_be_bytes)
    }

    fn byte(&self, code: u8) -> Option<u8> {
        self.array(code).map(|[byte]| byte)
    }

    /// The first addresses of a list. One whose length is no multiple of 4 has none.
    #[inline(never)]
    fn addresses(&self, code: u8) -> Addresses {
        let mut buffer = [0; OPTION_LEN_MAX];
        let len = self.option(code, &mut buffer).unwrap_or(0);
        let bytes = buffer.get(..len).unwrap_or(&buffer);
        if len.is_multiple_of(4) {
            encoding::addresses(bytes)
        } else {
            Addresses::new()
        }
    }
}
