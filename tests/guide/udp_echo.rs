//! An echo server over UDP (RFC 862): an app that has no connection.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp::Socket;
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
        if !io.socket::<Socket>(self.socket).is_open() {
            let bound = io.bind(self.socket, self.port);
            bound.map_err(|_| Error::SocketInUse)?;
        }
        let mut datagram = [0; 512];
        let received = io.receive_from(self.socket, |bytes, from| {
            let datagram = datagram.get_mut(..bytes.len())?;
            datagram.copy_from_slice(bytes);
            Some((bytes.len(), from.endpoint))
        });
        match received {
            None => return Ok(Step::Wait),
            Some(None) => {} // Longer than ours.
            Some(Some((bytes, from))) => {
                // Where it cannot be sent, the echo is lost, as any datagram may be.
                let data = datagram.get(..bytes).unwrap_or_default();
                if io.send_to(self.socket, from, data).is_ok() {
                    io.emit(&Event::App(&Echoed { bytes }));
                }
            }
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
