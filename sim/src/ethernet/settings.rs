//! The Ethernet itself: what the caller builds, sets and asks.

use managed::ManagedSlice;
use smoltcp::wire::EthernetAddress;

use super::{
    Counts, Frame, Link, Planned, Port, PortState, Rule,
    pool::Pool,
    segment::{Segment, bit},
};
use crate::Generator;
use tickwire::Tick;

/// The most ports that an Ethernet has.
pub const PORTS_MAX: usize = 32;

/// A virtual Ethernet in memory that the caller lends.
///
/// Every method that takes a port panics when the Ethernet has no such port.
#[derive(Debug)]
pub struct Ethernet<'a> {
    pub(super) segment: Segment<'a>,
    /// The frame that a port has just received, until the next is received.
    pub(super) held: ManagedSlice<'a, u8>,
}

impl<'a> Ethernet<'a> {
    /// An Ethernet with these ports, all that it does by chance drawn from `seed`.
    ///
    /// Two of the frames serve for the one being written and the one being read; the others can be in flight.
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
            "a ethernet has 1 to 32 ports"
        );
        let root = Generator::new(seed);
        for (port, index) in ports.iter_mut().zip(0..) {
            port.generator = root.fork("wire port", index);
        }
        let mut pool = Pool::new(frames);
        let frame_bytes_max = pool.frame_bytes_min();
        let mut spare = || {
            let index = pool.take().expect("a ethernet has at least 3 frames");
            core::mem::replace(
                &mut pool.frame(index).bytes,
                ManagedSlice::Borrowed(&mut []),
            )
        };
        let (scratch, held) = (spare(), spare());
        Self {
            segment: Segment {
                ports,
                pool,
                scratch,
                frame_bytes_max,
            },
            held,
        }
    }

    /// One port as a device, for calls at `now`.
    pub fn port(&mut self, port: usize, now: Tick) -> Port<'_, 'a> {
        Port::new(self, port, now)
    }

    /// How many ports the Ethernet has.
    pub fn ports_count(&self) -> usize {
        self.segment.ports.len()
    }

    /// Gives a port its unicast Ethernet address: it gets the frames to it, and no other port does.
    pub fn set_address(&mut self, port: usize, address: EthernetAddress) {
        self.segment.port_mut(port).address = Some(address);
    }

    /// Sets the longest IP packet that a port sends and receives, in bytes. Longer ones are dropped and counted.
    ///
    /// smoltcp asks for it once, when an interface is made.
    pub fn set_mtu(&mut self, port: usize, mtu: usize) {
        self.segment.port_mut(port).mtu = mtu;
    }

    /// Sets what happens by chance to the frames that a port sends from now on.
    pub fn set_link(&mut self, port: usize, link: Link) {
        let port = self.segment.port_mut(port);
        port.link = link;
        port.line.change_rate();
    }

    /// As [`set_link`](Self::set_link), and the frames to come do not wait for what the old link still has in its queue
    /// or stands still for.
    pub fn replace_link(&mut self, port: usize, link: Link) {
        self.set_link(port, link);
        self.segment.port_mut(port).line.replace();
    }

    /// What happens by chance to the frames that a port sends.
    pub fn link(&self, port: usize) -> Link {
        self.segment.port(port).link
    }

    /// Sets what happens to single frames that a port sends, told apart by their number; it replaces the former
    /// plan. The first entry for a number counts.
    pub fn set_plan(&mut self, port: usize, plan: &'a [Planned]) {
        self.segment.port_mut(port).plan = plan;
    }

    /// Sets what decides over the frames that a port sends and that are in no plan.
    pub fn set_rule(&mut self, port: usize, rule: Option<Rule>) {
        self.segment.port_mut(port).rule = rule;
    }

    /// Takes a port down or up, like a cable that is pulled or a host that is off. While it is down it neither
    /// sends nor receives, and what was on its way to it is lost (counted at its sender; no observer hears of it).
    pub fn set_up(&mut self, port: usize, is_up: bool) {
        self.segment.port_mut(port).is_up = is_up;
        if !is_up {
            self.segment.flush(port);
        }
    }

    /// Cuts the way from one port to another; the way back is not touched. Frames already on their way arrive.
    pub fn sever(&mut self, from: usize, to: usize) {
        self.segment.port_mut(from).severed |= bit(to);
    }

    /// Mends what [`Self::sever`] cut.
    pub fn mend(&mut self, from: usize, to: usize) {
        self.segment.port_mut(from).severed &= !bit(to);
    }

    /// What happened at a port so far.
    pub fn counts(&self, port: usize) -> Counts {
        self.segment.port(port).counts
    }

    /// When the next frame arrives anywhere, or `None` when none is in flight. It is never too early, and it is
    /// in the past while a frame that is due was not fetched.
    pub fn next_due(&self) -> Option<Tick> {
        let ports = 0..self.ports_count();
        ports.filter_map(|port| self.next_due_at(port)).min()
    }

    /// When the next frame arrives at one port.
    pub fn next_due_at(&self, port: usize) -> Option<Tick> {
        let queue = self.segment.port(port).queue;
        let due_micros = self.segment.pool.due_micros(queue)?;
        Some(Tick::from_millis(due_micros.div_ceil(1_000)))
    }
}
