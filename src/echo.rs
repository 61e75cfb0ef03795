//! The worked example: a server of many callers in a session of its own.

use smoltcp::iface::SocketHandle;

use crate::{Connection, Duration, Error, Received, Server, ServerOptions, Session, Step};

/// Time without 256 bytes after which a conversation ends.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A server that sends back what it receives (RFC 862), to up to `N` callers at a time.
pub type Echo<const N: usize> = Server<EchoSession, N>;

impl<const N: usize> Echo<N> {
    /// An echo server on `port`, over sockets of its own. With `once` it ends as its first
    /// conversation ends.
    pub fn echo(sockets: [SocketHandle; N], port: u16, once: bool) -> Self {
        let options = ServerOptions {
            once,
            idle_timeout: Some(IDLE_TIMEOUT),
            flush_timeout: IDLE_TIMEOUT,
            ..ServerOptions::default()
        };
        Self::new(sockets, port, [EchoSession; N], options)
    }
}

/// What an echo server says to one caller: everything that it hears.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EchoSession;

impl Session for EchoSession {
    type Error = Error;

    fn name(&self) -> &'static str {
        "echo"
    }

    fn begin(&mut self, _connection: &mut Connection) -> Result<(), Error> {
        Ok(())
    }

    /// Takes no more than the send buffer has room for: a peer that does not read its echo finds our
    /// window closed, not our memory full.
    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        let mut chunk = [0; 512];
        let room = connection.room()?.min(chunk.len());
        match connection.read(chunk.get_mut(..room).unwrap_or_default())? {
            Received::Data(bytes) => connection.write(bytes).map(|_| Step::Again),
            Received::Nothing => Ok(Step::Wait),
            Received::End => Ok(Step::Done),
        }
    }
}
