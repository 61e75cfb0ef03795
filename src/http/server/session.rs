//! One connection of a server: one request after another, or another protocol.

mod read;
mod write;

use managed::ManagedSlice;

use super::reply::{Body, Reply};
use super::{Handler, HttpOptions, NoUpgrade, RequestParser, ServeError};
use crate::http::{BodyDecoder, Framing};
use crate::{
    Closing, Connection, Deadline, Duration, Error, Session, StateCell, StateName, Step, Tick,
    TimeoutKind,
};

/// Least memory of a session: the head of a browser's request fits, without cookies.
pub const HEAD_MEMORY_MIN: usize = 2048;
/// After which a handler that was not ready is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(1);

type Failure<H> = ServeError<<<H as Handler>::Upgrade as Session>::Error>;

/// What a server says on one connection: HTTP/1.1 and 1.0, and after an upgrade another protocol.
///
/// Requests are answered in order. One that was sent before the last one is answered waits in the
/// receive buffer. A request that breaks the protocol is told so, and is the last of its connection:
/// nobody knows where the next one would begin.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HttpSession<'b, H: Handler> {
    handler: H,
    upgrade: Option<H::Upgrade>,
    memory: Memory<'b>,
    options: HttpOptions,
    /// Names of the server, lent by the caller.
    hosts: &'b [&'b str],
    parser: RequestParser,
    decoder: BodyDecoder,
    /// Bytes of the present body that the handler still takes.
    body_bytes_left: u64,
    reply: Reply,
    /// Bytes of the reply in memory that the send buffer took.
    sent: usize,
    /// The handler's offset of the next byte of the answer's body.
    offset: u64,
    /// Requests on this connection, with the present one.
    requests: u32,
    /// The handler has a request that it has not been told the end of.
    is_handling: bool,
    /// What ends the connection when the present answer has been sent.
    failure: Option<Refused>,
    /// When the handler, which was not ready, is asked again.
    ask_at: Option<Tick>,
    state: StateCell<State>,
}

/// Why the connection ends with the present answer.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Refused {
    Request(super::RequestError),
    TimedOut(TimeoutKind),
}

/// Lent by the caller for the life of the session: the head of the request in front, the answer
/// after it.
#[derive(Debug)]
struct Memory<'b>(ManagedSlice<'b, u8>);

#[cfg(feature = "defmt")]
impl defmt::Format for Memory<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Memory({=usize} bytes)", self.0.len());
    }
}

impl Memory<'_> {
    /// The memory for the request, and that for the answer.
    fn split(&mut self) -> (&mut [u8], &mut [u8]) {
        let request = self.0.len() - self.0.len() / 4;
        self.0.split_at_mut(request)
    }
}

/// ```text
/// Head -> Answering -> Streaming -> Idle -> Head          Upgraded, from Answering
///   '-> Continuing -> Receiving -> Deciding -> Answering
/// ```
///
/// An answer without a body to stream leads to `Idle` at once; after the last one comes `Finished`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two requests.
    Idle,
    /// In the head of a request, or before the first one.
    Head,
    /// `100 Continue` waits for room.
    Continuing,
    /// In the body of a request.
    Receiving,
    /// The handler has the whole body, or has refused it, and has not answered yet.
    Deciding(Result<(), crate::SinkError>),
    /// The answer's head is on its way. With `true` the protocol changes after it.
    Answering(bool),
    /// The answer's body is on its way.
    Streaming,
    Upgraded,
    Finished,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Head => "Head",
            Self::Continuing => "Continuing",
            Self::Receiving => "Receiving",
            Self::Deciding(_) => "Deciding",
            Self::Answering(_) => "Answering",
            Self::Streaming => "Streaming",
            Self::Upgraded => "Upgraded",
            Self::Finished => "Finished",
        }
    }
}

impl<'b, H: Handler<Upgrade = NoUpgrade>> HttpSession<'b, H> {
    /// A session without upgrades. `memory` holds the head of a request and that of its answer, with a
    /// short body if it has one: three quarters are the limit of the one, a quarter that of the other.
    /// A browser sends up to a kilobyte, and its cookies.
    ///
    /// # Panics
    /// When `memory` is shorter than [`HEAD_MEMORY_MIN`].
    pub fn new(handler: H, memory: impl Into<ManagedSlice<'b, u8>>) -> Self {
        Self::build(handler, None, memory.into())
    }
}

impl<'b, H: Handler> HttpSession<'b, H> {
    /// A session whose connections may change to the protocol of `upgrade`. `memory` as for
    /// [`new`](Self::new).
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn with_upgrade(
        handler: H,
        upgrade: H::Upgrade,
        memory: impl Into<ManagedSlice<'b, u8>>,
    ) -> Self {
        Self::build(handler, Some(upgrade), memory.into())
    }

    fn build(handler: H, upgrade: Option<H::Upgrade>, memory: ManagedSlice<'b, u8>) -> Self {
        assert!(memory.len() >= HEAD_MEMORY_MIN, "too little memory");
        Self {
            handler,
            upgrade,
            memory: Memory(memory),
            options: HttpOptions::default(),
            hosts: &[],
            parser: RequestParser::new(),
            decoder: BodyDecoder::new(Framing::Empty, 0),
            body_bytes_left: 0,
            reply: Reply::new(0, None, Body::Empty),
            sent: 0,
            offset: 0,
            requests: 0,
            is_handling: false,
            failure: None,
            ask_at: None,
            state: StateCell::new(State::Finished),
        }
    }

    /// With other limits than the default ones.
    #[must_use]
    pub const fn with_options(mut self, options: HttpOptions) -> Self {
        self.options = options;
        self
    }

    /// With names by which the server is called; `*` is every name. A port and a final dot say
    /// nothing. Addresses, names without a dot, such as `localhost`, and names that nobody can lead
    /// here from the public DNS, such as `lamp.local` and `lamp.home.arpa`, need not be in the list.
    ///
    /// A request for any other host gets 421. Otherwise the page of anybody who leads a name of his own
    /// here (DNS rebinding) could read what a visitor's browser can reach.
    #[must_use]
    pub const fn with_hosts(mut self, hosts: &'b [&'b str]) -> Self {
        self.hosts = hosts;
        self
    }

    /// The handler.
    pub const fn handler(&self) -> &H {
        &self.handler
    }

    /// The handler, to command it between turns.
    pub const fn handler_mut(&mut self) -> &mut H {
        &mut self.handler
    }

    /// The session that speaks the protocol to which connections may change.
    pub const fn upgrade(&self) -> Option<&H::Upgrade> {
        self.upgrade.as_ref()
    }

    /// The same, to command it between turns.
    pub const fn upgrade_mut(&mut self) -> Option<&mut H::Upgrade> {
        self.upgrade.as_mut()
    }

    /// Whether there is a connection that has changed to the other protocol.
    pub fn is_upgraded(&self) -> bool {
        self.active().is_some()
    }

    /// The upgrade session, while it has the connection.
    fn active(&self) -> Option<&H::Upgrade> {
        let is_upgraded = *self.state.state() == State::Upgraded;
        self.upgrade.as_ref().filter(|_| is_upgraded)
    }

    fn active_mut(&mut self) -> Option<&mut H::Upgrade> {
        let is_upgraded = *self.state.state() == State::Upgraded;
        self.upgrade.as_mut().filter(|_| is_upgraded)
    }

    /// Waits for the next request.
    fn await_request(&mut self, connection: &mut Connection, state: State, timeout: Duration) {
        self.parser = RequestParser::new();
        self.failure = None;
        self.ask_at = None;
        connection.set_idle_bytes_min(self.options.idle_bytes_min);
        connection.set_flush_timeout(Some(self.options.idle_timeout));
        connection.set_idle_timeout(None, TimeoutKind::Receive);
        let deadline = Deadline::new(connection.now() + timeout, TimeoutKind::Request);
        self.state.enter(connection.io, state, Some(deadline));
    }

    /// Begins a state in which bytes must move.
    fn enter_moving(&mut self, connection: &mut Connection, state: State, awaits: TimeoutKind) {
        connection.set_idle_timeout(Some(self.options.idle_timeout), awaits);
        self.ask_at = None;
        self.state.enter(connection.io, state, None);
    }

    /// The handler is not ready: it is asked again, but not for ever.
    fn ask_again(&mut self, connection: &mut Connection) -> Step {
        connection.stall_idle(Some(self.options.stall_timeout));
        self.ask_at = Some(connection.now() + ASK_AGAIN);
        Step::Wait
    }

    /// The request is over.
    fn end_request(&mut self) {
        if core::mem::take(&mut self.is_handling) {
            self.handler.end();
        }
    }
}

impl<H: Handler> Session for HttpSession<'_, H> {
    type Error = Failure<H>;

    const CLOSINGS: &'static [Closing] = if Closing::Confirm.is_in(H::Upgrade::CLOSINGS) {
        &[
            Closing::Flush,
            Closing::Fin,
            Closing::Reset,
            Closing::Confirm,
        ]
    } else {
        &[Closing::Flush, Closing::Fin, Closing::Reset]
    };

    fn name(&self) -> &'static str {
        "http"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), Self::Error> {
        self.requests = 0;
        self.await_request(connection, State::Head, self.options.head_timeout);
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Self::Error> {
        match *self.state.state() {
            State::Idle | State::Head => self.read_head(connection),
            State::Continuing => self.send_continue(connection),
            State::Receiving => self.read_body(connection),
            State::Deciding(received) => self.decide(connection, received),
            State::Answering(is_switch) => self.send_answer(connection, is_switch),
            State::Streaming => self.stream(connection),
            State::Upgraded => match self.active_mut() {
                Some(session) => session.step(connection).map_err(ServeError::Upgrade),
                None => Ok(Step::Done),
            },
            State::Finished => Ok(Step::Done),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        if let Some(session) = self.active() {
            return session.deadline();
        }
        let ask = self.ask_at.map(|at| Deadline::new(at, TimeoutKind::Sink));
        Deadline::earlier(self.state.deadline(), ask)
    }

    fn expired(
        &mut self,
        connection: &mut Connection,
        missed: Deadline,
    ) -> Result<Step, Self::Error> {
        if let Some(session) = self.active_mut() {
            let step = session.expired(connection, missed);
            return step.map_err(ServeError::Upgrade);
        }
        if self.ask_at.is_some_and(|at| at == missed.at) {
            self.ask_at = None;
            return self.step(connection);
        }
        match self.state.state() {
            // Nothing was asked.
            State::Idle => Ok(Step::Done),
            State::Head if self.parser.is_empty() => Ok(Step::Done),
            State::Head | State::Receiving if missed.awaits != TimeoutKind::Sink => {
                Ok(self.refuse(connection, 408, Refused::TimedOut(missed.awaits)))
            }
            State::Receiving | State::Deciding(_) => {
                Ok(self.refuse(connection, 503, Refused::TimedOut(missed.awaits)))
            }
            _ => Err(Error::TimedOut(missed.awaits).into()),
        }
    }

    fn closing(&self) -> Closing {
        self.active().map_or(Closing::Flush, Session::closing)
    }

    fn on_discarded(&mut self, count: usize) {
        if let Some(session) = self.active_mut() {
            session.on_discarded(count);
        }
    }

    fn end(
        &mut self,
        connection: &mut Connection,
        result: Result<(), Self::Error>,
    ) -> Result<(), Self::Error> {
        self.end_request();
        if let Some(session) = self.active_mut() {
            let result = result.map_err(|error| match error {
                ServeError::Upgrade(error) => error,
                ServeError::Connection(error) => error.into(),
                // Those of HTTP are over.
                _ => Error::Reset.into(),
            });
            let result = session.end(connection, result);
            self.state.enter(connection.io, State::Finished, None);
            return result.map_err(ServeError::Upgrade);
        }
        match self.failure {
            Some(Refused::Request(error)) => Err(error.into()),
            Some(Refused::TimedOut(kind)) => Err(Error::TimedOut(kind).into()),
            None => result,
        }
    }
}
