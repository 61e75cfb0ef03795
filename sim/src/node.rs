//! One device of a simulated network.

use core::cell::RefCell;

use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};
use tickwire::guard::{Duties, Guarded, Storage};
use tickwire::{AnyTask, Config, Stack, Tick};

use crate::ethernet::{Ethernet, Port};
use crate::scheduler::{NodeClock, Scheduler};
use crate::tracer::{NodeEvents, Tracer};
use crate::{Generator, streams};

/// Connections that a node's guard knows unless the caller says another number.
const FLOWS_DEFAULT: usize = 10;

/// The device of a node: a port of the Ethernet under a guard.
pub type NodeDevice<'a> = Guarded<'a, Port<'a>>;

/// What a node needs for its sockets and its guard, lent by the caller for as long as it lives.
/// `FLOWS` is the number of connections that the guard knows: at least two more than sockets.
pub struct NodeMemory<'a, const SOCKETS: usize, const FLOWS: usize = FLOWS_DEFAULT> {
    sockets: [SocketStorage<'a>; SOCKETS],
    guard: Storage<FLOWS>,
}

/// A node: what a device has, plugged into a port of the Ethernet.
///
/// It has a [guard](tickwire::guard) unless it was made [`bare`](Self::bare).
pub struct Node<'a> {
    /// Its interface, with one address of 10.0.0.0/24, its device and its sockets.
    pub stack: Stack<'a, NodeDevice<'a>>,
    /// When its loop wants its next turn, in the world's time. Before the first turn: at once.
    wake: Option<Tick>,
    clock: NodeClock,
    scheduler: Scheduler,
}

/// A node with the tasks that it runs, for the length of one [`World::run`](crate::World::run).
pub struct RunningNode<'n, 'a, 't> {
    pub(crate) node: &'n mut Node<'a>,
    tasks: &'n mut [&'t mut dyn AnyTask],
}

impl<const SOCKETS: usize> NodeMemory<'_, SOCKETS> {
    /// Memory for this number of sockets, at most eight.
    pub const fn new() -> Self {
        Self::with_flows()
    }
}

impl<const SOCKETS: usize, const FLOWS: usize> NodeMemory<'_, SOCKETS, FLOWS> {
    /// Memory for this number of sockets, and a guard that knows so many connections.
    pub const fn with_flows() -> Self {
        const { assert!(SOCKETS + 2 <= FLOWS, "a guard knows two connections more") };
        Self {
            sockets: [SocketStorage::EMPTY; SOCKETS],
            guard: Storage::new(),
        }
    }
}

impl<const SOCKETS: usize> Default for NodeMemory<'_, SOCKETS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Node<'a> {
    /// A node with a guard at `port` of the Ethernet, with the address 10.0.0.`port + 1`/24 and
    /// random values from `seed`.
    pub fn new<const SOCKETS: usize, const FLOWS: usize>(
        ethernet: &'a Ethernet<'_>,
        port: usize,
        seed: u64,
        memory: &'a mut NodeMemory<'a, SOCKETS, FLOWS>,
    ) -> Self {
        Self::boot(ethernet, port, seed, memory, Tick::ZERO, Some(Duties::ALL))
    }

    /// A node without a guard: smoltcp as it is.
    pub fn bare<const SOCKETS: usize, const FLOWS: usize>(
        ethernet: &'a Ethernet<'_>,
        port: usize,
        seed: u64,
        memory: &'a mut NodeMemory<'a, SOCKETS, FLOWS>,
    ) -> Self {
        Self::boot(ethernet, port, seed, memory, Tick::ZERO, None)
    }

    /// A node that starts at `now`, with a guard that has these duties, or without one.
    pub(crate) fn boot<const SOCKETS: usize, const FLOWS: usize>(
        ethernet: &'a Ethernet<'_>,
        port: usize,
        seed: u64,
        memory: &'a mut NodeMemory<'a, SOCKETS, FLOWS>,
        now: Tick,
        duties: Option<Duties>,
    ) -> Self {
        let mac = Self::mac_of(port);
        ethernet.set_address(port, mac);
        let mut random = Generator::new(seed).fork(streams::NODE, u64::from(number_of(port)));
        let (device, storage) = (ethernet.port(port), &mut memory.guard);
        let device = match duties {
            Some(duties) => Guarded::new(device, mac, storage).with_duties(duties),
            None => Guarded::passive(device, storage),
        };
        let config = Config {
            mac,
            addresses: &[IpCidr::new(Self::address_of(port).into(), 24)],
            gateway: None,
            seed: random.u64(),
        };
        let sockets = SocketSet::new(&mut memory.sockets[..]);
        Self {
            stack: Stack::new(device, &config, sockets, Tick::ZERO).with_guard(),
            wake: Some(now),
            clock: NodeClock::new(now, 0),
            scheduler: Scheduler::exact(),
        }
    }

    /// The address of the node at `port`.
    pub fn address_of(port: usize) -> Ipv4Address {
        Ipv4Address::new(10, 0, 0, number_of(port))
    }

    /// The hardware address of the node at `port`.
    pub(crate) fn mac_of(port: usize) -> EthernetAddress {
        EthernetAddress([2, 0, 10, 0, 0, number_of(port)])
    }

    /// The port of the node whose address this ARP packet, damaged on its way, gives to another.
    /// Nothing protects ARP but Ethernet's frame check sequence, which this Ethernet does not have.
    /// Whoever believes it sends to nobody for as long as smoltcp believes a hardware address, 60 s.
    pub fn displaced_by(frame: &[u8]) -> Option<usize> {
        let (Some([8, 6]), Some(mac), Some([10, 0, 0, number])) =
            (frame.get(12..14), frame.get(22..28), frame.get(28..32))
        else {
            return None;
        };
        let port = usize::from(number.checked_sub(1)?);
        (mac != Self::mac_of(port).as_bytes()).then_some(port)
    }

    /// Adds a TCP socket over buffers that the caller lent.
    ///
    /// # Panics
    /// When the storage is full.
    pub fn add_socket(&mut self, receive: &'a mut [u8], send: &'a mut [u8]) -> SocketHandle {
        self.stack.add_tcp_socket(receive, send)
    }

    /// This node running these tasks.
    pub fn with<'n, 't>(
        &'n mut self,
        tasks: &'n mut [&'t mut dyn AnyTask],
    ) -> RunningNode<'n, 'a, 't> {
        RunningNode { node: self, tasks }
    }

    /// Its port of the Ethernet.
    pub(crate) const fn port(&self) -> &Port<'a> {
        self.stack.device.get_ref()
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

    /// Asks for a turn at once: the caller may have given its tasks something to do.
    pub fn wake_now(&mut self, now: Tick) {
        // A turn that is overdue stays overdue: waking a node again and again must not delay it.
        self.wake = Some(self.wake.map_or(now, |wake| wake.min(now)));
    }

    /// When this node must have its next turn.
    pub fn next_turn(&self) -> Option<Tick> {
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

/// The last byte of a node's addresses.
fn number_of(port: usize) -> u8 {
    u8::try_from(port + 1).unwrap_or(u8::MAX)
}

impl RunningNode<'_, '_, '_> {
    /// Gives the node a turn, and returns what the loop asked for, in the world's time.
    pub(crate) fn turn(&mut self, now: Tick, tracer: &RefCell<dyn Tracer + '_>) -> Option<Tick> {
        let node = &mut *self.node;
        let local = node.local(now);
        let index = node.port().index();
        let mut events = NodeEvents::new(tracer, index, now);
        let next = node.stack.turn(local, self.tasks, &mut events);
        let next = next.map(|next| now + next.since(local));
        let extra = node.scheduler.draw_next(now);
        node.wake = next.into_iter().chain(extra).min();
        next
    }

    /// Whether all its tasks have ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.tasks.iter().all(|task| task.is_finished())
    }
}
