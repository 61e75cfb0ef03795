//! A server's message as pure bytes (RFC 2131, section 2).

use core::fmt;
use core::net::Ipv4Addr;

use super::encoding::{self, Field, Route, code};

/// `op` to `file`, and the magic cookie: everything before the options.
pub(super) const HEADER_LEN: usize = 240;
pub(super) const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
pub(super) const BOOT_REPLY: u8 = 2;
pub(super) const ETHERNET: u8 = 1;
pub(super) const MAC_LEN: u8 = 6;

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

    /// The bytes of an option, joined; `None` when there is none of this code.
    pub fn option(&self, wanted: u8) -> Option<impl Iterator<Item = u8> + Clone> {
        let pieces = self.pieces().filter(move |(code, _)| *code == wanted);
        let mut present = pieces.clone();
        present.next()?;
        Some(pieces.flat_map(|(_, value)| value.iter().copied()))
    }

    /// The address of the server (option 54).
    pub fn server(&self) -> Option<Ipv4Addr> {
        self.array(code::SERVER).map(Ipv4Addr::from)
    }

    /// The subnet mask (option 1) as the length of a prefix; `None` when it has holes.
    pub fn prefix_len(&self) -> Option<u8> {
        let mask = u32::from_be_bytes(self.array(code::SUBNET_MASK)?);
        let prefix_len = mask.leading_ones();
        // At most 32.
        (mask.count_ones() == prefix_len).then_some(prefix_len as u8)
    }

    /// The routers (option 3), the preferred one first.
    pub fn routers(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.addresses(code::ROUTERS)
    }

    /// The name servers (option 6).
    pub fn name_servers(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.addresses(code::NAME_SERVERS)
    }

    /// The time servers (option 42).
    pub fn time_servers(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.addresses(code::TIME_SERVERS)
    }

    /// The domain for names without a dot (option 15).
    pub fn domain(&self) -> Option<impl Iterator<Item = u8> + Clone> {
        // Some servers end it with NUL as C does (RFC 2132, section 2).
        Some(self.option(code::DOMAIN)?.take_while(|&byte| byte != 0))
    }

    /// The whole name under which the server knows us (option 81, RFC 4702).
    pub fn fqdn(&self) -> Option<impl Iterator<Item = u8>> {
        let mut bytes = self.option(code::FQDN)?;
        let flags = bytes.next()?;
        let _rcodes = (bytes.next()?, bytes.next()?);
        // Flag E: in the format of DNS, not in ASCII.
        let is_encoded = flags & 4 != 0;
        let encoded = is_encoded.then(|| encoding::labels(bytes.clone()));
        let ascii = (!is_encoded).then_some(bytes);
        Some(
            encoded
                .into_iter()
                .flatten()
                .chain(ascii.into_iter().flatten()),
        )
    }

    /// The MTU of the network (option 26), at least 68 bytes.
    pub fn mtu(&self) -> Option<u16> {
        let mtu = u16::from_be_bytes(self.array(code::MTU)?);
        (mtu >= 68).then_some(mtu)
    }

    /// The lease time (option 51) in seconds; `u32::MAX` is for ever.
    pub fn lease_secs(&self) -> Option<u32> {
        self.array(code::LEASE_TIME).map(u32::from_be_bytes)
    }

    /// T1 (option 58) in seconds.
    pub fn renewal_secs(&self) -> Option<u32> {
        self.array(code::RENEWAL_TIME).map(u32::from_be_bytes)
    }

    /// T2 (option 59) in seconds.
    pub fn rebinding_secs(&self) -> Option<u32> {
        self.array(code::REBINDING_TIME).map(u32::from_be_bytes)
    }

    /// The routes (option 121, RFC 3442); `None` when there is no such option. Where there is, the
    /// routers of option 3 must not be used.
    pub fn routes(&self) -> Option<impl Iterator<Item = Route>> {
        Some(encoding::routes(self.option(code::CLASSLESS_ROUTES)?))
    }

    /// Whether the message is for the client with this identifier: a server that sends one back must
    /// send ours (option 61, RFC 6842).
    pub fn is_for(&self, client_id: &[u8]) -> bool {
        self.option(code::CLIENT_ID)
            .is_none_or(|echoed| echoed.eq(client_id.iter().copied()))
    }

    fn pieces(&self) -> impl Iterator<Item = (u8, &'b [u8])> + Clone {
        // All are well-formed: `check_options` has seen them.
        self.fields.into_iter().flat_map(Field::new).flatten()
    }

    fn check_options(&self) -> Result<(), Malformed> {
        let mut options = self.fields.into_iter().flat_map(Field::new);
        options.try_for_each(|option| option.map(|_| ()))
    }

    fn array<const N: usize>(&self, code: u8) -> Option<[u8; N]> {
        encoding::exactly(self.option(code)?)
    }

    fn byte(&self, code: u8) -> Option<u8> {
        self.array(code).map(|[byte]| byte)
    }

    fn addresses(&self, code: u8) -> impl Iterator<Item = Ipv4Addr> {
        let bytes = self.option(code).into_iter();
        bytes.flat_map(encoding::addresses)
    }
}
