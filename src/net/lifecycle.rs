//! The life of one TCP connection, whatever is said over it.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State as Tcp;
use smoltcp::wire::IpEndpoint;

use super::opening::{Opened, handshake_deadline};
use super::{Dial, DialOrListen, Listen, Opening, Remote};
use crate::{Deadline, Duration, Error, Event, Io, StateCell, StateName, TimeoutKind};

/// How long a closing connection is kept for the peer's FIN, unless it is set.
pub const LINGER: Duration = Duration::from_secs(1);
/// How long the RST of the connection before may take to leave. One that could not leave for so long
/// never will.
const CLEARING_TIMEOUT: Duration = Duration::from_secs(1);

/// One TCP connection from its first SYN to its last acknowledgement.
///
/// [`Client`](crate::Client) and [`Server`](crate::Server) are made of it. An app that is neither
/// drives one itself: it calls [`poll`](Self::poll) from `step` and from `expired` alike.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lifecycle<O = DialOrListen> {
    socket: SocketHandle,
    /// How this connection begins, or began.
    opening: Option<O>,
    /// Who is dialled, calls, or is connected, or was last.
    remote: Option<IpEndpoint>,
    state: StateCell<State>,
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Stage {
    /// Nothing to do now.
    Wait,
    /// The connection was established in this step.
    Opened(IpEndpoint),
    /// The connection is established; its end is the session's to find.
    Open(IpEndpoint),
    /// The connection ended in order in this step.
    Closed(IpEndpoint),
}

/// ```text
/// Closed -> Clearing -> Opening -> Open -> Closing -> Closed
///                          '-> SynReceived -'        (a failure leads to Closed at once)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// What the last connection left in the socket goes first, its RST included.
    Clearing,
    /// Dialling, or listening.
    Opening,
    /// A caller has begun its handshake.
    SynReceived,
    Open,
    Closing,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Closed => "Closed",
            Self::Clearing => "Clearing",
            Self::Opening => "Opening",
            Self::SynReceived => "SynReceived",
            Self::Open => "Open",
            Self::Closing => "Closing",
        }
    }
}

impl<O: Opening> Lifecycle<O> {
    /// A connection that nobody has asked for yet, over a socket of its own.
    pub const fn new(socket: SocketHandle) -> Self {
        Self {
            socket,
            opening: None,
            remote: None,
            state: StateCell::new(State::Closed),
        }
    }

    /// The socket.
    pub const fn socket(&self) -> SocketHandle {
        self.socket
    }

    /// The socket, for [`App::sockets`](crate::App::sockets).
    pub const fn sockets(&self) -> &[SocketHandle] {
        core::slice::from_ref(&self.socket)
    }

    /// Goes on with another socket. What the old one holds is the caller's.
    pub const fn set_socket(&mut self, socket: SocketHandle) {
        self.socket = socket;
    }

    /// The peer that is dialled, calls, or is connected. It stays known after the connection, until
    /// the next one begins.
    pub const fn remote(&self) -> Option<IpEndpoint> {
        self.remote
    }

    /// Whether nobody is connected, calling or being called, and nobody would be heard.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state.state(), State::Closed)
    }

    /// Whether nobody is connected or calling.
    pub const fn is_vacant(&self) -> bool {
        matches!(
            self.state.state(),
            State::Closed | State::Clearing | State::Opening
        )
    }

    /// Whether our FIN is out or over: nothing that still comes changes the result.
    pub const fn is_closing(&self) -> bool {
        matches!(self.state.state(), State::Closing)
    }

    /// Until when the present state may last. An open connection has no deadline here: its session
    /// has one.
    pub const fn deadline(&self) -> Option<Deadline> {
        self.state.deadline()
    }

    /// Dials or listens as soon as the socket is free.
    pub fn begin(&mut self, io: &mut Io, opening: O) {
        self.opening = Some(opening);
        self.begin_again(io);
    }

    /// The same in the way that was set last. Where none was, nothing happens.
    pub fn begin_again(&mut self, io: &mut Io) {
        if let Some(opening) = &self.opening {
            self.remote = opening.remote();
            self.state.enter(io, State::Clearing, None);
        }
    }

    /// The way to begin that was set last.
    pub const fn opening(&self) -> Option<&O> {
        self.opening.as_ref()
    }

    /// Sets the way to begin, for [`begin_again`](Self::begin_again).
    pub fn set_opening(&mut self, opening: Option<O>) {
        self.opening = opening;
    }

    /// Goes on by at most one stage. `is_late` says that the deadline has passed.
    ///
    /// # Errors
    /// The connection could not be made; the socket is the caller's to
    /// [`abort`](Self::abort).
    pub fn poll(&mut self, io: &mut Io, is_late: bool) -> Result<Stage, Error> {
        let state = *self.state.state();
        let stage = match state {
            State::Clearing if is_late || self.is_clear(io) => {
                if let Some(opening) = &mut self.opening {
                    let deadline = opening.begin(io, self.socket)?;
                    self.state.enter(io, State::Opening, deadline);
                }
                None
            }
            State::Opening | State::SynReceived => self.await_open(io, is_late)?,
            State::Open => self.remote.map(Stage::Open),
            State::Closing if io.is_over(self.socket) || is_late => {
                self.abort(io);
                self.remote.map(Stage::Closed)
            }
            _ => None,
        };
        Ok(stage.unwrap_or(Stage::Wait))
    }

    /// Sends FIN after what is queued, and lingers. What still comes is the caller's to read, or to
    /// [`discard`](Io::discard), or it would hold the peer in its last sends.
    pub fn close(&mut self, io: &mut Io, linger: Duration) {
        if self.remote.is_some() && !self.is_closed() {
            let deadline = io.close(self.socket, linger);
            self.state.enter(io, State::Closing, Some(deadline));
        }
    }

    /// Sends FIN after what is queued. The connection stays [`Open`](Stage::Open) and receives,
    /// until the caller closes it.
    pub fn close_write(&mut self, io: &mut Io) {
        if *self.state.state() == State::Open {
            io.close_write(self.socket);
        }
    }

    /// Ends the connection by RST, or what there is of it. One that is over is left alone.
    pub fn abort(&mut self, io: &mut Io) {
        io.drop_connection(self.socket);
        if !self.is_closed() {
            self.state.enter(io, State::Closed, None);
        }
    }

    /// Whether the last connection has left the socket. If not, it is dropped, with a deadline from
    /// the first look on.
    ///
    /// To listen or to dial forgets an acknowledgement that has still to leave, and the peer's FIN,
    /// sent again, would then meet a RST. So the first look waits for one egress, unless the socket
    /// has never been used.
    fn is_clear(&mut self, io: &mut Io) -> bool {
        if self.state.deadline().is_some() {
            return io.is_free(self.socket);
        }
        let is_unused = io.tcp(self.socket).0.state() == Tcp::Closed && io.is_free(self.socket);
        if !is_unused {
            io.drop_connection(self.socket);
            io.yield_now();
            let deadline = Deadline::new(io.now + CLEARING_TIMEOUT, TimeoutKind::Close);
            self.state.set_deadline(Some(deadline));
        }
        is_unused
    }

    fn await_open(&mut self, io: &mut Io, is_late: bool) -> Result<Option<Stage>, Error> {
        let Some(opening) = &mut self.opening else {
            return Ok(None);
        };
        match opening.poll(io, self.socket, self.remote, is_late)? {
            Opened::Wait => {}
            Opened::Caller(caller) => {
                self.remote = caller;
                let (state, deadline) = match caller {
                    Some(_) => (State::SynReceived, Some(handshake_deadline(io))),
                    None => (State::Opening, None),
                };
                self.state.enter(io, state, deadline);
            }
            Opened::Established(remote, role) => {
                self.remote = Some(remote);
                self.state.enter(io, State::Open, None);
                io.emit(&Event::Connected { remote, role });
                return Ok(Some(Stage::Opened(remote)));
            }
            Opened::Restart => {
                io.drop_connection(self.socket);
                self.begin_again(io);
                return self.poll(io, false).map(Some);
            }
            #[cfg(feature = "dns")]
            Opened::Dialling(remote, deadline) => {
                self.remote = Some(remote);
                self.state.set_deadline(Some(deadline));
            }
            #[cfg(feature = "dns")]
            Opened::Resolving(deadline) => self.state.set_deadline(Some(deadline)),
        }
        Ok(None)
    }
}

impl<T: Remote> Lifecycle<DialOrListen<T>> {
    /// Dials `remote` as soon as the socket is free.
    pub fn dial(&mut self, io: &mut Io, remote: T, timeout: Duration) {
        self.begin(io, DialOrListen::Dial(Dial { remote, timeout }));
    }

    /// Waits for a caller on `port` as soon as the socket is free.
    pub fn listen(&mut self, io: &mut Io, port: u16) {
        self.begin(io, DialOrListen::Listen(Listen { port }));
    }
}
