//! A session and the life of its connection, as client and server share them.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use super::connection::Idle;
use super::{Closing, Connection, Lifecycle, Opening, Session, Stage};
use crate::{Deadline, Duration, Error, Event, Io, Step, TimeoutKind};

/// What happens to every connection of a client or server.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Timing {
    /// The idle rule while the session talks; a session may set its own.
    pub(super) idle: Option<Duration>,
    /// The idle rule while the last bytes are acknowledged.
    pub(super) flush: Duration,
    pub(super) linger: Duration,
}

/// One session, and one connection after another for it.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Conversation<S, O> {
    pub(super) life: Lifecycle<O>,
    pub(super) session: S,
    idle: Idle,
    /// The session has begun and has not been told of its end.
    is_begun: bool,
}

/// What one step of a conversation did.
pub(super) enum Progress<E> {
    Step(Step),
    /// The connection is over, or could not be made.
    Ended(Result<(), E>),
    /// No further attempt can succeed: the address or port can never be used.
    Unusable(E),
}

impl<S: Session, O: Opening> Conversation<S, O> {
    pub(super) fn new(socket: SocketHandle, session: S) -> Self {
        Self {
            life: Lifecycle::new(socket),
            session,
            idle: Idle::default(),
            is_begun: false,
        }
    }

    /// Whether the session has a connection.
    pub(super) const fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// The earliest of the deadlines of connection, session and idle rule.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        match self.life.deadline() {
            None if self.is_begun => {
                let idle = self.idle.timer.as_ref().and_then(|timer| timer.deadline());
                Deadline::earlier(self.session.deadline(), idle)
            }
            deadline => deadline,
        }
    }

    /// Moves the connection or its session on. `is_late` says that the deadline has passed.
    pub(super) fn step(
        &mut self,
        io: &mut Io,
        timing: &Timing,
        is_late: bool,
    ) -> Progress<S::Error> {
        let step = match self.life.poll(io, is_late) {
            Ok(Stage::Wait) => return Progress::Step(Step::Wait),
            Ok(Stage::Opened(remote)) => self.begin(io, timing, remote),
            Ok(Stage::Open(remote)) => self.talk(io, remote, is_late),
            Ok(Stage::Closed(remote)) => {
                return Progress::Ended(self.end(io, Some(remote), Ok(())));
            }
            Err(error @ (Error::Unaddressable | Error::SocketInUse)) => {
                self.life.abort(io);
                return Progress::Unusable(error.into());
            }
            Err(error) => Err(error.into()),
        };
        match step {
            Ok(Step::Done) => self.close(io, timing),
            Ok(step) => Progress::Step(step),
            Err(error) => Progress::Ended(self.end(io, self.life.remote(), Err(error))),
        }
    }

    /// Ends the connection, or the attempt to make one, because of `error`.
    pub(super) fn abandon(&mut self, io: &mut Io, error: S::Error) -> Result<(), S::Error> {
        self.end(io, self.life.remote(), Err(error))
    }

    fn begin(
        &mut self,
        io: &mut Io,
        timing: &Timing,
        remote: IpEndpoint,
    ) -> Result<Step, S::Error> {
        self.idle = Idle::default();
        self.is_begun = true;
        let (mut connection, session) = self.parts(io, remote);
        connection.set_idle_timeout(timing.idle, TimeoutKind::Receive);
        session.begin(&mut connection).map(|()| Step::Again)
    }

    fn talk(&mut self, io: &mut Io, remote: IpEndpoint, is_late: bool) -> Result<Step, S::Error> {
        self.idle.observe(io, self.life.socket());
        let missed = self
            .deadline()
            .filter(|missed| is_late && missed.at <= io.now);
        let (mut connection, session) = self.parts(io, remote);
        let Some(missed) = missed else {
            return session.step(&mut connection);
        };
        let is_idle = session
            .deadline()
            .is_none_or(|deadline| deadline.at > missed.at);
        let step = session.expired(&mut connection, missed)?;
        if is_idle {
            connection.resume_idle();
            connection.restart_idle();
        }
        Ok(step)
    }

    fn close(&mut self, io: &mut Io, timing: &Timing) -> Progress<S::Error> {
        match self.session.closing() {
            Closing::Flush => self.life.flush(io, timing.flush, timing.linger),
            Closing::Fin => self.life.close(io, timing.linger),
            Closing::Confirm => self.life.close_confirmed(io, timing.linger),
            Closing::Reset => {
                return Progress::Ended(self.end(io, self.life.remote(), Ok(())));
            }
        }
        Progress::Step(Step::Again)
    }

    fn end(
        &mut self,
        io: &mut Io,
        remote: Option<IpEndpoint>,
        result: Result<(), S::Error>,
    ) -> Result<(), S::Error> {
        let result = match remote.filter(|_| core::mem::take(&mut self.is_begun)) {
            Some(remote) => {
                let (mut connection, session) = self.parts(io, remote);
                session.end(&mut connection, result)
            }
            None => result,
        };
        match (&result, remote) {
            (Ok(()), Some(remote)) => io.emit(&Event::Disconnected { remote }),
            (Ok(()), None) => {}
            (Err(error), remote) => io.emit(&Event::Failed { remote, error }),
        }
        self.life.abort(io);
        result
    }

    fn parts<'c, 'a, 's>(
        &'c mut self,
        io: &'c mut Io<'a, 's>,
        remote: IpEndpoint,
    ) -> (Connection<'c, 'a, 's>, &'c mut S) {
        let connection = Connection {
            io,
            socket: self.life.socket(),
            remote,
            discarded: self.life.discarded(),
            idle: &mut self.idle,
        };
        (connection, &mut self.session)
    }
}
