//! Two hosts and the Ethernet between them, in this process and on a virtual clock.

use std::cell::RefCell;

use smoltcp::iface::{SocketHandle, SocketStorage};
use smoltcp::wire::IpEndpoint;
use tickwire::{Event, Seat, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, Link, PortState};
use tickwire_sim::{Node, Tracer, World};

use super::ledger::Ledger;
use crate::exit::{Exit, Failure};

/// The host that runs what a device would run.
pub(super) const DEVICE: usize = 0;
/// The host on its desk.
pub(super) const LAPTOP: usize = 1;

/// One in so many frames is lost, in parts per million.
pub(super) const LOSS_PPM: u32 = 30_000;
const LINK: Link = Link {
    loss_ppm: LOSS_PPM,
    delay_micros: 5_000,
    ..Link::PERFECT
};
/// Virtual time after which the tour has failed.
const END: Tick = Tick::from_millis(600_000);

const FRAMES: usize = 256;
const FRAME_BYTES: usize = 1_514;
const SOCKETS_MAX: usize = 8;
const BUFFER_BYTES: usize = 32 * 1024;

/// The network.
pub(super) struct Network {
    world: &'static World<'static>,
    hosts: [Node<'static>; 2],
    /// What was lost and sent again since it was last taken.
    pub(super) ledger: &'static RefCell<Ledger>,
}

/// Shows the events, and on which host they are.
struct Shown<F>(F);

impl<F: FnMut(Tick, usize, &Event<'_>)> Tracer for Shown<F> {
    fn event(&mut self, now: Tick, host: usize, _app: usize, event: &Event<'_>) {
        (self.0)(now, host, event);
    }
}

impl Network {
    /// A network that does by `seed` all that it does by chance.
    pub(super) fn new(seed: u64) -> Self {
        // The tour's memory lives as long as the program.
        let ports = vec![PortState::new(), PortState::new()].leak();
        let frame = || Frame::new(vec![0; FRAME_BYTES].leak());
        let frames = std::iter::repeat_with(frame).take(FRAMES);
        let frames = frames.collect::<Vec<_>>().leak();
        let ethernet = Ethernet::new(seed, ports, frames);
        let world: &World<'_> = Box::leak(Box::new(World::new(ethernet)));
        let ledger: &RefCell<Ledger> = Box::leak(Box::default());
        world.ethernet.observe(Some(ledger));
        let hosts = [DEVICE, LAPTOP].map(|port| {
            world.ethernet.set_link(port, LINK);
            let sockets = [const { SocketStorage::EMPTY }; SOCKETS_MAX];
            Node::new(&world.ethernet, port, seed, Box::leak(Box::new(sockets)))
        });
        Self {
            world,
            hosts,
            ledger,
        }
    }

    /// The virtual time.
    pub(super) fn now(&self) -> Tick {
        self.world.now()
    }

    /// Adds a socket to a host.
    pub(super) fn add_socket(&mut self, host: usize) -> SocketHandle {
        let [device, laptop] = &mut self.hosts;
        let host = if host == DEVICE { device } else { laptop };
        let buffer = || vec![0; BUFFER_BYTES].leak();
        host.add_socket(buffer(), buffer())
    }

    /// One turn of each host's loop: the loop of every program over tickwire. `show` learns which host told an event.
    pub(super) fn turn<'s>(
        &mut self,
        on_device: &mut [Seat<'s>],
        on_laptop: &mut [Seat<'s>],
        show: impl FnMut(Tick, usize, &Event<'_>),
    ) {
        let [device, laptop] = &mut self.hosts;
        let nodes = &mut [device.with(on_device), laptop.with(on_laptop)];
        self.world.turn(nodes, &RefCell::new(Shown(show)));
    }

    /// Rests until the next frame or deadline: here the clock jumps there.
    pub(super) fn rest(&self) -> Result<(), Failure> {
        if self.world.sleep(END, &self.hosts) {
            return Ok(());
        }
        let what = "the tour stands still; this is a bug";
        Err(Failure::new(Exit::Unknown, what))
    }

    /// Plugs the cable of the laptop in, or pulls it.
    pub(super) fn set_cable(&self, is_in: bool) {
        self.world.ethernet.set_up(LAPTOP, is_in);
    }
}

/// A port of a host.
pub(super) fn endpoint(host: usize, port: u16) -> IpEndpoint {
    IpEndpoint::new(Node::address_of(host).into(), port)
}
