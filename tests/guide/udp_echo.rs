//! An echo server over UDP (RFC 862): an app that has no connection.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp::{RecvError, Socket};
use tickwire::{App, Deadline, Error, Event, Io, Step};

pub(crate) struct UdpEcho {
    pub(crate) socket: SocketHandle,
    pub(crate) port: u16,
}

/// An event of our own: a datagram went back.
pub(crate) struct Echoed {
    pub(crate) bytes: usize,
}

impl App for UdpEcho {
    type Error = Error;

    fn name(&self) -> &'static str {
        "udp-echo"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, Error> {
        let socket = io.socket::<Socket>(self.socket);
        if !socket.is_open() {
            let bound = socket.bind(self.port);
            return bound
                .map(|()| Step::Again)
                .map_err(|_| Error::Unaddressable);
        }
        let mut datagram = [0; 512];
        let (bytes, from) = match socket.recv_slice(&mut datagram) {
            Ok((bytes, from)) => (bytes, from.endpoint),
            Err(RecvError::Truncated) => return Ok(Step::Again),
            Err(RecvError::Exhausted) => return Ok(Step::Wait),
        };
        // Where there is no room to send, the echo is lost, as any datagram may be.
        let data = datagram.get(..bytes).unwrap_or_default();
        if socket.send_slice(data, from).is_ok() {
            io.emit(&Event::App(&Echoed { bytes }));
        }
        Ok(Step::Again)
    }

    fn deadline(&self) -> Option<Deadline> {
        None
    }

    fn sockets(&self) -> &[SocketHandle] {
        core::slice::from_ref(&self.socket)
    }
}
