//! Two hosts and the Ethernet between them, in this process and on a virtual clock.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpCidr, IpEndpoint, Ipv4Address};
use tickwire::guard::Memory;
use tickwire::wire::{Frame, Link, Port, Wire};
use tickwire::{Carry, Observer, Seat, Tick, turn};

use super::ledger::Ledger;
use crate::exit::{Exit, Failure};

/// The host that runs what a device would run.
pub(super) const DEVICE: usize = 0;
/// The host on its desk.
pub(super) const LAPTOP: usize = 1;

/// One in so many frames is lost, in parts per million.
pub(super) const LOSS_PPM: u32 = 30_000;
/// Microseconds from port to port.
const DELAY_MICROS: u64 = 5_000;
/// Virtual time after which the tour has failed.
const PATIENCE_TICKS: u64 = 600_000;

const FRAMES: usize = 256;
const FRAME_BYTES: usize = 1_514;
const SOCKETS_MAX: usize = 8;
const BUFFER_BYTES: usize = 32 * 1024;

struct Host {
    iface: Interface,
    sockets: SocketSet<'static>,
    guard: Memory<{ SOCKETS_MAX + 2 }>,
    carry: Carry,
    wake: Option<Tick>,
}

/// The network.
pub(super) struct Network {
    wire: Wire<'static>,
    hosts: [Host; 2],
    now: Tick,
    /// What was lost and sent again since it was last taken.
    pub(super) ledger: Ledger,
}

impl Network {
    /// A network that does by `seed` all that it does by chance.
    pub(super) fn new(seed: u64) -> Self {
        // The tour's memory lives as long as the program.
        let ports = vec![Port::new(), Port::new()].leak();
        let frame = || Frame::new(vec![0; FRAME_BYTES].leak());
        let frames = std::iter::repeat_with(frame).take(FRAMES);
        let frames = frames.collect::<Vec<_>>().leak();
        let mut wire = Wire::new(seed, ports, frames);
        let hosts = [DEVICE, LAPTOP].map(|port| Host::new(&mut wire, port, seed));
        Self {
            wire,
            hosts,
            now: Tick::ZERO,
            ledger: Ledger::default(),
        }
    }

    /// The virtual time.
    pub(super) fn now(&self) -> Tick {
        self.now
    }

    /// Adds a socket to a host.
    pub(super) fn add_socket(&mut self, host: usize) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; BUFFER_BYTES].leak());
        let socket = Socket::new(buffer(), buffer());
        self.host(host).sockets.add(socket)
    }

    /// One turn of a host's loop: the loop of every program over tickwire.
    pub(super) fn turn(
        &mut self,
        host: usize,
        seats: &mut [Seat<'_>],
        observer: &mut dyn Observer,
    ) {
        let Self {
            wire,
            hosts,
            now,
            ledger,
        } = self;
        let Host {
            iface,
            sockets,
            guard,
            carry,
            wake,
        } = at(hosts, host);
        let device = &mut guard.over(wire.port(host, *now).observed(ledger));
        *wake = turn(*now, iface, device, sockets, seats, carry, observer);
    }

    /// Rests until the next frame or deadline: here the clock jumps there.
    pub(super) fn rest(&mut self) -> Result<(), Failure> {
        let wakes = self.hosts.iter().map(|host| host.wake);
        let next = wakes.chain([self.wire.next_due()]).flatten().min();
        match next {
            Some(next) if next < Tick::ZERO.after(PATIENCE_TICKS) => {
                self.now = self.now.max(next);
                Ok(())
            }
            _ => Err(Failure::new(
                Exit::Unknown,
                "the tour stands still; this is a bug",
            )),
        }
    }

    /// Plugs the cable of the laptop in, or pulls it.
    pub(super) fn set_cable(&mut self, is_in: bool) {
        self.wire.set_up(LAPTOP, is_in);
    }

    fn host(&mut self, host: usize) -> &mut Host {
        at(&mut self.hosts, host)
    }
}

fn at(hosts: &mut [Host; 2], host: usize) -> &mut Host {
    let [device, laptop] = hosts;
    if host == DEVICE { device } else { laptop }
}

impl Host {
    fn new(wire: &mut Wire<'static>, port: usize, seed: u64) -> Self {
        let mac = EthernetAddress([2, 0, 10, 0, 0, if port == DEVICE { 1 } else { 2 }]);
        wire.set_address(port, mac);
        wire.set_link(
            port,
            Link {
                loss_ppm: LOSS_PPM,
                delay_micros: DELAY_MICROS,
                ..Link::PERFECT
            },
        );
        let device = wire.port(port, Tick::ZERO);
        let mut guard = Memory::new(mac, &device.capabilities());
        let mut config = Config::new(mac.into());
        config.random_seed = seed.rotate_left(8) ^ port as u64;
        let start = Tick::ZERO.to_smoltcp();
        let mut iface = Interface::new(config, &mut guard.over(device), start);
        iface.update_ip_addrs(|addresses| {
            // An interface has room for at least one address.
            let _ = addresses.push(IpCidr::new(address(port).into(), 24));
        });
        let storage = std::iter::repeat_with(Default::default).take(SOCKETS_MAX);
        Self {
            iface,
            sockets: SocketSet::new(storage.collect::<Vec<_>>().leak()),
            guard,
            carry: Carry::new(seed ^ port as u64),
            wake: None,
        }
    }
}

/// The address of a host.
pub(super) fn address(host: usize) -> Ipv4Address {
    Ipv4Address::new(10, 0, 0, if host == DEVICE { 1 } else { 2 })
}

/// A port of a host.
pub(super) fn endpoint(host: usize, port: u16) -> IpEndpoint {
    IpEndpoint::new(address(host).into(), port)
}
