//! What a program has to say to requests.

use core::convert::Infallible;
use core::task::Poll;

use super::{Reply, Request, Response, Switch};
use crate::{Connection, Deadline, Error, Session, SinkError, SourceError, Step};

/// Answers the requests of one caller after another.
///
/// A request's life is [`respond`](Self::respond); where the handler wants a body,
/// [`write`](Self::write) and [`respond_to_body`](Self::respond_to_body); where it has announced one,
/// [`fill`](Self::fill); and [`end`](Self::end) in any case. A server has one handler for each of its
/// callers; what they share is behind a reference.
///
/// No call may take longer than one unit of work, as for a [`Source`](crate::Source): everything else
/// stands still meanwhile.
pub trait Handler {
    /// The protocol to which a connection may change, such as WebSocket: a [`Session`] that has the
    /// connection from there on. What the caller sent after the head of its request is the first that
    /// it reads. It is idle after [`HttpOptions::idle_timeout`](super::HttpOptions::idle_timeout)
    /// unless it sets a time of its own. [`NoUpgrade`] where there is none.
    type Upgrade: Session;

    /// Answers a request, or asks for its body.
    fn respond(&mut self, request: &Request<'_>, response: Response<'_>) -> Reply;

    /// The time of day in seconds since 1970, for the field Date: a server with a clock must send it
    /// (RFC 9110, 6.6.1), and one without must not. By default there is none.
    fn unix_time(&self) -> Option<u64> {
        None
    }

    /// Takes bytes from the start of `data`, which continue the request's body, and returns their
    /// number. One that takes none is asked again a tick later, and meanwhile the TCP window closes.
    ///
    /// # Errors
    /// The body is not wanted any more: [`respond_to_body`](Self::respond_to_body) comes next.
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let _ = data;
        Err(SinkError::Full)
    }

    /// Answers a request whose body is whole, or was refused by [`write`](Self::write) with this
    /// error. Where the answer takes its time, `Pending` has it called again a tick later.
    fn respond_to_body(
        &mut self,
        request: &Request<'_>,
        received: Result<(), SinkError>,
        response: Response<'_>,
    ) -> Poll<Reply> {
        let _ = (request, received);
        Poll::Ready(response.status(500).empty())
    }

    /// Writes the answer's body from `offset` on into `buffer`, which is never empty, and returns the
    /// number of bytes. 0 ends a body of unknown length. `Pending` has it called again a tick later.
    ///
    /// # Errors
    /// The body cannot be completed: the connection ends by RST, so that nobody takes what came for
    /// the whole.
    fn fill(&mut self, offset: u64, buffer: &mut [u8]) -> Poll<Result<usize, SourceError>> {
        let _ = (offset, buffer);
        Poll::Ready(Err(SourceError::Changed))
    }

    /// Answers a request for another protocol ([`Request::is_upgrade`]): prepares the session that
    /// will speak it, or answers in HTTP. By default the wish is ignored, as it may be.
    ///
    /// # Errors
    /// None in truth: the answer that does not upgrade.
    fn upgrade(
        &mut self,
        request: &Request<'_>,
        response: Response<'_>,
        session: &mut Self::Upgrade,
    ) -> Result<Switch, Reply> {
        let _ = session;
        Err(self.respond(request, response))
    }

    /// The request is over: answered, given up, or upgraded.
    fn end(&mut self) {}
}

/// Has nothing: every request is answered with 404.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NotFound;

impl Handler for NotFound {
    type Upgrade = NoUpgrade;

    fn respond(&mut self, _request: &Request<'_>, response: Response<'_>) -> Reply {
        response.status(404).reason()
    }
}

/// No protocol to change to. It has no values, so a server without upgrades has no code for them.
#[derive(Debug, Clone, Copy)]
pub struct NoUpgrade(Infallible);

#[cfg(feature = "defmt")]
impl defmt::Format for NoUpgrade {
    fn format(&self, _f: defmt::Formatter<'_>) {
        match self.0 {}
    }
}

impl Session for NoUpgrade {
    type Error = Error;

    fn name(&self) -> &'static str {
        match self.0 {}
    }

    fn begin(&mut self, _connection: &mut Connection) -> Result<(), Error> {
        match self.0 {}
    }

    fn step(&mut self, _connection: &mut Connection) -> Result<Step, Error> {
        match self.0 {}
    }

    fn deadline(&self) -> Option<Deadline> {
        match self.0 {}
    }
}
