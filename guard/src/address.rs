//! The addresses by which hosts and connections are told apart.

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

    #[cfg(feature = "ipv6")]
    pub(crate) fn is_ipv4(&self) -> bool {
        self.0.starts_with(&IPV4_MAPPED_PREFIX)
    }

    #[cfg(not(feature = "ipv6"))]
    pub(crate) const fn is_ipv4(&self) -> bool {
        true
    }
}

/// The addresses and ports of a connection. A host may have several local addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowKey {
    pub(crate) local: Address,
    pub(crate) remote: Address,
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
}
