//! The kernel's side of a TAP: the TAP itself, or the bridge of which it is a port.

use std::io;
use std::net::IpAddr;

use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use super::netlink::{Address, Link, Netlink};
use crate::cli::LinkOptions;

/// The kernel's side of a TAP.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) tap: Link,
    /// The bridge, or the like, of which the TAP is a port. It has the addresses then.
    pub(crate) master: Option<Link>,
    /// The kernel's addresses, on whatever interface.
    pub(crate) addresses: Vec<Address>,
}

impl Side {
    /// The side of the interface `name`, or `None` if there is no such interface.
    pub(crate) fn find(netlink: &Netlink, name: &str) -> io::Result<Option<Self>> {
        let Some(tap) = netlink.link(name)? else {
            return Ok(None);
        };
        let master = match tap.master {
            Some(index) => netlink.link_at(index)?,
            None => None,
        };
        Ok(Some(Self {
            tap,
            master,
            addresses: netlink.addresses()?,
        }))
    }

    /// The interface that has the addresses.
    pub(crate) fn interface(&self) -> &Link {
        self.master.as_ref().unwrap_or(&self.tap)
    }

    pub(crate) fn master_name(&self) -> Option<&str> {
        self.master.as_ref().map(|link| link.name.as_str())
    }

    /// Whether the kernel's side has this Ethernet address.
    pub(crate) fn has_ethernet_address(&self, address: EthernetAddress) -> bool {
        let links = [&self.tap, self.interface()];
        links.iter().any(|link| link.mac == address.as_bytes())
    }

    /// The kernel's address in the network of `ours`, in which it can answer.
    pub(crate) fn address_beside(&self, ours: IpCidr) -> Option<&Address> {
        self.addresses.iter().find(|address| {
            let kernel = IpCidr::new(IpAddress::from(address.ip), address.prefix_bits);
            address.index == self.interface().index
                && kernel.address() != ours.address()
                && ours.contains_addr(&kernel.address())
                && kernel.contains_addr(&ours.address())
        })
    }

    /// The entry for an address that the kernel has itself.
    pub(crate) fn find_address(&self, ip: IpAddr) -> Option<&Address> {
        self.addresses.iter().find(|address| address.ip == ip)
    }
}

/// Why the kernel cannot talk to us, for a command that is about to connect; `None` if it can, or if
/// nothing is known. A bridge may have other hosts, so there it matters less.
pub(crate) fn hint(options: &LinkOptions) -> Option<String> {
    let (name, ours) = (&options.tap, options.static_address()?);
    let side = Side::find(&Netlink::open().ok()?, name).ok()??;
    let own = IpAddr::from(ours.address());
    let what = if side.find_address(own).is_some() {
        format!("the kernel has our address {own}")
    } else if side.master.is_none() && side.address_beside(ours).is_none() {
        format!("the kernel's side of {name} has no address in the network of {ours}")
    } else {
        return None;
    };
    Some(format!("{what}; `hosttap doctor` prints what mends it"))
}
