//! Two hosts and the Ethernet between them, in this process and under a virtual clock.

use std::cell::RefCell;

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::{AnyTask, Event, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, Link, PortState};
use tickwire_sim::{Node, NodeMemory, Tracer, World};

use super::frame_counter::FrameCounter;
use super::frame_watch::{FrameWatch, note};
use crate::cli::LinkOptions;
use crate::exit::{Exit, Failure};

/// The host that runs what an embedded device would run.
pub(super) const DEVICE: usize = 0;
/// The host on a desk.
pub(super) const LAPTOP: usize = 1;

/// The rate of lost frames, in parts per million.
pub(super) const LOSS_PPM: u32 = 30_000;
const LINK: Link = Link {
    loss_ppm: LOSS_PPM,
    delay_micros: 5_000,
    ..Link::PERFECT
};
/// The virtual time at which the tour counts as failed.
const TIME_LIMIT: Tick = Tick::from_millis(600_000);

const FRAMES_MAX: usize = 256;
const FRAME_BYTES_MAX: usize = 1_514;
const SOCKETS_MAX: usize = 8;
const BUFFER_BYTES: usize = 32 * 1024;

/// The network.
pub(super) struct Network {
    world: &'static World<'static>,
    nodes: [Node<'static>; 2],
    frames: &'static RefCell<FrameWatch>,
    pub(super) seed: u64,
    is_verbose: bool,
}

/// Passes the events of all nodes on, and prints transitions where the options ask for it.
struct EventTracer<F> {
    on_event: F,
    is_verbose: bool,
}

impl<F: FnMut(Tick, usize, &Event)> Tracer for EventTracer<F> {
    fn event(&mut self, now: Tick, node: usize, task: &'static str, event: &Event) {
        note_transition(self.is_verbose, now, node, task, event);
        (self.on_event)(now, node, event);
    }
}

impl Network {
    /// A network whose random decisions all derive from `seed`.
    ///
    /// # Errors
    /// The capture file cannot be created.
    pub(super) fn new(seed: u64, link: &LinkOptions) -> Result<Self, Failure> {
        let watch: &RefCell<FrameWatch> = Box::leak(Box::new(RefCell::new(FrameWatch::new(link)?)));
        let world: &World<'_> = Box::leak(Box::new(World::new(ethernet(seed, watch))));
        let nodes = [DEVICE, LAPTOP].map(|port| {
            let memory = Box::leak(Box::new(NodeMemory::<SOCKETS_MAX>::new()));
            Node::new(&world.ethernet, port, seed, memory)
        });
        Ok(Self {
            world,
            nodes,
            frames: watch,
            seed,
            is_verbose: link.verbose,
        })
    }

    /// Another Ethernet of the same kind, whose time goes on where this one's is.
    pub(super) fn second_ethernet(&self) -> &'static Ethernet<'static> {
        let ethernet = Box::leak(Box::new(ethernet(self.seed, self.frames)));
        ethernet.set_now(self.now());
        ethernet
    }

    /// Prints a transition where the options ask for it.
    pub(super) fn note_transition(
        &self,
        now: Tick,
        host: usize,
        task: &'static str,
        event: &Event<'_>,
    ) {
        note_transition(self.is_verbose, now, host, task, event);
    }

    /// The counts since they were last taken.
    pub(super) fn take_frames(&self) -> FrameCounter {
        self.frames.borrow_mut().take_counts()
    }

    /// Ends the capture. Why it is not whole, if it is not.
    pub(super) fn end_capture(&self) -> Option<String> {
        self.frames.borrow().finish()
    }

    /// The virtual time.
    pub(super) fn now(&self) -> Tick {
        self.world.now()
    }

    /// Adds a socket to a host.
    pub(super) fn add_socket(&mut self, host: usize) -> SocketHandle {
        let [device, laptop] = &mut self.nodes;
        let node = if host == DEVICE { device } else { laptop };
        let buffer = || vec![0; BUFFER_BYTES].leak();
        node.add_socket(buffer(), buffer())
    }

    /// Runs one turn of each host's event loop, the loop of every tickwire program. `on_event` gets
    /// the time, the host and the event.
    pub(super) fn turn<'t>(
        &mut self,
        on_device: &mut [&'t mut dyn AnyTask],
        on_laptop: &mut [&'t mut dyn AnyTask],
        on_event: impl FnMut(Tick, usize, &Event),
    ) {
        let [device, laptop] = &mut self.nodes;
        let nodes = &mut [device.with(on_device), laptop.with(on_laptop)];
        let tracer = EventTracer {
            on_event,
            is_verbose: self.is_verbose,
        };
        self.world.turn(nodes, &RefCell::new(tracer));
    }

    /// Advances the virtual clock to the next frame or deadline.
    ///
    /// # Errors
    /// There is none, or the time limit has passed.
    pub(super) fn advance(&self) -> Result<(), Failure> {
        if self.world.sleep(TIME_LIMIT, &self.nodes) {
            return Ok(());
        }
        Err(no_progress())
    }

    /// Plugs the laptop's cable in, or pulls it.
    pub(super) fn set_cable(&self, is_plugged_in: bool) {
        self.world.ethernet.set_up(LAPTOP, is_plugged_in);
    }
}

/// An Ethernet with two ports. It lives as long as the program, so its memory may leak.
fn ethernet(seed: u64, watch: &'static RefCell<FrameWatch>) -> Ethernet<'static> {
    let ports = vec![PortState::new(), PortState::new()].leak();
    let frame = || Frame::new(vec![0; FRAME_BYTES_MAX].leak());
    let frames = std::iter::repeat_with(frame).take(FRAMES_MAX);
    let ethernet = Ethernet::new(seed, ports, frames.collect::<Vec<_>>().leak());
    ethernet.observe(Some(watch));
    for port in [DEVICE, LAPTOP] {
        ethernet.set_link(port, LINK);
    }
    ethernet
}

fn note_transition(is_verbose: bool, now: Tick, host: usize, task: &str, event: &Event<'_>) {
    if let (true, Event::State { old, new }) = (is_verbose, event) {
        note(&format!("{now}  {} {task}: {old} => {new}", name(host)));
    }
}

/// The clock would stand still.
pub(super) fn no_progress() -> Failure {
    let text = "the demo makes no progress; this is a bug";
    Failure::new(Exit::Unknown, text)
}

/// What a host is called.
pub(super) const fn name(host: usize) -> &'static str {
    if host == DEVICE { "device" } else { "laptop" }
}

/// A port of a host.
pub(super) fn endpoint(host: usize, port: u16) -> IpEndpoint {
    IpEndpoint::new(Node::address_of(host).into(), port)
}
