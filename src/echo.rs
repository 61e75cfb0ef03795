//! The worked example of an app, from its first line to its test.

use smoltcp::iface::SocketHandle;

use crate::{App, Deadline, Error, Io, Received, Server, Step};

/// Ticks without a byte after which a conversation ends.
const SILENCE_TICKS: u64 = 60_000;

/// A server that sends back what it receives (RFC 862), one caller at a time.
///
/// ```
/// use smoltcp::iface::SocketStorage;
/// use tickwire::{Echo, Slot, Tick};
/// use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
/// use tickwire_sim::{Act, Node, Opening, Script, World};
/// # fn lend<'a, T>(count: usize, make: impl Fn() -> T) -> &'a mut [T] {
/// #     (0..count).map(|_| make()).collect::<Vec<_>>().leak()
/// # }
///
/// let frames = lend(64, || Frame::new(lend(1_514, || 0)));
/// let world = World::new(Ethernet::new(42, lend(2, PortState::new), frames));
/// let node = |port| Node::new(&world.ethernet, port, 42, lend(1, || SocketStorage::EMPTY));
/// let (mut client, mut server) = (node(0), node(1));
/// let mut echo = Echo::new(server.add_socket(lend(512, || 0), lend(512, || 0)), 7, true);
///
/// let dial = Opening::Dial((Node::address_of(1), 7).into());
/// let acts = [Act::Fill(65_536), Act::Read(65_536), Act::Close, Act::ExpectEnd];
/// let socket = client.add_socket(lend(512, || 0), lend(512, || 0));
/// let mut caller = Script::new(socket, dial, &acts);
///
/// let (mut slot, mut caller_slot) = (Slot::new(), Slot::new());
/// let (mut seats, mut caller_seats) = ([slot.seat(&mut echo)], [caller_slot.seat(&mut caller)]);
/// let nodes = &mut [server.with(&mut seats), client.with(&mut caller_seats)];
/// assert!(world.run(Tick::from_millis(60_000), nodes, &mut ()), "both end in good time");
/// assert_eq!((slot.outcome(), caller_slot.outcome()), (Some(Ok(())), Some(Ok(()))));
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Echo {
    server: Server,
}

impl Echo {
    /// An echo server on `port`, over a socket of its own. With `once` it ends as its first conversation ends.
    pub const fn new(socket: SocketHandle, port: u16, once: bool) -> Self {
        Self {
            server: Server::new(socket, port, SILENCE_TICKS, once),
        }
    }
}

impl App for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn step(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        self.server.step(io, echo)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.server.deadline()
    }

    fn expired(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        self.server.expired(io)
    }

    fn sockets(&self) -> &[SocketHandle] {
        self.server.sockets()
    }
}

/// Sends back what came, but takes no more than the send buffer has room for: a peer that does not read its echo finds
/// our window closed, not our memory full.
fn echo(io: &mut Io<'_, '_>, socket: SocketHandle) -> Result<Step, Error> {
    let mut chunk = [0; 512];
    let room = io.room(socket)?.min(chunk.len());
    match io.read(socket, chunk.get_mut(..room).unwrap_or_default())? {
        Received::Data(bytes) => io.write(socket, bytes).map(|_| Step::Again),
        Received::Nothing => Ok(Step::Wait),
        Received::End => Ok(Step::Done),
    }
}
