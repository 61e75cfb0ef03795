//! The Ethernet itself: how it is made, its settings and its counts.

use core::cell::{Cell, RefCell};
use core::fmt;

use managed::ManagedSlice;
use smoltcp::wire::EthernetAddress;
use tickwire::Tick;

use super::observer::Observer;
use super::pool::Pool;
use super::segment::{Segment, bit};
use super::{Counts, Frame, Link, Planned, Port, PortState, Rule};
use crate::{Generator, streams};

/// The most ports that an Ethernet has.
pub const PORTS_MAX: usize = 32;

/// A virtual Ethernet in memory that the caller lends.
///
/// Every method that takes a port panics when the Ethernet has no such port.
pub struct Ethernet<'a> {
    /// Borrowed for single steps only, never while a caller's code runs.
    pub(super) segment: RefCell<Segment<'a>>,
    /// Where the next frame is written. It changes places with the memory of a free frame, so that
    /// a frame is written once and not copied. A cell of its own, because smoltcp writes a reply
    /// while it still reads the frame that it replies to.
    pub(super) outgoing: RefCell<ManagedSlice<'a, u8>>,
    /// The frame that a port has just received, until the next one is received.
    pub(super) incoming: RefCell<ManagedSlice<'a, u8>>,
    pub(super) observer: Cell<Option<Observer<'a>>>,
    now: Cell<Tick>,
}

impl fmt::Debug for Ethernet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ethernet")
            .field("now", &self.now.get())
            .field("segment", &self.segment)
            .finish_non_exhaustive()
    }
}

impl<'a> Ethernet<'a> {
    /// An Ethernet with these ports, at tick 0. Everything that it does by chance comes from
    /// `seed`.
    ///
    /// Two of the frames serve for the one being written and the one being read; the others can be
    /// in flight.
    ///
    /// # Panics
    /// With no port or more than [`PORTS_MAX`], and with fewer than 3 frames or more than 65,535.
    pub fn new(
        seed: u64,
        ports: impl Into<ManagedSlice<'a, PortState<'a>>>,
        frames: impl Into<ManagedSlice<'a, Frame<'a>>>,
    ) -> Self {
        let (mut ports, frames) = (ports.into(), frames.into());
        assert!(
            (1..=PORTS_MAX).contains(&ports.len()),
            "an Ethernet has 1 to 32 ports"
        );
        let root = Generator::new(seed);
        for (port, index) in ports.iter_mut().zip(0..) {
            port.generator = root.fork(streams::PORT, index);
        }
        let mut pool = Pool::new(frames);
        let frame_bytes_max = pool.frame_bytes_min();
        let mut spare = || {
            let (_, bytes) = pool.take().expect("an Ethernet has at least 3 frames");
            RefCell::new(bytes)
        };
        let (outgoing, incoming) = (spare(), spare());
        Self {
            segment: RefCell::new(Segment {
                ports,
                pool,
                frame_bytes_max,
            }),
            outgoing,
            incoming,
            observer: Cell::new(None),
            now: Cell::new(Tick::ZERO),
        }
    }

    /// A port as a smoltcp device, which a stack can own for its whole life.
    pub fn port(&self, port: usize) -> Port<'_> {
        assert!(port < self.ports_count(), "the Ethernet has no port {port}");
        Port::new(self, port)
    }

    /// How many ports the Ethernet has.
    pub fn ports_count(&self) -> usize {
        self.segment.borrow().ports.len()
    }

    /// The time for everything that is sent and received from now on. Ports ignore the time that
    /// smoltcp tells them: stacks on one Ethernet may have clocks of their own.
    pub fn set_now(&self, now: Tick) {
        self.now.set(now);
    }

    /// The time that was set last.
    pub fn now(&self) -> Tick {
        self.now.get()
    }

    pub(super) fn now_micros(&self) -> u64 {
        self.now.get().as_millis().saturating_mul(1_000)
    }

    /// Lets an observer see all frames from now on, and returns the one before it.
    ///
    /// It may ask the Ethernet anything, but neither send nor receive.
    pub fn observe(&self, observer: Option<Observer<'a>>) -> Option<Observer<'a>> {
        self.observer.replace(observer)
    }

    /// Gives a port its unicast Ethernet address: it gets the frames to it, and no other port does.
    pub fn set_address(&self, port: usize, address: EthernetAddress) {
        self.segment.borrow_mut().port_mut(port).address = Some(address);
    }

    /// Sets the longest IP packet that a port sends and receives, in bytes. Longer ones are dropped
    /// and counted.
    ///
    /// smoltcp asks for it once, when an interface is made.
    pub fn set_mtu(&self, port: usize, mtu: usize) {
        self.segment.borrow_mut().port_mut(port).mtu = mtu;
    }

    /// Sets what happens by chance to the frames that a port sends from now on.
    pub fn set_link(&self, port: usize, link: Link) {
        let mut segment = self.segment.borrow_mut();
        let port = segment.port_mut(port);
        port.link = link;
        port.line.change_rate();
    }

    /// As [`set_link`](Self::set_link), but later frames wait neither for the queue of the old link
    /// nor for a time that it stands still.
    pub fn replace_link(&self, port: usize, link: Link) {
        self.set_link(port, link);
        self.segment.borrow_mut().port_mut(port).line.replace();
    }

    /// What happens by chance to the frames that a port sends.
    pub fn link(&self, port: usize) -> Link {
        self.segment.borrow().port(port).link
    }

    /// Sets what happens to single frames that a port sends, identified by their number.
    /// It replaces the former plan. The first entry for a number counts.
    pub fn set_plan(&self, port: usize, plan: &'a [Planned]) {
        self.segment.borrow_mut().port_mut(port).plan = plan;
    }

    /// Sets what decides about the frames that a port sends and that are in no plan.
    pub fn set_rule(&self, port: usize, rule: Option<Rule>) {
        self.segment.borrow_mut().port_mut(port).rule = rule;
    }

    /// Takes a port down or up, like a cable that is pulled or a node that is off. While it is down
    /// it neither sends nor receives, and what was on its way to it is lost (counted at its sender,
    /// but not reported to the observer).
    pub fn set_up(&self, port: usize, is_up: bool) {
        let mut segment = self.segment.borrow_mut();
        segment.port_mut(port).is_up = is_up;
        if !is_up {
            segment.flush(port);
        }
    }

    /// Lets a port's device have room for frames of smoltcp's, or refuse to transmit. What smoltcp
    /// answers to a frame at once always finds room.
    pub fn set_room(&self, port: usize, has_room: bool) {
        self.segment.borrow_mut().port_mut(port).has_room = has_room;
    }

    /// Cuts the way from one port to another; the way back is not touched. Frames already on their
    /// way arrive.
    pub fn sever(&self, from: usize, to: usize) {
        self.segment.borrow_mut().port_mut(from).severed |= bit(to);
    }

    /// Mends what [`Self::sever`] cut.
    pub fn mend(&self, from: usize, to: usize) {
        self.segment.borrow_mut().port_mut(from).severed &= !bit(to);
    }

    /// What happened at a port so far.
    pub fn counts(&self, port: usize) -> Counts {
        self.segment.borrow().port(port).counts
    }

    /// The same for the first `N` ports, and zeros for those that do not exist.
    pub fn first_counts<const N: usize>(&self) -> [Counts; N] {
        let segment = self.segment.borrow();
        let mut counts = [Counts::ZERO; N];
        for (counts, port) in counts.iter_mut().zip(segment.ports.iter()) {
            *counts = port.counts;
        }
        counts
    }

    /// When the next frame arrives anywhere, or `None` when none is in flight. It is never too
    /// early. It is in the past as long as a frame that is due was not received.
    pub fn next_due(&self) -> Option<Tick> {
        let ports = 0..self.ports_count();
        ports.filter_map(|port| self.next_due_at(port)).min()
    }

    /// When the next frame arrives at one port.
    pub fn next_due_at(&self, port: usize) -> Option<Tick> {
        let segment = self.segment.borrow();
        let due_micros = segment.pool.due_micros(segment.port(port).queue)?;
        Some(Tick::from_millis(due_micros.div_ceil(1_000)))
    }
}
