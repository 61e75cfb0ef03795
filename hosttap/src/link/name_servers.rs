//! This computer's own name servers.

use std::fs;
use std::net::IpAddr;

use smoltcp::wire::{IpAddress, IpCidr};
use tickwire::dhcp::Lease;

use crate::cli::LinkOptions;

/// Where this computer's own name servers stand. The second has them where the first names only a
/// server on this computer itself.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// This computer's own name servers, as far as the TAP leads to them, and the file that names them.
pub fn of_this_computer(
    link: &LinkOptions,
    lease: Option<&Lease>,
) -> Option<(&'static str, Vec<IpAddress>)> {
    let (own, gateway) = match lease {
        Some(lease) => (
            IpCidr::Ipv4(lease.address),
            lease.routers.first().map(|&router| router.into()),
        ),
        None => (link.static_address()?, link.gateway),
    };
    FILES.into_iter().find_map(|file| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let reachable = in_file(&text).filter(|address| is_reachable(own, gateway, *address));
        let addresses: Vec<_> = reachable.collect();
        (!addresses.is_empty()).then_some((file, addresses))
    })
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
