//! The kernel's links, addresses and routes, through rtnetlink.
//!
//! `/sys/class/net` shows the namespace in which it was mounted, which may not be ours. rtnetlink
//! always answers for the namespace of the caller. Messages are laid out as in rtnetlink(7), in the
//! host's byte order.

mod message;

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

use message::{Request, ack_result, find_attribute, split_message, u32_at};

// linux/netlink.h
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_ACK: u16 = 0x04;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_CREATE: u16 = 0x400;
// linux/rtnetlink.h
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWADDR: u16 = 20;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RTA_DST: u16 = 1;
/// The answer has the prefix of the route that matched.
const RTM_F_FIB_MATCH: u32 = 0x2000;
const RTA_OIF: u16 = 4;
// linux/if_link.h and linux/if_addr.h
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_TUN_OWNER: u16 = 1;
const IFLA_TUN_TYPE: u16 = 3;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
// linux/if.h and linux/if_tun.h
const IFF_UP: u32 = 1;
const IFF_NOARP: u32 = 0x80;
const IFF_TAP: u8 = 2;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
// struct ifinfomsg, struct ifaddrmsg and struct rtmsg
const LINK_BYTES: usize = 16;
const ADDRESS_BYTES: usize = 8;
const ROUTE_BYTES: usize = 12;

/// An interface as the kernel describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its index in this namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// The index of the bridge, or the like, of which it is a port.
    pub master: Option<u32>,
    /// Whether addresses are resolved on it.
    pub uses_arp: bool,
    /// Whether it was brought up. A TAP that no program holds can be up without a carrier.
    pub is_up: bool,
    /// Its MTU in bytes.
    pub mtu: usize,
    /// The kernel's own Ethernet address on it; empty if there is none.
    pub mac: Vec<u8>,
    /// Whether it is a TAP.
    pub is_tap: bool,
    /// The user who may open it without privileges.
    pub owner_uid: Option<u32>,
}

impl Link {
    /// The kernel's own Ethernet address on it; zeros if there is none.
    pub fn ethernet_address(&self) -> [u8; 6] {
        <[u8; 6]>::try_from(&self.mac[..]).unwrap_or_default()
    }
}

/// An address of the kernel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The index of its interface.
    pub index: u32,
    /// The address itself.
    pub ip: IpAddr,
    /// The length of its network's prefix.
    pub prefix_bits: u8,
}

/// Where the kernel would send a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Through an interface.
    Interface {
        /// Its index.
        index: u32,
        /// The prefix length of the route that matched.
        prefix_bits: u8,
    },
    /// To itself: the address is one of its own.
    Local,
    /// Nowhere.
    None,
    /// Nowhere, because a route says so: a blackhole, or one that prohibits.
    Dropped,
}

/// A netlink socket for routing messages.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
}

impl Netlink {
    /// Opens the socket, which needs no privileges.
    ///
    /// # Errors
    /// The socket's.
    pub fn open() -> io::Result<Self> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            // NETLINK_ROUTE is protocol 0, the default.
            None,
        )?;
        Ok(Self { socket })
    }

    /// The interface `name`, or `None` if this namespace has no such interface.
    ///
    /// # Errors
    /// The kernel's.
    pub fn link(&self, name: &str) -> io::Result<Option<Link>> {
        let mut request = Request::new(RTM_GETLINK, 0, &[0; LINK_BYTES]);
        request.attribute(IFLA_IFNAME, &[name.as_bytes(), &[0]].concat());
        self.request_link(request)
    }

    /// The interface with this index, or `None` if this namespace has no such interface.
    ///
    /// # Errors
    /// The kernel's.
    pub fn link_at(&self, index: u32) -> io::Result<Option<Link>> {
        let mut fixed = [0; LINK_BYTES];
        fixed[4..8].copy_from_slice(&index.to_ne_bytes());
        self.request_link(Request::new(RTM_GETLINK, 0, &fixed))
    }

    fn request_link(&self, request: Request) -> io::Result<Option<Link>> {
        match self.request(request) {
            Ok(answers) => Ok(answers.first().and_then(|answer| parse_link(answer))),
            Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The kernel's addresses.
    ///
    /// # Errors
    /// The kernel's.
    pub fn addresses(&self) -> io::Result<Vec<Address>> {
        let request = Request::new(RTM_GETADDR, NLM_F_DUMP, &[0; ADDRESS_BYTES]);
        let answers = self.request(request)?;
        Ok(answers
            .iter()
            .filter_map(|answer| parse_address(answer))
            .collect())
    }

    /// Where the kernel would send a packet for `destination`.
    ///
    /// # Errors
    /// The kernel's. A missing route, and one that drops packets, is not an error.
    pub fn route(&self, destination: IpAddr) -> io::Result<Route> {
        let (family, bytes) = family_and_bytes(destination);
        let mut fixed = [0; ROUTE_BYTES];
        fixed[..2].copy_from_slice(&[family, prefix_bits_max(family)]);
        fixed[8..].copy_from_slice(&RTM_F_FIB_MATCH.to_ne_bytes());
        let mut request = Request::new(RTM_GETROUTE, 0, &fixed);
        request.attribute(RTA_DST, &bytes);
        let error = match self.request(request) {
            Ok(answers) => {
                let answer = answers.first();
                return Ok(answer.map_or(Route::None, |answer| parse_route(answer)));
            }
            Err(error) => error,
        };
        match Errno::from_io_error(&error) {
            Some(Errno::NETUNREACH) => Ok(Route::None),
            Some(Errno::INVAL | Errno::ACCESS | Errno::HOSTUNREACH) => Ok(Route::Dropped),
            _ => Err(error),
        }
    }

    /// Gives the kernel's side of the interface `index` an address. A second call changes nothing.
    ///
    /// # Errors
    /// The kernel's; `EPERM` without CAP_NET_ADMIN.
    pub fn add_address(&self, index: u32, address: IpAddr, prefix_bits: u8) -> io::Result<()> {
        // No duplicate address detection: no other host is on the link yet, and IPv6 would delay
        // the address by a second.
        const IFA_F_NODAD: u8 = 0x02;
        let (family, bytes) = family_and_bytes(address);
        let flags = if family == AF_INET6 { IFA_F_NODAD } else { 0 };
        let mut fixed = [0; ADDRESS_BYTES];
        fixed[..4].copy_from_slice(&[family, prefix_bits, flags, 0]);
        fixed[4..].copy_from_slice(&index.to_ne_bytes());
        let flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
        let mut request = Request::new(RTM_NEWADDR, flags, &fixed);
        request.attribute(IFA_LOCAL, &bytes);
        request.attribute(IFA_ADDRESS, &bytes);
        self.request(request).map(drop)
    }

    /// Brings the interface `index` up.
    ///
    /// # Errors
    /// The kernel's; `EPERM` without CAP_NET_ADMIN.
    pub fn bring_up(&self, index: u32) -> io::Result<()> {
        let mut fixed = [0; LINK_BYTES];
        fixed[4..8].copy_from_slice(&index.to_ne_bytes());
        fixed[8..12].copy_from_slice(&IFF_UP.to_ne_bytes());
        // The change mask: only this flag changes.
        fixed[12..].copy_from_slice(&IFF_UP.to_ne_bytes());
        self.request(Request::new(RTM_NEWLINK, NLM_F_ACK, &fixed))
            .map(drop)
    }

    /// Sends `request` and returns the bodies of the answers, without the acknowledgement.
    fn request(&self, request: Request) -> io::Result<Vec<Vec<u8>>> {
        let is_dump = request.flags & NLM_F_DUMP == NLM_F_DUMP;
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(&self.socket, &request.finish(), SendFlags::empty(), &kernel)?;
        let mut answers = Vec::new();
        // The kernel sends a dump in datagrams of at most 32 KiB.
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = recv_into(&self.socket, &mut buffer)?;
            let mut rest = buffer.get(..length).unwrap_or_default();
            while let Some((kind, body, next)) = split_message(rest) {
                rest = next;
                match kind {
                    NLMSG_DONE => return Ok(answers),
                    NLMSG_ERROR => return ack_result(body).map(|()| answers),
                    _ if is_dump => answers.push(body.to_vec()),
                    _ => return Ok(vec![body.to_vec()]),
                }
            }
        }
    }
}

fn recv_into(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match recv(socket, &mut *buffer, RecvFlags::empty()) {
            Ok((_, length)) => return Ok(length),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn parse_link(body: &[u8]) -> Option<Link> {
    let attributes = body.get(LINK_BYTES..)?;
    let info = find_attribute(attributes, IFLA_LINKINFO).unwrap_or_default();
    let is_tun = find_attribute(info, IFLA_INFO_KIND).is_some_and(|kind| kind.starts_with(b"tun"));
    let data = find_attribute(info, IFLA_INFO_DATA)
        .filter(|_| is_tun)
        .unwrap_or_default();
    Some(Link {
        index: u32_at(body, 4)?,
        name: find_attribute(attributes, IFLA_IFNAME)
            .map(|name| {
                String::from_utf8_lossy(name.strip_suffix(&[0]).unwrap_or(name)).into_owned()
            })
            .unwrap_or_default(),
        master: find_attribute(attributes, IFLA_MASTER).and_then(|value| u32_at(value, 0)),
        uses_arp: u32_at(body, 8)? & IFF_NOARP == 0,
        is_up: u32_at(body, 8)? & IFF_UP != 0,
        mtu: usize::try_from(u32_at(find_attribute(attributes, IFLA_MTU)?, 0)?).ok()?,
        mac: find_attribute(attributes, IFLA_ADDRESS)
            .unwrap_or_default()
            .to_vec(),
        is_tap: find_attribute(data, IFLA_TUN_TYPE).and_then(<[u8]>::first) == Some(&IFF_TAP),
        owner_uid: find_attribute(data, IFLA_TUN_OWNER).and_then(|value| u32_at(value, 0)),
    })
}

fn parse_address(body: &[u8]) -> Option<Address> {
    let attributes = body.get(ADDRESS_BYTES..)?;
    // On a point-to-point link IFA_ADDRESS is the remote end. IFA_LOCAL, if present, is always the
    // local address.
    let bytes = find_attribute(attributes, IFA_LOCAL)
        .or_else(|| find_attribute(attributes, IFA_ADDRESS))?;
    let ip = match *body.first()? {
        AF_INET => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        AF_INET6 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some(Address {
        index: u32_at(body, 4)?,
        ip,
        prefix_bits: *body.get(1)?,
    })
}

fn parse_route(body: &[u8]) -> Route {
    let attributes = body.get(ROUTE_BYTES..).unwrap_or_default();
    let index = find_attribute(attributes, RTA_OIF).and_then(|value| u32_at(value, 0));
    match (body.get(7), index) {
        (Some(&RTN_LOCAL), _) => Route::Local,
        (Some(&RTN_UNICAST), Some(index)) => Route::Interface {
            index,
            prefix_bits: body.get(1).copied().unwrap_or(0),
        },
        _ => Route::None,
    }
}

fn family_and_bytes(address: IpAddr) -> (u8, Vec<u8>) {
    match address {
        IpAddr::V4(address) => (AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (AF_INET6, address.octets().to_vec()),
    }
}

const fn prefix_bits_max(family: u8) -> u8 {
    if family == AF_INET { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_found_in_every_namespace_and_is_not_a_tap() {
        let netlink = Netlink::open().unwrap();
        let loopback = netlink.link("lo").unwrap().unwrap();
        assert!(!loopback.is_tap);
        assert_eq!(loopback.owner_uid, None);
        assert_eq!(loopback.mac, [0; 6]);
        assert_eq!(netlink.link("no-such-link").unwrap(), None);
        assert_eq!(loopback, netlink.link_at(loopback.index).unwrap().unwrap());
        assert_eq!((loopback.name.as_str(), loopback.master), ("lo", None));
        assert_eq!(netlink.link_at(u32::MAX >> 1).unwrap(), None);
        let of_loopback = |address: &Address| address.index == loopback.index;
        let addresses = netlink.addresses().unwrap();
        assert!(
            addresses
                .iter()
                .filter(|address| of_loopback(address))
                .all(|address| address.ip.is_loopback())
        );
    }

    #[test]
    fn truncated_messages_are_refused_without_a_panic() {
        let mut request = Request::new(RTM_GETLINK, 0, &[0; LINK_BYTES]);
        request.attribute(IFLA_MTU, &1500u32.to_ne_bytes());
        request.attribute(IFLA_LINKINFO, &[8, 0, 1, 0, b't', b'u', b'n', 0]);
        let whole = request.finish();
        let (_, body, rest) = split_message(&whole).unwrap();
        assert!(rest.is_empty());
        assert_eq!(parse_link(body).unwrap().mtu, 1500);
        for end in 0..whole.len() {
            assert!(split_message(&whole[..end]).is_none());
            if let Some(truncated) = body.get(..end) {
                // A truncated message may parse, but it never yields an owner.
                let link = parse_link(truncated);
                assert_eq!(link.and_then(|link| link.owner_uid), None);
            }
        }
    }
}
