//! What a server does around its conversations.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use crate::{Awaited, Deadline, Error, Flush, Io, Listener, Named, Phase, Step};

/// Serves one caller at a time over one socket: it listens, leaves the conversation to a function of its owner, closes
/// in order, tells how it ended, and listens again. A second caller is refused meanwhile.
///
/// An app that owns one passes [`step`](Self::step), [`deadline`](Self::deadline), [`expired`](Self::expired) and
/// [`sockets`](Self::sockets) on; [`Echo`](crate::Echo) does nothing else.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Server {
    socket: SocketHandle,
    listener: Listener,
    silence_ticks: u64,
    once: bool,
    phase: Phase<State>,
}

/// `Waiting -> Talking -> Flushing -> Closing -> Waiting`; an error of the conversation leads to `Waiting` too.
#[derive(Debug, Clone, Copy)]
enum State {
    Waiting,
    Talking(IpEndpoint),
    Flushing(IpEndpoint, Flush),
    Closing(IpEndpoint),
}

impl Server {
    /// A server on `port`, over a socket of its own. A conversation in which nothing moves for `silence_ticks` fails;
    /// with `once` the app ends as its first conversation ends.
    pub const fn new(socket: SocketHandle, port: u16, silence_ticks: u64, once: bool) -> Self {
        Self {
            socket,
            listener: Listener::new(port),
            silence_ticks,
            once,
            phase: Phase::new(State::Waiting),
        }
    }

    /// The app's step. While somebody is connected it calls `talk`, which moves some bytes and returns
    /// [`Step::Again`], finds nothing to do and returns [`Step::Wait`], or has said all and returns [`Step::Done`].
    ///
    /// # Errors
    /// With `once`, why the conversation failed. [`Error::Unaddressable`] when the port is 0.
    pub fn step(
        &mut self,
        io: &mut Io<'_, '_>,
        talk: impl FnOnce(&mut Io<'_, '_>, SocketHandle) -> Result<Step, Error>,
    ) -> Result<Step, Error> {
        let (remote, step) = match *self.phase.state() {
            State::Waiting => return self.await_caller(io),
            State::Talking(remote) => (remote, talk(io, self.socket)),
            State::Flushing(remote, flush) => (remote, self.flush(io, remote, flush)),
            State::Closing(remote) if io.lingered(self.socket) => {
                return self.end(io, remote, Ok(()));
            }
            State::Closing(_) => return Ok(Step::Wait),
        };
        match (step, self.phase.state()) {
            (Ok(Step::Again), State::Talking(_)) => self.phase.set_deadline(self.silence(io)),
            (Ok(Step::Done), _) => {
                let flush = Flush::new(io, self.socket, self.silence_ticks);
                let (next, deadline) = (State::Flushing(remote, flush), flush.deadline());
                self.phase.enter(io, next, Some(deadline));
                return Ok(Step::Again);
            }
            (Err(error), _) => return self.end(io, remote, Err(error)),
            _ => {}
        }
        step
    }

    /// The app's deadline.
    pub const fn deadline(&self) -> Option<Deadline> {
        self.phase.deadline()
    }

    /// What happens when it has passed: a conversation fails, and the next caller is waited for.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn expired(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        match *self.phase.state() {
            // The listener looks at its deadline itself.
            State::Waiting => self.await_caller(io),
            // The result was decided before.
            State::Closing(remote) => self.end(io, remote, Ok(())),
            State::Talking(remote) | State::Flushing(remote, _) => {
                self.end(io, remote, Err(self.phase.timed_out()))
            }
        }
    }

    /// The app's only socket.
    pub const fn sockets(&self) -> &[SocketHandle] {
        core::slice::from_ref(&self.socket)
    }

    fn silence(&self, io: &Io<'_, '_>) -> Option<Deadline> {
        let at = io.now.after(self.silence_ticks);
        Some(Deadline::new(at, Awaited::Peer))
    }

    fn await_caller(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        if let Some(remote) = self.listener.poll(io, self.socket)? {
            let silence = self.silence(io);
            self.phase.enter(io, State::Talking(remote), silence);
            return Ok(Step::Again);
        }
        self.phase.set_deadline(self.listener.deadline());
        Ok(Step::Wait)
    }

    fn flush(
        &mut self,
        io: &mut Io<'_, '_>,
        remote: IpEndpoint,
        mut flush: Flush,
    ) -> Result<Step, Error> {
        if flush.is_done(io, self.socket)? {
            let linger = io.close(self.socket);
            self.phase.enter(io, State::Closing(remote), Some(linger));
            return Ok(Step::Again);
        }
        *self.phase.state_mut() = State::Flushing(remote, flush);
        self.phase.set_deadline(Some(flush.deadline()));
        Ok(Step::Wait)
    }

    /// Ends a conversation, and with it the app when one was all it should serve.
    fn end(
        &mut self,
        io: &mut Io<'_, '_>,
        remote: IpEndpoint,
        result: Result<(), Error>,
    ) -> Result<Step, Error> {
        io.tell_end(remote, result);
        io.drop_connection(self.socket);
        self.phase.enter(io, State::Waiting, None);
        if self.once {
            result.map(|()| Step::Done)
        } else {
            Ok(Step::Again)
        }
    }
}

impl Named for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Talking(_) => "Talking",
            Self::Flushing(..) => "Flushing",
            Self::Closing(_) => "Closing",
        }
    }
}
