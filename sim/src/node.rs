//! One device of a simulated network.

use core::cell::RefCell;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};
use tickwire::guard::{Counters, Guard};
use tickwire::{Carry, Seat, Tick, turn};

use crate::ethernet::{Ethernet, Port};
use crate::scheduler::{NodeClock, Scheduler};
use crate::tracer::{NodeEvents, Tracer};
use crate::{Generator, streams};

/// Connections that a node's guard knows: at least two more than a node of a world has sockets.
const FLOWS: usize = 10;

/// A node: what a device has, plugged into a port of the Ethernet.
///
/// It has a [guard](tickwire::guard) unless it was made [`bare`](Self::bare).
pub struct Node<'a> {
    /// Its interface, with one address of 10.0.0.0/24.
    pub iface: Interface,
    /// Its sockets, in memory that the caller lent.
    pub sockets: SocketSet<'a>,
    device: Guard<Port<'a>, FLOWS>,
    carry: Carry,
    /// When its loop wants its next turn, in the world's time. Before the first turn: at once.
    wake: Option<Tick>,
    clock: NodeClock,
    scheduler: Scheduler,
}

/// A node with the apps that it runs, for the length of one [`World::run`](crate::World::run).
pub struct RunningNode<'n, 'a, 's> {
    pub(crate) node: &'n mut Node<'a>,
    seats: &'n mut [Seat<'s>],
}

impl<'a> Node<'a> {
    /// A node with a guard at `port` of the Ethernet, with the address 10.0.0.`port + 1`/24 and
    /// random values from `seed`. It holds one socket for each element of `storage`.
    pub fn new(
        ethernet: &'a Ethernet<'_>,
        port: usize,
        seed: u64,
        storage: &'a mut [SocketStorage<'a>],
    ) -> Self {
        Self::boot(ethernet, port, seed, storage, Tick::ZERO, true)
    }

    /// A node without a guard: smoltcp as it is.
    pub fn bare(
        ethernet: &'a Ethernet<'_>,
        port: usize,
        seed: u64,
        storage: &'a mut [SocketStorage<'a>],
    ) -> Self {
        Self::boot(ethernet, port, seed, storage, Tick::ZERO, false)
    }

    /// A node that starts at `now`.
    pub(crate) fn boot(
        ethernet: &'a Ethernet<'_>,
        port: usize,
        seed: u64,
        storage: &'a mut [SocketStorage<'a>],
        now: Tick,
        is_guarded: bool,
    ) -> Self {
        let number = u8::try_from(port + 1).unwrap_or(u8::MAX);
        let mac = EthernetAddress([2, 0, 10, 0, 0, number]);
        ethernet.set_address(port, mac);
        let mut random = Generator::new(seed).fork(streams::NODE, u64::from(number));
        let mut config = Config::new(mac.into());
        config.random_seed = random.u64();
        let mut device = if is_guarded {
            Guard::new(ethernet.port(port), mac)
        } else {
            Guard::passive(ethernet.port(port))
        };
        let mut iface = Interface::new(config, &mut device, Tick::ZERO.to_smoltcp());
        iface.update_ip_addrs(|addresses| {
            // An interface has room for at least one address.
            let _ = addresses.push(IpCidr::new(Self::address_of(port).into(), 24));
        });
        Self {
            iface,
            sockets: SocketSet::new(storage),
            device,
            carry: Carry::new(random.u64()),
            wake: Some(now),
            clock: NodeClock::new(now, 0),
            scheduler: Scheduler::exact(),
        }
    }

    /// The address of the node at `port`.
    pub fn address_of(port: usize) -> Ipv4Address {
        Ipv4Address::new(10, 0, 0, u8::try_from(port + 1).unwrap_or(u8::MAX))
    }

    /// Adds a TCP socket over buffers that the caller lent.
    ///
    /// # Panics
    /// When the storage is full.
    pub fn add_socket(&mut self, receive: &'a mut [u8], send: &'a mut [u8]) -> SocketHandle {
        self.sockets.add(Socket::new(
            SocketBuffer::new(receive),
            SocketBuffer::new(send),
        ))
    }

    /// This node running these apps.
    pub fn with<'n, 's>(&'n mut self, seats: &'n mut [Seat<'s>]) -> RunningNode<'n, 'a, 's> {
        RunningNode { node: self, seats }
    }

    /// What the guard did so far.
    pub fn guard_counters(&self) -> Counters {
        self.device.counters()
    }

    /// Its port of the Ethernet.
    pub(crate) const fn port(&self) -> &Port<'a> {
        self.device.get_ref()
    }

    /// Lets the node's counter show `start` at its boot, and the scheduler be less than exact.
    pub(crate) fn set_clock(&mut self, start: u32, scheduler: Scheduler) {
        self.clock.set_start(start);
        self.scheduler = scheduler;
    }

    /// No turn before `until`.
    pub(crate) fn freeze(&mut self, until: Tick) {
        self.scheduler.freeze(until);
    }

    /// Turns are punctual from now on.
    pub(crate) const fn heal(&mut self) {
        self.scheduler = Scheduler::exact();
    }

    /// The interface, the device and the sockets, for a loop that is not tickwire's.
    pub(crate) const fn parts(
        &mut self,
    ) -> (
        &mut Interface,
        &mut Guard<Port<'a>, FLOWS>,
        &mut SocketSet<'a>,
    ) {
        (&mut self.iface, &mut self.device, &mut self.sockets)
    }

    /// Asks for a turn at once: the caller may have given its apps something to do.
    pub(crate) fn wake_now(&mut self, now: Tick) {
        // A turn that is overdue stays overdue: waking a node again and again must not delay it.
        self.wake = Some(self.wake.map_or(now, |wake| wake.min(now)));
    }

    /// When this node must have its next turn.
    pub(crate) fn next_turn(&self) -> Option<Tick> {
        [self.wake, self.port().next_due()]
            .into_iter()
            .flatten()
            .min()
            .map(|wake| self.scheduler.delay(wake))
    }

    /// The node's own time at a time of the world.
    pub(crate) fn local(&mut self, now: Tick) -> Tick {
        self.clock.local(now)
    }
}

impl RunningNode<'_, '_, '_> {
    /// Gives the node a turn, and returns what the loop asked for, in the world's time.
    pub(crate) fn turn(&mut self, now: Tick, tracer: &RefCell<dyn Tracer + '_>) -> Option<Tick> {
        let node = &mut *self.node;
        let local = node.local(now);
        let index = node.port().index();
        let mut events = NodeEvents::new(tracer, index, now);
        let next = turn(
            local,
            &mut node.iface,
            &mut node.device,
            &mut node.sockets,
            self.seats,
            &mut node.carry,
            &mut events,
        );
        let next = next.map(|next| now.after(next.since(local)));
        let extra = node.scheduler.draw_next(now);
        node.wake = next.into_iter().chain(extra).min();
        next
    }

    /// Whether all its apps have ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.seats.iter().all(|seat| seat.outcome().is_some())
    }
}
