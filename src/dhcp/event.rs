//! What a DHCP client tells.

use core::fmt;
use core::net::Ipv4Addr;

use smoltcp::wire::{EthernetAddress, Ipv4Cidr};

use crate::Duration;

/// What happens to a lease: an event of a [`Dhcp`](super::Dhcp), in [`Event::App`](crate::Event::App).
///
/// The whole lease is in [`Storage::lease`](super::Storage::lease).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DhcpEvent {
    /// We have an address.
    LeaseAcquired {
        /// The address, and the length of its network's prefix.
        address: Ipv4Cidr,
        /// The server.
        server: Ipv4Addr,
        /// For how long; `None` is for ever.
        time: Option<Duration>,
    },
    /// We have the same address for longer.
    LeaseRenewed {
        /// The address, and the length of its network's prefix.
        address: Ipv4Cidr,
        /// The server.
        server: Ipv4Addr,
        /// For how long from now on; `None` is for ever.
        time: Option<Duration>,
    },
    /// Our address is gone, and with it its connections.
    LeaseLost {
        /// The address.
        address: Ipv4Cidr,
        /// Why.
        reason: LossReason,
    },
    /// A server refused the address that we asked for (NAK).
    Refused {
        /// The address.
        address: Ipv4Addr,
    },
    /// Another host has the address: the server was told (DECLINE).
    Declined {
        /// The address.
        address: Ipv4Addr,
        /// The other host.
        holder: EthernetAddress,
    },
}

/// Why an address is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LossReason {
    /// Its time ended before any server renewed it.
    Expired,
    /// A server withdrew it (NAK).
    Withdrawn,
    /// Another host uses it.
    Conflict,
    /// We gave it back.
    Released,
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "it expired",
            Self::Withdrawn => "the server withdrew it",
            Self::Conflict => "another host uses it",
            Self::Released => "it was given back",
        })
    }
}
