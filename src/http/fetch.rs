//! What is said and heard on the connection of one request, whatever is asked.

use super::copy::{Copied, copy_body};
use super::{BodyDecoder, Event, Fields, Framing, GetError, GetOptions, Head, HeadParser, Proof};
use crate::{
    Closing, Connection, Deadline, Received, Session, Sink, StateCell, StateName, Step, TimeoutKind,
};

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

/// A request, and how its answer is judged.
pub(super) trait Exchange<S> {
    /// What hears the fields of the answer.
    type Fields: Fields;

    /// A parser that knows what was asked.
    fn parser(&self, bytes_max: u32) -> HeadParser;

    /// Number of bytes in the request.
    fn request_len(&self) -> usize;

    /// The bytes of the request from `offset` on, as many as fit; returns their number.
    fn write_from(&self, offset: usize, out: &mut [u8]) -> usize;

    /// What hears the fields of the answer.
    fn fields(&mut self) -> &mut Self::Fields;

    /// Takes bytes of the head: as [`HeadParser::feed`].
    fn feed(
        &mut self,
        parser: &mut HeadParser,
        bytes: &[u8],
        sink: &mut S,
    ) -> Result<(usize, Option<Head>), GetError> {
        let _ = sink;
        Ok(parser.feed(bytes, self.fields())?)
    }

    /// The head is complete. What it returns is how the body is framed that the sink gets.
    ///
    /// # Errors
    /// The body is not to be saved.
    fn accept(&mut self, head: &Head, sink: &mut S) -> Result<Framing, GetError>;

    /// Whether a status without a body for the sink is an answer all the same, and no failure.
    fn is_answered(&self, status: u16) -> bool {
        let _ = status;
        false
    }

    /// Number of bytes that the sink had before this answer.
    fn held(&self) -> u64 {
        0
    }

    /// Whether a sink that took less than it was offered is to be offered the rest at once.
    fn is_working(sink: &S) -> bool {
        let _ = sink;
        false
    }
}

/// One request over one connection, into a sink.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Fetch<X, S> {
    pub(super) exchange: X,
    pub(super) sink: S,
    options: GetOptions,
    /// Payload bytes that the sink took, those that it had before included.
    pub(super) bytes: u64,
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

impl<X: Exchange<S>, S: Sink> Fetch<X, S> {
    pub(super) fn new(exchange: X, options: GetOptions, sink: S) -> Self {
        Self {
            parser: exchange.parser(options.head_bytes_max),
            exchange,
            sink,
            options,
            bytes: 0,
            sent: 0,
            status: 0,
            decoder: BodyDecoder::new(Framing::Empty, 0),
            result: Ok(()),
            proof: None,
            state: StateCell::new(State::Sending),
        }
    }

    /// Makes ready for the next connection. What the sink took stays.
    #[cfg(feature = "download")]
    pub(super) fn restart(&mut self) {
        self.bytes = self.exchange.held();
        self.sent = 0;
        self.parser = self.exchange.parser(self.options.head_bytes_max);
        self.status = 0;
        self.result = Ok(());
        self.proof = None;
        self.state = StateCell::new(State::Sending);
    }

    /// The status of the last answer, once its head was read.
    #[cfg(feature = "download")]
    pub(super) const fn status(&self) -> u16 {
        self.status
    }

    /// What was fetched, once it is whole.
    pub(super) const fn complete(&self) -> Option<Complete> {
        match self.proof {
            Some(proof) => Some(Complete {
                status: self.status,
                bytes: self.bytes,
                proof,
            }),
            None => None,
        }
    }

    fn send_request(&mut self, connection: &mut Connection) -> Step {
        let socket = connection.socket();
        // An answer or a close before the whole request was taken: nothing that is still to be sent
        // can matter.
        let is_answered = socket.can_recv() || !socket.may_recv();
        let (exchange, sent) = (&self.exchange, self.sent);
        let written = connection.write_with(|buffer| {
            let written = exchange.write_from(sent, buffer);
            (written, written)
        });
        let written = written.unwrap_or(0);
        self.sent = self.sent.saturating_add(written);
        if self.sent < self.exchange.request_len() && !is_answered {
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
        let (parser, exchange, sink) = (&mut self.parser, &mut self.exchange, &mut self.sink);
        let received = connection.read_with(|bytes| match exchange.feed(parser, bytes, sink) {
            Ok((taken, head)) => (taken, Ok(head)),
            Err(how) => (0, Err(how)),
        })?;
        match received {
            Received::Data(head) => match head? {
                Some(head) => self.begin_body(connection, &head),
                None => Ok(Step::Again),
            },
            Received::Nothing => Ok(Step::Wait),
            Received::End => Err(GetError::Truncated),
        }
    }

    fn begin_body(&mut self, connection: &mut Connection, head: &Head) -> Result<Step, GetError> {
        let length = match head.framing {
            Framing::Length(length) => Some(length),
            Framing::Empty => Some(0),
            Framing::Chunked | Framing::Close => None,
        };
        let status = head.status;
        connection.emit(&crate::Event::App(&Event::Head { status, length }));
        let accepted = self.exchange.accept(head, &mut self.sink);
        self.bytes = self.exchange.held();
        let framing = match accepted {
            Err(GetError::Status(status)) if self.exchange.is_answered(status) => {
                self.status = status;
                return Ok(self.finish(connection, Ok(())));
            }
            Err(error @ GetError::Status(_)) => return Ok(self.finish(connection, Err(error))),
            accepted => accepted?,
        };
        let room = self.options.bytes_max.saturating_sub(self.bytes);
        if length.is_some_and(|length| length > room) {
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
        if copied.is_stalled && X::is_working(&self.sink) {
            connection.io.yield_now();
        }
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

impl<X: Exchange<S>, S: Sink> Session for Fetch<X, S> {
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
