//! What is said over a connection after the handshake, on either side.

use managed::ManagedSlice;

use super::channel::{Channel, Endpoint};
use super::frame::Opcode;
use super::liveness::Liveness;
use super::writer::Writer;
use super::{CloseCode, Decoder, Event, Incoming, Options, Violation, WebSocketError};
use crate::{
    Connection, Deadline, Error, Received, Role, Session, StateCell, StateName, Step, Tick,
    TimeoutKind,
};

/// An open WebSocket: the [`Session`] to which an `http` server hands a connection that has been
/// upgraded.
///
/// The caller lends the memory of one message, and what it does with messages is its [`Endpoint`].
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WebSocket<'a, E> {
    endpoint: E,
    role: Role,
    options: Options,
    decoder: Decoder<'a>,
    writer: Writer,
    liveness: Liveness,
    /// A message, a part of one or a Pong has come from the peer.
    has_heard: bool,
    /// The peer has closed.
    has_peer_closed: bool,
    /// The connection cannot be written, as an endpoint has found.
    lost: Option<Error>,
    /// What the end will be, once it is decided.
    result: Option<Result<(), WebSocketError>>,
    state: StateCell<State>,
}

/// ```text
/// Open -> Closing -> Closed
///             '-> AwaitingFin -> Closed     (a client that has nothing more to say)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// One side has closed, or the peer has broken the protocol: our Close, or the peer's, is missing.
    Closing,
    /// Both sides have closed. It is the server that closes the connection (RFC 6455, 7.1.1).
    AwaitingFin,
    Closed,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Closing => "Closing",
            Self::AwaitingFin => "AwaitingFin",
            Self::Closed => "Closed",
        }
    }
}

/// Calls the endpoint with a channel.
macro_rules! channel {
    ($self:ident, $connection:ident) => {
        &mut Channel::new($connection, &mut $self.writer, &mut $self.lost)
    };
}

impl<'a, E: Endpoint> WebSocket<'a, E> {
    /// The WebSocket of a server's caller, with memory for one message.
    ///
    /// # Panics
    /// When `message` is shorter than [`MESSAGE_BUFFER_MIN`](super::MESSAGE_BUFFER_MIN).
    pub fn server(message: impl Into<ManagedSlice<'a, u8>>, options: Options, endpoint: E) -> Self {
        Self::new(Role::Server, message.into(), options, endpoint)
    }

    pub(super) fn new(
        role: Role,
        message: ManagedSlice<'a, u8>,
        options: Options,
        endpoint: E,
    ) -> Self {
        Self {
            endpoint,
            role,
            options,
            decoder: Decoder::new(message, options.delivery, options.message_bytes_max, role),
            writer: Writer::new(role),
            liveness: Liveness::new(&options),
            has_heard: false,
            has_peer_closed: false,
            lost: None,
            result: None,
            state: StateCell::new(State::Open),
        }
    }

    /// The endpoint.
    pub const fn endpoint(&self) -> &E {
        &self.endpoint
    }

    /// The endpoint, to command it between turns.
    pub const fn endpoint_mut(&mut self) -> &mut E {
        &mut self.endpoint
    }

    /// The endpoint, with all that it holds.
    pub fn into_endpoint(self) -> E {
        self.endpoint
    }

    /// Moves bytes both ways: a flood in one direction must not stop the other.
    fn talk(&mut self, connection: &mut Connection) -> Result<Step, WebSocketError> {
        self.writer.flush(connection)?;
        let has_read = self.receive(connection)?;
        if *self.state.state() == State::Closed {
            return Ok(Step::Done);
        }
        self.endpoint.transmit(channel!(self, connection));
        self.writer.flush(connection)?;
        if let Some(error) = self.lost.take() {
            return Err(error.into());
        }
        let has_sent = self.writer.take_sent();
        let has_moved = self.note_closing(connection);
        let has_news = self.tell_others(connection);
        Ok(if has_moved || (has_read || has_sent) && !has_news {
            Step::Again
        } else {
            Step::Wait
        })
    }

    /// Lets all tasks have a step in a turn that comes at once, where the endpoint has news for them.
    fn tell_others(&mut self, connection: &mut Connection) -> bool {
        let has_news = self.endpoint.take_news();
        if has_news {
            connection.io.yield_now();
        }
        has_news
    }

    /// Whether something was read, or handed over.
    fn receive(&mut self, connection: &mut Connection) -> Result<bool, WebSocketError> {
        if self.decoder.is_ready() && !self.hand_over(connection) {
            return Ok(false);
        }
        let decoder = &mut self.decoder;
        let received = connection.read_with(|bytes| match decoder.feed(bytes) {
            Ok(taken) => (taken, Ok(taken)),
            Err(how) => (bytes.len(), Err(how)),
        })?;
        match received {
            Received::Data(Ok(taken)) => {
                self.liveness.moved(connection.now(), taken);
                if self.decoder.is_ready() {
                    self.hand_over(connection);
                }
                Ok(true)
            }
            Received::Data(Err(how)) => {
                self.on_violation(how);
                Ok(true)
            }
            // The answer to its Close may still be on its way.
            Received::End if self.has_peer_closed => Ok(false),
            Received::Nothing => Ok(false),
            Received::End => {
                self.on_fin(connection);
                Ok(true)
            }
        }
    }

    /// Does what the ready message or control frame asks for; whether it is done with.
    fn hand_over(&mut self, connection: &mut Connection) -> bool {
        let now = connection.now();
        match self.decoder.ready() {
            Some(Incoming::Part(part)) => {
                let is_taken = self.endpoint.on_part(channel!(self, connection), part);
                // After it comes the answer to our Close.
                if !is_taken && !self.writer.is_closing() {
                    self.liveness.stall(now);
                    return false;
                }
                self.has_heard = true;
            }
            Some(Incoming::Ping(payload)) => self.writer.queue_control(Opcode::Pong, payload),
            Some(Incoming::Pong(_)) => self.has_heard = true,
            None => {}
            Some(Incoming::Close(code, reason)) => {
                self.has_peer_closed = true;
                let result = match code {
                    Some(code) if !code.is_orderly() => Err(WebSocketError::ClosedByPeer(code)),
                    _ => Ok(()),
                };
                let closed_first = !self.writer.is_closing();
                self.endpoint
                    .on_close(channel!(self, connection), code, reason);
                if closed_first {
                    self.result.get_or_insert(result);
                }
                connection.emit(&crate::Event::App(&Event::Closed { code }));
                // What waits and has room goes before our answer.
                self.endpoint.transmit(channel!(self, connection));
                // The answer says the same (RFC 6455, 5.5.1).
                self.writer.close(code, "");
            }
        }
        self.decoder.take();
        self.liveness.resume(now);
        self.liveness.heard(now);
        true
    }

    /// The peer is told what it did wrong; what it sends from now on is dropped.
    fn on_violation(&mut self, how: Violation) {
        self.result.get_or_insert(Err(how.into()));
        self.writer.close(Some(how.code()), "");
        // It cannot close in order any more.
        self.has_peer_closed = true;
    }

    /// The peer can say nothing more. It may have closed the connection in place of an answer to our
    /// Close.
    fn on_fin(&mut self, connection: &mut Connection) {
        let result = if self.writer.has_closed() {
            Ok(())
        } else {
            Err(WebSocketError::Truncated)
        };
        self.result.get_or_insert(result);
        self.state.enter(connection.io, State::Closed, None);
    }

    /// Moves on as the two sides close. Whether the state has changed.
    fn note_closing(&mut self, connection: &mut Connection) -> bool {
        if !self.writer.is_closing() {
            return false;
        }
        let mut has_moved = false;
        if *self.state.state() == State::Open {
            self.result.get_or_insert(match self.writer.code() {
                Some(code) if !code.is_orderly() => Err(WebSocketError::Closed(code)),
                _ => Ok(()),
            });
            self.enter_with_timeout(connection, State::Closing);
            has_moved = true;
        }
        if self.has_peer_closed && self.writer.has_closed() {
            match self.role {
                Role::Server => self.state.enter(connection.io, State::Closed, None),
                Role::Client => self.enter_with_timeout(connection, State::AwaitingFin),
            }
            has_moved = true;
        }
        has_moved
    }

    fn enter_with_timeout(&mut self, connection: &mut Connection, next: State) {
        let at = connection.now() + self.options.close_timeout;
        let deadline = Deadline::new(at, TimeoutKind::Close);
        self.state.enter(connection.io, next, Some(deadline));
    }

    /// Drops what comes, until the server closes the connection.
    fn await_fin(&mut self, connection: &mut Connection) -> Step {
        match connection.read_with(|bytes| (bytes.len(), ())) {
            Ok(Received::Data(())) => Step::Again,
            Ok(Received::Nothing) => Step::Wait,
            Ok(Received::End) | Err(_) => {
                self.state.enter(connection.io, State::Closed, None);
                Step::Done
            }
        }
    }

    /// Whether a message, a part of one or a Pong has come from the peer.
    pub(super) const fn has_heard(&self) -> bool {
        self.has_heard
    }

    const fn liveness_deadline(&self) -> Option<Deadline> {
        match self.state.state() {
            State::Open => self.liveness.deadline(),
            _ => None,
        }
    }

    fn endpoint_deadline(&self) -> Option<Deadline> {
        match self.state.state() {
            State::Open => self.endpoint.deadline(),
            _ => None,
        }
    }

    /// The peer has said nothing for long: it is asked, or has not answered.
    fn on_silence(&mut self, now: Tick, missed: Deadline) -> Result<(), WebSocketError> {
        if missed.awaits != TimeoutKind::Peer || !self.liveness.ask(now) {
            return Err(Error::TimedOut(missed.awaits).into());
        }
        if !self.writer.has_control() {
            self.writer.queue_control(Opcode::Ping, &[]);
        }
        Ok(())
    }
}

impl<E: Endpoint> Session for WebSocket<'_, E> {
    type Error = WebSocketError;

    fn name(&self) -> &'static str {
        "websocket"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), WebSocketError> {
        self.decoder.reset();
        self.writer.reset();
        self.liveness.begin(connection.now());
        self.has_heard = false;
        self.has_peer_closed = false;
        self.lost = None;
        self.result = None;
        self.state = StateCell::new(State::Open);
        connection.set_idle_timeout(None, TimeoutKind::Receive);
        // A message is often followed by a wait for its answer: it must not wait for the one before.
        connection.socket().set_nagle_enabled(false);
        connection.emit(&crate::Event::App(&Event::Open));
        self.endpoint.on_open(channel!(self, connection));
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, WebSocketError> {
        match self.state.state() {
            State::Open | State::Closing => self.talk(connection),
            State::AwaitingFin => Ok(self.await_fin(connection)),
            State::Closed => Ok(Step::Done),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let open = Deadline::earlier(self.liveness_deadline(), self.endpoint_deadline());
        Deadline::earlier(self.state.deadline(), open)
    }

    fn expired(
        &mut self,
        connection: &mut Connection,
        _missed: Deadline,
    ) -> Result<Step, WebSocketError> {
        let now = connection.now();
        let is_due = |deadline: &Deadline| deadline.at <= now;
        if let Some(missed) = self.state.deadline().filter(is_due) {
            if *self.state.state() == State::AwaitingFin {
                self.state.enter(connection.io, State::Closed, None);
                return Ok(Step::Done);
            }
            return Err(Error::TimedOut(missed.awaits).into());
        }
        if let Some(missed) = self.liveness_deadline().filter(is_due) {
            self.on_silence(now, missed)?;
        }
        if self.endpoint_deadline().is_some_and(|at| is_due(&at)) {
            self.endpoint.on_deadline(channel!(self, connection));
        }
        Ok(Step::Again)
    }

    fn end(
        &mut self,
        connection: &mut Connection,
        result: Result<(), WebSocketError>,
    ) -> Result<(), WebSocketError> {
        // Once both sides have closed nothing changes the result, and a failure of ours stands.
        let is_over = matches!(self.state.state(), State::AwaitingFin | State::Closed);
        let result = match self.result {
            Some(decided) if is_over || decided.is_err() => decided,
            _ => result,
        };
        self.endpoint.on_end(&result);
        self.tell_others(connection);
        result
    }
}

impl<E> WebSocket<'_, E> {
    /// The code with which our side has closed, where it has.
    pub const fn close_code(&self) -> Option<CloseCode> {
        self.writer.code()
    }
}
