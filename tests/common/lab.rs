//! A client and a server on a virtual Ethernet, in memory that tests may leak.

use smoltcp::iface::{SocketHandle, SocketStorage};
use smoltcp::wire::IpEndpoint;
use tickwire::{App, Error, Event, Slot, Tick};
use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
use tickwire_sim::{Act, Node, Opening, Script, World};

/// Bytes of each socket buffer unless a test wants something else.
pub(crate) const BUFFER: usize = 4_096;

/// A slice that lives as long as the test.
pub(crate) fn leak<T: Clone>(value: T, count: usize) -> &'static mut [T] {
    vec![value; count].leak()
}

/// A world with three ports and room for 256 frames, which lives as long as the test.
pub(crate) fn world(seed: u64) -> &'static World<'static> {
    let ports: Vec<PortState<'static>> = (0..3).map(|_| PortState::new()).collect();
    let frames: Vec<Frame<'static>> = (0..256).map(|_| Frame::new(leak(0u8, 1_514))).collect();
    let ethernet = Ethernet::new(seed, ports.leak(), frames.leak());
    Box::leak(Box::new(World::new(ethernet)))
}

/// A host with room for four sockets.
pub(crate) fn host(world: &'static World<'_>, port: usize, seed: u64) -> Node<'static> {
    let storage: Vec<SocketStorage<'static>> = (0..4).map(|_| SocketStorage::EMPTY).collect();
    Node::new(&world.ethernet, port, seed, storage.leak())
}

/// A socket with buffers of `bytes` each.
pub(crate) fn socket(host: &mut Node<'static>, bytes: usize) -> SocketHandle {
    host.add_socket(leak(0, bytes), leak(0, bytes))
}

/// The endpoint of the host at `port` of the Ethernet.
pub(crate) fn endpoint(port: usize, tcp_port: u16) -> IpEndpoint {
    IpEndpoint::new(Node::address_of(port).into(), tcp_port)
}

/// Client on port 0, server on port 1.
pub(crate) struct Lab {
    pub(crate) world: &'static World<'static>,
    pub(crate) client: Node<'static>,
    pub(crate) server: Node<'static>,
}

impl Lab {
    pub(crate) fn new(seed: u64) -> Self {
        let world = world(seed);
        let client = host(world, 0, seed);
        let server = host(world, 1, seed);
        Self {
            world,
            client,
            server,
        }
    }

    /// Runs `app` on the client against a listener on port 80 that follows `acts`, for at most `seconds` of virtual
    /// time. Returns how the app ended, and when.
    pub(crate) fn against(
        &mut self,
        app: &mut dyn App,
        acts: &[Act<'_>],
        seconds: u64,
    ) -> Option<(Result<(), Error>, Tick)> {
        self.against_observed(app, acts, seconds, &mut |_, _: &Event<'_>| {})
    }

    /// As [`against`](Self::against), and shows what the app tells.
    pub(crate) fn against_observed(
        &mut self,
        app: &mut dyn App,
        acts: &[Act<'_>],
        seconds: u64,
        observe: &mut dyn FnMut(Tick, &Event<'_>),
    ) -> Option<(Result<(), Error>, Tick)> {
        let handle = socket(&mut self.server, BUFFER);
        let mut script = Script::new(handle, Opening::Listen(80), acts);
        let (mut slot, mut script_slot) = (Slot::new(), Slot::new());
        let until = self.world.now().after(seconds * 1_000);
        // Both hosts count their apps from 0; only the client's events are of interest, and scripts tell none but
        // their state.
        let mut names = |now: Tick, _: usize, event: &Event<'_>| observe(now, event);
        while slot.outcome().is_none() && self.world.now() < until {
            // The server may follow its script for ever; the clock stops when the client ends.
            let next = self.world.now().after(100).min(until);
            let mut client = [slot.seat(app)];
            let mut server = [script_slot.seat(&mut script)];
            let nodes = &mut [self.client.with(&mut client), self.server.with(&mut server)];
            self.world.run(next, nodes, &mut names);
        }
        slot.outcome().map(|outcome| (outcome, self.world.now()))
    }
}
