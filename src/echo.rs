//! The worked example of an app: a server that sends back what it receives, one caller at a time.

use heapless::Vec;
use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use crate::{
    App, Awaited, Deadline, Error, Event, Flush, Io, Listener, Named, Pace, Phase, Received, Step,
};

/// Ticks without progress after which a conversation ends.
const IDLE_TICKS: u64 = 60_000;

/// Sends back what it receives (RFC 862), and waits for the next caller when one has gone.
#[derive(Debug)]
pub struct Echo {
    socket: SocketHandle,
    listener: Listener,
    once: bool,
    phase: Phase<State>,
}

/// `Waiting -> Echoing -> Flushing -> Closing -> Waiting`; an error of the conversation leads to `Waiting` too.
#[derive(Debug, Clone, Copy)]
enum State {
    Waiting,
    Echoing(IpEndpoint, Pace),
    Flushing(IpEndpoint, Flush),
    Closing(IpEndpoint),
}

impl Echo {
    /// An echo server on `port`, over a socket of its own. With `once` it ends as its first conversation ends.
    pub const fn new(socket: SocketHandle, port: u16, once: bool) -> Self {
        Self {
            socket,
            listener: Listener::new(port),
            once,
            phase: Phase::new(State::Waiting),
        }
    }

    fn await_caller(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        if let Some(remote) = self.listener.poll(io, self.socket)? {
            let pace = Pace::new(io.now, IDLE_TICKS);
            let deadline = Deadline::new(pace.due(), Awaited::Peer);
            self.phase
                .enter(io, State::Echoing(remote, pace), Some(deadline));
            return Ok(Step::Again);
        }
        self.phase.set_deadline(self.listener.deadline());
        Ok(Step::Wait)
    }

    fn echo(
        &mut self,
        io: &mut Io<'_, '_>,
        remote: IpEndpoint,
        mut pace: Pace,
    ) -> Result<Step, Error> {
        let mut chunk = Vec::<u8, 512>::new();
        let (socket, _) = io.tcp(self.socket);
        let room = (socket.send_capacity() - socket.send_queue()).min(chunk.capacity());
        let received = io.receive(self.socket, |bytes| {
            let count = bytes.len().min(room);
            (
                count,
                chunk
                    .extend_from_slice(bytes.get(..count).unwrap_or_default())
                    .is_ok(),
            )
        })?;
        if received == Received::End {
            let flush = Flush::new(io, self.socket, IDLE_TICKS);
            self.phase
                .enter(io, State::Flushing(remote, flush), Some(flush.deadline()));
            return Ok(Step::Again);
        }
        if chunk.is_empty() {
            return Ok(Step::Wait);
        }
        // There was room for all of it.
        io.tcp(self.socket)
            .0
            .send_slice(&chunk)
            .map_err(|_| io.lost())?;
        let due = pace.moved(io.now, chunk.len() as u64);
        *self.phase.state_mut() = State::Echoing(remote, pace);
        self.phase
            .set_deadline(Some(Deadline::new(due, Awaited::Peer)));
        Ok(Step::Again)
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
        io.tell(&match result {
            Ok(()) => Event::Disconnected { remote },
            Err(error) => Event::Failed {
                remote: Some(remote),
                error,
            },
        });
        io.drop_connection(self.socket);
        self.phase.enter(io, State::Waiting, None);
        if self.once {
            result.map(|()| Step::Done)
        } else {
            Ok(Step::Again)
        }
    }
}

impl App for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn step(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        let (remote, step) = match *self.phase.state() {
            State::Waiting => return self.await_caller(io),
            State::Echoing(remote, pace) => (remote, self.echo(io, remote, pace)),
            State::Flushing(remote, flush) => (remote, self.flush(io, remote, flush)),
            State::Closing(remote) if io.lingered(self.socket) => {
                return self.end(io, remote, Ok(()));
            }
            State::Closing(_) => return Ok(Step::Wait),
        };
        step.or_else(|error| self.end(io, remote, Err(error)))
    }

    fn deadline(&self) -> Option<Deadline> {
        self.phase.deadline()
    }

    fn expired(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        match *self.phase.state() {
            State::Waiting => self.await_caller(io),
            State::Closing(remote) => self.end(io, remote, Ok(())),
            State::Echoing(remote, _) => self.end(io, remote, Err(Error::TimedOut(Awaited::Peer))),
            State::Flushing(remote, _) => {
                self.end(io, remote, Err(Error::TimedOut(Awaited::Flush)))
            }
        }
    }

    fn sockets(&self) -> &[SocketHandle] {
        core::slice::from_ref(&self.socket)
    }
}

impl Named for State {
    fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Echoing(..) => "Echoing",
            Self::Flushing(..) => "Flushing",
            Self::Closing(_) => "Closing",
        }
    }
}
