//! The machine that fetches one body.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use super::pour::{Pour, pour};
use super::{
    BodyDecoder, Framing, HEAD_BYTES_MAX_DEFAULT, Head, HeadParser, Location, Proof, Request,
};
use crate::canary::{Canary, is_planted};
use crate::{
    App, Awaited, Deadline, Error, Event, Io, Named, Pace, Part, Phase, Received, Sink, Step, Tick,
};

/// What a caller may set about one GET. Durations in ticks of 1 ms.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GetOptions {
    /// For the connection to be established, whether ARP, SYN or nothing answers.
    pub connect_ticks: u64,
    /// For the whole head, from the connection on.
    pub head_ticks: u64,
    /// In which at least 256 bytes, or the rest, must come.
    pub idle_ticks: u64,
    /// For which the sink may take nothing.
    pub stall_ticks: u64,
    /// For everything, where there is a limit.
    pub total_ticks: Option<u64>,
    /// Bytes that the body may have; more is [`Error::TooLarge`].
    pub bytes_max: u64,
    /// Bytes that each head may have, and so may chunk extensions and trailers together.
    pub head_bytes_max: u32,
    /// Whether an end that only the peer's close proves counts as [`Error::Truncated`].
    pub require_length: bool,
}

impl Default for GetOptions {
    fn default() -> Self {
        Self {
            connect_ticks: 5_000,
            head_ticks: 10_000,
            idle_ticks: 20_000,
            stall_ticks: 20_000,
            total_ticks: None,
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
    /// Bytes of payload that the sink took.
    pub bytes: u64,
    /// How the end is known.
    pub proof: Proof,
}

/// Fetches one body by HTTP/1.0 GET into a [`Sink`].
///
/// It ends with success only when the body is there as a whole; [`complete`](Get::complete) says how it knows. A status
/// of 3xx or 400 and above is [`Error::Status`], and the sink gets nothing of its body. Once the result is decided the
/// connection may linger for a second, which changes nothing about it.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Get<'a, S> {
    socket: SocketHandle,
    remote: IpEndpoint,
    request: Request<'a>,
    options: GetOptions,
    /// The caller's buffer, until it drops the `Get`.
    location: Location<'a>,
    sink: S,
    bytes: u64,
    total: Option<Deadline>,
    /// Bytes of the request that the send buffer took.
    sent: usize,
    parser: HeadParser,
    body: Body,
    /// What is left to say when the connection is closed.
    result: Result<(), Error>,
    complete: Option<Complete>,
    phase: Phase<State>,
}

/// `Starting -> Connecting -> Sending -> Head -> Body -> Closing`; from everywhere an error ends it.
///
/// What belongs to a state stands in the machine: in here it would be made on the stack and then moved, which takes 340
/// bytes more of flash, and 76 of stack.
#[derive(Debug)]
enum State {
    Starting,
    Connecting,
    Sending,
    Head,
    Body,
    Closing,
}

#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Body {
    status: u16,
    decoder: BodyDecoder,
    pace: Pace,
    /// The sink has taken less than it was offered, and is waited for.
    stalled: bool,
}

impl Body {
    const fn new(status: u16, decoder: BodyDecoder, pace: Pace) -> Self {
        Self {
            status,
            decoder,
            pace,
            stalled: false,
        }
    }
}

impl<'a, S: Sink> Get<'a, S> {
    /// A GET of `request` from `remote`, over a socket of its own, into `sink`. Where the answer is a redirect, its
    /// Location is kept in `location`, which may be empty.
    pub fn new(
        socket: SocketHandle,
        remote: IpEndpoint,
        request: Request<'a>,
        options: GetOptions,
        location: &'a mut [u8],
        sink: S,
    ) -> Self {
        Self {
            socket,
            remote,
            request,
            options,
            location: Location::new(location),
            sink,
            bytes: 0,
            total: None,
            complete: None,
            sent: 0,
            parser: HeadParser::new(options.head_bytes_max),
            body: Body::new(
                0,
                BodyDecoder::new(Framing::Empty, 0),
                Pace::new(Tick::ZERO, 0),
            ),
            result: Ok(()),
            phase: Phase::new(State::Starting),
        }
    }

    /// What was fetched, once it is whole.
    pub const fn complete(&self) -> Option<Complete> {
        self.complete
    }

    /// The Location of a redirect.
    pub const fn location(&self) -> &Location<'a> {
        &self.location
    }

    /// The sink, which the caller may need to tell that there is room again.
    pub const fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// The sink, with all that it took.
    pub fn into_sink(self) -> S {
        self.sink
    }

    fn connect(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        io.connect(self.socket, self.remote)?;
        self.total = self
            .options
            .total_ticks
            .map(|ticks| Deadline::new(io.now.after(ticks), Awaited::Total));
        let deadline = Deadline::new(io.now.after(self.options.connect_ticks), Awaited::Connect);
        self.phase.enter(io, State::Connecting, Some(deadline));
        Ok(Step::Wait)
    }

    fn await_established(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        if !io.connected(self.socket)? {
            return Ok(Step::Wait);
        }
        io.tell_connected(self.remote, Part::Dialler);
        let deadline = Deadline::new(io.now.after(self.options.head_ticks), Awaited::Send);
        let deadline = Some(deadline).filter(|_| !is_planted(Canary::NoDeadline));
        self.phase.enter(io, State::Sending, deadline);
        Ok(Step::Again)
    }

    fn send_request(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        let (socket, _) = io.tcp(self.socket);
        let request = &self.request;
        // An answer or a close before the whole request was taken: nothing that is still to be sent can matter.
        let answered = socket.can_recv() || !socket.may_recv();
        let written = socket.send(|buffer| {
            let written = request.write_from(self.sent, buffer);
            (written, written)
        });
        self.sent = self.sent.saturating_add(written.unwrap_or(0));
        if self.sent < self.request.len() && !answered {
            return Ok(if written.is_ok_and(|written| written > 0) {
                Step::Again
            } else {
                Step::Wait
            });
        }
        // The head's deadline counts from the connection: a peer that takes the request slowly gains nothing by it.
        // On a late clock it may have passed, but what is already here is read first.
        let head = self
            .phase
            .deadline()
            .map(|deadline| Deadline::new(deadline.at.max(io.now), Awaited::Head));
        self.phase.enter(io, State::Head, head);
        Ok(Step::Again)
    }

    fn await_head(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        let (parser, location) = (&mut self.parser, &mut self.location);
        let received = io.receive(self.socket, |bytes| match parser.feed(bytes, location) {
            Ok((taken, head)) => (taken, Ok(head)),
            Err(how) => (0, Err(how)),
        })?;
        match received {
            Received::Data(head) => match head? {
                Some(head) => self.begin_body(io, head),
                None => Ok(Step::Again),
            },
            Received::Nothing => Ok(Step::Wait),
            Received::End => Err(Error::Truncated),
        }
    }

    fn begin_body(&mut self, io: &mut Io<'_, '_>, head: Head) -> Result<Step, Error> {
        let Head {
            status, framing, ..
        } = head;
        let length = match framing {
            Framing::Length(length) => Some(length),
            Framing::Empty => Some(0),
            Framing::Chunked | Framing::Close => None,
        };
        io.tell(&Event::Head { status, length });
        if status >= 300 {
            return Ok(self.close(io, Err(Error::Status(status))));
        }
        if length.is_some_and(|length| length > self.options.bytes_max) {
            return Err(Error::TooLarge);
        }
        let pace = Pace::new(io.now, self.options.idle_ticks);
        let decoder = BodyDecoder::new(framing, self.options.head_bytes_max);
        self.body = Body::new(status, decoder, pace);
        let deadline = Deadline::new(pace.due(), Awaited::Body);
        self.phase.enter(io, State::Body, Some(deadline));
        Ok(Step::Again)
    }

    fn pour_body(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        if let Some(proof) = self.body.decoder.is_complete() {
            return self.finish(io, proof);
        }
        let room = self.options.bytes_max.saturating_sub(self.bytes);
        let (decoder, sink) = (&mut self.body.decoder, &mut self.sink);
        match io.receive(self.socket, |bytes| pour(decoder, sink, bytes, room))? {
            Received::Data(poured) => self.note_poured(io, poured),
            Received::Nothing => Ok(Step::Wait),
            Received::End if is_planted(Canary::FinIsSuccess) => self.finish(io, Proof::CloseOnly),
            Received::End => self.finish(io, self.body.decoder.finish()?),
        }
    }

    fn note_poured(&mut self, io: &mut Io<'_, '_>, poured: Pour) -> Result<Step, Error> {
        let body = &mut self.body;
        let now = io.now;
        self.bytes = self.bytes.saturating_add(poured.payload as u64);
        let remaining = body.decoder.remaining();
        let deadline = match (poured.pressed_back, body.stalled) {
            (false, false) => Some(body.pace.moved(now, poured.taken as u64)),
            (false, true) => {
                // Our own stall was not the peer's fault: its time begins anew.
                body.pace = Pace::new(now, self.options.idle_ticks);
                Some(body.pace.due())
            }
            (true, true) if poured.taken == 0 => None,
            (true, _) => Some(now.after(self.options.stall_ticks)),
        };
        body.stalled = poured.pressed_back;
        if let Some(at) = deadline {
            self.phase
                .set_deadline(Some(Deadline::new(at, Awaited::Body)));
        }
        if poured.payload > 0 {
            let total = remaining.map(|remaining| self.bytes.saturating_add(remaining));
            io.tell(&Event::Progress {
                bytes: self.bytes,
                total,
            });
        }
        poured.result?;
        Ok(if poured.pressed_back {
            Step::Wait
        } else {
            Step::Again
        })
    }

    fn finish(&mut self, io: &mut Io<'_, '_>, proof: Proof) -> Result<Step, Error> {
        if proof == Proof::CloseOnly && self.options.require_length {
            return Err(Error::Truncated);
        }
        self.complete = Some(Complete {
            status: self.body.status,
            bytes: self.bytes,
            proof,
        });
        Ok(self.close(io, Ok(())))
    }

    fn close(&mut self, io: &mut Io<'_, '_>, result: Result<(), Error>) -> Step {
        let linger = io.close(self.socket);
        self.result = result;
        self.phase.enter(io, State::Closing, Some(linger));
        Step::Again
    }

    /// Ends the lingering, whether or not the peer has closed.
    fn end(&self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        io.drop_connection(self.socket);
        self.result.map(|()| Step::Done)
    }
}

impl<S: Sink> App for Get<'_, S> {
    fn name(&self) -> &'static str {
        "get"
    }

    fn step(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        match *self.phase.state() {
            State::Starting => self.connect(io),
            State::Connecting => self.await_established(io),
            State::Sending => self.send_request(io),
            State::Head => self.await_head(io),
            State::Body => self.pour_body(io),
            State::Closing if io.lingered(self.socket) => self.end(io),
            State::Closing => Ok(Step::Wait),
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        match self.phase.state() {
            State::Closing => self.phase.deadline(),
            _ => self
                .phase
                .deadline()
                .map(|deadline| deadline.or_earlier(self.total)),
        }
    }

    fn expired(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        let awaits = self
            .deadline()
            .map_or(Awaited::Total, |deadline| deadline.awaits);
        match self.phase.state() {
            State::Closing => self.end(io),
            State::Body if self.body.stalled && awaits == Awaited::Body => Err(Error::StalledSink),
            _ => Err(Error::TimedOut(awaits)),
        }
    }

    fn sockets(&self) -> &[SocketHandle] {
        core::slice::from_ref(&self.socket)
    }
}

impl Named for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::Connecting => "Connecting",
            Self::Sending => "Sending",
            Self::Head => "Head",
            Self::Body => "Body",
            Self::Closing => "Closing",
        }
    }
}
