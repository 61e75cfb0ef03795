//! The addresses by which hosts and connections are told apart.

use core::net::{IpAddr, SocketAddr};

/// An Ethernet hardware address.
pub(crate) type Mac = [u8; 6];

#[cfg(feature = "ipv6")]
pub(crate) const ADDRESS_LEN: usize = 16;
#[cfg(not(feature = "ipv6"))]
pub(crate) const ADDRESS_LEN: usize = 4;

/// The first bytes of an IPv4 address in its mapped form (RFC 4291, 2.5.5.2).
#[cfg(feature = "ipv6")]
const IPV4_MAPPED_PREFIX: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// An IP address. With the feature `ipv6`, an IPv4 address is stored in its mapped form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address([u8; ADDRESS_LEN]);

impl Address {
    pub(crate) const UNSPECIFIED: Self = Self([0; ADDRESS_LEN]);

    /// An address of 4 or 16 bytes.
    #[cfg(feature = "ipv6")]
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        if let Ok(ipv6) = bytes.try_into() {
            return Some(Self(ipv6));
        }
        let ipv4 = <&[u8; 4]>::try_from(bytes).ok()?;
        let mut mapped = [0; ADDRESS_LEN];
        let (prefix, suffix) = mapped.split_at_mut(IPV4_MAPPED_PREFIX.len());
        prefix.copy_from_slice(&IPV4_MAPPED_PREFIX);
        suffix.copy_from_slice(ipv4);
        Some(Self(mapped))
    }

    /// An address of 4 bytes. None for an IPv6 address.
    #[cfg(not(feature = "ipv6"))]
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Whether this is no address: 0.0.0.0 or `::`.
    pub(crate) fn is_unspecified(&self) -> bool {
        self.octets().iter().all(|octet| *octet == 0)
    }

    /// Whether this is an IPv6 address of one link only (RFC 4291, 2.5.6).
    #[cfg(feature = "ipv6")]
    pub(crate) fn is_link_local(&self) -> bool {
        matches!(self.0, [0xfe, second, ..] if second & 0xc0 == 0x80)
    }

    /// The address as frames have it: 4 or 16 bytes.
    pub(crate) fn octets(&self) -> &[u8] {
        let prefix_len = if self.is_ipv4() { ADDRESS_LEN - 4 } else { 0 };
        self.0.get(prefix_len..).unwrap_or(&[])
    }

    #[cfg(feature = "ipv6")]
    pub(crate) fn to_ip_addr(self) -> IpAddr {
        IpAddr::V6(self.0.into()).to_canonical()
    }

    #[cfg(not(feature = "ipv6"))]
    pub(crate) fn to_ip_addr(self) -> IpAddr {
        IpAddr::V4(self.0.into())
    }

    #[cfg(feature = "ipv6")]
    pub(crate) fn is_ipv4(&self) -> bool {
        self.0.starts_with(&IPV4_MAPPED_PREFIX)
    }

    #[cfg(not(feature = "ipv6"))]
    pub(crate) const fn is_ipv4(&self) -> bool {
        true
    }
}

/// An IP address and the hardware address that it was resolved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) address: Address,
    pub(crate) mac: Mac,
}

/// The addresses and ports of a connection. A host may have several local addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowKey {
    pub(crate) local: Address,
    pub(crate) remote: Address,
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
}

impl FlowKey {
    /// Our end.
    pub(crate) fn local(&self) -> SocketAddr {
        SocketAddr::new(self.local.to_ip_addr(), self.local_port)
    }

    /// The peer's end.
    pub(crate) fn remote(&self) -> SocketAddr {
        SocketAddr::new(self.remote.to_ip_addr(), self.remote_port)
    }
}
