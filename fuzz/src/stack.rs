//! The stack of a host whose cable is in the target's hands.

use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::phy::Device;
use smoltcp::wire::{IpCidr, Ipv4Address};
use tickwire::{Config, Stack, Tick};

use crate::frame::HOST_MAC;

/// When a host starts.
pub(crate) const START: Tick = Tick::from_millis(1);

/// A stack at `address`, with room for as many sockets as it is lent.
pub(crate) fn stack<'a, D: Device>(
    device: D,
    address: Ipv4Address,
    sockets: &'a mut [SocketStorage<'a>],
) -> Stack<'a, D> {
    let config = Config {
        mac: HOST_MAC,
        addresses: &[IpCidr::new(address.into(), 24)],
        gateway: None,
        seed: 1,
    };
    Stack::new(device, &config, SocketSet::new(sockets), START)
}
