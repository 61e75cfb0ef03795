//! The two TAP devices, each with an interface of its own and the kernel on the other side.

use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::process::Command;

use hosttap::link::tap::Tap;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, TunTapInterface};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};

/// The hardware address of our side.
pub const MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);

/// A TAP device with the kernel's side set up.
pub trait Link {
    /// The device.
    type Device: Device;

    /// Opens the interface `name` in the network `net`/24: we are .1, the kernel is .100.
    fn open(name: &str, net: [u8; 4]) -> Self;

    /// The device.
    fn device(&mut self) -> &mut Self::Device;

    /// What to wait for.
    fn descriptor(&self) -> RawFd;

    /// The network.
    fn net(&self) -> [u8; 4];

    /// Our address.
    fn address(&self) -> IpCidr {
        let [a, b, c, _] = self.net();
        IpCidr::new(Ipv4Address::new(a, b, c, 1).into(), 24)
    }

    /// The kernel's address.
    fn kernel(&self) -> Ipv4Addr {
        let [a, b, c, _] = self.net();
        Ipv4Addr::new(a, b, c, 100)
    }
}

/// `hosttap`'s device.
pub struct Ours {
    tap: Tap,
    net: [u8; 4],
}

impl AsFd for Ours {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tap.as_fd()
    }
}

/// smoltcp's device.
pub struct Smoltcps {
    tap: TunTapInterface,
    net: [u8; 4],
}

impl Link for Ours {
    type Device = Tap;

    fn open(name: &str, net: [u8; 4]) -> Self {
        let tap = Tap::open(name).expect("the TAP opens");
        set_up(name, net);
        Self { tap, net }
    }

    fn device(&mut self) -> &mut Tap {
        &mut self.tap
    }

    fn descriptor(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }

    fn net(&self) -> [u8; 4] {
        self.net
    }
}

impl Link for Smoltcps {
    type Device = TunTapInterface;

    fn open(name: &str, net: [u8; 4]) -> Self {
        let tap = TunTapInterface::new(name, Medium::Ethernet).expect("the TAP opens");
        set_up(name, net);
        Self { tap, net }
    }

    fn device(&mut self) -> &mut TunTapInterface {
        &mut self.tap
    }

    fn descriptor(&self) -> RawFd {
        self.tap.as_raw_fd()
    }

    fn net(&self) -> [u8; 4] {
        self.net
    }
}

fn set_up(name: &str, [a, b, c, _]: [u8; 4]) {
    for arguments in [
        format!("addr add {a}.{b}.{c}.100/24 dev {name}"),
        format!("link set {name} up"),
        format!("neigh add {a}.{b}.{c}.1 lladdr {MAC} dev {name}").replace('-', ":"),
    ] {
        let status = Command::new("ip").args(arguments.split(' ')).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "ip {arguments}"
        );
    }
}

/// A device, lent for one run.
pub struct Lent<'l, D>(pub &'l mut D);

impl<D: Device> Device for Lent<'_, D> {
    type RxToken<'a>
        = D::RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = D::TxToken<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.0.receive(now)
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.0.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.0.capabilities()
    }
}
