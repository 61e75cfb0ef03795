//! The worked example of an app, from its first line to its test.

use smoltcp::iface::SocketHandle;

use crate::{App, Deadline, Error, Io, Received, Server, Step};

/// Ticks without a byte after which a conversation ends.
const SILENCE_TICKS: u64 = 60_000;

/// A server that sends back what it receives (RFC 862), one caller at a time.
///
#[derive(Debug)]
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
