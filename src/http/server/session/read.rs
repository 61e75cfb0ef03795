//! From the first byte of a request to its answer.

use core::task::Poll;

use super::super::reply::{Body, Reply};
use super::super::response::Terms;
use super::super::{Event, Handler, Request, RequestError, Response, Switch};
use super::{Failure, HttpSession, Refused, State};
use crate::http::copy::{CopyError, copy_body};
use crate::http::{BodyDecoder, Framing};
use crate::{Connection, Deadline, Received, Sink, SinkError, Step, TimeoutKind};

const MISDIRECTED: &str = "This server does not go by the name in the address.\n";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl<H: Handler> HttpSession<'_, H> {
    pub(super) fn read_head(&mut self, connection: &mut Connection) -> Result<Step, Failure<H>> {
        let (parser, (head, _)) = (&mut self.parser, self.memory.split());
        let received = connection.read_with(|bytes| match parser.feed(bytes, head) {
            Ok((taken, is_complete)) => (taken, Ok(is_complete)),
            Err(error) => (0, Err(error)),
        })?;
        match received {
            Received::Data(Ok(true)) => Ok(self.respond(connection)),
            Received::Data(Ok(false)) => {
                if *self.state.state() == State::Idle {
                    let at = connection.now() + self.options.head_timeout;
                    let deadline = Deadline::new(at, TimeoutKind::Request);
                    self.state.enter(connection.io, State::Head, Some(deadline));
                }
                Ok(Step::Again)
            }
            Received::Data(Err(error)) => Ok(self.refuse_request(connection, error)),
            Received::Nothing => Ok(Step::Wait),
            Received::End if self.parser.is_empty() => Ok(Step::Done),
            Received::End => Ok(self.refuse_request(connection, RequestError::Truncated)),
        }
    }

    /// The head is whole: the handler's turn.
    fn respond(&mut self, connection: &mut Connection) -> Step {
        self.requests = self.requests.saturating_add(1);
        let is_last = self.requests >= self.options.requests_max;
        let (head, out) = self.memory.split();
        let parsed = Request::parse(self.parser.kept(head));
        let request = match parsed.and_then(|request| request.for_server(self.hosts)) {
            Ok(request) => request,
            Err(error) => return self.refuse_request(connection, error),
        };
        let (framing, expects_continue) = (request.framing(), request.expects_continue());
        // A body that nobody reads could be taken for the next request.
        let may_go_on = !request.has_body() && !is_last;
        let terms = Terms::of(connection.now(), &request, may_go_on).at(self.handler.unix_time());
        let response = Response::new(out, terms);
        self.is_handling = request.target() != "*";
        let mut is_switch = false;
        let reply = match &mut self.upgrade {
            // What a server can do as a whole is nothing that a handler knows.
            _ if request.target() == "*" => response.status(204).empty(),
            Some(session) if request.is_upgrade() && !request.has_body() => {
                match self.handler.upgrade(&request, response, session) {
                    Ok(Switch(reply)) => {
                        is_switch = true;
                        reply
                    }
                    Err(reply) => reply,
                }
            }
            _ => self.handler.respond(&request, response),
        };
        match reply.body {
            Body::Receive { bytes_max } => {
                self.receive(connection, framing, bytes_max, expects_continue)
            }
            _ => self.answer(connection, reply, is_switch),
        }
    }

    /// The handler wants the body of this request.
    fn receive(
        &mut self,
        connection: &mut Connection,
        framing: Framing,
        bytes_max: u64,
        expects_continue: bool,
    ) -> Step {
        if matches!(framing, Framing::Length(length) if length > bytes_max) {
            return self.refuse_request(connection, RequestError::BodyTooLong);
        }
        self.decoder = BodyDecoder::new(framing, self.options.trailer_bytes_max);
        self.body_bytes_left = bytes_max;
        let state = if expects_continue && self.decoder.is_complete().is_none() {
            State::Continuing
        } else {
            State::Receiving
        };
        self.enter_moving(connection, state, TimeoutKind::Receive);
        Step::Again
    }

    pub(super) fn send_continue(
        &mut self,
        connection: &mut Connection,
    ) -> Result<Step, Failure<H>> {
        if !connection.write_all(CONTINUE)? {
            return Ok(Step::Wait);
        }
        self.enter_moving(connection, State::Receiving, TimeoutKind::Receive);
        Ok(Step::Again)
    }

    pub(super) fn read_body(&mut self, connection: &mut Connection) -> Result<Step, Failure<H>> {
        if self.decoder.is_complete().is_some() {
            return Ok(self.begin_deciding(connection, Ok(())));
        }
        let (decoder, room) = (&mut self.decoder, self.body_bytes_left);
        let mut sink = BodySink(&mut self.handler);
        let received = connection.read_with(|bytes| copy_body(decoder, &mut sink, bytes, room))?;
        let copied = match received {
            Received::Data(copied) => copied,
            Received::Nothing => return Ok(Step::Wait),
            Received::End => return Ok(self.refuse_request(connection, RequestError::Truncated)),
        };
        // `copied` took no more than there was room for.
        self.body_bytes_left = room.saturating_sub(copied.payload as u64);
        match copied.result {
            Ok(()) if copied.is_stalled && copied.taken == 0 => Ok(self.ask_again(connection)),
            Ok(()) => {
                connection.resume_idle();
                Ok(Step::Again)
            }
            Err(CopyError::Malformed(how)) => {
                Ok(self.refuse_request(connection, RequestError::Body(how)))
            }
            Err(CopyError::TooLarge) => {
                Ok(self.refuse_request(connection, RequestError::BodyTooLong))
            }
            Err(CopyError::Sink(error)) => Ok(self.begin_deciding(connection, Err(error))),
        }
    }

    fn begin_deciding(
        &mut self,
        connection: &mut Connection,
        received: Result<(), SinkError>,
    ) -> Step {
        self.enter_moving(connection, State::Deciding(received), TimeoutKind::Sink);
        Step::Again
    }

    /// Asks the handler for its answer to a request with a body.
    pub(super) fn decide(
        &mut self,
        connection: &mut Connection,
        received: Result<(), SinkError>,
    ) -> Result<Step, Failure<H>> {
        let is_last = self.requests >= self.options.requests_max;
        let (head, out) = self.memory.split();
        let request = Request::parse(self.parser.kept(head))?.for_server(self.hosts)?;
        let may_go_on = received.is_ok() && !is_last;
        let terms = Terms::of(connection.now(), &request, may_go_on).at(self.handler.unix_time());
        let response = Response::new(out, terms);
        let reply = self.handler.respond_to_body(&request, received, response);
        Ok(match reply {
            Poll::Pending => self.ask_again(connection),
            Poll::Ready(reply) => self.answer(connection, reply, false),
        })
    }

    /// Tells the caller that it broke the protocol, and ends the connection after that.
    pub(super) fn refuse_request(
        &mut self,
        connection: &mut Connection,
        error: RequestError,
    ) -> Step {
        self.refuse(connection, error.status(), Refused::Request(error))
    }

    pub(super) fn refuse(
        &mut self,
        connection: &mut Connection,
        status: u16,
        failure: Refused,
    ) -> Step {
        self.failure = Some(failure);
        let (head, out) = self.memory.split();
        let is_head = self.parser.kept(head).starts_with(b"HEAD ");
        let terms = Terms::last(connection.now(), is_head).at(self.handler.unix_time());
        let response = Response::new(out, terms).status(status);
        let reply = match failure {
            Refused::Request(RequestError::Misdirected) => response.text(MISDIRECTED),
            _ => response.reason(),
        };
        self.answer(connection, reply, false)
    }

    /// Begins to send an answer.
    fn answer(&mut self, connection: &mut Connection, reply: Reply, is_switch: bool) -> Step {
        let is_fit = reply.len.is_some() && !matches!(reply.body, Body::Receive { .. });
        self.reply = if is_fit {
            reply
        } else {
            let (_, out) = self.memory.split();
            let terms = Terms::last(connection.now(), true).at(self.handler.unix_time());
            Response::new(out, terms).status(500).empty()
        };
        self.sent = 0;
        let status = self.reply.status;
        connection.emit(&crate::Event::App(&Event::Answer { status }));
        let state = State::Answering(is_switch && is_fit);
        self.enter_moving(connection, state, TimeoutKind::Flush);
        Step::Again
    }
}

/// The handler as the sink of a request's body.
struct BodySink<'h, H>(&'h mut H);

impl<H: Handler> Sink for BodySink<'_, H> {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        self.0.write(data)
    }
}
