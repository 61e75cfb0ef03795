//! The life of one TCP connection, whatever is said over it.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State as Tcp;
use smoltcp::wire::IpEndpoint;

use super::IdleTimer;
use crate::{
    AcceptState, Deadline, Duration, Error, Event, Io, Role, StateCell, StateName, TimeoutKind,
};

/// How long a closing connection is kept for the peer's FIN, unless it is set.
pub const LINGER: Duration = Duration::from_secs(1);
/// How long a caller may take for the last step of its handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the RST of the connection before may take to leave. One that could not leave for so long
/// never will.
const CLEARING_TIMEOUT: Duration = Duration::from_secs(1);

/// One TCP connection from its first SYN to its last acknowledgement.
///
/// [`Client`](crate::Client) and [`Server`](crate::Server) are made of it. An app that is neither
/// drives one itself: it calls [`poll`](Self::poll) from `step` and from `expired` alike.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lifecycle {
    socket: SocketHandle,
    /// Bytes that came after our FIN and were dropped.
    discarded: u64,
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
/// Closed -> Clearing -> Connecting  ------------> Open -> Flushing -> Closing -> Closed
///               '-----> Listening -> SynReceived --'          (a failure leads to Closed at once)
/// ```
#[derive(Debug, Clone, Copy)]
enum State {
    Closed,
    /// What the last connection left in the socket goes first, its RST included.
    Clearing(Opening),
    Connecting(IpEndpoint),
    Listening(u16),
    SynReceived(u16, IpEndpoint),
    Open(IpEndpoint),
    Flushing(IpEndpoint, Flush),
    Closing(IpEndpoint, Confirm),
}

/// Whether RST in place of the peer's FIN is a failure.
type Confirm = bool;

/// How a connection begins.
#[derive(Debug, Clone, Copy)]
enum Opening {
    Dial(IpEndpoint, Duration),
    Listen(u16),
}

/// Watches a send queue run empty.
#[derive(Debug, Clone, Copy)]
struct Flush {
    timer: IdleTimer,
    queued: usize,
    linger: Duration,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Closed => "Closed",
            Self::Clearing(_) => "Clearing",
            Self::Connecting(_) => "Connecting",
            Self::Listening(_) => "Listening",
            Self::SynReceived(..) => "SynReceived",
            Self::Open(_) => "Open",
            Self::Flushing(..) => "Flushing",
            Self::Closing(..) => "Closing",
        }
    }
}

impl Lifecycle {
    /// A connection that nobody has asked for yet, over a socket of its own.
    pub const fn new(socket: SocketHandle) -> Self {
        Self {
            socket,
            discarded: 0,
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

    /// The peer that is dialled, calls, or is connected.
    pub const fn remote(&self) -> Option<IpEndpoint> {
        match *self.state.state() {
            State::Clearing(Opening::Dial(remote, _))
            | State::Connecting(remote)
            | State::SynReceived(_, remote)
            | State::Open(remote)
            | State::Flushing(remote, _)
            | State::Closing(remote, _) => Some(remote),
            State::Closed | State::Clearing(Opening::Listen(_)) | State::Listening(_) => None,
        }
    }

    /// Whether nobody is connected, calling or being called, and nobody would be heard.
    pub const fn is_closed(&self) -> bool {
        matches!(self.state.state(), State::Closed)
    }

    /// Whether the socket waits for a caller and has none.
    pub const fn is_vacant(&self) -> bool {
        matches!(
            self.state.state(),
            State::Closed | State::Clearing(_) | State::Listening(_)
        )
    }

    /// Whether our FIN is out or over: nothing that still comes makes the result better.
    pub const fn is_closing(&self) -> bool {
        matches!(self.state.state(), State::Closing(..))
    }

    /// Number of bytes that came after our FIN and were dropped.
    pub const fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Until when the present state may last. An open connection has no deadline here: its session
    /// has one.
    pub const fn deadline(&self) -> Option<Deadline> {
        self.state.deadline()
    }

    /// Dials `remote` as soon as the socket is free.
    pub fn dial(&mut self, io: &mut Io, remote: IpEndpoint, connect_timeout: Duration) {
        self.clear(io, Opening::Dial(remote, connect_timeout));
    }

    /// Waits for a caller on `port` as soon as the socket is free.
    pub fn listen(&mut self, io: &mut Io, port: u16) {
        self.clear(io, Opening::Listen(port));
    }

    fn clear(&mut self, io: &mut Io, opening: Opening) {
        self.state.enter(io, State::Clearing(opening), None);
    }

    /// Goes on by at most one stage. `is_late` says that the deadline has passed.
    ///
    /// # Errors
    /// The connection could not be made, or could not be flushed; the socket is the caller's to
    /// [`abort`](Self::abort).
    pub fn poll(&mut self, io: &mut Io, is_late: bool) -> Result<Stage, Error> {
        match *self.state.state() {
            State::Closed => Ok(Stage::Wait),
            State::Clearing(opening) => self.await_clear(io, opening, is_late),
            State::Connecting(remote) => self.await_connected(io, remote, is_late),
            State::Listening(port) | State::SynReceived(port, _) => {
                self.await_caller(io, port, is_late)
            }
            State::Open(remote) => Ok(Stage::Open(remote)),
            State::Flushing(remote, flush) => self.await_flushed(io, remote, flush),
            State::Closing(remote, confirm) => self.await_closed(io, remote, confirm, is_late),
        }
    }

    /// Sends FIN once the peer has acknowledged everything; fewer than 256 acknowledged bytes in
    /// `idle_timeout` count as none.
    pub fn flush(&mut self, io: &mut Io, idle_timeout: Duration, linger: Duration) {
        let State::Open(remote) = *self.state.state() else {
            return;
        };
        let flush = Flush {
            timer: IdleTimer::new(io.now, idle_timeout, TimeoutKind::Flush),
            queued: io.tcp(self.socket).0.send_queue(),
            linger,
        };
        self.state
            .enter(io, State::Flushing(remote, flush), flush.timer.deadline());
    }

    /// Sends FIN after what is queued, and lingers.
    pub fn close(&mut self, io: &mut Io, linger: Duration) {
        self.send_fin(io, linger, false);
    }

    /// The same, but RST in place of the peer's FIN is a failure.
    pub fn confirm(&mut self, io: &mut Io, linger: Duration) {
        self.send_fin(io, linger, true);
    }

    fn send_fin(&mut self, io: &mut Io, linger: Duration, confirm: Confirm) {
        if let Some(remote) = self.remote() {
            let deadline = io.close(self.socket, linger);
            self.state
                .enter(io, State::Closing(remote, confirm), Some(deadline));
        }
    }

    /// Ends the connection by RST, or what there is of it.
    pub fn abort(&mut self, io: &mut Io) {
        io.drop_connection(self.socket);
        self.state.enter(io, State::Closed, None);
    }

    fn await_clear(
        &mut self,
        io: &mut Io,
        opening: Opening,
        is_late: bool,
    ) -> Result<Stage, Error> {
        if !is_late && !self.is_clear(io) {
            return Ok(Stage::Wait);
        }
        match opening {
            Opening::Dial(remote, timeout) => {
                io.connect(self.socket, remote)?;
                let deadline = Deadline::new(io.now + timeout, TimeoutKind::Connect);
                self.state
                    .enter(io, State::Connecting(remote), Some(deadline));
            }
            Opening::Listen(port) => {
                io.listen(self.socket, port)?;
                io.emit(&Event::Listening { port });
                self.state.enter(io, State::Listening(port), None);
            }
        }
        Ok(Stage::Wait)
    }

    /// Whether the last connection has left the socket. If not, it is dropped, with a deadline from
    /// the first look on.
    ///
    /// To listen or to dial forgets an acknowledgement that has still to leave, and the peer's FIN,
    /// sent again, would then meet a RST. So the first look waits for one egress, unless the socket
    /// has never been used.
    fn is_clear(&mut self, io: &mut Io) -> bool {
        if self.state.deadline().is_some() {
            return io.is_idle(self.socket);
        }
        let is_unused = io.tcp(self.socket).0.state() == Tcp::Closed && io.is_idle(self.socket);
        if !is_unused {
            io.drop_connection(self.socket);
            io.yield_now();
            let deadline = Deadline::new(io.now + CLEARING_TIMEOUT, TimeoutKind::Close);
            self.state.set_deadline(Some(deadline));
        }
        is_unused
    }

    fn await_connected(
        &mut self,
        io: &mut Io,
        remote: IpEndpoint,
        is_late: bool,
    ) -> Result<Stage, Error> {
        if io.is_connected(self.socket)? {
            return Ok(self.open(io, remote, Role::Client));
        }
        if is_late {
            return Err(Error::TimedOut(TimeoutKind::Connect));
        }
        Ok(Stage::Wait)
    }

    fn await_caller(&mut self, io: &mut Io, port: u16, is_late: bool) -> Result<Stage, Error> {
        let known = self.remote();
        match (io.accept_state(self.socket), known) {
            (AcceptState::Established(remote), _)
            | (AcceptState::ClosedWithData, Some(remote)) => {
                return Ok(self.open(io, remote, Role::Server));
            }
            (AcceptState::Listening, None) => {}
            (AcceptState::Listening, Some(_)) => {
                self.state.enter(io, State::Listening(port), None);
            }
            (AcceptState::SynReceived(remote), None) => {
                let deadline = Deadline::new(io.now + HANDSHAKE_TIMEOUT, TimeoutKind::Handshake);
                let state = State::SynReceived(port, remote);
                self.state.enter(io, state, Some(deadline));
            }
            (AcceptState::SynReceived(_), Some(_)) if !is_late => {}
            (
                AcceptState::SynReceived(_) | AcceptState::ClosedWithData | AcceptState::Closed,
                _,
            ) => {
                io.drop_connection(self.socket);
                self.listen(io, port);
                return self.poll(io, false);
            }
        }
        Ok(Stage::Wait)
    }

    fn open(&mut self, io: &mut Io, remote: IpEndpoint, role: Role) -> Stage {
        self.discarded = 0;
        self.state.enter(io, State::Open(remote), None);
        io.emit(&Event::Connected { remote, role });
        Stage::Opened(remote)
    }

    /// FIN goes only after everything was acknowledged: the lingering is too short to send lost bytes
    /// again.
    fn await_flushed(
        &mut self,
        io: &mut Io,
        remote: IpEndpoint,
        mut flush: Flush,
    ) -> Result<Stage, Error> {
        let loss = io.loss_error(self.socket);
        let (socket, _) = io.tcp(self.socket);
        let (queued, state) = (socket.send_queue(), socket.state());
        // smoltcp empties the queue when it drops the connection of a lost address, as if all had
        // arrived.
        let is_emptied = flush.queued > 0 && loss != Error::Reset;
        if state == Tcp::Closed && (queued > 0 || is_emptied) {
            return Err(loss);
        }
        let acknowledged = flush.queued.saturating_sub(queued);
        flush.queued = queued;
        flush.timer.moved(io.now, acknowledged as u64);
        if queued == 0 {
            self.close(io, flush.linger);
            return self.poll(io, false);
        }
        let deadline = flush.timer.deadline();
        if deadline.is_some_and(|deadline| deadline.at <= io.now) {
            return Err(Error::TimedOut(TimeoutKind::Flush));
        }
        *self.state.state_mut() = State::Flushing(remote, flush);
        self.state.set_deadline(deadline);
        Ok(Stage::Wait)
    }

    fn await_closed(
        &mut self,
        io: &mut Io,
        remote: IpEndpoint,
        confirm: Confirm,
        is_late: bool,
    ) -> Result<Stage, Error> {
        self.discarded += io.tcp(self.socket).0.recv_queue() as u64;
        let is_closed = io.is_closed(self.socket);
        if confirm {
            // Fails when the connection ended without the peer's FIN.
            io.read_with(self.socket, |_| (0, ()))?;
        }
        if is_late || is_closed {
            self.abort(io);
            return Ok(Stage::Closed(remote));
        }
        Ok(Stage::Wait)
    }
}
