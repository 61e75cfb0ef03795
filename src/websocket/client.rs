//! What a client says: the handshake, and then what its endpoint says.

use managed::ManagedSlice;

use super::handshake::{Answer, ClientRequest, Key};
use super::session::WebSocket;
use super::{Endpoint, Options, WebSocketError};
use crate::http::{HEAD_BYTES_MAX_DEFAULT, HeadParser};
use crate::{
    Connection, Deadline, Error, Received, Role, Session, StateCell, StateName, Step, TimeoutKind,
};

/// A WebSocket that we ask for: the [`Session`] of a [`Client`](crate::Client).
///
/// It ends with success when one of the two sides closes with no code, 1000 or 1001. A client that
/// [retries](crate::Retry) does so after a failure of the connection and after 408, 429, and 5xx. Its
/// delay is the first again once a message or a Pong has come: a server may accept and close.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClientSession<'a, E> {
    request: ClientRequest<'a>,
    options: Options,
    /// Bytes of the request that the send buffer took.
    sent: usize,
    parser: HeadParser,
    answer: Answer<'a>,
    /// The status that refused us.
    status: Option<u16>,
    socket: WebSocket<'a, E>,
    state: StateCell<State>,
}

/// `Sending -> Head -> Open`; a refusal leads from Head to Refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sending,
    Head,
    /// The rest is the WebSocket's.
    Open,
    Refused,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Sending => "Sending",
            Self::Head => "Head",
            Self::Open => "Open",
            Self::Refused => "Refused",
        }
    }
}

impl<'a, E: Endpoint> ClientSession<'a, E> {
    /// A client that asks for `request`, with memory for one message. Where the answer is a redirect,
    /// its Location is kept in `location`, which may be empty.
    ///
    /// # Panics
    /// When `message` is shorter than [`MESSAGE_BUFFER_MIN`](super::MESSAGE_BUFFER_MIN).
    pub fn new(
        request: ClientRequest<'a>,
        location: &'a mut [u8],
        message: impl Into<ManagedSlice<'a, u8>>,
        options: Options,
        endpoint: E,
    ) -> Self {
        Self {
            answer: Answer::new(&request, location),
            request,
            options,
            sent: 0,
            parser: HeadParser::new(HEAD_BYTES_MAX_DEFAULT),
            status: None,
            socket: WebSocket::new(Role::Client, message.into(), options, endpoint),
            state: StateCell::new(State::Sending),
        }
    }

    /// The endpoint.
    pub const fn endpoint(&self) -> &E {
        self.socket.endpoint()
    }

    /// The endpoint, to command it between turns.
    pub const fn endpoint_mut(&mut self) -> &mut E {
        self.socket.endpoint_mut()
    }

    /// The endpoint, with all that it holds.
    pub fn into_endpoint(self) -> E {
        self.socket.into_endpoint()
    }

    /// The protocol that the server chose among those that were offered.
    pub const fn protocol(&self) -> Option<&'a str> {
        self.answer.protocol()
    }

    /// Where a redirect leads, as the server says it.
    pub fn location(&self) -> &[u8] {
        self.answer.location.as_bytes()
    }

    /// Whether messages can be sent.
    pub const fn is_open(&self) -> bool {
        matches!(self.state.state(), State::Open)
    }

    fn send_request(&mut self, connection: &mut Connection) -> Result<Step, WebSocketError> {
        let request = self.request.with_key(self.answer.key());
        let sent = self.sent;
        let written = connection.write_with(|buffer| {
            let written = request.write_from(sent, buffer);
            (written, written)
        })?;
        let length = request.len();
        self.sent += written;
        if self.sent < length {
            return Ok(if written > 0 { Step::Again } else { Step::Wait });
        }
        let deadline = self.state.deadline().map(|deadline| {
            let at = deadline.at.max(connection.now());
            Deadline::new(at, TimeoutKind::Reply)
        });
        self.state.enter(connection.io, State::Head, deadline);
        Ok(Step::Again)
    }

    fn await_head(&mut self, connection: &mut Connection) -> Result<Step, WebSocketError> {
        let (parser, answer) = (&mut self.parser, &mut self.answer);
        let received = connection.read_with(|bytes| match parser.feed(bytes, answer) {
            Ok((taken, head)) => (taken, Ok(head)),
            Err(how) => (0, Err(how)),
        })?;
        let head = match received {
            Received::Data(head) => head?,
            Received::Nothing => return Ok(Step::Wait),
            Received::End => return Err(WebSocketError::Truncated),
        };
        match head {
            None => Ok(Step::Again),
            Some(head) if head.status == 101 => {
                self.answer.check()?;
                self.state.enter(connection.io, State::Open, None);
                self.socket.begin(connection).map(|()| Step::Again)
            }
            Some(head) => {
                self.status = Some(head.status);
                self.state.enter(connection.io, State::Refused, None);
                Ok(Step::Done)
            }
        }
    }
}

impl<E: Endpoint> Session for ClientSession<'_, E> {
    type Error = WebSocketError;

    fn name(&self) -> &'static str {
        self.socket.name()
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), WebSocketError> {
        let key = Key::new([connection.io.random(), connection.io.random()]);
        self.answer.begin(key);
        let request = self.request.with_key(self.answer.key());
        self.parser = HeadParser::for_request(&request, HEAD_BYTES_MAX_DEFAULT);
        self.sent = 0;
        self.status = None;
        connection.set_idle_timeout(None, TimeoutKind::Receive);
        self.state = StateCell::new(State::Sending);
        let at = connection.now() + self.options.handshake_timeout;
        self.state
            .set_deadline(Some(Deadline::new(at, TimeoutKind::Send)));
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, WebSocketError> {
        match self.state.state() {
            State::Sending => self.send_request(connection),
            State::Head => self.await_head(connection),
            State::Open => self.socket.step(connection),
            State::Refused => Ok(Step::Done),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        match self.state.state() {
            State::Open => self.socket.deadline(),
            _ => self.state.deadline(),
        }
    }

    fn expired(
        &mut self,
        connection: &mut Connection,
        missed: Deadline,
    ) -> Result<Step, WebSocketError> {
        match self.state.state() {
            State::Open => self.socket.expired(connection, missed),
            _ => Err(Error::TimedOut(missed.awaits).into()),
        }
    }

    fn is_retryable(&self, error: &WebSocketError) -> bool {
        match error {
            WebSocketError::Connection(_)
            | WebSocketError::Truncated
            | WebSocketError::ClosedByPeer(_) => true,
            WebSocketError::Status(status) => matches!(status, 408 | 429 | 500..=599),
            _ => false,
        }
    }

    fn wants_another(&self) -> bool {
        self.endpoint().wants_another()
    }

    fn has_progressed(&self) -> bool {
        self.is_open() && self.socket.has_heard()
    }

    fn end(
        &mut self,
        connection: &mut Connection,
        result: Result<(), WebSocketError>,
    ) -> Result<(), WebSocketError> {
        match (self.state.state(), self.status) {
            (State::Open, _) => self.socket.end(connection, result),
            (_, Some(status)) => Err(WebSocketError::Status(status)),
            (_, None) => result,
        }
    }
}
