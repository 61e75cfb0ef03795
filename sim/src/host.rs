//! One device of a simulated network.

use core::cell::RefCell;

use crate::Generator;
use crate::ethernet::{Ethernet, Port};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};
use tickwire::guard::{Counters, Guard};
use tickwire::{Carry, Seat, Tick, TickCounter, turn};

use crate::witness::{Events, Witness};

/// Connections that a host's guard knows: at least two more than a host of a world has sockets.
const FLOWS: usize = 10;

/// A host: what a device has, and the port of the Ethernet that it is plugged into.
///
/// Its loop stands behind a [guard](tickwire::guard) unless it was made [`bare`](Self::bare).
pub struct Host<'a> {
    /// Its interface, with one address of 10.0.0.0/24.
    pub iface: Interface,
    /// Its sockets, in memory that the caller lent.
    pub sockets: SocketSet<'a>,
    /// Its port of the Ethernet, behind its guard.
    pub(crate) device: Guard<Port<'a>, FLOWS>,
    carry: Carry,
    /// When its loop wants its next turn, in the world's time; at once, before the first.
    wake: Option<Tick>,
    clock: Clock,
    pulse: Pulse,
}

/// A host with the apps that it runs, for the length of one [`World::run`](crate::World::run).
pub struct Node<'n, 'a, 's> {
    pub(crate) host: &'n mut Host<'a>,
    pub(crate) seats: &'n mut [Seat<'s>],
}

/// A host's own time: a 32-bit counter of milliseconds since its boot, which may be about to wrap.
struct Clock {
    boot: Tick,
    start: u32,
    counter: TickCounter,
}

impl Clock {
    const fn new(boot: Tick, start: u32) -> Self {
        Self {
            boot,
            start,
            counter: TickCounter::new(1, start),
        }
    }

    /// The host's time at a time of the world.
    fn local(&mut self, now: Tick) -> Tick {
        // The counter keeps the low 32 bits, as hardware does.
        let elapsed = (now.since(self.boot) & u64::from(u32::MAX)) as u32;
        self.counter.update(self.start.wrapping_add(elapsed))
    }
}

/// How well a host keeps its appointments.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    random: Generator,
    /// A turn comes up to so many ticks late.
    late_ticks_max: u64,
    /// In how many of a million cases a turn comes that nobody asked for.
    extra_ppm: u32,
    late_ticks: u64,
    frozen_until: Tick,
}

impl Pulse {
    pub(crate) const fn new(random: Generator, late_ticks_max: u64, extra_ppm: u32) -> Self {
        Self {
            random,
            late_ticks_max,
            extra_ppm,
            late_ticks: 0,
            frozen_until: Tick::ZERO,
        }
    }

    /// Always in time.
    pub(crate) const fn exact() -> Self {
        Self::new(Generator::new(0), 0, 0)
    }

    fn apply(&self, wake: Tick) -> Tick {
        wake.after(self.late_ticks).max(self.frozen_until)
    }

    /// Draws for the next turn; when an unasked turn is to come.
    fn beat(&mut self, now: Tick) -> Option<Tick> {
        if self.late_ticks_max > 0 {
            self.late_ticks = self.random.between(0, self.late_ticks_max);
        }
        let extra = self.random.chance(self.extra_ppm);
        extra.then(|| now.after(self.random.between(0, 5)))
    }
}

impl<'a> Host<'a> {
    /// A guarded host at `port` of the Ethernet, with the address 10.0.0.`port + 1`/24 and random values from `seed`.
    /// It holds as many sockets as `storage` has places.
    pub fn new(
        ethernet: &'a Ethernet<'_>,
        port: usize,
        seed: u64,
        storage: &'a mut [SocketStorage<'a>],
    ) -> Self {
        Self::boot(ethernet, port, seed, storage, Tick::ZERO, true)
    }

    /// A host without a guard: smoltcp as it is.
    pub fn bare(
        ethernet: &'a Ethernet<'_>,
        port: usize,
        seed: u64,
        storage: &'a mut [SocketStorage<'a>],
    ) -> Self {
        Self::boot(ethernet, port, seed, storage, Tick::ZERO, false)
    }

    /// A host that starts at `now`.
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
        let mut random = Generator::new(seed).fork("host", u64::from(number));
        let mut config = Config::new(mac.into());
        config.random_seed = random.u64();
        let port = ethernet.port(port);
        let mut device = if is_guarded {
            Guard::new(port, mac)
        } else {
            Guard::passive(port)
        };
        let mut iface = Interface::new(config, &mut device, Tick::ZERO.to_smoltcp());
        iface.update_ip_addrs(|addresses| {
            // An interface has room for at least one address.
            let _ = addresses.push(IpCidr::new(Self::address_of(port.index()).into(), 24));
        });
        Self {
            iface,
            sockets: SocketSet::new(storage),
            device,
            carry: Carry::new(random.u64()),
            wake: Some(now),
            clock: Clock::new(now, 0),
            pulse: Pulse::exact(),
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

    /// What the guard did so far.
    pub fn guard_counters(&self) -> Counters {
        self.device.counters()
    }

    /// Lets the host's counter stand at `start` when it boots.
    pub(crate) const fn set_counter(&mut self, start: u32) {
        self.clock = Clock::new(self.clock.boot, start);
    }

    pub(crate) fn set_pulse(&mut self, pulse: Pulse) {
        self.pulse = pulse;
    }

    /// No turn before `until`.
    pub(crate) fn freeze(&mut self, until: Tick) {
        self.pulse.frozen_until = self.pulse.frozen_until.max(until);
    }

    /// Exact again, and not frozen.
    pub(crate) const fn calm(&mut self) {
        self.pulse = Pulse::exact();
    }

    /// The interface, the device and the sockets, for a loop that is not ours.
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
        // Not later than it was due before: a caller that wakes it again and again must not hold it back.
        self.wake = Some(self.wake.map_or(now, |wake| wake.min(now)));
    }

    /// When this host must have its next turn.
    pub(crate) fn next_turn(&self) -> Option<Tick> {
        [self.wake, self.device.get_ref().next_due()]
            .into_iter()
            .flatten()
            .min()
            .map(|wake| self.pulse.apply(wake))
    }

    /// The host's own time at a time of the world.
    pub(crate) fn local(&mut self, now: Tick) -> Tick {
        self.clock.local(now)
    }
}

impl Node<'_, '_, '_> {
    /// Gives the host a turn, and returns what the loop asked for, in the world's time.
    pub(crate) fn turn(&mut self, now: Tick, witness: &RefCell<dyn Witness + '_>) -> Option<Tick> {
        let host = &mut *self.host;
        let local = host.local(now);
        let mut events = Events {
            witness,
            host: host.device.get_ref().index(),
            now,
        };
        let next = turn(
            local,
            &mut host.iface,
            &mut host.device,
            &mut host.sockets,
            self.seats,
            &mut host.carry,
            &mut events,
        );
        let next = next.map(|next| now.after(next.since(local)));
        host.wake = [next, host.pulse.beat(now)].into_iter().flatten().min();
        next
    }

    /// Whether all its apps have ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.seats.iter().all(|seat| seat.outcome().is_some())
    }
}
