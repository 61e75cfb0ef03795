//! What must be known before a SYN may leave: that the peer can be dialled, and from which port.

use smoltcp::socket::AnySocket;
use smoltcp::socket::tcp;
use smoltcp::wire::{IpAddress, IpCidr, IpEndpoint};

use super::{Error, Io};

impl Io<'_, '_> {
    /// Refuses what smoltcp would dial although it can never answer.
    pub(super) fn check_peer(&mut self, remote: IpEndpoint) -> Result<(), Error> {
        let address = remote.addr;
        let (mut is_taken, mut is_near) = (false, false);
        for cidr in self.addresses() {
            is_taken |= cidr.address() == address || is_broadcast(cidr, &address);
            is_near |= cidr.contains_addr(&address);
        }
        if remote.port == 0 || !address.is_unicast() || is_loopback(&address) || is_taken {
            return Err(Error::Unaddressable);
        }
        let source = self.iface.get_source_address(&address);
        let has_source = source.is_some_and(|source| self.iface.has_ip_addr(source));
        if has_source && (is_near || self.is_routed(&address)) {
            Ok(())
        } else {
            Err(Error::Unreachable)
        }
    }

    /// Whether a route, by default or not, leads to `address`.
    pub(super) fn is_routed(&mut self, address: &IpAddress) -> bool {
        let now = self.now.to_smoltcp();
        let mut is_routed = false;
        // There is no other way to look at the routes.
        self.iface.routes_mut().update(|routes| {
            is_routed = routes.iter().any(|route| {
                route.cidr.contains_addr(address) && route.expires_at.is_none_or(|at| now <= at)
            });
        });
        is_routed
    }

    /// A port that no TCP socket of the set has or listens on: a connection may live for longer than
    /// the ports need to come round, and a listener could take the answer for its own.
    pub(super) fn take_port(&mut self) -> Result<u16, Error> {
        loop {
            let port = self.ports.take(self.now)?;
            let has_port = |socket: &tcp::Socket<'_>| {
                let local = socket.local_endpoint();
                socket.listen_endpoint().port == port
                    || local.is_some_and(|local| local.port == port)
            };
            let mut sockets = self.sockets.iter();
            if !sockets.any(|(_, socket)| tcp::Socket::downcast(socket).is_some_and(has_port)) {
                return Ok(port);
            }
        }
    }
}

#[allow(
    unreachable_patterns,
    reason = "smoltcp's features decide how many families there are"
)]
fn is_loopback(address: &IpAddress) -> bool {
    match address {
        IpAddress::Ipv4(address) => address.is_loopback(),
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(address) => address.is_loopback(),
        _ => false,
    }
}

#[allow(
    unreachable_patterns,
    reason = "smoltcp's features decide how many families there are"
)]
pub(super) fn is_broadcast(cidr: &IpCidr, address: &IpAddress) -> bool {
    match (cidr, address) {
        (IpCidr::Ipv4(cidr), IpAddress::Ipv4(address)) => cidr.broadcast() == Some(*address),
        _ => false,
    }
}
