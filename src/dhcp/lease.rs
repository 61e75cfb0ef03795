//! What a server lends: an address for a time, and what is good to know on its network.

use core::net::Ipv4Addr;

use smoltcp::wire::Ipv4Cidr;

use super::encoding::is_host;
use super::{Addresses, Message, Name, Routes};
use crate::Duration;

/// An address that a server lends us, with the settings of its network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lease {
    /// Our address, and the length of the network's prefix.
    pub address: Ipv4Cidr,
    /// The server.
    pub server: Ipv4Addr,
    /// The routers, from option 3.
    pub routers: Addresses,
    /// Where there are any, `routers` do not count (RFC 3442).
    pub routes: Routes,
    /// The name servers.
    pub name_servers: Addresses,
    /// The time servers.
    pub time_servers: Addresses,
    /// The domain for names without a dot; empty when there is none.
    pub domain: Name,
    /// The whole name under which the server knows us; empty when it did not say.
    pub fqdn: Name,
    /// The MTU of the network, where the server told it. smoltcp asks a device for its MTU once, so
    /// only a program that knows it when it makes the device can heed it.
    pub mtu: Option<u16>,
    /// For how long, from the moment of our request; `None` is for ever.
    pub time: Option<LeaseTime>,
}

/// The times of a lease, from the moment when it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LeaseTime {
    /// T1: its server is asked to renew it.
    pub renewal: Duration,
    /// T2: any server is asked.
    pub rebinding: Duration,
    /// The address must not be used any more.
    pub expiry: Duration,
}

impl LeaseTime {
    /// The times of a lease of `lease_secs`; `None` for ever.
    ///
    /// T1 and T2 are those of the server where T1 <= T2 < lease, or else a half and seven eighths of
    /// it (RFC 2131, section 4.4.5).
    pub fn new(
        lease_secs: u32,
        renewal_secs: Option<u32>,
        rebinding_secs: Option<u32>,
    ) -> Option<Self> {
        if lease_secs == u32::MAX {
            return None;
        }
        let millis = |secs: u32| u64::from(secs) * 1_000;
        let expiry = millis(lease_secs);
        let is_before = |&secs: &u64| secs > 0 && secs < expiry;
        let rebinding = rebinding_secs.map(millis).filter(is_before);
        let rebinding = rebinding.unwrap_or(expiry / 8 * 7);
        let renewal = renewal_secs.map(millis).filter(is_before);
        let renewal = renewal.filter(|&at| at <= rebinding);
        // The server's T2 may lie before half of the lease.
        let renewal = renewal.unwrap_or((expiry / 2).min(rebinding));
        Some(Self {
            renewal: Duration::from_millis(renewal),
            rebinding: Duration::from_millis(rebinding),
            expiry: Duration::from_millis(expiry),
        })
    }
}

impl Lease {
    /// No lease: all zeros, which [`Storage`](super::Storage) must be. No host has this address.
    pub(super) const NONE: Self = Self {
        address: Ipv4Cidr::new(Ipv4Addr::UNSPECIFIED, 0),
        server: Ipv4Addr::UNSPECIFIED,
        routers: Addresses::new(),
        routes: Routes::new(),
        name_servers: Addresses::new(),
        time_servers: Addresses::new(),
        domain: Name::new(),
        fqdn: Name::new(),
        mtu: None,
        time: None,
    };

    /// The lease, if it is one.
    pub(super) fn some(&self) -> Option<&Self> {
        (!self.address.address().is_unspecified()).then_some(self)
    }

    /// The lease that an ACK grants; `None` when it names no server, no time, or an address that no
    /// host can have.
    pub fn read(message: &Message) -> Option<Self> {
        let address = message.address();
        let prefix_len = message.prefix_len().filter(|&len| len > 0);
        let prefix_len = prefix_len.unwrap_or(class_prefix_len(address));
        let address = Ipv4Cidr::new(address, prefix_len);
        let lease_secs = message.lease_secs().filter(|&secs| secs > 0)?;
        let server = message.server().filter(is_host)?;
        if !is_host_of(address) {
            return None;
        }
        Some(Self {
            address,
            server,
            routers: message.routers(),
            routes: message.routes().unwrap_or_default(),
            name_servers: message.name_servers(),
            time_servers: message.time_servers(),
            domain: message.domain(),
            fqdn: message.fqdn(),
            mtu: message.mtu(),
            time: LeaseTime::new(lease_secs, message.renewal_secs(), message.rebinding_secs()),
        })
    }
}

/// Whether a host of its own network can have this address.
fn is_host_of(address: Ipv4Cidr) -> bool {
    let host = address.address();
    // Two hosts may share a prefix of 31 bits (RFC 3021).
    let is_network = address.prefix_len() < 31 && host == address.network().address();
    is_host(&host) && address.broadcast() != Some(host) && !is_network
}

/// The prefix of a network whose server does not tell it: that of its class (RFC 791).
const fn class_prefix_len(address: Ipv4Addr) -> u8 {
    match address.octets() {
        [0..128, ..] => 8,
        [128..192, ..] => 16,
        _ => 24,
    }
}
