//! The app that fetches one body.

use core::net::IpAddr;

use smoltcp::iface::SocketHandle;
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::copy::{Copied, copy_body};
use super::{
    BodyDecoder, Event, Framing, GetError, HEAD_BYTES_MAX_DEFAULT, Head, HeadParser, Host,
    Location, Proof, Request, Url,
};
use crate::{
    App, Client, ClientOptions, Closing, Connection, Deadline, Duration, Io, Received, Session,
    Sink, StateCell, StateName, Step, TimeoutKind,
};

/// What a caller may set about one GET.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GetOptions {
    /// For the connection to be established, whether ARP, SYN or nothing answers.
    pub connect_timeout: Duration,
    /// For the whole head, from the connection on.
    pub head_timeout: Duration,
    /// In which at least 256 bytes of the body, or the rest, must come.
    pub idle_timeout: Duration,
    /// For which the sink may take nothing.
    pub stall_timeout: Duration,
    /// For everything, where there is a limit.
    pub total_timeout: Option<Duration>,
    /// Number of bytes that the body may have; more is [`GetError::TooLarge`].
    pub bytes_max: u64,
    /// Number of bytes that each head may have, and chunk extensions and trailers together.
    pub head_bytes_max: u32,
    /// Whether an end that only the peer's close proves counts as [`GetError::Truncated`].
    pub require_length: bool,
}

impl Default for GetOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(20),
            total_timeout: None,
            bytes_max: u64::MAX,
            head_bytes_max: HEAD_BYTES_MAX_DEFAULT,
            require_length: false,
        }
    }
}

/// A body that was fetched whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Complete {
    /// The status, 200 to 299.
    pub status: u16,
    /// Number of payload bytes that the sink took.
    pub bytes: u64,
    /// How the end is known.
    pub proof: Proof,
}

/// Fetches one body by HTTP/1.0 GET into a [`Sink`].
///
/// It ends with success only when the body is there as a whole; [`complete`](Get::complete) says how
/// it knows. A status of 3xx or 400 and above is [`GetError::Status`], and the sink gets nothing of
/// its body. Where the request has a Range, 206 is a success, and `complete` tells it from 200. Once the result is decided the connection may linger for a second, which changes nothing
/// about it.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Get<'a, S> {
    client: Client<GetSession<'a, S>>,
}

/// What a GET says and hears on its connection.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct GetSession<'a, S> {
    request: Request<'a>,
    options: GetOptions,
    /// The caller's buffer, until it drops the `Get`.
    location: Location<'a>,
    sink: S,
    /// Payload bytes that the sink took.
    bytes: u64,
    /// Bytes of the request that the send buffer took.
    sent: usize,
    parser: HeadParser,
    status: u16,
    decoder: BodyDecoder,
    /// What is left to say when the connection is closed.
    result: Result<(), GetError>,
    /// How the end of the body is known, once it is.
    proof: Option<Proof>,
    state: StateCell<State>,
}

/// `Sending -> Head -> Body -> Finished`; from everywhere an error ends it.
///
/// What belongs to a state stands in the session: in here it would be made on the stack and then
/// moved, which takes more flash and more stack.
#[derive(Debug, Clone, Copy)]
enum State {
    Sending,
    Head,
    Body,
    Finished,
}

impl StateName for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Sending => "Sending",
            Self::Head => "Head",
            Self::Body => "Body",
            Self::Finished => "Finished",
        }
    }
}

impl Url<'_> {
    /// Address and port of the server, where the URL has an address and no name.
    pub fn endpoint(&self) -> Option<IpEndpoint> {
        let address = match self.host() {
            Host::Address(IpAddr::V4(address)) => IpAddress::Ipv4(address),
            #[cfg(feature = "ipv6")]
            Host::Address(IpAddr::V6(address)) => IpAddress::Ipv6(address),
            _ => return None,
        };
        Some(IpEndpoint::new(address, self.port()))
    }
}

impl<'a, S: Sink> Get<'a, S> {
    /// A GET of `request` from `remote`, over a socket of its own, into `sink`. Where the answer is a
    /// redirect, its Location is kept in `location`, which may be empty.
    pub fn new(
        socket: SocketHandle,
        remote: IpEndpoint,
        request: Request<'a>,
        options: GetOptions,
        location: &'a mut [u8],
        sink: S,
    ) -> Self {
        let client_options = ClientOptions {
            connect_timeout: options.connect_timeout,
            idle_timeout: None,
            total_timeout: options.total_timeout,
            ..ClientOptions::default()
        };
        let session = GetSession::new(request, options, location, sink);
        Self {
            client: Client::new(socket, remote, session, client_options),
        }
    }

    /// What was fetched, once it is whole.
    pub const fn complete(&self) -> Option<Complete> {
        let session = self.client.session();
        match session.proof {
            Some(proof) => Some(Complete {
                status: session.status,
                bytes: session.bytes,
                proof,
            }),
            None => None,
        }
    }

    /// The Location of a redirect.
    pub const fn location(&self) -> &Location<'a> {
        &self.client.session().location
    }

    /// The sink, which the caller may need to tell that there is room again.
    pub const fn sink_mut(&mut self) -> &mut S {
        &mut self.client.session_mut().sink
    }

    /// The sink, with all that it took.
    pub fn into_sink(self) -> S {
        self.client.into_session().sink
    }
}

impl<S: Sink> App for Get<'_, S> {
    type Error = GetError;

    fn name(&self) -> &'static str {
        self.client.name()
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, GetError> {
        self.client.step(io)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.client.deadline()
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, GetError> {
        self.client.expired(io)
    }

    fn sockets(&self) -> &[SocketHandle] {
        self.client.sockets()
    }
}

impl<'a, S: Sink> GetSession<'a, S> {
    fn new(request: Request<'a>, options: GetOptions, location: &'a mut [u8], sink: S) -> Self {
        Self {
            parser: HeadParser::for_request(&request, options.head_bytes_max),
            request,
            options,
            location: Location::new(location),
            sink,
            bytes: 0,
            sent: 0,
            status: 0,
            decoder: BodyDecoder::new(Framing::Empty, 0),
            result: Ok(()),
            proof: None,
            state: StateCell::new(State::Sending),
        }
    }

    fn send_request(&mut self, connection: &mut Connection) -> Step {
        let socket = connection.socket();
        // An answer or a close before the whole request was taken: nothing that is still to be sent
        // can matter.
        let is_answered = socket.can_recv() || !socket.may_recv();
        let (request, sent) = (&self.request, self.sent);
        let written = connection.write_with(|buffer| {
            let written = request.write_from(sent, buffer);
            (written, written)
        });
        let written = written.unwrap_or(0);
        self.sent = self.sent.saturating_add(written);
        if self.sent < self.request.len() && !is_answered {
            return if written > 0 { Step::Again } else { Step::Wait };
        }
        // The head's deadline counts from the connection: a peer that takes the request slowly gains
        // nothing by it. On a late clock it may have passed, but what is already here is read first.
        let now = connection.now();
        let head = self
            .state
            .deadline()
            .map(|deadline| Deadline::new(deadline.at.max(now), TimeoutKind::Reply));
        self.state.enter(connection.io, State::Head, head);
        Step::Again
    }

    fn await_head(&mut self, connection: &mut Connection) -> Result<Step, GetError> {
        let (parser, location) = (&mut self.parser, &mut self.location);
        let received = connection.read_with(|bytes| match parser.feed(bytes, location) {
            Ok((taken, head)) => (taken, Ok(head)),
            Err(how) => (0, Err(how)),
        })?;
        match received {
            Received::Data(head) => match head? {
                Some(head) => self.begin_body(connection, head),
                None => Ok(Step::Again),
            },
            Received::Nothing => Ok(Step::Wait),
            Received::End => Err(GetError::Truncated),
        }
    }

    fn begin_body(&mut self, connection: &mut Connection, head: Head) -> Result<Step, GetError> {
        let Head {
            status, framing, ..
        } = head;
        let length = match framing {
            Framing::Length(length) => Some(length),
            Framing::Empty => Some(0),
            Framing::Chunked | Framing::Close => None,
        };
        connection.emit(&crate::Event::App(&Event::Head { status, length }));
        if status >= 300 {
            return Ok(self.finish(connection, Err(GetError::Status(status))));
        }
        if length.is_some_and(|length| length > self.options.bytes_max) {
            return Err(GetError::TooLarge);
        }
        self.status = status;
        self.decoder = BodyDecoder::new(framing, self.options.head_bytes_max);
        connection.set_idle_timeout(Some(self.options.idle_timeout), TimeoutKind::Receive);
        self.state.enter(connection.io, State::Body, None);
        Ok(Step::Again)
    }

    fn read_body(&mut self, connection: &mut Connection) -> Result<Step, GetError> {
        if let Some(proof) = self.decoder.is_complete() {
            return self.complete_with(connection, proof);
        }
        let room = self.options.bytes_max.saturating_sub(self.bytes);
        let (decoder, sink) = (&mut self.decoder, &mut self.sink);
        match connection.read_with(|bytes| copy_body(decoder, sink, bytes, room))? {
            Received::Data(copied) => self.on_copied(connection, copied),
            Received::Nothing => Ok(Step::Wait),
            Received::End => {
                let proof = self.decoder.finish()?;
                self.complete_with(connection, proof)
            }
        }
    }

    fn on_copied(&mut self, connection: &mut Connection, copied: Copied) -> Result<Step, GetError> {
        self.bytes = self.bytes.saturating_add(copied.payload as u64);
        if copied.taken > 0 || !copied.is_stalled {
            connection.resume_idle();
        }
        if copied.is_stalled {
            connection.stall_idle(Some(self.options.stall_timeout));
        }
        if copied.payload > 0 {
            let remaining = self.decoder.remaining();
            connection.emit(&crate::Event::Progress {
                bytes: self.bytes,
                total: remaining.map(|remaining| self.bytes.saturating_add(remaining)),
            });
        }
        copied.result?;
        Ok(if copied.is_stalled {
            Step::Wait
        } else {
            Step::Again
        })
    }

    fn complete_with(
        &mut self,
        connection: &mut Connection,
        proof: Proof,
    ) -> Result<Step, GetError> {
        if proof == Proof::CloseOnly && self.options.require_length {
            return Err(GetError::Truncated);
        }
        self.proof = Some(proof);
        Ok(self.finish(connection, Ok(())))
    }

    /// Nothing that still comes changes the result.
    fn finish(&mut self, connection: &mut Connection, result: Result<(), GetError>) -> Step {
        self.result = result;
        self.state.enter(connection.io, State::Finished, None);
        Step::Done
    }
}

impl<S: Sink> Session for GetSession<'_, S> {
    type Error = GetError;

    const CLOSINGS: &'static [Closing] = &[Closing::Fin];

    fn name(&self) -> &'static str {
        "get"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), GetError> {
        let at = connection.now() + self.options.head_timeout;
        self.state
            .set_deadline(Some(Deadline::new(at, TimeoutKind::Send)));
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, GetError> {
        match self.state.state() {
            State::Sending => Ok(self.send_request(connection)),
            State::Head => self.await_head(connection),
            State::Body => self.read_body(connection),
            State::Finished => Ok(Step::Done),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.state.deadline()
    }

    fn end(
        &mut self,
        _connection: &mut Connection,
        result: Result<(), GetError>,
    ) -> Result<(), GetError> {
        result.and(self.result)
    }
}
