//! One device of a simulated network.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};
use tickwire::wire::{Generator, Wire};
use tickwire::{Carry, Observer, Seat, Tick, turn};

/// A host: what a device has, and the port of the wire that it is plugged into.
pub struct Host<'a> {
    /// Its interface, with one address of 10.0.0.0/24.
    pub iface: Interface,
    /// Its sockets, in memory that the caller lent.
    pub sockets: SocketSet<'a>,
    port: usize,
    carry: Carry,
    /// When its loop wants its next turn; at once, before the first.
    wake: Option<Tick>,
}

/// A host with the apps that it runs, for the length of one [`World::run`](crate::World::run).
pub struct Node<'n, 'a, 's> {
    pub(crate) host: &'n mut Host<'a>,
    pub(crate) seats: &'n mut [Seat<'s>],
}

impl<'a> Host<'a> {
    /// A host at `port` of the wire, with the address 10.0.0.`port + 1`/24 and random values from `seed`.
    /// It holds as many sockets as `storage` has places.
    pub fn new(
        wire: &mut Wire<'_>,
        port: usize,
        seed: u64,
        storage: &'a mut [SocketStorage<'a>],
    ) -> Self {
        let number = u8::try_from(port + 1).unwrap_or(u8::MAX);
        let mac = EthernetAddress([2, 0, 10, 0, 0, number]);
        wire.set_address(port, mac);
        let mut random = Generator::new(seed).fork("host", u64::from(number));
        let mut config = Config::new(mac.into());
        config.random_seed = random.u64();
        let mut iface = Interface::new(
            config,
            &mut wire.port(port, Tick::ZERO),
            Tick::ZERO.to_smoltcp(),
        );
        iface.update_ip_addrs(|addresses| {
            // An interface has room for at least one address.
            let _ = addresses.push(IpCidr::new(Self::address_of(port).into(), 24));
        });
        Self {
            iface,
            sockets: SocketSet::new(storage),
            port,
            carry: Carry::new(random.u64()),
            wake: Some(Tick::ZERO),
        }
    }

    /// The address of the host at `port`.
    pub fn address_of(port: usize) -> Ipv4Address {
        Ipv4Address::new(10, 0, 0, u8::try_from(port + 1).unwrap_or(u8::MAX))
    }

    /// Adds a TCP socket over buffers that the caller lent.
    ///
    /// # Panics
    /// When the storage has no place left.
    pub fn add_socket(&mut self, receive: &'a mut [u8], send: &'a mut [u8]) -> SocketHandle {
        self.sockets.add(Socket::new(
            SocketBuffer::new(receive),
            SocketBuffer::new(send),
        ))
    }

    /// This host running these apps.
    pub fn with<'n, 's>(&'n mut self, seats: &'n mut [Seat<'s>]) -> Node<'n, 'a, 's> {
        Node { host: self, seats }
    }
}

impl Node<'_, '_, '_> {
    /// When this host must have its next turn.
    pub(crate) fn wake(&self, wire: &Wire<'_>) -> Option<Tick> {
        [self.host.wake, wire.next_due_at(self.host.port)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Gives the host a turn.
    pub(crate) fn turn(&mut self, now: Tick, wire: &mut Wire<'_>, observer: &mut dyn Observer) {
        let Host {
            iface,
            sockets,
            port,
            carry,
            wake,
        } = &mut *self.host;
        *wake = turn(
            now,
            iface,
            &mut wire.port(*port, now),
            sockets,
            self.seats,
            carry,
            observer,
        );
    }

    /// Asks for a turn at once: the caller may have given its apps something to do.
    pub(crate) fn wake_now(&mut self, now: Tick) {
        self.host.wake = Some(now);
    }

    /// Whether all its apps have ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.seats.iter().all(|seat| seat.outcome().is_some())
    }
}
