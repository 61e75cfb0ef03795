//! Which name servers there are.

use std::fs;
use std::net::IpAddr;

use smoltcp::wire::{IpAddress, IpCidr};
use tickwire::dhcp::Lease;

use crate::cli::LinkOptions;

/// Where this computer's own name servers stand. The second has them where the first names only a
/// server on this computer itself.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// Name servers, and where they are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServers {
    /// In the order in which they are asked.
    pub addresses: Vec<IpAddress>,
    /// The file of this computer, where nobody gave us any.
    file: Option<&'static str>,
}

impl NameServers {
    /// What the user should know about them.
    pub fn note(&self) -> Option<String> {
        let file = self.file?;
        let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        Some(format!("Name server {} from {file}", addresses.join(", ")))
    }
}

/// The name servers of the options, of the lease, or this computer's own where the TAP leads to them.
pub fn find(link: &LinkOptions, lease: Option<&Lease>) -> NameServers {
    if !link.dns.is_empty() {
        return NameServers {
            addresses: link.dns.clone(),
            file: None,
        };
    }
    if let Some(lease) = lease.filter(|lease| !lease.name_servers.is_empty()) {
        let addresses = lease.name_servers.iter();
        return NameServers {
            addresses: addresses.map(|&address| address.into()).collect(),
            file: None,
        };
    }
    let (own, gateway) = match lease {
        Some(lease) => (
            Some(IpCidr::Ipv4(lease.address)),
            lease.routers.first().map(|&router| router.into()),
        ),
        None => (link.static_address(), link.gateway),
    };
    for file in FILES {
        let text = fs::read_to_string(file).unwrap_or_default();
        let addresses: Vec<_> = in_file(&text)
            .filter(|address| own.is_some_and(|own| is_reachable(own, gateway, *address)))
            .collect();
        if !addresses.is_empty() {
            return NameServers {
                addresses,
                file: Some(file),
            };
        }
    }
    NameServers {
        addresses: Vec::new(),
        file: None,
    }
}

/// The name servers of a `resolv.conf`.
fn in_file(text: &str) -> impl Iterator<Item = IpAddress> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let is_server = words.next() == Some("nameserver");
        let address: IpAddr = words.next().filter(|_| is_server)?.parse().ok()?;
        Some(address.into())
    })
}

/// Whether the TAP leads there: a neighbour of ours, or by way of a router.
fn is_reachable(own: IpCidr, gateway: Option<IpAddress>, address: IpAddress) -> bool {
    let is_same_family = own.address().version() == address.version();
    let is_loopback = IpAddr::from(address).is_loopback();
    let is_routed = gateway.is_some() && is_same_family;
    address != own.address() && !is_loopback && (own.contains_addr(&address) || is_routed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# nameserver 10.0.0.9\nsearch a.x\nnameserver 127.0.0.53\n\
                        nameserver\t192.168.69.2\nnameserver 10.0.0.1 \nnameserver fe80::1%eth0\n";

    #[test]
    fn only_servers_that_the_tap_leads_to_are_asked() {
        let own = IpCidr::new(IpAddress::v4(192, 168, 69, 1), 24);
        let found = |gateway| {
            let reachable = in_file(TEXT).filter(|address| is_reachable(own, gateway, *address));
            reachable
                .map(|address| address.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(found(None), ["192.168.69.2"]);
        let gateway = Some(IpAddress::v4(192, 168, 69, 100));
        assert_eq!(found(gateway), ["192.168.69.2", "10.0.0.1"]);
    }
}
