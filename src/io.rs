//! What an app may touch in one poll, and the rules at TCP's edge that no app should have to know twice.

use smoltcp::iface::{Context, Interface, SocketHandle, SocketSet};
use smoltcp::socket::AnySocket;
use smoltcp::socket::tcp::{self, CongestionControl, ListenError, RecvError, State};
use smoltcp::wire::{IpAddress, IpCidr, IpEndpoint};

use crate::{Deadline, Error, Event, Observer, Part, Ports, Tick};

/// Above so many bytes of buffer a socket gets congestion control (feature `reno`); below, the buffer is the limit.
const UNCONTROLLED_BYTES_MAX: usize = 16 * 1024;

/// How long a closing connection is kept for the peer's FIN.
pub const LINGER_TICKS: u64 = 1_000;

/// How long a caller may take for the last step of its handshake.
pub const HANDSHAKE_TICKS: u64 = 5_000;

/// All that an app may touch in one poll.
pub struct Io<'a, 's> {
    /// The time of this turn.
    pub now: Tick,
    /// Fresh local ports.
    pub ports: &'a mut Ports,
    /// Our addresses, copied for this turn.
    pub addresses: &'a [IpCidr],
    pub(crate) observer: &'a mut dyn Observer,
    pub(crate) seat: usize,
    pub(crate) unfinished: bool,
    pub(crate) cause: Option<Error>,
    pub(crate) iface: &'a mut Interface,
    pub(crate) sockets: &'a mut SocketSet<'s>,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Io<'_, '_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Io {{ now: {=?}, seat: {=usize}, addresses: {=[?]} }}",
            self.now,
            self.seat,
            self.addresses
        );
    }
}

/// What a look into a receive buffer found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Received<R> {
    /// Bytes were there, and the closure returned this.
    Data(R),
    /// Nothing is there now.
    Nothing,
    /// The peer sent FIN and everything before it was taken.
    End,
}

/// How far a listening socket has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Called {
    /// Nobody has called, or the caller has given up and the socket listens again.
    No,
    /// A SYN was answered; the caller has still to confirm.
    Confirming(IpEndpoint),
    /// The connection is established with this peer.
    By(IpEndpoint),
    /// The connection was established and is gone again, but bytes of it are here to read.
    Ended,
    /// The connection is gone: listen again.
    Gone,
}

impl<'s> Io<'_, 's> {
    /// The TCP socket behind `handle`, and what smoltcp needs to connect it.
    ///
    /// # Panics
    /// When `handle` is of another socket set or kind, which is a bug of the app's owner.
    pub fn tcp(&mut self, handle: SocketHandle) -> (&mut tcp::Socket<'s>, &mut Context) {
        (self.sockets.get_mut(handle), self.iface.context())
    }

    /// Tells the observer.
    #[inline(never)] // A call through a table, with the time and the place: once is enough.
    pub fn tell(&mut self, event: &Event<'_>) {
        self.observer.event(self.now, self.seat, event);
    }

    /// Tells the observer that a connection with `remote` is established.
    pub fn tell_connected(&mut self, remote: IpEndpoint, part: Part) {
        self.tell(&Event::Connected { remote, part });
    }

    /// Tells the observer how a conversation with `remote` ended: [`Event::Disconnected`] or [`Event::Failed`].
    pub fn tell_end(&mut self, remote: IpEndpoint, result: Result<(), Error>) {
        self.tell(&match result {
            Ok(()) => Event::Disconnected { remote },
            Err(error) => Event::Failed {
                remote: Some(remote),
                error,
            },
        });
    }

    /// Tells the observer that the app's machine changes its state.
    pub(crate) fn entered(&mut self, from: &'static str, to: &'static str) {
        self.tell(&Event::Entered { from, to });
    }

    /// Asks for the next turn at once: the app has more to do than one poll may take.
    pub const fn leave_unfinished(&mut self) {
        self.unfinished = true;
    }

    /// Sends a SYN to `remote` from a fresh local port, with the options of the connection before forgotten.
    ///
    /// # Errors
    /// [`Error::Unaddressable`], [`Error::Unreachable`], [`Error::NoLocalPort`], or [`Error::SocketInUse`].
    pub fn connect(&mut self, handle: SocketHandle, remote: IpEndpoint) -> Result<(), Error> {
        self.check_peer(remote)?;
        let port = self.take_port()?;
        self.cause = None;
        let (socket, context) = self.tcp(handle);
        set_options(socket);
        socket
            .connect(context, remote, port)
            .map_err(|error| match error {
                tcp::ConnectError::InvalidState => Error::SocketInUse,
                tcp::ConnectError::Unaddressable => Error::Unreachable,
            })?;
        self.tell(&Event::Connecting { remote });
        Ok(())
    }

    /// Waits for callers on `port`, with the options of the connection before forgotten.
    ///
    /// A socket that already listens there goes on listening.
    ///
    /// # Errors
    /// [`Error::Unaddressable`] when the port is 0, [`Error::SocketInUse`] when a connection is open.
    pub fn listen(&mut self, handle: SocketHandle, port: u16) -> Result<(), Error> {
        self.cause = None;
        let (socket, _) = self.tcp(handle);
        set_options(socket);
        socket.listen(port).map_err(|error| match error {
            ListenError::InvalidState => Error::SocketInUse,
            ListenError::Unaddressable => Error::Unaddressable,
        })?;
        self.tell(&Event::Listening { port });
        Ok(())
    }

    /// How far a listening socket has come. [`Called::Confirming`] needs a deadline of [`HANDSHAKE_TICKS`].
    pub fn called(&mut self, handle: SocketHandle) -> Called {
        let (socket, _) = self.tcp(handle);
        match (socket.state(), socket.remote_endpoint()) {
            (State::Listen, _) => Called::No,
            (State::SynReceived, Some(remote)) => Called::Confirming(remote),
            (State::Closed | State::TimeWait, _) | (_, None) if socket.can_recv() => Called::Ended,
            (State::Closed | State::TimeWait, _) | (_, None) => Called::Gone,
            (_, Some(remote)) => Called::By(remote),
        }
    }

    /// Whether a dialled socket is established.
    ///
    /// # Errors
    /// [`Error::Refused`] when the peer answered with RST, [`Error::AddressLost`].
    pub fn connected(&mut self, handle: SocketHandle) -> Result<bool, Error> {
        let cause = self.cause.unwrap_or(Error::Refused);
        match self.tcp(handle).0.state() {
            State::Closed => Err(cause),
            State::SynSent | State::SynReceived => Ok(false),
            _ => Ok(true),
        }
    }

    /// Hands the contiguous bytes at the front of the receive buffer to `take`, which returns how many of them it
    /// took and a value. What it does not take stays, and closes the TCP window by itself.
    ///
    /// # Errors
    /// [`Error::Reset`], [`Error::AddressLost`] or [`Error::Spinning`] once everything that came before was taken.
    pub fn receive<R>(
        &mut self,
        handle: SocketHandle,
        take: impl FnOnce(&[u8]) -> (usize, R),
    ) -> Result<Received<R>, Error> {
        let lost = self.lost();
        let (socket, _) = self.tcp(handle);
        if !socket.can_recv()
            && (socket.may_recv() || matches!(socket.state(), State::SynSent | State::SynReceived))
        {
            return Ok(Received::Nothing);
        }
        let (taken, value) = match socket.peek(usize::MAX) {
            Ok(bytes) => take(bytes),
            Err(RecvError::Finished) => return Ok(Received::End),
            Err(RecvError::InvalidState) => return Err(lost),
        };
        dequeue(socket, taken);
        Ok(Received::Data(value))
    }

    /// Copies received bytes into `buffer` and returns those that came; [`Received::Nothing`] also when `buffer` is
    /// empty. What does not fit stays, and closes the TCP window by itself.
    ///
    /// # Errors
    /// As [`receive`](Io::receive).
    pub fn read<'b>(
        &mut self,
        handle: SocketHandle,
        buffer: &'b mut [u8],
    ) -> Result<Received<&'b [u8]>, Error> {
        let received = self.receive(handle, |bytes| {
            let count = bytes.len().min(buffer.len());
            if let (Some(to), Some(from)) = (buffer.get_mut(..count), bytes.get(..count)) {
                to.copy_from_slice(from);
            }
            (count, count)
        })?;
        Ok(match received {
            Received::Data(0) | Received::Nothing => Received::Nothing,
            Received::Data(count) => Received::Data(buffer.get(..count).unwrap_or_default()),
            Received::End => Received::End,
        })
    }

    /// Bytes that [`write`](Io::write) would take now.
    ///
    /// # Errors
    /// As [`write`](Io::write).
    pub fn room(&mut self, handle: SocketHandle) -> Result<usize, Error> {
        let lost = self.lost();
        let (socket, _) = self.tcp(handle);
        if !socket.may_send() {
            return Err(lost);
        }
        Ok(socket.send_capacity() - socket.send_queue())
    }

    /// Queues the front of `data` for the peer and returns how many bytes found room.
    ///
    /// # Errors
    /// [`Error::Reset`], [`Error::AddressLost`] or [`Error::Spinning`] when the connection is gone or closed by us.
    pub fn write(&mut self, handle: SocketHandle, data: &[u8]) -> Result<usize, Error> {
        let lost = self.lost();
        self.tcp(handle).0.send_slice(data).map_err(|_| lost)
    }

    /// Why a connection ended without a FIN: the peer's RST, unless the loop knows better.
    pub fn lost(&self) -> Error {
        self.cause.unwrap_or(Error::Reset)
    }

    /// Sends FIN behind what is queued. Everything that comes from now on is acknowledged at once, for the peer may
    /// call a missing acknowledgement a failure.
    ///
    /// Returns the deadline of the lingering: call [`lingered`](Io::lingered) until it is true, then
    /// [`drop_connection`](Io::drop_connection) when the deadline passes.
    pub fn close(&mut self, handle: SocketHandle) -> Deadline {
        let (socket, _) = self.tcp(handle);
        socket.set_ack_delay(None);
        socket.close();
        // smoltcp sends a lost FIN again after one second (RFC 6298, 2.4), and a turn looks at deadlines before it
        // sends: one tick more lets that FIN leave. Else the peer of a whole conversation would meet a RST.
        Deadline::new(self.now.after(LINGER_TICKS + 1), crate::Awaited::Close)
    }

    /// Whether a closed connection is over on both sides. Bytes that still come are dropped, so that they cannot
    /// hold the peer in its last sends.
    pub fn lingered(&mut self, handle: SocketHandle) -> bool {
        let (socket, _) = self.tcp(handle);
        while dequeue(socket, usize::MAX) && socket.can_recv() {}
        matches!(
            socket.state(),
            State::Closed | State::TimeWait | State::Listen
        )
    }

    /// Ends what is left of a connection with RST, which leaves in this turn's egress. One that is over is left alone:
    /// a RST behind an orderly end could overtake the acknowledgement of the peer's FIN.
    pub fn drop_connection(&mut self, handle: SocketHandle) {
        let (socket, _) = self.tcp(handle);
        if !matches!(socket.state(), State::Closed | State::TimeWait) {
            socket.abort();
        }
    }

    /// Whether the socket carries nothing any more, not even a RST that has still to leave.
    pub fn is_idle(&mut self, handle: SocketHandle) -> bool {
        let (socket, _) = self.tcp(handle);
        match socket.state() {
            State::TimeWait => true,
            State::Closed => socket.remote_endpoint().is_none(),
            _ => false,
        }
    }

    /// smoltcp would dial any address; these can never answer.
    fn check_peer(&mut self, remote: IpEndpoint) -> Result<(), Error> {
        let address = remote.addr;
        let broadcast = self
            .addresses
            .iter()
            .any(|cidr| is_broadcast(cidr, &address));
        let own = self.addresses.iter().any(|cidr| cidr.address() == address);
        if remote.port == 0 || !address.is_unicast() || is_loopback(&address) || broadcast || own {
            return Err(Error::Unaddressable);
        }
        let near = self
            .addresses
            .iter()
            .any(|cidr| cidr.contains_addr(&address));
        let source = self.iface.get_source_address(&address);
        let sourced =
            source.is_some_and(|source| self.addresses.iter().any(|cidr| cidr.address() == source));
        if sourced && (near || self.is_routed(&address)) {
            Ok(())
        } else {
            Err(Error::Unreachable)
        }
    }

    /// Whether a route, by default or not, leads to `address`.
    fn is_routed(&mut self, address: &IpAddress) -> bool {
        let now = self.now.to_smoltcp();
        let mut is_routed = false;
        // There is no other way to look at the routes.
        self.iface.routes_mut().update(|routes| {
            is_routed = routes.iter().any(|route| {
                route.cidr.contains_addr(address) && route.expires_at.is_none_or(|at| now <= at)
            });
        });
        is_routed
    }

    /// A port that no socket of the set has: a connection may live for longer than the ports need to come round.
    fn take_port(&mut self) -> Result<u16, Error> {
        loop {
            let port = self.ports.take(self.now)?;
            let has_port = |socket: &tcp::Socket<'_>| {
                socket
                    .local_endpoint()
                    .is_some_and(|local| local.port == port)
            };
            let mut sockets = self.sockets.iter();
            if !sockets.any(|(_, socket)| tcp::Socket::downcast(socket).is_some_and(has_port)) {
                return Ok(port);
            }
        }
    }
}

/// Drops up to `count` of the contiguous bytes at the front of the receive buffer; whether it could have held some.
/// smoltcp's `recv` is compiled for each closure that it is given, so all of ours goes through this one.
fn dequeue(socket: &mut tcp::Socket<'_>, count: usize) -> bool {
    socket.recv(|data| (count.min(data.len()), ())).is_ok()
}

fn is_loopback(address: &IpAddress) -> bool {
    match address {
        IpAddress::Ipv4(address) => address.is_loopback(),
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(address) => address.is_loopback(),
    }
}

fn is_broadcast(cidr: &IpCidr, address: &IpAddress) -> bool {
    match (cidr, address) {
        (IpCidr::Ipv4(cidr), IpAddress::Ipv4(address)) => cidr.broadcast() == Some(*address),
        #[cfg(feature = "ipv6")]
        _ => false,
    }
}

/// `reset` keeps options and congestion state from the connection before, and the default congestion control
/// changes with the features that a build unites; so every connection sets them all.
fn set_options(socket: &mut tcp::Socket<'_>) {
    let buffer = socket.recv_capacity().max(socket.send_capacity());
    socket.set_congestion_control(if buffer <= UNCONTROLLED_BYTES_MAX {
        CongestionControl::None
    } else {
        large()
    });
    socket.set_ack_delay(Some(smoltcp::time::Duration::from_millis(10)));
    socket.set_nagle_enabled(true);
    socket.set_timeout(None);
    socket.set_keep_alive(None);
}

/// Congestion control for large buffers.
const fn large() -> CongestionControl {
    #[cfg(feature = "reno")]
    return CongestionControl::Reno;
    #[cfg(not(feature = "reno"))]
    return CongestionControl::None;
}
