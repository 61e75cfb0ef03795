//! UDP as an app may use it: bind, send, receive.

use core::fmt;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::AnySocket;
use smoltcp::socket::udp::{BindError, RecvError, Socket, UdpMetadata};
use smoltcp::wire::IpAddress;

use super::Io;
use super::connect::is_broadcast;

/// Draws of a port before none is called free: with half of them bound, one attempt of 65,536 fails.
const PORT_DRAWS_MAX: usize = 16;

/// Why a datagram was not queued, or a port not bound. Nothing tells whether one arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UdpError {
    /// [`Io::bind`]: the socket is bound already.
    SocketInUse,
    /// [`Io::bind`]: another UDP socket of the set has the port; or, for port 0, no free one was
    /// found.
    PortInUse,
    /// [`Io::send_to`]: the socket is not bound, or address or port of the peer are unspecified.
    Unaddressable,
    /// [`Io::send_to`]: the interface has no source address or no route for this peer.
    Unreachable,
    /// [`Io::send_to`]: the send buffer is full now. The app is polled again when something has left.
    NoRoom,
    /// [`Io::send_to`]: the send buffer could not hold the datagram even if it were empty.
    TooLong,
}

impl fmt::Display for UdpError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::SocketInUse => "the socket is bound already",
            Self::PortInUse => "the UDP port is in use",
            Self::Unaddressable => "nothing can be sent to this address",
            Self::Unreachable => "no source address or route to this address",
            Self::NoRoom => "no room to send a datagram now",
            Self::TooLong => "the datagram is too long",
        })
    }
}

impl core::error::Error for UdpError {}

impl<'s> Io<'_, 's> {
    /// Binds a UDP socket to `port` at all our addresses, and returns the port. For port 0 it draws
    /// a free one from 49152 to 65535, each as likely as the others (RFC 6056, 3.3.1).
    ///
    /// # Errors
    /// [`UdpError::SocketInUse`], [`UdpError::PortInUse`].
    ///
    /// # Panics
    /// As [`socket`](Io::socket).
    pub fn bind(&mut self, handle: SocketHandle, port: u16) -> Result<u16, UdpError> {
        let port = match port {
            0 => self.draw_udp_port()?,
            port if self.has_udp_port(port) && self.udp(handle).endpoint().port != port => {
                return Err(UdpError::PortInUse);
            }
            port => port,
        };
        match self.udp(handle).bind(port) {
            Ok(()) => Ok(port),
            // Port 0, which it is not.
            Err(BindError::Unaddressable) => Err(UdpError::PortInUse),
            Err(BindError::InvalidState) => Err(UdpError::SocketInUse),
        }
    }

    /// Queues one datagram for `to`: an endpoint, or the metadata of one that was received.
    ///
    /// A datagram that is longer than the MTU allows is lost, and so is one whose peer answers to
    /// neither ARP nor neighbour discovery. The latter stays at the head of the queue, and holds up
    /// those behind it, until the socket is [closed](smoltcp::socket::udp::Socket::close).
    ///
    /// # Errors
    /// Each [`UdpError`] but those of `bind`.
    ///
    /// # Panics
    /// As [`socket`](Io::socket).
    pub fn send_to(
        &mut self,
        handle: SocketHandle,
        to: impl Into<UdpMetadata>,
        data: &[u8],
    ) -> Result<(), UdpError> {
        let mut to = to.into();
        let address = to.endpoint.addr;
        // What came to a group goes back from an address of ours.
        if to.local_address.is_some_and(|local| self.is_group(&local)) {
            to.local_address = None;
        }
        let socket = self.udp(handle);
        if !socket.is_open() || to.endpoint.port == 0 || address.is_unspecified() {
            return Err(UdpError::Unaddressable);
        }
        if data.len() > socket.payload_send_capacity() {
            return Err(UdpError::TooLong);
        }
        let has_source = to.local_address.is_some() || socket.endpoint().addr.is_some();
        if !has_source && !self.has_source(&address) || !self.is_deliverable(&address) {
            return Err(UdpError::Unreachable);
        }
        let sent = self.udp(handle).send_slice(data, to);
        sent.map_err(|_| UdpError::NoRoom)
    }

    /// Hands the next datagram to `take`, with its sender; `None` when there is none. A datagram is
    /// taken whole, whatever `take` makes of it.
    ///
    /// # Panics
    /// As [`socket`](Io::socket).
    pub fn receive_from<R>(
        &mut self,
        handle: SocketHandle,
        take: impl FnOnce(&[u8], &UdpMetadata) -> R,
    ) -> Option<R> {
        match self.udp(handle).recv() {
            Ok((data, from)) => Some(take(data, &from)),
            Err(RecvError::Exhausted | RecvError::Truncated) => None,
        }
    }

    fn udp(&mut self, handle: SocketHandle) -> &mut Socket<'s> {
        self.socket(handle)
    }

    fn draw_udp_port(&mut self) -> Result<u16, UdpError> {
        for _ in 0..PORT_DRAWS_MAX {
            let port = self.ports.draw();
            if !self.has_udp_port(port) {
                return Ok(port);
            }
        }
        Err(UdpError::PortInUse)
    }

    fn has_udp_port(&self, port: u16) -> bool {
        let mut sockets = self.sockets.iter();
        sockets.any(|(_, socket)| {
            Socket::downcast(socket).is_some_and(|socket| socket.endpoint().port == port)
        })
    }

    /// Whether an address of ours can be the sender of what goes to `address`.
    fn has_source(&self, address: &IpAddress) -> bool {
        let source = self.iface.get_source_address(address);
        source.is_some_and(|source| self.iface.has_ip_addr(source))
    }

    /// Whether smoltcp knows where to send what goes to `address`.
    fn is_deliverable(&mut self, address: &IpAddress) -> bool {
        let is_near = self
            .addresses()
            .iter()
            .any(|cidr| cidr.contains_addr(address));
        is_near || self.is_group(address) || self.is_routed(address)
    }

    fn is_group(&self, address: &IpAddress) -> bool {
        let mut addresses = self.addresses().iter();
        address.is_multicast()
            || address.is_broadcast()
            || addresses.any(|cidr| is_broadcast(cidr, address))
    }
}
