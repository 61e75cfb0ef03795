//! What an app may touch in one step, and the rules at TCP's edge that no app should have to learn.

use core::any::Any;

use smoltcp::iface::{Context, Interface, SocketHandle, SocketSet};
use smoltcp::socket::AnySocket;
use smoltcp::socket::tcp::{self, CongestionControl, ListenError, RecvError, State};
#[cfg(feature = "dhcp")]
use smoltcp::wire::IpAddress;
use smoltcp::wire::{IpCidr, IpEndpoint};

use super::pacing::Absence;
use super::snapshot::is_open;
use super::stack::Losses;
use super::{Deadline, Duration, Error, Event, Observer, Ports, Tick, TimeoutKind};
#[cfg(feature = "dns")]
use crate::dns::Names;

/// With larger buffers a socket gets congestion control (feature `reno`); with smaller ones the
/// buffer is the limit.
const UNCONTROLLED_BYTES_MAX: usize = 16 * 1024;

/// smoltcp sends a lost FIN again after one second (RFC 6298, 2.4), and a turn judges deadlines
/// before it sends: one tick more lets that FIN leave. Without it the peer of a whole conversation
/// would meet a RST.
const FIN_RESEND: Duration = Duration::from_millis(1);

/// All that an app may touch in one step.
pub struct Io<'a, 's> {
    /// The time of this turn.
    pub now: Tick,
    pub(super) task: &'static str,
    /// Nothing more is waiting in the device, so deadlines may be judged.
    pub(crate) is_drained: bool,
    /// Our own absence, for which peers are excused.
    pub(super) absence: Option<Absence>,
    pub(super) is_unfinished: bool,
    /// What an app has made smoltcp forget, until the guard knows it.
    #[cfg(feature = "dhcp")]
    pub(crate) forgotten: Forgotten,
    #[cfg(feature = "dns")]
    pub(crate) names: &'a mut Names<'s>,
    pub(super) ports: &'a mut Ports,
    pub(super) losses: &'a mut Losses,
    pub(super) observer: &'a mut dyn Observer,
    pub(super) iface: &'a mut Interface,
    pub(super) sockets: &'a mut SocketSet<'s>,
}

/// What smoltcp forgets when an app changes the interface's addresses.
#[cfg(feature = "dhcp")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgotten {
    Nothing,
    Neighbours,
    /// An address with its connections, and the neighbours.
    Address(IpAddress),
}

#[cfg(feature = "defmt")]
impl defmt::Format for Io<'_, '_> {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "Io {{ now: {=?}, task: {=str} }}", self.now, self.task);
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
    /// The peer sent FIN, and everything before it was taken.
    End,
}

/// How far a listening socket has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AcceptState {
    /// Nobody has called, or the caller has given up and the socket listens again.
    Listening,
    /// A SYN was answered; the caller has still to confirm.
    SynReceived(IpEndpoint),
    /// The connection is established with this peer.
    Established(IpEndpoint),
    /// The connection was established and is gone again, but bytes of it are here to read.
    ClosedWithData,
    /// The connection is gone: listen again.
    Closed,
}

impl<'s> Io<'_, 's> {
    /// The socket of `handle`, of any kind: `io.socket::<udp::Socket>(handle)`.
    ///
    /// # Panics
    /// When `handle` is of another socket set or kind, which is a bug of the app's owner.
    pub fn socket<T: AnySocket<'s>>(&mut self, handle: SocketHandle) -> &mut T {
        self.sockets.get_mut(handle)
    }

    /// The TCP socket of `handle`, and what smoltcp needs to connect it.
    ///
    /// # Panics
    /// As [`socket`](Io::socket).
    pub fn tcp(&mut self, handle: SocketHandle) -> (&mut tcp::Socket<'s>, &mut Context) {
        (self.sockets.get_mut(handle), self.iface.context())
    }

    /// The interface: its addresses, routes, multicast groups.
    ///
    /// An address that goes ends its connections with [`Error::AddressLost`].
    pub const fn interface(&mut self) -> &mut Interface {
        self.iface
    }

    /// Our addresses.
    pub fn addresses(&self) -> &[IpCidr] {
        self.iface.ip_addrs()
    }

    /// A number that an outsider cannot guess, if the stack's seed cannot be guessed.
    pub const fn random(&mut self) -> u64 {
        self.ports.next_random()
    }

    /// Tells the observer.
    #[inline(never)] // A call through a table, with the time and the name: once is enough.
    pub fn emit(&mut self, event: &Event) {
        self.observer.event(self.now, self.task, event);
    }

    /// Tells the observer how a connection, or the attempt to make one, ended. An `error` is one of
    /// the app's own type.
    pub(crate) fn emit_end(&mut self, remote: Option<IpEndpoint>, error: Option<&dyn Any>) {
        match (error, remote) {
            (Some(error), remote) => self.emit(&Event::Failed { remote, error }),
            (None, Some(remote)) => self.emit(&Event::Disconnected { remote }),
            (None, None) => {}
        }
    }

    /// Asks for the next turn at once: the app has more to do than one poll may take.
    pub const fn yield_now(&mut self) {
        self.is_unfinished = true;
    }

    /// Sends a SYN to `remote` from a fresh local port, with the options of the connection before
    /// forgotten.
    ///
    /// # Errors
    /// [`Error::Unaddressable`], [`Error::Unreachable`], [`Error::NoLocalPort`], or
    /// [`Error::SocketInUse`].
    pub fn connect(&mut self, handle: SocketHandle, remote: IpEndpoint) -> Result<(), Error> {
        self.check_peer(remote)?;
        let port = self.take_port()?;
        self.losses.forget(handle);
        let (socket, context) = self.tcp(handle);
        set_options(socket);
        socket
            .connect(context, remote, port)
            .map_err(|error| match error {
                tcp::ConnectError::InvalidState => Error::SocketInUse,
                tcp::ConnectError::Unaddressable => Error::Unreachable,
            })?;
        self.emit(&Event::Connecting { remote });
        Ok(())
    }

    /// Waits for callers on `port`, with the options of the connection before forgotten.
    ///
    /// A socket that already listens there goes on listening.
    ///
    /// # Errors
    /// [`Error::Unaddressable`] when the port is 0, [`Error::SocketInUse`] when a connection is open.
    pub fn listen(&mut self, handle: SocketHandle, port: u16) -> Result<(), Error> {
        self.losses.forget(handle);
        let (socket, _) = self.tcp(handle);
        set_options(socket);
        socket.listen(port).map_err(|error| match error {
            ListenError::InvalidState => Error::SocketInUse,
            ListenError::Unaddressable => Error::Unaddressable,
        })
    }

    /// How far a listening socket has come. [`AcceptState::SynReceived`] needs a deadline.
    pub fn accept_state(&mut self, handle: SocketHandle) -> AcceptState {
        let (socket, _) = self.tcp(handle);
        match (socket.state(), socket.remote_endpoint()) {
            (State::Listen, _) => AcceptState::Listening,
            (State::SynReceived, Some(remote)) => AcceptState::SynReceived(remote),
            (State::Closed | State::TimeWait, _) | (_, None) if socket.can_recv() => {
                AcceptState::ClosedWithData
            }
            (State::Closed | State::TimeWait, _) | (_, None) => AcceptState::Closed,
            (_, Some(remote)) => AcceptState::Established(remote),
        }
    }

    /// Whether a dialled socket is established, or was and has left bytes to read.
    ///
    /// # Errors
    /// [`Error::Refused`] when the peer answered with RST, [`Error::AddressLost`].
    pub fn is_connected(&mut self, handle: SocketHandle) -> Result<bool, Error> {
        let loss = self.losses.find(handle).unwrap_or(Error::Refused);
        let (socket, _) = self.tcp(handle);
        match socket.state() {
            State::Closed if socket.can_recv() => Ok(true),
            State::Closed => Err(loss),
            State::SynSent | State::SynReceived => Ok(false),
            _ => Ok(true),
        }
    }

    /// Hands the contiguous bytes at the front of the receive buffer to `take`, which returns how
    /// many of them it took, and a value. What it does not take stays, and closes the TCP window by
    /// itself.
    ///
    /// # Errors
    /// [`Error::Reset`], [`Error::AddressLost`] or [`Error::Spinning`] once everything that came
    /// before was taken.
    pub fn read_with<R>(
        &mut self,
        handle: SocketHandle,
        take: impl FnOnce(&[u8]) -> (usize, R),
    ) -> Result<Received<R>, Error> {
        let (taken, value) = match self.peek(handle)? {
            Received::Data(bytes) => take(bytes),
            Received::Nothing => return Ok(Received::Nothing),
            Received::End => return Ok(Received::End),
        };
        self.consume(handle, taken);
        Ok(Received::Data(value))
    }

    /// The contiguous bytes at the front of the receive buffer.
    ///
    /// # Errors
    /// As [`read_with`](Io::read_with).
    pub(crate) fn peek(&mut self, handle: SocketHandle) -> Result<Received<&[u8]>, Error> {
        let socket: &mut tcp::Socket = self.sockets.get_mut(handle);
        let is_opening = matches!(socket.state(), State::SynSent | State::SynReceived);
        match socket.peek(usize::MAX) {
            Ok([]) => Ok(Received::Nothing),
            Ok(bytes) => Ok(Received::Data(bytes)),
            Err(RecvError::Finished) => Ok(Received::End),
            Err(RecvError::InvalidState) if is_opening => Ok(Received::Nothing),
            Err(RecvError::InvalidState) => Err(self.losses.find(handle).unwrap_or(Error::Reset)),
        }
    }

    /// Takes `count` bytes off the front of the receive buffer, where [`peek`](Io::peek) found them.
    pub(crate) fn consume(&mut self, handle: SocketHandle, count: usize) {
        dequeue(self.tcp(handle).0, count);
    }

    /// Number of bytes that [`write`](Io::write) would take now.
    ///
    /// # Errors
    /// As [`write`](Io::write).
    pub fn room(&mut self, handle: SocketHandle) -> Result<usize, Error> {
        let (socket, _) = self.tcp(handle);
        if !socket.may_send() {
            return Err(self.loss_error(handle));
        }
        Ok(socket.send_capacity() - socket.send_queue())
    }

    /// Queues the front of `data` for the peer and returns how many bytes found room.
    ///
    /// # Errors
    /// [`Error::Reset`], [`Error::AddressLost`] or [`Error::Spinning`] when the connection is gone or
    /// was closed by us.
    pub fn write(&mut self, handle: SocketHandle, data: &[u8]) -> Result<usize, Error> {
        let written = self.tcp(handle).0.send_slice(data);
        written.map_err(|_| self.loss_error(handle))
    }

    /// Why a connection ended without a FIN: the peer's RST, unless the loop knows better.
    pub fn loss_error(&self, handle: SocketHandle) -> Error {
        self.losses.find(handle).unwrap_or(Error::Reset)
    }

    /// Sends FIN after what is queued. The peer may go on sending; everything that comes from now on
    /// is acknowledged at once, for the peer may call a missing acknowledgement a failure.
    pub fn close_write(&mut self, handle: SocketHandle) {
        let (socket, _) = self.tcp(handle);
        socket.set_ack_delay(None);
        socket.close();
    }

    /// Sends FIN after what is queued, as [`close_write`](Io::close_write), and wants nothing more.
    ///
    /// Returns the deadline of the lingering: ask [`is_closed`](Io::is_closed) until it is true, and
    /// [`drop_connection`](Io::drop_connection) when the deadline passes.
    pub fn close(&mut self, handle: SocketHandle, linger: Duration) -> Deadline {
        self.close_write(handle);
        Deadline::new(self.now + linger + FIN_RESEND, TimeoutKind::Close)
    }

    /// Whether a closed connection is over on both sides. Bytes that still come are dropped, so that
    /// they cannot hold the peer in its last sends.
    pub fn is_closed(&mut self, handle: SocketHandle) -> bool {
        self.discard(handle);
        self.is_over(handle)
    }

    /// Drops everything in the receive buffer, and returns how many bytes that were.
    pub fn discard(&mut self, handle: SocketHandle) -> usize {
        let (socket, _) = self.tcp(handle);
        let count = socket.recv_queue();
        while dequeue(socket, usize::MAX) && socket.can_recv() {}
        count
    }

    /// As [`is_closed`](Io::is_closed), but what the peer still sends stays in the receive buffer.
    pub(crate) fn is_over(&mut self, handle: SocketHandle) -> bool {
        let (socket, _) = self.tcp(handle);
        !is_open(socket.state())
    }

    /// Ends what is left of a connection with RST, which leaves in this turn's egress. One that is
    /// over is left alone: a RST after an orderly end could overtake the acknowledgement of the
    /// peer's FIN.
    #[inline(never)] // Many places end a connection.
    pub fn drop_connection(&mut self, handle: SocketHandle) {
        let (socket, _) = self.tcp(handle);
        if !matches!(socket.state(), State::Closed | State::TimeWait) {
            socket.abort();
        }
    }

    /// Whether the socket carries nothing any more, not even a RST that has still to leave.
    pub fn is_free(&mut self, handle: SocketHandle) -> bool {
        let (socket, _) = self.tcp(handle);
        match socket.state() {
            State::TimeWait => true,
            State::Closed => socket.remote_endpoint().is_none(),
            _ => false,
        }
    }

    /// Exchanges two TCP sockets, connections included. smoltcp asks sockets in the order of the set,
    /// and a late duplicate of a SYN must meet its connection before it meets a listener.
    pub(crate) fn swap_sockets(&mut self, one: SocketHandle, other: SocketHandle) {
        let mut both = self
            .sockets
            .iter_mut()
            .filter(|(handle, _)| *handle == one || *handle == other)
            .filter_map(|(_, socket)| tcp::Socket::downcast_mut(socket));
        if let (Some(one), Some(other)) = (both.next(), both.next()) {
            core::mem::swap(one, other);
        }
        self.losses.swap(one, other);
    }
}

/// Drops up to `count` of the contiguous bytes at the front of the receive buffer; whether it could
/// have held some. smoltcp's `recv` is compiled again for each closure, so all our reading goes
/// through this one.
fn dequeue(socket: &mut tcp::Socket<'_>, count: usize) -> bool {
    socket.recv(|data| (count.min(data.len()), ())).is_ok()
}

/// smoltcp keeps options and congestion state from the connection before, and its default congestion
/// control changes with the features that a build unites. So every connection sets them all.
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
