//! Addresses of `core` as smoltcp has them.

use core::net::IpAddr;

use smoltcp::wire::IpAddress;

/// `None` for a family that smoltcp was built without.
pub(crate) const fn to_smoltcp(address: IpAddr) -> Option<IpAddress> {
    match address {
        IpAddr::V4(address) => Some(IpAddress::Ipv4(address)),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(address) => Some(IpAddress::Ipv6(address)),
        #[cfg(not(feature = "ipv6"))]
        IpAddr::V6(_) => None,
    }
}
